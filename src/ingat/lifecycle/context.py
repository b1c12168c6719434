"""Context: what a model is given of one user, within the budget of the role."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from ingat.core import clock
from ingat.core.context import (
    PROFILE_HEADING,
    RECALLED_HEADING,
    Context,
    fact_line,
    facts_text,
    message_text,
    profile_lines,
    recalled_line,
)
from ingat.core.errors import SessionNotFound
from ingat.core.ids import check_id, normalise_user_id
from ingat.core.limits import MAX_BUDGET, MAX_TOP_K, MIN_BUDGET, check_limit
from ingat.core.meter import Meter
from ingat.core.policy import RecallPolicy
from ingat.core.records import Hit, MemoryItem, Message, Recall, User
from ingat.core.roles import Roles
from ingat.core.tokens import MESSAGE_OVERHEAD_TOKENS, Tokenizer, cut_to_tokens
from ingat.lifecycle.window import SMALLEST_WINDOW, STEPS, Window, window
from ingat.services.recall import Recaller
from ingat.store.contract import Store, Tx
from ingat.store.tables import memories, messages, sessions, settings, users

PAGE = 48
"""Messages read at first, newest first; then as many as the rest of the budget should take."""
MOST_AT_ONCE = 1_000
MOST_FACTS = 50
"""Facts that a profile may hold, as far as they fit."""
LONGEST_LINE_SHARE = 3
"""A recalled line is cut at this part of the room for recalled lines."""
LINE_HEAD_TOKENS = 24
"""Kept free for date and author when a recalled line is cut."""
LONGEST_QUERY = 2_000
"""Characters of a last message that are asked for when no query is given."""
_NOTHING = Recall(hits=(), mode="words")
_TOKENIZER, _SEVERAL = "tokenizer", "several"


def asked_for(text: str) -> str:
    """Return what is recalled for when a message is the question: its beginning."""
    return text.strip()[:LONGEST_QUERY]


def counts_are_of_another(store: Store, tokenizer: str) -> bool:
    """Note in the store which tokenizer counts its messages; return whether another one counted some of them."""
    before = store.read(lambda tx: settings.get(tx, _TOKENIZER))
    if before == tokenizer:
        return False
    store.write(lambda tx: settings.put(tx, _TOKENIZER, tokenizer if before is None else _SEVERAL))
    return before is not None


class _Read(NamedTuple):
    """What was read of the store, as of one moment.

    `newest` is the tail of the transcript, oldest first, before it the question it belongs to when that is further
    back; `total` what the whole transcript costs, in tokens.
    """

    user: User | None
    facts: list[MemoryItem]
    newest: list[Message]
    total: int
    messages: int


class ContextBuilder:
    """Builds contexts from one store."""

    def __init__(
        self,
        store: Store,
        recaller: Recaller,
        roles: Roles,
        count_tokens: Tokenizer,
        policy: RecallPolicy,
        now: clock.Clock,
        *,
        recount: bool = False,
        meter: Meter | None = None,
    ) -> None:
        """`recount`: the counts in the store are of another tokenizer, so messages that are read are counted anew."""
        self._store, self._recaller, self._roles = store, recaller, roles
        self._count, self._policy, self._now, self._recount = count_tokens, policy, now, recount
        self._meter = meter or Meter()

    def build(
        self,
        user_id: str,
        session_id: str | None = None,
        query: str | None = None,
        budget: int | None = None,
        *,
        top_k: int | None = None,
    ) -> Context:
        """Return profile, recalled lines and the session's newest messages, never above the role's budget in tokens.

        `query` is what to recall for; left out or blank, it is the last message of the user. `budget` lowers the
        role's. The messages start at a user's turn where there is one, keep question and answer together, and always
        hold the last message: one that is larger than the budget is cut, and `cut` says so. Of an exchange that is
        larger than the budget its question and its newest messages are shown. Lines that are in the messages are not
        recalled again. The profile holds what fits whole of the person's fields and of the facts that hold now, the
        newest before others. `top_k` = 0 recalls nothing. Nothing is deleted to fit.

        Raises SessionNotFound for a session that is not this user's, UserBlocked, InvalidLimit.
        """
        known = normalise_user_id(user_id)
        wanted = self._policy.context_top_k if top_k is None else check_limit(top_k, "top_k", 0, MAX_TOP_K)
        session = None if session_id is None else check_id(session_id, "session id")
        if budget is not None:
            check_limit(budget, "budget", MIN_BUDGET, MAX_BUDGET)
        with self._meter.time(self._meter.contexts):
            return self._built(known, session, query, budget, wanted)

    def _built(self, known: str, session: str | None, query: str | None, budget: int | None, wanted: int) -> Context:
        read = self._store.read(lambda tx: self._read(tx, known, session, budget))
        limit = self._budget(read.user, known, budget)
        profile, known_ids = self._profile(read, limit)
        free = limit - self._cost(profile)
        reserved = limit * self._policy.recalled_percent // 100 if wanted else 0
        reserved = max(0, min(reserved, free - SMALLEST_WINDOW))
        shown = self._window(read, free - reserved, limit)
        left_out = [*known_ids, *(message.id for message in shown.messages)]
        recall = self._recall(known, query, read.newest, left_out, wanted)
        recalled, spent = self._fitting(recall.hits, max(reserved, min(free - shown.tokens, 2 * reserved)))
        if spent < reserved:
            shown = self._window(read, free - spent, limit)
            ids = {message.id for message in shown.messages}
            recalled = tuple(hit for hit in recalled if hit.source_id not in ids)
            spent = self._recalled_cost(recalled)
        return Context(
            user_id=read.user.user_id if read.user else known,
            session_id=session,
            profile=profile,
            recalled=recalled,
            messages=tuple(shown.messages),
            tokens=self._cost(profile) + spent + shown.tokens,
            budget=limit,
            cut=shown.cut,
            left_out=read.messages - len(shown.messages),
            mode=recall.mode,
        )

    def _read(self, tx: Tx, known: str, session_id: str | None, budget: int | None) -> _Read:
        owner = users.resolve(tx, known)
        user = users.get(tx, owner) if owner else None
        facts = memories.facts_that_hold(tx, owner, self._now(), MOST_FACTS) if owner else []
        if session_id is None:
            return _Read(user, facts, [], 0, 0)
        session = sessions.get(tx, owner, session_id) if owner else None
        if owner is None or session is None:
            raise SessionNotFound(f"The user has no session {session_id!r}.", session_id=session_id)
        limit = self._budget(user, known, budget)
        newest: list[Message] = []
        stored = tokens = 0
        before, size = None, PAGE
        while tokens <= limit:
            page = messages.page(tx, owner, session_id, size, before)
            stored += sum([message.tokens for message in page])
            page = self._counted(page)
            tokens += sum([message.tokens for message in page]) + len(page) * MESSAGE_OVERHEAD_TOKENS
            newest[:0] = page
            if len(page) < size:
                break
            before, size = page[0].seq, min(MOST_AT_ONCE, (limit - tokens) * len(newest) // tokens + 4)
        total = sessions.token_total(tx, owner, session_id)
        if self._recount and stored:  # what was not read is taken to have grown like what was
            total = total * (tokens - len(newest) * MESSAGE_OVERHEAD_TOKENS) // stored
        if newest and newest[0].seq > 1 and not any(message.role == "user" for message in newest):
            question = messages.last_of_user(tx, owner, session_id, newest[0].seq)
            if question is not None:
                newest[:0] = self._counted([question])
        total += session.message_count * MESSAGE_OVERHEAD_TOKENS
        return _Read(user, facts, newest, total, session.message_count)

    def _counted(self, page: list[Message]) -> list[Message]:
        """Return messages with counts of the tokenizer in use."""
        if not self._recount:
            return page
        return [replace(message, tokens=self._count(message_text(message))) for message in page]

    def _window(self, read: _Read, budget: int, limit: int) -> Window:
        return window(read.newest, budget, read.total, max(1, limit // STEPS), self._count)

    def _budget(self, user: User | None, known: str, asked: int | None) -> int:
        of_role = self._roles.budget(user.role if user else "client")
        if not of_role:
            raise users.blocked(known)
        return of_role if asked is None else min(of_role, asked)

    def _profile(self, read: _Read, limit: int) -> tuple[str, list[str]]:
        """Return what fits whole into the profile's part of the budget, and the ids of the facts that are in it.

        Facts are taken newest first and shown oldest first, so that the beginning stays the same when one is added.
        """
        lines = [(line, "") for line in (profile_lines(read.user) if read.user else [])]
        lines += [(fact_line(item), item.id) for item in read.facts]
        room = limit * self._policy.profile_percent // 100 - MESSAGE_OVERHEAD_TOKENS
        kept: list[tuple[str, str]] = []
        spent = self._count(PROFILE_HEADING)
        for line, fact_id in lines:
            cost = self._count("\n" + line) + 1
            if spent + cost <= room:
                kept.append((line, fact_id))
                spent += cost
        kept.sort(key=lambda each: each[1])
        while kept and self._count(facts_text([line for line, _ in kept])) > room:
            kept.pop()  # a tokenizer whose joined texts cost more than their parts
        return facts_text([line for line, _ in kept]), [fact_id for _, fact_id in kept if fact_id]

    def _cost(self, profile: str) -> int:
        return self._count(profile) + MESSAGE_OVERHEAD_TOKENS if profile else 0

    def _recall(
        self, known: str, query: str | None, newest: Sequence[Message], left_out: Sequence[str], wanted: int
    ) -> Recall:
        asked = query
        if asked is None or not asked.strip():
            last = next((message_text(message) for message in reversed(newest) if message.role == "user"), "")
            asked = asked_for(last)
        if not wanted or not asked:
            return _NOTHING
        return self._recaller.recall(known, asked, wanted, exclude=left_out)

    def _fitting(self, hits: Sequence[Hit], room: int) -> tuple[tuple[Hit, ...], int]:
        """Return the hits that fit, each cut when it is long, and what they cost with their heading."""
        taken: list[Hit] = []
        spent, longest = self._heading_cost(), room // LONGEST_LINE_SHARE
        for hit in hits:
            if self._line_cost(hit) > longest:
                text = cut_to_tokens(hit.text, max(0, longest - LINE_HEAD_TOKENS), self._count)
                hit = replace(hit, text=text + "…")
            line_cost = self._line_cost(hit)
            if spent + line_cost <= room:
                taken.append(hit)
                spent += line_cost
        return (tuple(taken), spent) if taken else ((), 0)

    def _recalled_cost(self, hits: Sequence[Hit]) -> int:
        return self._heading_cost() + sum(self._line_cost(hit) for hit in hits) if hits else 0

    def _heading_cost(self) -> int:
        return self._count(RECALLED_HEADING) + MESSAGE_OVERHEAD_TOKENS + 1

    def _line_cost(self, hit: Hit) -> int:
        return self._count(recalled_line(hit)) + 1
