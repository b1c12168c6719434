"""Whatever is said, corrected and merged in whatever order: of one subject one value holds, the one said to hold."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ingat.core.errors import Conflict
from ingat.core.records import MemoryItem
from ingat.core.timelines import key_of
from ingat.memory import Memory
from ingat.testing import START_MS, TurnableClock

_USERS = st.sampled_from(("ana", "budi"))
_SUBJECTS = st.sampled_from(("home", "colour", None))
_TEXTS = st.sampled_from(("red", "Red.", "blue", "green"))
_SPAN = 12
"""Milliseconds before and after the start at which values may begin and end."""
_TIMES = st.none() | st.integers(-_SPAN, _SPAN).map(lambda shift: START_MS + shift)
_MOMENTS = range(START_MS - _SPAN - 1, START_MS + 3 * _SPAN)

Line = list[MemoryItem]


def _holder(line: Line, moment: int) -> str | None:
    """Return the key of the text that holds then, by its own rule: the value that began last, unless it was retired."""
    begun = [item for item in line if item.valid_from <= moment]
    if not begun:
        return None
    last = max(begun, key=lambda item: (item.valid_from, item.id))
    retired = last.superseded_by is None and last.valid_to is not None and last.valid_to <= moment
    return None if retired else key_of(last.text)


class Timelines(RuleBasedStateMachine):
    """Two users, of whom one is merged into the other now and then, by a clock that may be set back."""

    memory: Memory
    clock: TurnableClock

    @initialize()
    def start(self) -> None:
        self.clock = TurnableClock()
        self.memory = Memory(":memory:", now=self.clock, embedder="none")

    def teardown(self) -> None:
        if hasattr(self, "memory"):
            self.memory.close()

    def items(self, user: str) -> Line:
        return list(self.memory.memories.list(user, history=True, limit=1_000))

    def line(self, user: str, subject: str) -> Line:
        """Return the values of a subject, without those in whose place another stands from the beginning."""
        return [
            item
            for item in self.items(user)
            if item.subject == subject and not (item.superseded_by and item.valid_to == item.valid_from)
        ]

    def picked(self, user: str, data: st.DataObject) -> MemoryItem | None:
        items = sorted(self.items(user), key=lambda item: item.id)
        return data.draw(st.sampled_from(items)) if items else None

    def holds(self, item: MemoryItem, moment: int, text: str) -> None:
        """The text holds at the moment at which it was said to hold."""
        assert key_of(item.text) == key_of(text)
        held = self.memory.memories.list(item.user_id, as_of=moment, subject=item.subject, limit=1_000)
        assert item.id in {each.id for each in held}

    @rule(by=st.integers(-3, 6))
    def time_passes(self, by: int) -> None:
        self.clock.turn(milliseconds=by)

    @rule(user=_USERS, text=_TEXTS, subject=_SUBJECTS, since=_TIMES, kind=st.sampled_from(("fact", "note")))
    def remember(self, user: str, text: str, subject: str | None, since: int | None, kind: Any) -> None:
        item = self.memory.remember(user, text, subject=subject, valid_from=since, kind=kind)

        assert item.kind == kind
        if since is not None and subject is not None:
            self.holds(item, since, text)
        if since is None:
            self.holds(item, max(self.clock(), item.valid_from), text)

    @rule(user=_USERS, text=_TEXTS, since=_TIMES, data=st.data())
    def supersede(self, user: str, text: str, since: int | None, data: st.DataObject) -> None:
        old = self.picked(user, data)
        if old is None:
            return
        try:
            new = self.memory.memories.supersede(user, old.id, text, valid_from=since)
        except Conflict:
            return
        moment = max(self.clock(), new.valid_from) if since is None else since
        self.holds(new, moment, text)
        if new.id != old.id:
            until = self.memory.memories.get(user, old.id).valid_to
            assert until is not None
            assert until <= moment

    @rule(user=_USERS, text=_TEXTS, data=st.data())
    def edit(self, user: str, text: str, data: st.DataObject) -> None:
        old = self.picked(user, data)
        if old is None:
            return
        try:
            edited = self.memory.memories.edit(user, old.id, text=text)
        except Conflict:
            return
        assert (edited.id, edited.text, edited.valid_from, edited.valid_to) == (
            old.id,
            text,
            old.valid_from,
            old.valid_to,
        )

    @rule(user=_USERS, until=_TIMES, data=st.data())
    def retire(self, user: str, until: int | None, data: st.DataObject) -> None:
        old = self.picked(user, data)
        if old is None:
            return
        try:
            item = self.memory.memories.retire(user, old.id, valid_to=until)
        except Conflict:
            return
        assert item.valid_to is not None
        assert item.valid_to <= (max(self.clock(), old.valid_from) if until is None else until)

    @rule(user=_USERS)
    def merge(self, user: str) -> None:
        other = "budi" if user == "ana" else "ana"
        for each in (user, other):
            self.memory.users.save(each)
        subjects = ("home", "colour")
        before = {subject: self.line(user, subject) + self.line(other, subject) for subject in subjects}
        loose = [item for each in (user, other) for item in self.items(each) if item.subject is None]
        ids = {item.id for each in (user, other) for item in self.items(each)}
        self.memory.users.merge(user, other)

        assert {item.id for item in self.items(other)} == ids
        for subject in subjects:
            after = self.line(other, subject)
            for moment in _MOMENTS:
                now_held, expected = _holder(after, moment), _holder(before[subject], moment)
                # a text that was said without the subject too may hold since the time of that
                told = {key_of(item.text) for item in loose if item.valid_from <= moment}
                assert now_held == expected or now_held in told
        self.memory.users.unalias(other, user)

    @invariant()
    def one_value_holds_at_a_time(self) -> None:
        for user in ("ana", "budi"):
            for subject in ("home", "colour"):
                line = self.line(user, subject)
                for moment in _MOMENTS:
                    held = [i for i in line if i.valid_from <= moment and (i.valid_to is None or moment < i.valid_to)]
                    expected = _holder(line, moment)
                    assert [key_of(item.text) for item in held] == ([] if expected is None else [expected])

    @invariant()
    def nothing_holds_twice(self) -> None:
        for user in ("ana", "budi"):
            held = Counter((key_of(item.text), item.subject) for item in self.memory.memories.list(user, limit=1_000))
            assert not held or max(held.values()) == 1

    @invariant()
    def the_index_says_the_same(self) -> None:
        windows = "SELECT {} FROM {} ORDER BY 1"
        kept = self.memory.store.read(lambda tx: tx.all(windows.format("id, kind, valid_from, valid_to", "memory")))
        found = self.memory.store.read(
            lambda tx: tx.all(windows.format("source_id, source, valid_from, valid_to", "recall_entry"))
        )
        assert kept == found
        for user in ("ana", "budi"):
            now = {item.id for item in self.memory.memories.list(user, limit=1_000)}
            hits = self.memory.recall(user, "red blue green home colour", 100).hits
            assert {hit.source_id for hit in hits} == now

    @invariant()
    def the_store_agrees_with_itself(self) -> None:
        assert [check for check in self.memory.doctor() if check.state != "ok"] == []


TestTimelines = Timelines.TestCase
TestTimelines.settings = settings(max_examples=60, stateful_step_count=20)
