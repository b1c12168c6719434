"""Pages: lists as JSON, bounded in bytes: a page ends early rather than grow large.

Rows are read a few at a time, so that few more are held than are given. All of it runs on the thread that reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from ingat.api.answer import encode
from ingat.core.errors import Conflict
from ingat.core.limits import check_limit
from ingat.core.records import Message, Page, Recall

MOST_BYTES = 8 << 20
"""Bytes of the rows of one answer; a single row may be larger."""
ROWS_AT_ONCE = 50
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
            fitting = _fitting(reversed(found), size)
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
            found = _fitting(page.items, sum(map(len, rows)))
            if len(found) < len(page.items):
                if found:  # once more, for the cursor that stands behind them
                    page = method(**given, limit=len(found), cursor=cursor)
                    rows += [encode(row) for row in page.items]
                    cursor = page.next
                return _listed(name, rows, cursor)
            rows += found
            cursor = page.next
            # a short page that has a next one has looked through as much as a request may
            if cursor is None or len(rows) >= limit or len(page.items) < ROWS_AT_ONCE:
                return _listed(name, rows, cursor)

    return read


def best(method: Callable[..., Recall]) -> Callable[..., bytes]:
    """Return a function that answers a recall with the best hits that fit; near misses take what is left."""

    def read(**given: Any) -> bytes:
        found = method(**given)
        body = encode(found)
        if len(body) <= MOST_BYTES:
            return body
        hits = _fitting(found.hits, 0)
        misses = _fitting(found.near_misses, sum(map(len, hits)))
        found = msgspec.structs.replace(
            found, hits=found.hits[: len(hits)], near_misses=found.near_misses[: len(misses)]
        )
        return encode(found)

    return read


def _fitting(rows: Iterable[Any], size: int) -> list[bytes]:
    """Return the rows as JSON, from the first on, that fit beside `size` bytes; on an empty page one always does."""
    fitting: list[bytes] = []
    for row in rows:
        body = encode(row)
        size += len(body)
        if size > MOST_BYTES and size > len(body):
            break
        fitting.append(body)
    return fitting


def _listed(name: str, rows: list[bytes], *cursor: str | None) -> bytes:
    tail = b',"next":' + encode(cursor[0]) if cursor else b""
    return b'{"' + name.encode() + b'":[' + b",".join(rows) + b"]" + tail + b"}"
