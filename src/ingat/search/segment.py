"""One user's recall index in RAM: columns by row, postings, vectors.

A segment belongs to one user, so isolation between users is by construction: nothing here knows another user's rows.
Appending publishes a new state; a search works on the `View` it took, so readers need no lock and may run while another
thread appends. Writers take the segment's own lock.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingat.search.entry import QUESTION, language_of
from ingat.search.layout import Layout
from ingat.search.postings import Postings, keys_of
from ingat.search.vectors import BLOCK, Vectors

SOURCES = ("message", "summary", "fact", "note")
"""What a row may come from; all but messages are memories, which have no neighbouring turns."""
ROLES = ("user", "assistant", "system", "tool")
"""Roles of messages."""
FOREVER = np.iinfo(np.int64).max
"""End of validity of what has none."""
EMPTY_BYTES = 10_000
"""What a segment holds before it has rows, about."""
ROW_BYTES = 220
"""What a row's id, its places in look-up tables and its part of a view's layout hold, about."""

_TERM = np.dtype([("term", "<u4"), ("count", "u1")])
_COLUMNS: tuple[tuple[str, type[np.generic]], ...] = (
    ("position", np.int64),
    ("source", np.int8),
    ("session", np.int32),
    ("thread", np.int32),
    ("seq", np.int64),
    ("role", np.int8),
    ("author", np.int32),
    ("at", np.int64),
    ("flags", np.int32),
    ("words", np.int32),
    ("valid_from", np.int64),
    ("valid_to", np.int64),
    ("length", np.int32),
)


class Entry(NamedTuple):
    """One row to index: a message or a memory. `position` grows in order of writing, `seq` within the session.

    `terms`, `pairs`, `flags` and `words` come from `entry.analyse`. `at` and the validity window are ms UTC. `vectors`
    holds int8 rows of the segment's dimension, sentences first, the whole turn last.
    """

    position: int
    source: str
    source_id: str
    session_id: str | None
    seq: int
    role: str | None
    author: str | None
    at: int
    terms: bytes
    pairs: bytes
    flags: int
    words: int
    valid_from: int | None = None
    valid_to: int | None = None
    vectors: bytes | None = None


class _State(NamedTuple):
    """What one append publishes: number of rows, postings, and the sum of the rows' lengths."""

    rows: int
    terms: Postings
    pairs: Postings
    length: int


class View:
    """What a segment held at one moment. Columns are arrays by row; names and codes are shared with the segment."""

    __slots__ = (*(name for name, _ in _COLUMNS), "_layout", "mean_length", "pairs", "rows", "terms")

    position: NDArray[np.int64]
    source: NDArray[np.int8]
    session: NDArray[np.int32]
    thread: NDArray[np.int32]
    seq: NDArray[np.int64]
    role: NDArray[np.int8]
    author: NDArray[np.int32]
    at: NDArray[np.int64]
    flags: NDArray[np.int32]
    words: NDArray[np.int32]
    valid_from: NDArray[np.int64]
    valid_to: NDArray[np.int64]
    length: NDArray[np.int32]

    def __init__(self, columns: dict[str, NDArray[Any]], state: _State) -> None:
        """Take the columns' first rows: growing columns keep them."""
        for name, column in columns.items():
            setattr(self, name, column[: state.rows])
        self.rows = state.rows
        self.terms = state.terms
        self.pairs = state.pairs
        self.mean_length = max(state.length / state.rows, 1.0) if state.rows else 1.0
        self._layout: Layout | None = None

    @property
    def layout(self) -> Layout:
        """The session order of the rows; made at the first use."""
        if self._layout is None:
            speakers = self.author * np.int32(len(ROLES) + 1) + self.role
            self._layout = Layout(self.thread, self.seq, self.words, (self.flags & QUESTION) != 0, speakers)
        return self._layout


class Segment:
    """One user's rows, searched by `rank.search`."""

    def __init__(self, dim: int) -> None:
        """Make an empty segment for vectors of `dim` components."""
        self.dim = dim
        self.vectors = Vectors(dim)
        self.source_ids: list[str] = []
        self.row_of: dict[str, int] = {}
        self.sessions: dict[str, int] = {}
        self.authors: dict[str, int] = {}
        self.languages: dict[str, int] = {}
        self._threads: dict[str, int] = {}
        self._thread_count = 0
        self._lock = threading.Lock()
        self._columns: dict[str, NDArray[Any]] = {name: np.empty(0, kind) for name, kind in _COLUMNS}
        self._state = _State(0, Postings(), Postings(), 0)
        self._view = (self._state, View(self._columns, self._state))

    @property
    def rows(self) -> int:
        """Number of rows."""
        return self._state.rows

    @property
    def view(self) -> View:
        """What the segment holds now; made at the first look after a change."""
        state, view = self._state, self._view
        if view[0] is not state:
            view = (state, View(self._columns, state))
            self._view = view
        return view[1]

    @property
    def nbytes(self) -> int:
        """Bytes held, about: arrays exactly, names, the layout and the objects themselves by estimate."""
        columns = sum(column.nbytes for column in self._columns.values())
        state = self._state
        return (
            columns
            + state.terms.nbytes
            + state.pairs.nbytes
            + self.vectors.nbytes
            + EMPTY_BYTES
            + ROW_BYTES * state.rows
        )

    @property
    def missing(self) -> list[int]:
        """Rows whose vectors are not there yet."""
        rows = self._state.rows
        if self.vectors.filled >= rows:
            return []
        return [int(row) for row in np.flatnonzero(~self.vectors.has(rows))]

    def append(self, entries: Sequence[Entry]) -> None:
        """Add rows, in order of `position`; searches see all of them or none."""
        if not entries:
            return
        with self._lock:
            before = self._state
            first = before.rows
            total = first + len(entries)
            fields = Entry(*zip(*entries, strict=True))  # type: ignore[arg-type]
            postings, lengths = _postings_of(fields.terms, first)  # type: ignore[arg-type]
            pairs = _pairs_of(fields.pairs, first)  # type: ignore[arg-type]
            rows, parts = _vectors_of(fields.vectors, first, self.dim)  # type: ignore[arg-type]
            self._write(fields, lengths, first, total)
            for start in range(0, len(rows), BLOCK):
                self.vectors.put(rows[start : start + BLOCK], parts[start : start + BLOCK])
            self._state = _State(
                total,
                before.terms.appended(postings, len(entries), first),
                before.pairs.appended(pairs, len(entries), first),
                before.length + int(lengths.sum()),
            )

    def set_vectors(self, row: int, parts: NDArray[np.int8]) -> None:
        """Give one row its vectors, shape (sentences + 1, dim), the whole turn last; a row that has some keeps them."""
        self.set_many([row], [parts])

    def set_many(self, rows: Sequence[int], parts: Sequence[NDArray[np.int8]]) -> None:
        """Give rows their vectors; rows that have some keep them."""
        with self._lock:
            has = self.vectors.has(self._state.rows)
            fresh = [(row, part) for row, part in zip(rows, parts, strict=True) if not has[row]]
            self.vectors.put(np.array([row for row, _ in fresh], np.int64), [part for _, part in fresh])

    def _write(self, fields: Any, lengths: NDArray[np.int64], first: int, total: int) -> None:
        """Write the columns of new rows, growing them by half when full; older views keep what they saw."""
        if len(self._columns["at"]) < total:
            room = max(total, first + first // 2, 64)
            for name, column in self._columns.items():
                grown = np.empty(room, column.dtype)
                grown[:first] = column[:first]
                self._columns[name] = grown
        new = self._columns
        here = slice(first, total)
        for name in ("position", "seq", "at", "flags", "words"):
            new[name][here] = getattr(fields, name)
        new["length"][here] = lengths
        new["source"][here] = [SOURCES.index(source) for source in fields.source]
        new["role"][here] = [-1 if role is None else ROLES.index(role) for role in fields.role]
        new["author"][here] = _codes(self.authors, fields.author)
        new["session"][here] = _codes(self.sessions, fields.session_id)
        new["thread"][here] = self._threads_of(fields.source, fields.session_id)
        new["valid_from"][here] = [-FOREVER if value is None else value for value in fields.valid_from]
        new["valid_to"][here] = [FOREVER if value is None else value for value in fields.valid_to]
        self.source_ids.extend(fields.source_id)
        self.row_of.update(zip(fields.source_id, range(first, total), strict=True))
        for flags in fields.flags:
            language = language_of(flags)
            if language is not None and language != "en":
                self.languages[language] = self.languages.get(language, 0) + 1

    def _threads_of(self, sources: Iterable[str], session_ids: Iterable[str | None]) -> list[int]:
        """Return the thread of each row: its session's, or one of its own for a memory."""
        out = []
        for source, session in zip(sources, session_ids, strict=True):
            thread = self._threads.get(session) if source == "message" and session is not None else None
            if thread is None:
                thread = self._thread_count
                self._thread_count += 1
                if source == "message" and session is not None:
                    self._threads[session] = thread
            out.append(thread)
        return out


def _vectors_of(
    blobs: Sequence[bytes | None], first: int, dim: int
) -> tuple[NDArray[np.int64], list[NDArray[np.int8]]]:
    """Return the rows that came with vectors, and these, shape (sentences + 1, dim)."""
    given = [(first + place, blob) for place, blob in enumerate(blobs) if blob]
    rows = np.array([row for row, _ in given], np.int64)
    return rows, [np.frombuffer(blob, np.int8).reshape(-1, dim) for _, blob in given]


def _codes(known: dict[str, int], names: Iterable[str | None]) -> list[int]:
    """Return the code of each name, giving new names the next one; -1 for none."""
    return [-1 if name is None else known.setdefault(name, len(known)) for name in names]


def _postings_of(blobs: Sequence[bytes], first: int) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
    """Return the posting keys of rows and each row's length in terms."""
    sizes = np.fromiter(map(len, blobs), np.int64, len(blobs)) // _TERM.itemsize
    records = np.frombuffer(b"".join(blobs), _TERM)
    counts = records["count"]
    rows = np.repeat(np.arange(len(blobs)), sizes)
    lengths = np.bincount(rows, counts, len(blobs)).astype(np.int64)
    return keys_of(records["term"], rows + first, counts), lengths


def _pairs_of(blobs: Sequence[bytes], first: int) -> NDArray[np.uint64]:
    """Return the posting keys of rows' pairs."""
    sizes = np.fromiter(map(len, blobs), np.int64, len(blobs)) // 4
    pairs = np.frombuffer(b"".join(blobs), "<u4")
    return keys_of(pairs, np.repeat(np.arange(first, first + len(blobs)), sizes), 1)
