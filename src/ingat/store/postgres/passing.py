"""Schemas that are used once and dropped."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from ingat.core.errors import StoreError
from ingat.core.urls import database_url
from ingat.store.postgres.address import Address, parse_address
from ingat.store.postgres.connection import connect
from ingat.store.postgres.errors import translate

_LOCK_MS = 5_000

_log = logging.getLogger("ingat.store")


@contextmanager
def passing_schema(url: str) -> Iterator[str]:
    """Yield the URL of a schema that is not there yet, and drop it however the block ends.

    StoreError with the schema's name when it could not be dropped; where the block raised, its error comes out and
    that one is logged.
    """
    parts = database_url(url)
    passing = parts.written({**parts.parameters, "schema": f"ingat_passing_{secrets.token_hex(8)}"})
    address = parse_address(passing)
    try:
        yield passing
    except BaseException:
        try:
            _drop(address)
        except StoreError as error:
            _log.error("%s", error.message)
        raise
    _drop(address)


def _drop(address: Address) -> None:
    try:
        with connect(address, busy_timeout_ms=_LOCK_MS) as conn:
            conn.execute(f'DROP SCHEMA IF EXISTS "{address.schema}" CASCADE'.encode())
    except (psycopg.Error, StoreError) as error:
        failure = error if isinstance(error, StoreError) else translate(error)
        raise type(failure)(
            f"The schema {address.schema}, which was used once, is still in {address.shown}. {failure.message} Then"
            f" remove it: DROP SCHEMA {address.schema} CASCADE.",
            **{**failure.details, "schema": address.schema},
        ) from error
