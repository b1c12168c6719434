"""Export and import are each other's inverse, whatever a store holds."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingat.core.errors import IngatError
from ingat.memory import Memory
from ingat.testing import TurnableClock, open_memory
from tests.lifecycle.dump import truth

USERS = ("ana", "ben", "628111222333@c.us", "+62 811 1222 333")
SESSIONS = ("s1", "s2", "s3")
CHANGES = ("close", "reopen", "archive", "unarchive", "reset")
WORDS = st.text(st.sampled_from('ab ß😀\n"\\{}[]:,é0'), min_size=1, max_size=12)
OBJECTS = st.dictionaries(
    WORDS,
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    max_size=3,
)
STEPS = st.one_of(
    st.tuples(st.just("save"), st.sampled_from(USERS), WORDS, OBJECTS),
    st.tuples(st.just("alias"), st.sampled_from(USERS), st.sampled_from(("x", "y")), st.just({})),
    st.tuples(st.just("create"), st.sampled_from(USERS), st.sampled_from(SESSIONS), OBJECTS),
    st.tuples(st.just("open"), st.sampled_from(USERS), st.sampled_from(("web", "mail")), st.just({})),
    st.tuples(st.just("append"), st.sampled_from(SESSIONS), WORDS, OBJECTS),
    st.tuples(st.sampled_from(CHANGES), st.sampled_from(SESSIONS), WORDS, OBJECTS),
    st.tuples(st.just("remember"), st.sampled_from(USERS), WORDS, st.just({})),
    st.tuples(st.just("subject"), st.sampled_from(USERS), WORDS, st.just({})),
    st.tuples(st.just("snapshot"), st.sampled_from(USERS), WORDS, OBJECTS),
    st.tuples(st.just("log"), st.sampled_from(SESSIONS), WORDS, OBJECTS),
    st.tuples(st.just("policy"), st.just(""), st.sampled_from(("3", "9")), st.just({})),
    st.tuples(st.just("turn"), st.just(""), WORDS, st.just({})),
    st.tuples(st.just("expire"), st.just(""), WORDS, st.just({})),
)  # fmt: skip
Step = tuple[str, str, str, dict[str, Any]]
A_LIFE: list[Step] = [
    ("save", "ana", "Ana", {"a": 1}),
    ("create", "ana", "s1", {"b": None}),
    ("append", "s1", "a b", {}),
    ("expire", "", "", {}),
    ("reopen", "s1", "", {}),
    ("append", "s1", "b a", {}),
    ("create", "ben", "s2", {}),
    ("append", "s2", "a", {}),
    ("reset", "s2", "", {}),
    ("archive", "s2", "", {}),
    ("unarchive", "s2", "", {}),
    ("subject", "ana", "a", {}),
    ("subject", "ana", "bb", {}),
]
"""What chance seldom brings together: a session that was brought back, and one that was reset and unarchived."""


def do(memory: Memory, clock: TurnableClock, step: Step) -> None:
    what, whose, text, values = step
    acts: dict[str, Callable[[], object]] = {
        "save": lambda: memory.users.save(whose, name=text, slots=values),
        "alias": lambda: memory.users.alias(whose, text),
        "create": lambda: memory.sessions.create(whose, id=text, channel="web", metadata=values),
        "open": lambda: memory.sessions.open(whose, text),
        "append": lambda: memory.sessions.append(whose, "user", text, metadata=values),
        "remember": lambda: memory.remember(whose, text),
        "subject": lambda: memory.remember(whose, text, subject="it", valid_from=clock() - 60_000 * (len(text) % 3)),
        "snapshot": lambda: memory.snapshots.save(text, state=values, user_id=whose),
        "log": lambda: memory.logs.add(text, data=values, session_id=whose),
        "policy": lambda: memory.retention.set(max_sessions=int(text)),
        "turn": lambda: clock.turn(minutes=1 + len(text)),
        "expire": lambda: (clock.turn(hours=25), memory.expire()),
    }
    try:
        acts[what]() if what in acts else getattr(memory.sessions, what)(whose)
    except IngatError:
        pass  # what the state does not allow changes nothing


def content(memory: Memory, user_id: str | None = None) -> dict[str, Any]:
    found = json.loads(exported(memory, "json", user_id))
    del found["exported_at"]
    return dict(found)


def exported(memory: Memory, form: Literal["json", "jsonl"], user_id: str | None = None) -> bytes:
    pieces = io.BytesIO()
    memory.export(pieces.write, format=form, user_id=user_id)
    return pieces.getvalue()


@contextmanager
def filled(steps: list[Step]) -> Iterator[Memory]:
    clock = TurnableClock()
    with empty(clock) as memory:
        for step in steps:
            do(memory, clock, step)
        yield memory


def empty(clock: TurnableClock | None = None) -> AbstractContextManager[Memory]:
    return open_memory(embedder="none", now=clock or TurnableClock())


@pytest.mark.parametrize("form", ["json", "jsonl"])
@settings(max_examples=25)
@given(steps=st.lists(STEPS, max_size=25))
@example(steps=A_LIFE)
def test_an_export_that_is_imported_into_nothing_is_the_same_again(
    form: Literal["json", "jsonl"], steps: list[Step]
) -> None:
    with filled(steps) as memory, empty() as other:
        report = other.import_from(io.BytesIO(exported(memory, form)))

        assert not (report.errors)
        assert not report.renamed
        assert not report.notes
        assert truth(other) == truth(memory)
        assert content(other) == content(memory)
        again = other.import_from(io.BytesIO(exported(memory, form)))
        assert not any(again.imported.values())
        assert content(other) == content(memory)


@settings(max_examples=20)
@given(steps=st.lists(STEPS, max_size=25))
def test_so_is_the_export_of_each_user(steps: list[Step]) -> None:
    with filled(steps) as memory:
        for user in memory.users.list().items:
            with empty() as other:
                assert other.import_from(io.BytesIO(exported(memory, "jsonl", user.user_id))).errors == ()
                assert content(other, user.user_id) == content(memory, user.user_id)


@settings(max_examples=25)
@given(mine=st.lists(STEPS, max_size=20), theirs=st.lists(STEPS, max_size=20))
@example(mine=A_LIFE, theirs=A_LIFE)
@example(mine=A_LIFE[:3], theirs=A_LIFE)
def test_two_stores_become_one_that_is_sound_and_lacks_nothing(mine: list[Step], theirs: list[Step]) -> None:
    with filled(mine) as memory, filled(theirs) as other:
        file = exported(other, "jsonl")
        before, given_too = content(memory), content(other)
        report = memory.import_from(io.BytesIO(file))
        after = content(memory)

        assert report.errors == ()
        assert [check for check in memory.doctor() if check.state == "bad"] == []
        for name in ("messages", "memories", "snapshots", "logs"):
            field = {"messages": "content", "memories": "text", "snapshots": "name", "logs": "message"}[name]
            texts = {row[field] for row in after[name]}
            assert texts == {row[field] for row in (*before[name], *given_too[name])}
            assert len(after[name]) == len(before[name]) + report.imported[name]
        again = memory.import_from(io.BytesIO(file))
        assert not any(again.imported.values())
        assert content(memory) == after
