"""Indexes: each user's recall index in RAM, as new as the transaction that looks at it.

The embedder may be far away and slow, so it never runs inside a transaction: a look that finds something to encode ends
its transaction, encodes, and begins anew.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from ingat.core.errors import EmbedderUnavailable, StoreCorrupt
from ingat.search.cache import Held, SegmentCache
from ingat.search.embed.contract import Embedder
from ingat.search.embed.turns import encode_turns
from ingat.search.entry import PAIR_BYTES, TERM_BYTES
from ingat.search.neighbours import NeighbourTable
from ingat.search.question import Question, ask
from ingat.search.segment import Entry, Segment, View
from ingat.store.contract import Row, Store, Tx
from ingat.store.tables import recall as table
from ingat.store.tables import users as user_table

MAX_ENCODED_NOW = 2_000
"""Rows whose missing vectors one recall makes itself; the rest is left to the filler behind the writes."""
DIMENSIONS_WITHOUT_EMBEDDER = 1
MOST_LOOKS = 4
"""Transactions of one call; the last one does with what it has."""

T = TypeVar("T")
Missing = Callable[[str, Sequence[int], Sequence[str]], None]
_log = logging.getLogger("ingat.recall")


class Index(NamedTuple):
    """A user's index as of one transaction: rows that came after it are not in `view`."""

    user_id: str
    epoch: int
    version: int
    segment: Segment
    view: View


class _Again(NamedTuple):
    """Why a look must be repeated: rows to encode first (newest last), or none when only the question is missing."""

    held: Held | None = None
    lacking: Index | None = None
    rows: Sequence[int] = ()
    positions: Sequence[int] = ()
    texts: Sequence[str] = ()


class Said:
    """The embedder as one question sees it: it encodes while `free`, and otherwise knows what it encoded before."""

    def __init__(self, embedder: Embedder) -> None:
        self.threshold, self.free = embedder.threshold, True
        self.any_language: bool = getattr(embedder, "any_language", False)
        self.wanted = False
        self.trouble: str | None = None
        self._embedder = embedder
        self._known: dict[str, NDArray[np.float32]] = {}
        self._asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the row of one text; zeros when it is not known yet or the embedder cannot be reached."""
        (text,) = texts
        found = self._known.get(text)
        if found is None and self.free:
            try:
                found = self._embedder.encode(texts)
            except EmbedderUnavailable as error:
                _log.warning("Question asked by words only (%s): %s", error.code, error.message)
                self.trouble, found = error.message, self._nothing()
            self._known[text] = found
        if found is None:
            self.wanted = True
            self._asked.append(text)
            found = self._nothing()
        return found

    def catch_up(self) -> None:
        """Encode what was asked for while the embedder was not free."""
        self.free = True
        asked, self._asked, self.wanted = self._asked, [], False
        for text in asked:
            self.encode([text])

    def _nothing(self) -> NDArray[np.float32]:
        return np.zeros((1, self._embedder.dim), np.float32)


class _Work:
    """What one call has found out so far, between its transactions."""

    __slots__ = ("encoded", "left", "note", "question", "said", "view")

    def __init__(self, embedder: Embedder | None) -> None:
        self.said = Said(embedder) if embedder is not None else None
        self.question: Question | None = None
        self.view: View | None = None
        self.encoded = False
        self.left = MOST_LOOKS
        self.note: str | None = None


class Indexes:
    """The indexes of one store's users."""

    def __init__(
        self,
        store: Store,
        embedder: Embedder | None,
        neighbours: NeighbourTable | None,
        cache_bytes: int,
        missing: Missing,
    ) -> None:
        """`missing` is told of entries that the store has no vectors of; without texts when these were not read."""
        self._store, self._embedder, self._neighbours, self._missing = store, embedder, neighbours, missing
        self.cache = SegmentCache(cache_bytes)

    def look(self, known: str, fn: Callable[[Tx, Index], T]) -> T | None:
        """Return what `fn` makes of a user's index within one reading transaction; None for an unknown user.

        Vectors that are missing stay so.
        """
        for _ in range(MOST_LOOKS - 1):
            found = self._store.read(lambda tx: self._plain(tx, known, fn, False))
            if not isinstance(found, _Again):
                return found
        return cast("T | None", self._store.read(lambda tx: self._plain(tx, known, fn, True)))

    def ask(self, known: str, text: str, fn: Callable[[Tx, Index, Question, str | None], T]) -> T | None:
        """Return what `fn` makes of a user's index and a question within one reading transaction.

        Vectors that are missing are made before, up to a limit. The last argument of `fn` is a note when some are
        missing or the embedder failed. None for an unknown user.
        """
        work = _Work(self._embedder)
        segment = self.cache.peek(known) if work.said is not None else None
        if segment is not None:
            work.view = segment.view
            work.question = self._question(text, segment, work.view, work.said)
        while True:
            work.left -= 1
            if work.said is not None:
                work.said.free = not work.left
            found = self._store.read(lambda tx: self._asked(tx, known, text, work, fn))
            if not isinstance(found, _Again):
                return found
            if work.said is not None:
                work.said.catch_up()
            if found.lacking is not None and found.held is not None:
                self._encode(found, found.lacking, found.held, work)
                work.view = found.lacking.view
                work.question = self._question(text, found.lacking.segment, work.view, work.said)

    def _plain(self, tx: Tx, known: str, fn: Callable[[Tx, Index], T], last: bool) -> T | _Again | None:
        brought = self._bring(tx, known, last)
        if brought is None:
            return None
        return fn(tx, brought[1]) if brought[1] is not None else _Again()

    def _asked(
        self, tx: Tx, known: str, text: str, work: _Work, fn: Callable[[Tx, Index, Question, str | None], T]
    ) -> T | _Again | None:
        brought = self._bring(tx, known, not work.left)
        if brought is None:
            return None
        held, index = brought
        if index is None:
            return _Again()
        again = self._lacking(tx, held, index, work)
        if again is not None:
            return again
        if work.question is None or work.view is not index.view:
            work.question, work.view = self._question(text, index.segment, index.view, work.said), index.view
        if work.left and work.said is not None and work.said.wanted:
            work.question = None
            return _Again()
        trouble = work.said.trouble if work.said is not None else None
        return fn(tx, index, work.question, trouble or work.note)

    def _question(self, text: str, segment: Segment, view: View, said: Said | None) -> Question:
        return ask(text, segment, view=view, embedder=said, neighbours=self._neighbours)

    def _bring(self, tx: Tx, known: str, last: bool) -> tuple[Held, Index | None] | None:
        """Return the user's index as of this transaction; no index when a later one is held already, unless `last`."""
        standing = user_table.standing(tx, known)
        if standing is None:
            return None
        user_id = standing.user_id
        held = self.cache.hold(user_id)
        with held.lock:
            if held.segment is not None and held.epoch == standing.epoch and held.version > standing.version:
                if not last:
                    return held, None
                held = Held()  # an index of its own for this view, not kept
            if held.segment is None or held.epoch != standing.epoch:
                held.segment = Segment(self._embedder.dim if self._embedder else DIMENSIONS_WITHOUT_EMBEDDER)
                held.epoch, held.version = standing.epoch, 0
            segment = held.segment
            if held.version < standing.version:
                fingerprint = self._embedder.fingerprint if self._embedder else None
                rows = table.entries_after(tx, user_id, held.version, fingerprint)
                segment.append([_entry(row, segment.dim) for row in rows])
                held.version = standing.version
                self.cache.measure(user_id, held)
            return held, Index(user_id, standing.epoch, standing.version, segment, segment.view)

    def _lacking(self, tx: Tx, held: Held, index: Index, work: _Work) -> _Again | None:
        """Give rows the vectors that the store has by now, and return what this call is to encode of the rest."""
        segment = index.segment
        if self._embedder is None or not segment.missing:
            return None
        rows = {int(index.view.position[row]): row for row in segment.missing if row < index.view.rows}
        stored = table.vectors_at(tx, index.user_id, list(rows), self._embedder.fingerprint)
        kept = {position: each for position, each in stored.items() if _whole(each, segment.dim)}
        segment.set_many([rows[position] for position in kept], [_array(each, segment.dim) for each in kept.values()])
        if kept:
            self.cache.measure(index.user_id, held)
        left = sorted(set(rows) - set(kept))
        if work.encoded or not work.left or not left:
            if left and work.note is None:
                self._missing(index.user_id, left, ())
                work.note = f"{len(left)} older lines were searched by words only; their vectors are being made."
            return None
        texts = table.texts_at(tx, index.user_id, left[-MAX_ENCODED_NOW:])
        return _Again(
            held, index, [rows[each] for each, _ in texts], [each for each, _ in texts], [text for _, text in texts]
        )

    def _encode(self, lack: _Again, index: Index, held: Held, work: _Work) -> None:
        """Make the vectors of rows and leave them to be kept; outside of every transaction."""
        assert self._embedder is not None
        work.encoded = True
        with held.making:
            has = index.segment.vectors.has(index.view.rows)
            places = [place for place, row in enumerate(lack.rows) if not has[row]]
            texts = [lack.texts[place] for place in places]
            try:
                arrays = encode_turns(self._embedder, texts)
            except EmbedderUnavailable as error:
                _log.warning("Vectors not made (%s): %s", error.code, error.message)
                work.note = f"{len(texts)} lines were searched by words only: {error.message}"
                return
            index.segment.set_many([lack.rows[place] for place in places], arrays)
            self.cache.measure(index.user_id, held)
        self._missing(index.user_id, [lack.positions[place] for place in places], texts)


def _entry(row: Row, dim: int) -> Entry:
    """Return the entry of a row; damaged vectors are taken as missing, so that they are made anew."""
    entry = Entry(*row)  # type: ignore[arg-type]  # the columns stand in the order of the fields
    if len(entry.terms) % TERM_BYTES or len(entry.pairs) % PAIR_BYTES:
        raise StoreCorrupt(
            "A part of the recall index is damaged; the messages and memories are not. Run `ingat reindex`.",
            position=entry.position,
        )
    return entry if entry.vectors is None or _whole(entry.vectors, dim) else entry._replace(vectors=None)


def _whole(raw: bytes, dim: int) -> bool:
    return len(raw) > 0 and len(raw) % dim == 0


def _array(raw: bytes, dim: int) -> NDArray[np.int8]:
    return np.frombuffer(raw, np.int8).reshape(-1, dim)
