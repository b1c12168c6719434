"""Recall: ranked search over one user's transcript and memories, and word search over the transcript."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from ingat.core import clock
from ingat.core.errors import EmbedderUnavailable, EmptyContent, InvalidInput
from ingat.core.ids import check_id, normalise_user_id
from ingat.core.limits import MAX_TOP_K, check_limit, check_time
from ingat.core.policy import RecallPolicy
from ingat.core.records import (
    MESSAGE_ROLES,
    SOURCES,
    Hit,
    Message,
    NearMiss,
    Page,
    Recall,
    RecallMode,
    ScorePart,
    Source,
)
from ingat.core.texts import MAX_FIELD_BYTES, check_text
from ingat.search import rank
from ingat.search.cache import Held, SegmentCache
from ingat.search.embed.contract import Embedder
from ingat.search.embed.turns import encode_turns
from ingat.search.filters import Filters
from ingat.search.find import find_all_words
from ingat.search.neighbours import NeighbourTable
from ingat.search.question import Question, ask
from ingat.search.segment import Entry, Segment
from ingat.store.contract import Store, Tx
from ingat.store.tables import messages as message_table
from ingat.store.tables import recall as table
from ingat.store.tables import users as user_table
from ingat.store.tables.paging import decode_cursor, encode_cursor

MAX_QUERY_BYTES = 64 << 10
MAX_ENCODED_NOW = 2_000
"""Rows whose missing vectors one recall makes itself; the rest is left to the filler behind the writes."""
DIMENSIONS_WITHOUT_EMBEDDER = 1

SearchSort = Literal["newest", "oldest", "relevance"]

_log = logging.getLogger("ingat.recall")
_MISSES = {
    "beyond_top_k": "it came after the last hit that was asked for",
    "below_threshold": "it shares no word with the question and is not close enough in meaning",
}


class _Look(NamedTuple):
    """What one reading transaction found."""

    ranking: rank.Ranking
    hits: tuple[Hit, ...]
    near_misses: tuple[NearMiss, ...]
    note: str | None


class Recaller:
    """Recall over the users of one store."""

    def __init__(
        self,
        store: Store,
        embedder: Embedder | None,
        neighbours: NeighbourTable | None,
        policy: RecallPolicy,
        now: clock.Clock,
        missing: Callable[[str, Sequence[int], Sequence[str]], None],
    ) -> None:
        """`missing` is told of entries whose vectors were not there when a user's index was built."""
        self._store, self._embedder, self._neighbours = store, embedder, neighbours
        self._policy, self._now, self._missing = policy, now, missing
        self._cache = SegmentCache(policy.cache_mib << 20)

    def recall(
        self,
        user_id: str,
        query: str,
        top_k: int | None = None,
        *,
        explain: bool = False,
        session_id: str | None = None,
        since: int | None = None,
        until: int | None = None,
        kinds: Sequence[Source] | None = None,
        author: str | None = None,
        role: str | None = None,
        as_of: int | None = None,
        exclude: Sequence[str] = (),
    ) -> Recall:
        """Return up to `top_k` (default 5) lines of this user that fit the question, best first; maybe none.

        Filters apply inside the search: one session; `since` (included) to `until` (excluded) in milliseconds UTC;
        `kinds` of message, summary, fact, note; author; message role; `as_of`: what was said and held at that moment;
        `exclude`: ids of messages or memories to leave out. Memories that have ended are left out unless `as_of`.
        `explain` adds the parts of each score and the near misses. `mode` says whether vectors took part.
        An unknown user has no lines. Errors: EmptyContent, InvalidLimit, InvalidInput.
        """
        known = normalise_user_id(user_id)
        wanted = self._policy.top_k if top_k is None else check_limit(top_k, "top_k", 1, MAX_TOP_K)
        text = _query(query)
        filters = self._filters(session_id, since, until, kinds, author, role, as_of, exclude)

        def look(tx: Tx) -> _Look | None:
            found = self._segment(tx, known)
            if found is None:
                return None
            owner, segment, note = found
            question, trouble = self._ask(text, segment)
            ranking = rank.search(segment, question, top_k=wanted, filters=filters, explain=explain)
            hits = tuple(_hits(tx, owner, segment, ranking, question.threshold, explain))
            misses = tuple(self._near_misses(tx, owner, segment, ranking))
            return _Look(ranking, hits, misses, trouble or note)

        looked = self._store.read(look)
        if looked is None:
            return Recall(hits=(), mode="words" if self._embedder is None else "words+vectors")
        mode = cast(RecallMode, looked.ranking.mode)
        return Recall(hits=looked.hits, mode=mode, note=looked.note, near_misses=looked.near_misses)

    def search(
        self,
        user_id: str,
        words: str,
        *,
        session_id: str | None = None,
        since: int | None = None,
        until: int | None = None,
        author: str | None = None,
        role: str | None = None,
        sort: SearchSort = "newest",
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Message]:
        """Return one page of the user's messages that hold every word, or an inflection of it.

        `sort` is newest, oldest or relevance. Filters as for `recall`. `page.next` is the cursor of the next page.
        """
        known, text = normalise_user_id(user_id), _query(words)
        check_limit(limit, "limit")
        if sort not in ("newest", "oldest", "relevance"):
            raise InvalidInput(f"Messages cannot be sorted by {sort!r}; use newest, oldest or relevance.")
        after = decode_cursor(cursor)
        start = after.value if after is not None and isinstance(after.value, int) else 0
        filters = self._filters(session_id, since, until, ("message",), author, role, None, ())

        def look(tx: Tx) -> tuple[list[Message], str | None]:
            held = self._segment(tx, known)
            if held is None:
                return [], None
            owner, segment, _ = held
            rows = self._sorted(segment, find_all_words(segment, text, filters), text, filters, sort)
            some = rows[start : start + limit]
            positions = [int(segment.view.position[row]) for row in some]
            lines = table.lines_at(tx, owner, positions)
            ids = [lines[position].source_id for position in positions if position in lines]
            messages = [found for found in (message_table.get(tx, owner, each) for each in ids) if found is not None]
            more = encode_cursor(start + limit, "") if len(rows) > start + limit else None
            return messages, more

        items, more = self._store.read(look)
        return Page(items=tuple(items), next=more)

    def forget_cache(self, user_id: str | None = None) -> None:
        """Let go of the index of one user, or of all, in this process; it is built again when it is needed."""
        if user_id is None:
            self._cache.clear()
        else:
            self._cache.drop(normalise_user_id(user_id))

    def cached(self) -> tuple[int, int]:
        """Return how many users' indexes are in RAM, and their bytes."""
        return self._cache.sizes()

    # -- the user's index ----------------------------------------------------------------------------------------

    def _segment(self, tx: Tx, known: str) -> tuple[str, Segment, str | None] | None:
        """Return the user's id and their index as of this transaction, with a note when vectors are missing."""
        standing = user_table.standing(tx, known)
        if standing is None:
            return None
        user_id = standing.user_id
        held = self._cache.hold(user_id)
        with held.lock:
            if held.segment is None or held.epoch != standing.epoch or held.version > standing.version:
                if held.epoch > standing.epoch or (held.epoch == standing.epoch and held.version > standing.version):
                    held = Held()  # this view is older than what is held: an index of its own, not kept
                held.segment = Segment(self._embedder.dim if self._embedder else DIMENSIONS_WITHOUT_EMBEDDER)
                held.epoch, held.version = standing.epoch, 0
            fresh = held.version == 0
            if held.version < standing.version:
                fingerprint = self._embedder.fingerprint if self._embedder else None
                rows = table.entries_after(tx, user_id, held.version, fingerprint)
                held.segment.append([Entry(*row) for row in rows])  # type: ignore[arg-type]
                held.version = standing.version
            note = self._complete(tx, user_id, held.segment, fresh)
            self._cache.measure(user_id, held)
            return user_id, held.segment, note

    def _complete(self, tx: Tx, user_id: str, segment: Segment, fresh: bool) -> str | None:
        """Give rows the vectors that they lack, as far as that can be done now."""
        if self._embedder is None or not segment.missing:
            return None
        rows = {int(segment.view.position[row]): row for row in segment.missing}
        kept = table.vectors_at(tx, user_id, list(rows), self._embedder.fingerprint)
        segment.set_many([rows[position] for position in kept], [_array(each, segment.dim) for each in kept.values()])
        left = sorted(set(rows) - set(kept))[-MAX_ENCODED_NOW:]
        texts = table.texts_at(tx, user_id, left)
        try:
            arrays = encode_turns(self._embedder, [text for _, text in texts])
        except EmbedderUnavailable as error:
            _log.warning("Vectors not made (%s): %s", error.code, error.message)
            return f"{len(left)} lines were searched by words only: {error.message}"
        segment.set_many([rows[position] for position, _ in texts], arrays)
        if fresh:
            self._missing(user_id, [position for position, _ in texts], [text for _, text in texts])
        still = len(segment.missing)
        return f"{still} older lines were searched by words only; their vectors are being made." if still else None

    def _ask(self, text: str, segment: Segment) -> tuple[Question, str | None]:
        try:
            return ask(text, segment, embedder=self._embedder, neighbours=self._neighbours), None
        except EmbedderUnavailable as error:
            _log.warning("Question asked by words only (%s): %s", error.code, error.message)
            return ask(text, segment, embedder=None, neighbours=self._neighbours), error.message

    def _filters(
        self,
        session_id: str | None,
        since: int | None,
        until: int | None,
        kinds: Sequence[Source] | None,
        author: str | None,
        role: str | None,
        as_of: int | None,
        exclude: Sequence[str],
    ) -> Filters:
        if kinds is not None and (isinstance(kinds, str) or not set(kinds) <= set(SOURCES)):
            raise InvalidInput(f"kinds must be a list of {', '.join(SOURCES)}.")
        if role is not None and role not in MESSAGE_ROLES:
            raise InvalidInput(f"There is no message role {role!r}; known: {', '.join(MESSAGE_ROLES)}.")
        if author is not None:
            check_text(author, "author", MAX_FIELD_BYTES)
        check_time(since, "since")
        check_time(until, "until")
        check_time(as_of, "as_of")
        return Filters(
            sessions=None if session_id is None else frozenset({check_id(session_id, "session id")}),
            since=since,
            until=until,
            kinds=None if kinds is None else frozenset(kinds),
            author=author,
            role=role,
            as_of=as_of,
            valid_at=self._now() if as_of is None else None,
            exclude=frozenset(exclude),
        )

    # -- what is shown -------------------------------------------------------------------------------------------

    def _near_misses(self, tx: Tx, owner: str, segment: Segment, ranking: rank.Ranking) -> list[NearMiss]:
        misses = ranking.misses[: self._policy.near_misses]
        positions = [int(segment.view.position[miss.row]) for miss in misses]
        lines = table.lines_at(tx, owner, positions)
        return [
            NearMiss(
                text=lines[position].text,
                source=lines[position].source,
                source_id=lines[position].source_id,
                score=miss.score,
                why_not=_MISSES.get(miss.why) or f"it is outside the filter {miss.why.removeprefix('filtered:')!r}",
            )
            for miss, position in zip(misses, positions, strict=True)
            if position in lines
        ]

    def _sorted(self, segment: Segment, rows: list[int], text: str, filters: Filters, sort: SearchSort) -> list[int]:
        if sort == "oldest":
            return rows[::-1]
        if sort == "newest" or not rows:
            return rows
        question, _ = self._ask(text, segment)
        ranking = rank.search(segment, question, top_k=MAX_TOP_K, filters=filters)
        place = {hit.row: index for index, hit in enumerate(ranking.hits)}
        return sorted(rows, key=lambda row: place.get(row, MAX_TOP_K))


def _query(text: str) -> str:
    checked = check_text(text, "query", MAX_QUERY_BYTES)
    if not checked or checked.isspace():
        raise EmptyContent("The query is empty.")
    return checked


def _array(raw: bytes, dim: int) -> NDArray[np.int8]:
    return np.frombuffer(raw, np.int8).reshape(-1, dim)


def _hits(tx: Tx, owner: str, segment: Segment, ranking: rank.Ranking, threshold: float, explain: bool) -> list[Hit]:
    positions = [int(segment.view.position[hit.row]) for hit in ranking.hits]
    lines = table.lines_at(tx, owner, positions)
    found: list[Hit] = []
    for hit, position in zip(ranking.hits, positions, strict=True):
        line = lines.get(position)
        if line is None:  # written after this view was taken
            continue
        parts = tuple(ScorePart(name=name, value=value) for name, value in hit.parts.items()) if explain else ()
        found.append(
            Hit(
                text=line.text,
                source=line.source,
                source_id=line.source_id,
                session_id=line.session_id,
                message_ids=line.message_ids,
                seq=line.seq or None,
                role=line.role,
                author=line.author,
                at=line.at,
                score=hit.score,
                why=_why(hit, threshold),
                terms=hit.terms,
                parts=parts,
            )
        )
    return found


def _why(hit: rank.Hit, threshold: float) -> str:
    if hit.terms:
        return f"shares {', '.join(hit.terms)} with the question"
    if hit.reason == "words":
        return f"holds words near to {', '.join(hit.near)} in the question"
    return f"close in meaning: cosine {hit.cosine:.2f}, needed {threshold:.2f}"
