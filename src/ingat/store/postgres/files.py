"""Files: the bytes of tables and indexes on the server, read through the server where it lets this user."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import psycopg

from ingat.store.searching import Search

_PIECE_BYTES = 4 << 20
_READER = "pg_read_binary_file(text, bigint, bigint, boolean)"

_PATHS = """
SELECT pg_relation_filepath(r.oid) FROM pg_class c
CROSS JOIN LATERAL (
    SELECT c.oid UNION ALL SELECT c.reltoastrelid WHERE c.reltoastrelid <> 0
    UNION ALL SELECT i.indexrelid FROM pg_index i WHERE i.indrelid IN (c.oid, c.reltoastrelid)
) r
WHERE c.oid::bigint = ANY ($1::bigint[])
"""


def may_read_files(conn: psycopg.Connection[Any]) -> bool:
    """Whether the server lets this user read its files (a superuser, or one who was granted the function)."""
    row = conn.execute("SELECT has_function_privilege($1, 'execute')::int", (_READER,)).fetchone()
    return row is not None and bool(row[0])


def look_through(
    conn: psycopg.Connection[Any], oids: Sequence[int], traces: Sequence[bytes]
) -> tuple[int, tuple[bytes, ...]]:
    """Return how many bytes the files of these tables have, long values and indexes included, and what they hold."""
    search = Search(traces)
    for (path,) in conn.execute(_PATHS, (list(oids),)).fetchall():
        if path is not None:
            search.look(_pieces(conn, str(path)))
    return search.size_bytes, search.found


def _pieces(conn: psycopg.Connection[Any], path: str) -> Iterator[bytes]:
    """Read a relation, whose parts of a gigabyte have a number behind their name; nothing of one that is gone."""
    for part in count():
        name, place = f"{path}.{part}" if part else path, 0
        while True:
            row = conn.execute(
                "SELECT pg_read_binary_file($1, $2, $3, true)", (name, place, _PIECE_BYTES), binary=True
            ).fetchone()
            if row is None or row[0] is None:
                return
            if not row[0]:
                break
            yield row[0]
            place += len(row[0])
        if not place:
            return
