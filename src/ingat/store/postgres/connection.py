"""Connections: opened, set up for the contract, and checked."""

from __future__ import annotations

from typing import Any

import psycopg

from ingat.core.errors import InvalidSettings, StoreError
from ingat.store.postgres.address import Address
from ingat.store.postgres.errors import refused, translate
from ingat.store.postgres.letters import make_lower
from ingat.store.postgres.values import Values

OLDEST = 150_000
"""The oldest server version, as libpq counts them, that is taken: 15."""
TURN = "write_turn"
"""An empty table: who writes holds its lock, so that one who must be alone can wait for the others."""
MARK = "write_mark"
"""A table with one row a writer: the number of its last transaction that was committed."""
_VALUES = Values()
_PREPARED = 500
"""Statements that a connection keeps prepared."""

_SETTINGS = """
SELECT set_config('search_path', $1, false),
    set_config('lock_timeout', $2, false),
    set_config('plan_cache_mode', 'force_custom_plan', false),
    set_config('enable_seqscan', $3, false),
    set_config('standard_conforming_strings', 'on', false),
    set_config('synchronous_commit',
        CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END,
        false)
"""

_MARKS = """
CREATE TABLE IF NOT EXISTS {mark} (
    writer TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    number BIGINT NOT NULL,
    at TIMESTAMPTZ NOT NULL DEFAULT now()
) WITH (fillfactor = 20)
"""


def connect(address: Address, *, busy_timeout_ms: int, writing: bool = False) -> psycopg.Connection[Any]:
    """Return a connection on which each statement stands for itself until BEGIN; StoreUnavailable.

    Locks are waited for as long as `busy_timeout_ms`. A commit is on the server's disk when it is answered, even where
    the server's own setting lets it be answered before. A plan is made for each statement, so that one user's rows are
    looked for in one partition. With `writing`, rows are looked for by an index where there is one: a writer that reads
    a whole table, be it a small one, collides with all who write to it.
    """
    try:
        conn = psycopg.connect(address.conninfo, autocommit=True, cursor_factory=psycopg.RawCursor, context=_VALUES)
    except psycopg.Error as error:
        raise refused(error, address.shown) from error
    try:
        conn.prepared_max = _PREPARED
        _check(conn, address)
        scans = "off" if writing else "on"
        conn.execute(_SETTINGS, (f'"{address.schema}", pg_catalog', f"{max(1, busy_timeout_ms)}ms", scans))
    except psycopg.Error as error:
        conn.close()
        raise refused(error, address.shown) from error
    except BaseException:
        conn.close()
        raise
    return conn


def _check(conn: psycopg.Connection[Any], address: Address) -> None:
    if conn.info.server_version < OLDEST:
        raise InvalidSettings(
            f"The server of {address.shown} is PostgreSQL {conn.info.server_version // 10_000}; 15 or newer is needed.",
            url=address.shown,
        )
    encoding = conn.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise InvalidSettings(
            f"The database {address.shown} keeps texts as {encoding}; make one with ENCODING 'UTF8'.",
            url=address.shown,
        )


def make_schema(conn: psycopg.Connection[Any], address: Address) -> None:
    """Make the schema, and the tables that writers take turns by and mark their commits in, if missing; StoreError."""
    if is_made(conn, address):
        return
    try:
        with conn.transaction():
            conn.execute("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", (f"ingat {address.schema}",))
            there = conn.execute("SELECT to_regnamespace($1)::text", (f'"{address.schema}"',)).fetchone()
            if there is None or there[0] is None:  # even IF NOT EXISTS needs the right to make one
                conn.execute(f'CREATE SCHEMA "{address.schema}"'.encode())
            conn.execute(f'CREATE TABLE IF NOT EXISTS "{address.schema}".{TURN} ()'.encode())
            make_lower(conn, address.schema)
            conn.execute(_MARKS.format(mark=f'"{address.schema}".{MARK}').encode())
    except psycopg.Error as error:
        raise _unmade(error, address) from error


def is_made(conn: psycopg.Connection[Any], address: Address) -> bool:
    """Whether the schema holds a store, which may not have its tables yet; StoreError."""
    try:
        row = conn.execute("SELECT to_regclass($1)::text", (f'"{address.schema}".{MARK}',)).fetchone()
    except psycopg.Error as error:
        raise translate(error, reading=True) from error
    return row is not None and row[0] is not None


def on_standby(conn: psycopg.Connection[Any]) -> bool:
    """Whether the server follows another one, and takes no writes itself."""
    return not conn.closed and conn.info.parameter_status("in_hot_standby") == "on"


def _unmade(error: psycopg.Error, address: Address) -> StoreError:
    failure = translate(error)
    return type(failure)(
        f"The schema {address.schema} cannot be made in {address.shown}. {failure.message}", **failure.details
    )
