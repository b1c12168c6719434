"""Statistics: the samples of columns that the server keeps for its planner, in a table of its catalog."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from time import monotonic, sleep
from typing import Any

import psycopg
from psycopg import errors

from ingat.store.postgres.horizon import IN_THE_WAY, POLL_S, awaited

_CLEARS = 180_000
"""The server version, as libpq counts them, from which on a table's owner may clear its statistics: 18."""

_SAMPLED = """
SELECT s.tablename, s.attname, s.inherited, 0 = COALESCE(
    (SELECT sum(pg_relation_size(t.relid)) FROM pg_partition_tree(c.oid) t), pg_relation_size(c.oid)
)
FROM pg_stats s JOIN pg_namespace n ON n.nspname = s.schemaname
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = s.tablename
WHERE s.schemaname = $1 AND (s.inherited OR c.oid::bigint = ANY ($2::bigint[]))
ORDER BY s.tablename, s.attname
"""
_KEPT_BACK = "SELECT count(*) FROM pg_replication_slots WHERE age(catalog_xmin) >= age($1::xid)"
_CATALOG = "pg_catalog.pg_statistic"
_DELETE = f"DELETE FROM {_CATALOG} WHERE starelid = $1::regclass AND stainherit = ($2 <> 0)".encode()


def cleaned_statistics(conn: psycopg.Connection[Any], schema: str, oids: Sequence[int], deadline: float) -> bool:
    """Let no sample of deleted rows stay; return whether that is so, which needs the owner of the database.

    The tables were analyzed anew, which replaces their samples, but not those of a table that is empty now, nor those
    of a table with all its partitions. The catalog's table is then written anew, too: it keeps old versions as long as
    somebody sees them, or a slot for logical replication is behind. Tried until the deadline (monotonic).
    """
    while True:
        with suppress(*IN_THE_WAY):
            clean = _renewed(conn, schema, oids)
            horizon = awaited(conn, schema, deadline)
            return horizon.passed and _rewritten(conn, horizon.since) and clean
        if monotonic() >= deadline:
            return False
        sleep(POLL_S)


def _renewed(conn: psycopg.Connection[Any], schema: str, oids: Sequence[int]) -> bool:
    """Replace or remove the samples; False where the server does not let this user remove one."""
    clean = True
    sampled = conn.execute(_SAMPLED, (schema, list(oids))).fetchall()
    for name in sorted({table for table, _, inherited, empty in sampled if inherited and not empty}):
        only = "ONLY " if conn.info.server_version >= _CLEARS else ""
        conn.execute(f'ANALYZE {only}"{schema}"."{name}"'.encode(), prepare=False)
    for table, column, inherited, empty in sampled:
        if empty:
            clean = _cleared(conn, schema, table, column, inherited) and clean
    return clean


def _rewritten(conn: psycopg.Connection[Any], since: str) -> bool:
    """Write the catalog's table anew; False where the server only warns that this user may not, or a slot is behind."""
    before = _file(conn)
    conn.execute(f"VACUUM (FULL) {_CATALOG}".encode())
    behind = conn.execute(_KEPT_BACK, (since,)).fetchone()
    return _file(conn) != before and behind is not None and not behind[0]


def _cleared(conn: psycopg.Connection[Any], schema: str, table: str, column: str, inherited: int) -> bool:
    """Remove the samples of one column of an empty table."""
    if conn.info.server_version >= _CLEARS:
        conn.execute("SELECT pg_clear_attribute_stats($1, $2, $3, $4 <> 0)", (schema, table, column, inherited))
        return True
    try:
        conn.execute(_DELETE, (f'"{schema}"."{table}"', inherited))
    except errors.InsufficientPrivilege:
        return False
    return True


def _file(conn: psycopg.Connection[Any]) -> object:
    row = conn.execute("SELECT pg_relation_filenode($1::regclass)::bigint", (_CATALOG,)).fetchone()
    return row[0] if row else None
