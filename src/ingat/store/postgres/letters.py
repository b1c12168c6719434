"""Letters: a LOWER that knows every alphabet, as the contract asks, in tables whose texts are compared by bytes."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

import psycopg

_COLLATIONS = ("pg_unicode_fast", "und-x-icu", "pg_c_utf8")
"""What can lower every alphabet, the best first: since PostgreSQL 18; where the server has ICU; since 17. The first two
do it as Python does, the third letter by letter."""

_KNOWN = "SELECT collname FROM pg_catalog.pg_collation WHERE collname = ANY ($1) AND collencoding IN (-1, 6)"
_LOWER = (
    'CREATE OR REPLACE FUNCTION "{schema}".lower(given text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE'
    " AS 'SELECT pg_catalog.lower(given COLLATE \"{collation}\")'"
)


def make_lower(conn: psycopg.Connection[Any], schema: str) -> None:
    """Make the function `lower` of a schema, which stands before the server's own, which knows ASCII only here.

    Where the server has no collation that can, it is that of the database.
    """
    known = {str(row[0]) for row in conn.execute(_KNOWN, (list(_COLLATIONS),)).fetchall()}
    conn.execute(_LOWER.format(schema=schema, collation=best(known)).encode())


def best(known: Container[str]) -> str:
    """Return which of the collations that a server knows lowers letters best."""
    return next((name for name in _COLLATIONS if name in known), "default")
