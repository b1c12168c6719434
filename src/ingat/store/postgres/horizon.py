"""Horizon: when nobody sees what was deleted any more, so that the server can remove it, and who keeps it from that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic, sleep
from typing import Any, NamedTuple

import psycopg
from psycopg import errors

PROBE = "scrub_probe"
"""A table that is there while it is waited: its one row, deleted after all others, tells when nobody sees them."""
IN_THE_WAY = (errors.LockNotAvailable, errors.DeadlockDetected)
"""What is raised where somebody uses what has to be locked."""
POLL_S = 0.05

_HOLDERS = """
SELECT format('session %s%s', pid, COALESCE(' (' || NULLIF(application_name, '') || ')', '')) FROM pg_stat_activity
WHERE pid <> pg_backend_pid() AND (datname = current_database() OR datname IS NULL)
    AND greatest(age(backend_xmin), age(backend_xid)) >= age($1::xid)
UNION ALL
SELECT format('replication slot %s', slot_name) FROM pg_replication_slots WHERE age(xmin) >= age($1::xid)
UNION ALL
SELECT format('prepared transaction %s', gid) FROM pg_prepared_xacts
WHERE database = current_database() AND age(transaction) >= age($1::xid)
ORDER BY 1
"""
"""The server shows these numbers and names to every user. A session without a database sends rows to a standby."""


class Horizon(NamedTuple):
    """Whether nobody sees what was deleted before the transaction `since`; else `holders` are those who may."""

    passed: bool
    since: str = ""
    holders: tuple[str, ...] = ()


def awaited(conn: psycopg.Connection[Any], schema: str, deadline: float) -> Horizon:
    """Wait until nobody sees what was deleted before, at the most to the deadline (monotonic).

    The server removes a row when no session, standby, slot or prepared transaction may see it. A row of our own shows
    when that is so, whatever this user may look at. Raises InsufficientPrivilege where no table may be made.
    """
    with _alone(conn, schema, deadline) as alone:
        if not alone:
            return Horizon(False, holders=("another purge",))
        probe = f'"{schema}".{PROBE}'
        # unlogged, because a publication of all tables would refuse to let a row without a key be deleted
        conn.execute(f"CREATE UNLOGGED TABLE IF NOT EXISTS {probe} ()".encode())
        try:
            return _probed(conn, probe, deadline)
        finally:
            if not conn.closed:
                with suppress(*IN_THE_WAY):  # then the next one uses and drops it
                    conn.execute(f"DROP TABLE {probe}".encode())


def _probed(conn: psycopg.Connection[Any], probe: str, deadline: float) -> Horizon:
    conn.execute(f"INSERT INTO {probe} DEFAULT VALUES".encode())
    row = conn.execute(
        f"WITH gone AS (DELETE FROM {probe} RETURNING 1) SELECT pg_current_xact_id()::xid::text FROM gone".encode()
    ).fetchone()
    since = str(row[0]) if row else ""
    while True:
        with suppress(*IN_THE_WAY):
            conn.execute(f"VACUUM (FULL) {probe}".encode())
        left = conn.execute("SELECT pg_relation_size($1::regclass)", (probe,)).fetchone()
        if left is not None and not left[0]:
            return Horizon(True, since)
        if monotonic() >= deadline:
            holders = conn.execute(_HOLDERS, (since,)).fetchall()
            return Horizon(False, since, tuple(str(row[0]) for row in holders))
        sleep(POLL_S)


@contextmanager
def _alone(conn: psycopg.Connection[Any], schema: str, deadline: float) -> Iterator[bool]:
    """Keep others from waiting in the same schema; False where one does for too long."""
    key = (f"ingat scrub {schema}",)
    while True:
        row = conn.execute("SELECT pg_try_advisory_lock(hashtextextended($1, 0))::int", key).fetchone()
        if row is not None and row[0]:
            break
        if monotonic() >= deadline:
            yield False
            return
        sleep(POLL_S)
    try:
        yield True
    finally:
        if not conn.closed:
            conn.execute("SELECT pg_advisory_unlock(hashtextextended($1, 0))", key)
