"""The recaller: what fits a question, and which messages hold some words."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from typing import cast

from ingat.core import clock
from ingat.core.errors import EmptyContent, InvalidInput
from ingat.core.events import Event
from ingat.core.given import shown
from ingat.core.ids import check_id, normalise_user_id
from ingat.core.limits import MAX_TOP_K, check_limit, check_time
from ingat.core.meter import Meter
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
from ingat.search.embed.contract import Embedder
from ingat.search.filters import Filters
from ingat.search.find import find_all_words
from ingat.search.neighbours import NeighbourTable
from ingat.search.question import Question
from ingat.services.recall.index import Index, Indexes, Missing
from ingat.services.recall.pages import SearchSort, by_relevance, by_time, kind_of
from ingat.store.contract import Store, Tx
from ingat.store.tables import recall as table
from ingat.store.tables.paging import decode_cursor

MAX_QUERY_BYTES = 64 << 10
MAX_EXCLUDED = 10_000

_log = logging.getLogger("ingat.recall")

_MISSES = {
    "beyond_top_k": "it came after the last hit that was asked for",
    "below_threshold": "it shares no word with the question and is not close enough in meaning",
}


class Recaller:
    """Recall over the users of one store."""

    def __init__(
        self,
        store: Store,
        embedder: Embedder | None,
        neighbours: NeighbourTable | None,
        policy: RecallPolicy,
        now: clock.Clock,
        missing: Missing,
        meter: Meter | None = None,
    ) -> None:
        """`missing` is told of entries that the store has no vectors of; without texts when these were not read."""
        self._embedder, self._policy, self._now, self._url = embedder, policy, now, store.url
        self._meter = meter or Meter()
        self._indexes = Indexes(store, embedder, neighbours, policy.cache_mib << 20, missing)

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
        `exclude`: at most 10,000 ids of messages or memories to leave out. Memories that have ended are left out
        unless `as_of`.
        `explain` adds the parts of each score and the near misses. `mode` says whether vectors took part.
        An unknown user has no lines. Errors: EmptyContent, InvalidLimit, InvalidInput.
        """
        known = normalise_user_id(user_id)
        wanted = self._policy.top_k if top_k is None else check_limit(top_k, "top_k", 1, MAX_TOP_K)
        text = _query(query)
        filters = self._filters(session_id, since, until, kinds, author, role, as_of, exclude)

        def look(tx: Tx, index: Index, question: Question, note: str | None) -> Recall:
            segment, view = index.segment, index.view
            ranking = rank.search(segment, question, view=view, top_k=wanted, filters=filters, explain=explain)
            return Recall(
                hits=tuple(_hits(tx, index, ranking, question.threshold, explain)),
                mode=cast(RecallMode, ranking.mode),
                note=note,
                near_misses=tuple(self._near_misses(tx, index, ranking)),
            )

        with self._meter.time(self._meter.recalls):
            found = self._indexes.ask(known, text, look)
        found = found or Recall(hits=(), mode="words" if self._embedder is None else "words+vectors")
        if _log.isEnabledFor(logging.INFO):
            number, url = len(found.hits), self._url
            told = "Recalled %d memories"
            _log.handle(Event(_log, told, number, category="recall", user_id=known, session_id=session_id, store=url))
        return found

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

        `sort` is newest, oldest or relevance. Filters as for `recall`. `page.next` is the cursor of the next page: by
        time it goes on where the page ended, whatever is said meanwhile; by relevance it raises Conflict once the
        user's lines have changed, because their order may have. Errors: EmptyContent, InvalidLimit, InvalidInput.
        """
        known, text = normalise_user_id(user_id), _query(words)
        check_limit(limit, "limit")
        if sort not in ("newest", "oldest", "relevance"):
            raise InvalidInput(f"Messages cannot be sorted by {shown(sort)}; use newest, oldest or relevance.")
        after = decode_cursor(cursor, kind_of(sort))
        filters = self._filters(session_id, since, until, ("message",), author, role, None, ())

        def look(tx: Tx, index: Index, question: Question | None = None, note: str | None = None) -> Page[Message]:
            rows = find_all_words(index.segment, text, filters, view=index.view)
            if question is None:
                return by_time(tx, index, rows, sort, limit, after)
            return by_relevance(tx, index, rows, question, filters, limit, after)

        if sort == "relevance":
            found = self._indexes.ask(known, text, look)
        else:
            found = self._indexes.look(known, look)
        return found or Page(items=(), next=None)

    def forget_cache(self, user_id: str | None = None) -> None:
        """Let go of the index of one user, or of all, in this process; it is built again when it is needed."""
        if user_id is None:
            self._indexes.cache.clear()
        else:
            self._indexes.cache.drop(normalise_user_id(user_id))

    def cached(self) -> tuple[int, int]:
        """Return how many users' indexes are in RAM, and their bytes."""
        return self._indexes.cache.sizes()

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
        if role is not None and role not in MESSAGE_ROLES:
            raise InvalidInput(f"There is no message role {shown(role)}; known: {', '.join(MESSAGE_ROLES)}.")
        if author is not None:
            check_text(author, "author", MAX_FIELD_BYTES)
        check_time(since, "since")
        check_time(until, "until")
        check_time(as_of, "as_of")
        return Filters(
            sessions=None if session_id is None else frozenset({check_id(session_id, "session id")}),
            since=since,
            until=until,
            kinds=_kinds(kinds),
            author=author,
            role=role,
            as_of=as_of,
            valid_at=self._now() if as_of is None else None,
            exclude=_excluded(exclude),
        )

    # -- what is shown -------------------------------------------------------------------------------------------

    def _near_misses(self, tx: Tx, index: Index, ranking: rank.Ranking) -> list[NearMiss]:
        misses = ranking.misses[: self._policy.near_misses]
        positions = [int(index.view.position[miss.row]) for miss in misses]
        lines = table.lines_at(tx, index.user_id, positions)
        return [
            NearMiss(
                text=lines[position].text,
                source=lines[position].source,
                source_id=lines[position].source_id,
                score=miss.score,
                why_not=_MISSES.get(miss.why) or f"it is outside the filter {miss.why.removeprefix('filtered:')!r}",
                parts=_parts(miss.parts),
            )
            for miss, position in zip(misses, positions, strict=True)
            if position in lines
        ]


def _query(text: str) -> str:
    checked = check_text(text, "query", MAX_QUERY_BYTES)
    if not checked or checked.isspace():
        raise EmptyContent("The query is empty.")
    return checked


def _kinds(kinds: Sequence[Source] | None) -> frozenset[str] | None:
    if kinds is None:
        return None
    if isinstance(kinds, str) or not isinstance(kinds, Collection) or not all(each in SOURCES for each in kinds):
        raise InvalidInput(f"kinds must be a list of {', '.join(SOURCES)}.")
    return frozenset(kinds)


def _excluded(ids: Sequence[str]) -> frozenset[str]:
    """Return the ids to leave out; a text is refused, because its characters would be taken for ids."""
    if isinstance(ids, str) or not isinstance(ids, Collection) or not all(isinstance(each, str) for each in ids):
        raise InvalidInput("exclude must be a list of ids.", given=type(ids).__name__)
    if len(ids) > MAX_EXCLUDED:
        raise InvalidInput(f"exclude takes {MAX_EXCLUDED} ids at most.", given=len(ids))
    return frozenset(ids)


def _parts(parts: dict[str, float]) -> tuple[ScorePart, ...]:
    return tuple(ScorePart(name=name, value=value) for name, value in parts.items())


def _hits(tx: Tx, index: Index, ranking: rank.Ranking, threshold: float, explain: bool) -> list[Hit]:
    positions = [int(index.view.position[hit.row]) for hit in ranking.hits]
    lines = table.lines_at(tx, index.user_id, positions)
    found: list[Hit] = []
    for hit, position in zip(ranking.hits, positions, strict=True):
        line = lines.get(position)
        if line is None:  # an entry whose message or memory is gone: the doctor tells of it
            continue
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
                parts=_parts(hit.parts) if explain else (),
            )
        )
    return found


def _why(hit: rank.Hit, threshold: float) -> str:
    if hit.terms:
        return f"shares {', '.join(hit.terms)} with the question"
    if hit.reason == "words":
        return f"holds words near to {', '.join(hit.near)} in the question"
    return f"close in meaning: cosine {hit.cosine:.2f}, needed {threshold:.2f}"
