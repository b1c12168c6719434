"""Scrub: tables are written anew, because PostgreSQL leaves the bytes of removed rows in the free part of a page.

A plain VACUUM moves the rows of a page together and overwrites nothing, and an index goes on using keys of removed rows
to tell its pages apart. VACUUM FULL writes a table, its index and its long values to new files, from the rows that some
transaction may still see: so those who see an old state are waited for first.
See https://www.postgresql.org/docs/current/storage-page-layout.html and sql-vacuum.html.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import monotonic, sleep
from typing import Any, NamedTuple

import psycopg
from psycopg import errors

from ingat.store.contract import Elsewhere, Scrubbed
from ingat.store.postgres.errors import translate
from ingat.store.postgres.files import look_through, may_read_files
from ingat.store.postgres.horizon import IN_THE_WAY, POLL_S, PROBE, awaited
from ingat.store.postgres.statistics import cleaned_statistics

_LOCK_MS = 100
"""How long others wait at a time behind one who waits for a table."""

_SETTINGS = """
SELECT set_config(name, CASE name WHEN 'lock_timeout' THEN $1 ELSE '0' END, false) FROM pg_settings
WHERE name IN ('lock_timeout', 'statement_timeout', 'transaction_timeout')
"""
"""The last is there since PostgreSQL 17."""


class Table(NamedTuple):
    """A table that has files: its number in the catalog, and its name as SQL takes it."""

    oid: int
    name: str


class _Rewritten(NamedTuple):
    """Which tables are written anew, which are used by somebody all the time, which cannot be; and the deadline then,
    which what the server worked has put off."""

    written: list[Table]
    used: list[Table]
    refused: list[Table]
    deadline: float


def scrub(
    connect: Callable[[], psycopg.Connection[Any]],
    schema: str,
    traces: Sequence[bytes],
    *,
    users: Sequence[str] | None,
    timeout_s: float,
) -> Scrubbed:
    """Write anew the tables of a schema that may hold what was deleted of these users, or all, and look through them.

    Each table is locked while it is written, one after another; who uses one is waited for, and others wait behind for
    a tenth of a second at a time. Errors: StoreError; the rows are as they were.
    """
    deadline = monotonic() + timeout_s
    with connect() as conn:
        try:
            conn.execute(_SETTINGS, (f"{_LOCK_MS}ms",))
            tables = _tables(conn, schema, users)
            try:
                horizon = awaited(conn, schema, deadline)
            except errors.InsufficientPrivilege:
                return Scrubbed(0, (), busy=False, unwritten=_names(tables))
            if not horizon.passed:
                return Scrubbed(0, (), busy=True, holders=horizon.holders)
            done = _rewrite(conn, tables, deadline)
            cleaned = cleaned_statistics(conn, schema, [each.oid for each in tables], done.deadline)
            size_bytes, found = 0, tuple[bytes, ...]()
            if may_read_files(conn):
                size_bytes, found = look_through(conn, [each.oid for each in done.written], traces)
        except psycopg.Error as error:
            raise translate(error) from error
    return Scrubbed(
        size_bytes,
        found,
        busy=bool(done.used),
        holders=tuple(f"table {each.name}" for each in done.used),
        unwritten=_names(done.refused),
        elsewhere=() if cleaned else (Elsewhere("statistics"),),
        anew=bool(done.written),
    )


_TABLES = """
SELECT c.oid::bigint, format('%I.%I', n.nspname, c.relname), pg_get_partition_constraintdef(c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND c.relkind = 'r' AND c.relname <> $2
    AND pg_total_relation_size(c.oid) > current_setting('block_size')::bigint
        * (SELECT count(*) FROM pg_index i WHERE i.indrelid IN (c.oid, c.reltoastrelid))
ORDER BY c.relname
"""
"""Tables that hold or held rows: an index that never held one has a single page."""


def _tables(conn: psycopg.Connection[Any], schema: str, users: Sequence[str] | None) -> list[Table]:
    rows = conn.execute(_TABLES, (schema, PROBE)).fetchall()
    theirs = _parts_of(conn, {oid: rule for oid, _, rule in rows if rule}, users)
    return [Table(oid, name) for oid, name, rule in rows if not rule or oid in theirs]


def _parts_of(conn: psycopg.Connection[Any], rules: dict[int, str], users: Sequence[str] | None) -> set[int]:
    """Return the partitions that take rows of these users; all where that depends on more than the user."""
    if users is None or not rules:
        return set(rules)
    asked = " UNION ALL ".join(
        f'SELECT {oid}::bigint WHERE EXISTS (SELECT FROM (SELECT unnest($1::text[]) COLLATE "C" AS user_id) u'
        f" WHERE {rule})"
        for oid, rule in rules.items()
    )
    try:
        return {row[0] for row in conn.execute(asked.encode(), (list(users),), prepare=False).fetchall()}
    except errors.UndefinedColumn:
        return set(rules)


def _rewrite(conn: psycopg.Connection[Any], tables: list[Table], deadline: float) -> _Rewritten:
    done = _Rewritten([], tables, [], deadline)
    while True:
        used = list[Table]()
        for table in done.used:
            before, begun = _file(conn, table), monotonic()
            try:
                conn.execute(f"VACUUM (FULL, ANALYZE) {table.name}".encode(), prepare=False)
            except IN_THE_WAY:
                used.append(table)
            except errors.UndefinedTable:  # gone meanwhile, with its files
                continue
            except errors.DiskFull:
                done.refused.append(table)
            else:  # the server warns only, where this user may not
                (done.refused if _file(conn, table) == before else done.written).append(table)
                done = done._replace(deadline=done.deadline + monotonic() - begun)
        done = done._replace(used=used)
        if not used or monotonic() >= done.deadline:
            return done
        sleep(POLL_S)


def _file(conn: psycopg.Connection[Any], table: Table) -> object:
    row = conn.execute("SELECT pg_relation_filenode($1::oid)::bigint", (table.oid,)).fetchone()
    return row[0] if row else None


def _names(tables: list[Table]) -> tuple[str, ...]:
    return tuple(each.name for each in tables)
