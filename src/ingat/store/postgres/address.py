"""Addresses: from the URL of a database to what connects to it."""

from __future__ import annotations

import re
from typing import NamedTuple

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ingat.core.errors import InvalidSettings
from ingat.core.urls import DEFAULT_SCHEMA, HINT, database_url, without_password

_SCHEMA = re.compile(r"[a-z_][a-z0-9_]{0,62}")
_QUOTED = re.compile(r'"([^"]*)"')
"""What libpq repeats of a URL."""


class Address(NamedTuple):
    """Where a store is: what libpq connects with, the schema that holds its tables, and its URL without a password."""

    conninfo: str
    schema: str
    shown: str

    def __repr__(self) -> str:
        return f"Address({self.shown!r})"


def parse_address(url: str) -> Address:
    """Return the address that a URL of libpq names; InvalidSettings for one that it does not take.

    `schema` in the query names the schema of the tables; all other parameters are libpq's, see
    https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS.
    """
    shown = without_password(url)
    parts = database_url(url)
    schema = parts.parameters.pop("schema", DEFAULT_SCHEMA)
    if _SCHEMA.fullmatch(schema) is None or schema.startswith("pg_"):
        raise InvalidSettings(
            f"The schema {schema[:64]!r} cannot be used: a name has up to 63 lower-case letters, digits and `_`, and"
            f" begins with neither a digit nor pg_. {HINT}",
            schema=schema[:64],
        )
    try:
        given = conninfo_to_dict(parts.written(parts.parameters))
    except ProgrammingError as error:
        said = _QUOTED.sub(lambda quoted: quoted[0] if quoted[1] in shown else '"…"', str(error).strip())
        raise InvalidSettings(f"The URL of the PostgreSQL database cannot be read ({said}). {HINT}") from None
    return Address(
        make_conninfo("", **{"connect_timeout": "10", "application_name": "ingat", **given}),
        schema,
        shown,
    )
