"""Lists of the wire format: it has no pages, so lists are bounded in rows and in bytes, and say when there is more."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, NamedTuple, TypeVar, cast

import msgspec

from ingat.api.answer import encode
from ingat.api.pages import MOST_BYTES
from ingat.core.limits import MAX_PAGE

T = TypeVar("T")


class Bounded(NamedTuple, Generic[T]):
    """The rows that fit, and whether there are more."""

    rows: list[T]
    more: bool


def bounded(shapes: Iterable[T], limit: int | None, most_bytes: int = MOST_BYTES) -> Bounded[T]:
    """Return the first shapes, at most `rows_of(limit)` and so many bytes of JSON; one always fits.

    They are JSON already, so that they are written once, whatever holds them.
    """
    rows: list[bytes] = []
    most, size = rows_of(limit), 0
    for shape in shapes:
        body = encode(shape)
        size += len(body)
        if len(rows) == most or (size > most_bytes and rows):
            return Bounded(_raw(rows), True)
        rows.append(body)
    return Bounded(_raw(rows), False)


def rows_of(limit: int | None) -> int:
    """Return how many rows a request gets: as many as it asks for, and no more than a page of ours has."""
    return min(limit or MAX_PAGE, MAX_PAGE)


def _raw(rows: list[bytes]) -> list[T]:
    return cast("list[T]", [msgspec.Raw(row) for row in rows])
