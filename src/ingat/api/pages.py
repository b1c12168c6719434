"""Pages: lists as JSON, bounded in bytes: a page ends early rather than grow large.

Rows are read a few at a time, so that few more are held than are given. All of it runs on the thread that reads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from ingat.api.answer import encode
from ingat.core.errors import Conflict
from ingat.core.limits import check_limit
from ingat.core.records import Message, Page, Recall

MOST_BYTES = 8 << 20
"""Bytes of the rows of one answer; a single row may be larger."""
ROWS_AT_ONCE = 100
"""Rows read from the store at a time."""


def newest(method: Callable[..., Sequence[Message]], name: str) -> Callable[..., bytes]:
    """Return a function that answers with the newest messages that fit, oldest first; `name` is the list's key."""

    def read(session_id: str, limit: int = 50, before: int | None = None) -> bytes:
        check_limit(limit, "limit")
        rows: list[bytes] = []
        size = 0
        while True:
            asked = min(ROWS_AT_ONCE, limit - len(rows))
            found = method(session_id, asked, before)
            fitting = _fitting([encode(message) for message in reversed(found)], size)
            rows += fitting
            size += sum(map(len, fitting))
            if len(fitting) < len(found) or len(found) < asked or len(rows) >= limit:
                return _listed(name, rows[::-1])
            before = found[0].seq

    return read


def by_cursor(method: Callable[..., Page[Any]], name: str) -> Callable[..., bytes]:
    """Return a function that answers with the rows that fit and the cursor of the page after them."""

    def read(*, limit: int = 50, cursor: str | None = None, **given: Any) -> bytes:
        check_limit(limit, "limit")
        rows: list[bytes] = []
        while True:
            try:
                page = method(**given, limit=min(ROWS_AT_ONCE, limit - len(rows)), cursor=cursor)
            except Conflict:  # by relevance: the lines have changed since the page began
                if not rows:
                    raise
                return _listed(name, rows, cursor)
            found = [encode(row) for row in page.items]
            fitting = len(_fitting(found, sum(map(len, rows))))
            if fitting < len(found):
                if fitting:  # once more, for the cursor that stands behind them
                    page = method(**given, limit=fitting, cursor=cursor)
                    rows += [encode(row) for row in page.items]
                    cursor = page.next
                return _listed(name, rows, cursor)
            rows += found
            cursor = page.next
            if cursor is None or len(rows) >= limit:
                return _listed(name, rows, cursor)

    return read


def best(method: Callable[..., Recall]) -> Callable[..., bytes]:
    """Return a function that answers a recall with the best hits that fit; near misses take what is left."""

    def read(**given: Any) -> bytes:
        found = method(**given)
        body = encode(found)
        if len(body) <= MOST_BYTES:
            return body
        hits = found.hits[: len(_fitting([encode(hit) for hit in found.hits], 0))]
        size = sum(len(encode(hit)) for hit in hits)
        misses = found.near_misses[: len(_fitting([encode(miss) for miss in found.near_misses], size))]
        return encode(msgspec.structs.replace(found, hits=hits, near_misses=misses))

    return read


def _fitting(rows: list[bytes], size: int) -> list[bytes]:
    """Return the rows from the first on that fit beside `size` bytes; of an empty page one row always does."""
    for number, row in enumerate(rows):
        size += len(row)
        if size > MOST_BYTES and size > len(row):
            return rows[:number]
    return rows


def _listed(name: str, rows: list[bytes], *cursor: str | None) -> bytes:
    tail = b',"next":' + encode(cursor[0]) if cursor else b""
    return b'{"' + name.encode() + b'":[' + b",".join(rows) + b"]" + tail + b"}"
