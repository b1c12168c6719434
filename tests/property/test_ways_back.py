"""Every way back leads back: what was erased and undone, or restored and undone, is as it was, and so is redoing."""

from __future__ import annotations

import io
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from ingat.core.errors import IngatError
from ingat.lifecycle.copyfolder import CopyFolder
from ingat.memory import Memory
from ingat.testing import TurnableClock, open_memory
from tests.lifecycle.dump import index, truth
from tests.property.test_transfer import A_LIFE, SESSIONS, STEPS, USERS, Step, do

LIVES = st.lists(STEPS, max_size=16)
ERASURES = st.lists(
    st.one_of(
        st.tuples(st.just("user"), st.sampled_from(USERS)),
        st.tuples(st.just("session"), st.sampled_from(SESSIONS)),
        st.tuples(st.just("messages"), st.sampled_from(SESSIONS)),
        st.tuples(st.just("memory"), st.sampled_from(USERS)),
        st.tuples(st.just("snapshot"), st.sampled_from(USERS)),
        st.tuples(st.just("logs"), st.just("")),
        st.tuples(st.just("everything"), st.just("")),
    ),
    min_size=1,
    max_size=3,
)
PREFER = st.sampled_from(["current", "backup"])


def held(memory: Memory) -> tuple[Any, Any]:
    found = truth(memory)
    del found["log_entry"], found["log_count"]
    return found, index(memory)


def entries(memory: Memory) -> list[Any]:
    return truth(memory)["log_entry"]


def erased(memory: Memory, what: str, whose: str) -> None:
    """Erase something, when it is there."""
    try:
        if what == "user":
            memory.erase.user(whose, reason="a test", force=True)
        elif what == "session":
            memory.erase.session(whose)
        elif what == "messages":
            memory.erase.messages(whose, since=0)
        elif what == "memory":
            memory.erase.memory(whose, memory.memories.list(whose, history=True).items[0].id)
        elif what == "snapshot":
            memory.erase.snapshot(memory.snapshots.list().items[0].id)
        elif what == "logs":
            memory.erase.logs()
        else:
            memory.erase.everything(reason="a test", force=True)
    except (IngatError, IndexError):
        pass  # what is not there cannot be erased


def copied(memory: Memory) -> bytes:
    name = memory.backups.create().name
    folder = memory._points._folder
    assert isinstance(folder, CopyFolder)
    return folder.file(name).read_bytes()


def lived(memory: Memory, clock: TurnableClock, steps: list[Step]) -> None:
    for step in steps:
        do(memory, clock, step)
    memory.expire()  # so that no summary is still to be written


def bad(memory: Memory) -> list[str]:
    return [check.name for check in memory.doctor() if check.state == "bad"]


@settings(max_examples=40)
@given(steps=LIVES, erasures=ERASURES)
@example(steps=A_LIFE, erasures=[("user", "ana")])
@example(steps=A_LIFE, erasures=[("everything", "")])
@example(steps=A_LIFE, erasures=[("messages", "s1"), ("session", "s1"), ("user", "ana")])
def test_undoing_step_by_step_gives_back_what_there_was_and_redoing_takes_it_away(
    steps: list[Step], erasures: list[tuple[str, str]]
) -> None:
    clock = TurnableClock()
    with open_memory(embedder="none", now=clock) as memory:
        lived(memory, clock, steps)
        states = [held(memory)]
        for what, whose in erasures:
            number = len(memory.operations.list().items)
            erased(memory, what, whose)
            if len(memory.operations.list().items) > number:
                states.append(held(memory))
            clock.turn(minutes=1)

        for state in states[-2::-1]:
            memory.undo()
            assert held(memory) == state
        for state in states[1:]:
            memory.redo()
            assert held(memory) == state
        for state in states[-2::-1]:
            memory.undo()
            assert held(memory) == state
        assert bad(memory) == []


@settings(max_examples=40)
@given(steps=LIVES, later=LIVES, erasures=ERASURES, prefer=PREFER)
@example(steps=A_LIFE, later=A_LIFE, erasures=[("user", "ana")], prefer="backup")
@example(steps=A_LIFE, later=[], erasures=[("everything", "")], prefer="current")
def test_undoing_a_restore_gives_back_what_there_was_before_it(
    steps: list[Step], later: list[Step], erasures: list[tuple[str, str]], prefer: Any
) -> None:
    clock = TurnableClock()
    with open_memory(embedder="none", now=clock) as memory:
        lived(memory, clock, steps)
        raw = copied(memory)
        for what, whose in erasures:
            erased(memory, what, whose)
        lived(memory, clock, later)
        before, logs = held(memory), {each["id"] for each in entries(memory)}

        report = memory.restore(io.BytesIO(raw), prefer=prefer)

        after = held(memory)
        assert bad(memory) == []
        assert (report.operation is None) == (after == before and logs == {each["id"] for each in entries(memory)})
        again = memory.restore(io.BytesIO(raw), prefer=prefer)
        assert again.operation is None
        assert not again.added
        if report.operation is None:
            return
        clock.turn(minutes=1)
        undone = memory.undo()
        assert undone.id == report.operation.id
        assert undone.notes == ()
        assert held(memory) == before
        assert {each["id"] for each in entries(memory)} == logs
        memory.redo()
        assert held(memory) == after
        memory.undo()
        assert held(memory) == before
        assert bad(memory) == []


@settings(max_examples=20)
@given(steps=LIVES, erasures=ERASURES)
@example(steps=A_LIFE, erasures=[("everything", "")])
def test_a_backup_brings_back_whatever_was_erased_since(steps: list[Step], erasures: list[tuple[str, str]]) -> None:
    clock = TurnableClock()
    with open_memory(embedder="none", now=clock) as memory:
        lived(memory, clock, steps)
        name, before = memory.backups.create().name, truth(memory)
        for what, whose in erasures:
            erased(memory, what, whose)

        report = memory.backups.restore(name)

        assert not report.kept
        found = truth(memory)
        known = {each["id"] for each in before["log_entry"]}
        assert [each for each in found["log_entry"] if each["id"] in known] == before["log_entry"]
        for table in ("log_entry", "log_count"):
            del before[table], found[table]
        assert found == before
        assert bad(memory) == []
