"""Whatever is done in whatever order: everything destructive can be undone, and a purged person is nowhere."""

from __future__ import annotations

import gzip
import io
import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from ingat.core.errors import IngatError
from ingat.memory import Memory
from ingat.testing import TurnableClock
from tests.engine import contents, is_postgres, store_once
from tests.lifecycle.dump import index, truth

PEOPLE = Bundle("people")
SESSIONS = Bundle("sessions")
REASON = "a test"
ABSENT = (
    "user_not_found",
    "session_not_found",
    "message_not_found",
    "memory_not_found",
    "snapshot_not_found",
    "artifact_not_found",
)
"""What is said of something that is erased at the moment."""


class Said(NamedTuple):
    """Something that was acknowledged: a message, memory, snapshot, artifact or log entry."""

    kind: str
    user_id: str
    id: str
    text: str


class WayBack(RuleBasedStateMachine):
    """A store, and beside it what must be in it."""

    @initialize(target=PEOPLE)
    def open(self) -> object:
        self.folder = Path(tempfile.mkdtemp())
        self.clock = TurnableClock()
        self.lent = ExitStack()
        store = self.lent.enter_context(store_once(self.folder / "ingat.db"))
        self.memory: Memory = Memory(**store, now=self.clock, embedder=None)
        # what is undone in the end must not have become too old meanwhile
        self.memory.retention.set(backup_retention_days=3_650, compress_after_days=1, max_log_entries=5)
        self.said: dict[tuple[str, str], Said] = {}
        self.merged: dict[str, str] = {}
        self.purged: list[str] = []
        self.backups: list[str] = []
        self.people: list[str] = []
        self.number = 0
        return multiple(self.come({}), self.come({"sop_pending": True}))

    def teardown(self) -> None:
        if not hasattr(self, "memory"):
            return
        try:
            self.undo_all()
            self.nothing_is_missing()
            self.purged_are_nowhere()
            self.memory.close()
            self.purged_are_in_no_file()
        finally:
            self.memory.close()
            self.lent.close()
            shutil.rmtree(self.folder)

    # -- what people do ------------------------------------------------------------------------------------------------

    @rule(target=PEOPLE, flags=st.sampled_from([{}, {"sop_pending": True}]))
    def come(self, flags: dict[str, bool]) -> str:
        self.number += 1
        user_id = f"62811100{self.number:04}"
        self.memory.users.save(user_id, name=f"name{self.mark(user_id)}", flags=flags)
        self.memory.users.alias(user_id, f"{user_id}@mail.example")
        self.people.append(user_id)
        return user_id

    @rule(target=SESSIONS, person=PEOPLE)
    def talk(self, person: str) -> object:
        if not self.is_one(person):
            return multiple()
        self.clock.turn(minutes=1)
        session = self.memory.sessions.open(person, channel=f"web{self.number % 2}")
        self.say(session.id)
        return session.id

    @rule(session=SESSIONS)
    def say_more(self, session: str) -> None:
        self.say(session)

    @rule(person=PEOPLE, subject=st.sampled_from([None, "visit"]))
    def remember(self, person: str, subject: str | None) -> None:
        if not self.is_one(person):
            return
        self.clock.turn(minutes=1)
        self.number += 1
        text = f"fact{self.number} {self.mark(person)}"
        self.keep("memory", person, self.memory.remember(person, text, subject=subject).id, text)

    @rule(person=PEOPLE)
    def snapshot(self, person: str) -> None:
        if not self.is_one(person):
            return
        text = self.mark(person)
        self.keep("snapshot", person, self.memory.snapshots.save("state", state={"x": text}, user_id=person).id, text)

    @rule(person=PEOPLE, shared=st.booleans())
    def attach(self, person: str, shared: bool) -> None:
        if not self.is_one(person):
            return
        text = "everybody's" if shared else self.mark(person)
        saved = self.memory.artifacts.save(io.BytesIO(text.encode()), name="a.txt", user_id=person)
        self.keep("artifact", person, saved.id, text)

    @rule(person=PEOPLE)
    def log(self, person: str) -> None:
        if self.is_one(person):
            text = f"about {self.mark(person)}"
            self.keep("log", person, self.memory.logs.add(text, user_id=person).id, text)

    @rule(one=PEOPLE, other=PEOPLE)
    def merge(self, one: str, other: str) -> None:
        old, new = self.owner(one), self.owner(other)
        if old == new or {old, new} & set(self.purged):
            return
        try:
            self.memory.users.merge(old, new)
        except IngatError:
            return  # one of them is erased at the moment
        self.merged[old] = new
        self.said |= {key: each._replace(user_id=new) for key, each in self.said.items() if each.user_id == old}

    # -- what time does ------------------------------------------------------------------------------------------------

    @rule(hours=st.sampled_from([1, 30, 24 * 40]))
    def wait(self, hours: int) -> None:
        self.clock.turn(hours=hours)

    @rule()
    def expire(self) -> None:
        self.memory.expire()

    @rule()
    def retain(self) -> None:
        report = self.memory.retain()
        assert not report.failed

    @rule()
    def backup(self) -> None:
        self.backups.append(self.memory.backups.create(reason=REASON).name)

    # -- what operators do ---------------------------------------------------------------------------------------------

    @rule(person=PEOPLE)
    def erase_user(self, person: str) -> None:
        self.destroy(lambda: self.memory.erase.user(person, reason=REASON, force=True).id)

    @rule(session=SESSIONS)
    def erase_session(self, session: str) -> None:
        self.destroy(lambda: self.memory.erase.session(session, reason=REASON, force=True).id)

    @rule(number=st.integers(0, 50))
    def erase_message(self, number: int) -> None:
        one = self.chosen("message", number)
        if one is None:
            return
        try:
            session = self.memory.sessions.message(one.user_id, one.id).session_id
        except IngatError:
            return  # erased at the moment
        self.destroy(lambda: self.memory.erase.messages(session, message_ids=[one.id], reason=REASON, force=True).id)

    @rule(number=st.integers(0, 50))
    def erase_memory(self, number: int) -> None:
        one = self.chosen("memory", number)
        if one is not None:
            self.destroy(lambda: self.memory.erase.memory(one.user_id, one.id, reason=REASON, force=True).id)

    @rule(number=st.integers(0, 50))
    def erase_snapshot(self, number: int) -> None:
        one = self.chosen("snapshot", number)
        if one is not None:
            self.destroy(lambda: self.memory.erase.snapshot(one.id, reason=REASON).id)

    @rule(number=st.integers(0, 50))
    def erase_artifact(self, number: int) -> None:
        one = self.chosen("artifact", number)
        if one is not None:
            self.destroy(lambda: self.memory.erase.artifact(one.id, reason=REASON, force=True).id)

    @rule()
    def erase_logs(self) -> None:
        self.destroy(lambda: self.memory.erase.logs(reason=REASON).id)

    @rule()
    def erase_everything(self) -> None:
        self.destroy(lambda: self.memory.erase.everything(reason=REASON, force=True).id)

    @rule(number=st.integers(0, 50), prefer=st.sampled_from(["current", "backup"]))
    def restore(self, number: int, prefer: str) -> None:
        if not self.backups:
            return
        name = self.backups[number % len(self.backups)]

        def act() -> str:
            report = self.memory.backups.restore(name, prefer="backup" if prefer == "backup" else "current")
            return report.operation.id if report.operation else ""

        self.destroy(act)

    @rule()
    def undo(self) -> None:
        try:
            self.memory.undo(force=True)
        except IngatError as error:
            expect(error, "operation_not_found")

    @rule()
    def redo(self) -> None:
        try:
            self.memory.redo(force=True)
        except IngatError as error:
            # what was erased may have been erased otherwise since
            expect(error, "operation_not_found", "conflict", *ABSENT)

    @rule(person=consumes(PEOPLE))
    def purge(self, person: str) -> None:
        owner = self.owner(person)
        if owner in self.purged:
            return
        certificate = self.memory.purge(person if self.is_known(person) else owner, reason=REASON, force=True)
        assert certificate.complete, certificate
        # a restore of what was before a merge makes two of them again
        old = [each for each in self.merged if self.owner(each) == owner and not self.is_somebody(each)]
        self.purged += [owner, *old]
        self.said = {key: each for key, each in self.said.items() if each.user_id != owner}

    # -- what must hold ------------------------------------------------------------------------------------------------

    @invariant()
    def the_trail_is_whole(self) -> None:
        if hasattr(self, "memory"):
            check = self.memory.audit.verify()
            assert check.whole, check.problems

    @invariant()
    def purged_are_nowhere(self) -> None:
        if not getattr(self, "purged", None):
            return
        self.purged_are_in_no_file()
        if is_postgres():
            rows = repr(self.memory.store.read(contents))
            assert not [each for each in self.purged if each in rows]

    def purged_are_in_no_file(self) -> None:
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        found = [(path.name, each) for path in files for each in self.traces(path)]
        assert not found, found

    def nothing_is_missing(self) -> None:
        entries = {each["id"]: each["message"] for each in truth(self.memory)["log_entry"]}
        look: dict[str, Callable[[Said], object]] = {
            "message": lambda each: self.memory.sessions.message(each.user_id, each.id).content,
            "memory": lambda each: self.memory.memories.get(each.user_id, each.id).text,
            "snapshot": lambda each: self.memory.snapshots.get(each.id).state["x"],
            "artifact": lambda each: self.bytes_of(each.id).decode(),
            "log": lambda each: entries.get(each.id),
        }
        for each in self.said.values():
            assert look[each.kind](each) == each.text
        for person in self.people:
            if self.owner(person) not in self.purged:
                assert self.memory.users.get(f"{person}@mail.example").user_id == self.owner(person)
        assert [check for check in self.memory.doctor() if check.state == "bad"] == []

    # -- how -----------------------------------------------------------------------------------------------------------

    def destroy(self, act: Callable[[], str]) -> None:
        """Do something destructive, undo it, see that all is as it was, and do it again."""
        self.memory.expire()  # so that no summary is still to be written
        before = self.everything()
        try:
            operation_id = act()
        except IngatError as error:
            gone = ("backup_not_found",) if self.purged else ()  # a copy that held nobody else
            expect(error, *ABSENT, *gone)
            return
        after = self.everything()
        if not operation_id:
            same(before, after)
            return
        undone = self.memory.undo(operation_id, force=True)
        same(before, self.everything(), *undone.notes)
        self.memory.redo(operation_id, force=True)
        same(after, self.everything())

    def everything(self) -> set[str]:
        """Return each row of truth and of the index; without the alarm that too many people are erased."""
        rows = {
            f"{table} {row}" for table, some in truth(self.memory).items() for row in some if not is_alarm(table, row)
        }
        return rows | {f"index {row}" for row in index(self.memory)}

    def undo_all(self) -> None:
        while True:
            try:
                self.memory.undo(force=True)
            except IngatError as error:
                expect(error, "operation_not_found")
                break
        cursor: str | None = None
        while True:
            page = self.memory.operations.list(50, cursor)
            for operation in page.items:
                if operation.kind == "retain" and operation.undone_at is None and operation.restore_point:
                    self.memory.undo(operation.id, force=True)
            cursor = page.next
            if cursor is None:
                return

    def owner(self, person: str) -> str:
        while person in self.merged:
            person = self.merged[person]
        return person

    def bytes_of(self, artifact_id: str) -> bytes:
        found = bytearray()
        self.memory.artifacts.read(found.extend, artifact_id)
        return bytes(found)

    def keep(self, kind: str, person: str, row_id: str, text: str) -> None:
        self.said[kind, row_id] = Said(kind, self.owner(person), row_id, text)

    def chosen(self, kind: str, number: int) -> Said | None:
        some = [each for each in self.said.values() if each.kind == kind]
        return some[number % len(some)] if some else None

    def is_one(self, person: str) -> bool:
        """Whether what somebody does now is theirs: an id that was merged into a user who is erased is nobody's."""
        if self.owner(person) in self.purged:
            return False
        return person not in self.merged or self.is_known(person)

    def is_known(self, person: str) -> bool:
        try:
            return self.memory.users.get(person).user_id == self.owner(person)
        except IngatError:
            return False

    def is_somebody(self, person: str) -> bool:
        try:
            return self.memory.users.get(person).user_id == person
        except IngatError:
            return False

    def mark(self, person: str) -> str:
        return f"mark{person}kram"

    def say(self, session_id: str) -> None:
        self.number += 1
        try:
            session = self.memory.sessions.get(session_id)
            text = f"word{self.number} {self.mark(session.user_id)}"
            message = self.memory.sessions.append(session_id, "user", text)
        except IngatError as error:
            expect(error, "session_not_found", "session_closed", "session_archived")
            return
        self.keep("message", session.user_id, message.id, text)

    def traces(self, path: Path) -> list[str]:
        raw = unpacked(path)
        return [each for each in self.purged if each.encode() in raw]


def expect(error: IngatError, *codes: str) -> None:
    assert error.code in codes, error


def is_alarm(table: str, row: dict[str, Any]) -> bool:
    return table == "log_count" or (table == "log_entry" and row["source"] == "alert")


def same(before: set[str], after: set[str], *notes: str) -> None:
    found = [f"- {row}" for row in sorted(before - after)] + [f"+ {row}" for row in sorted(after - before)]
    assert not found, "\n".join([*found, *notes])


def unpacked(path: Path) -> bytes:
    """Return a file's bytes, and what they are when they are packed."""
    raw = path.read_bytes()
    return raw + gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw


def run(examples: int, steps: int, *phases: Phase) -> None:
    run_state_machine_as_test(
        WayBack,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            phases=phases,
            deadline=None,
            derandomize=True,
            print_blob=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_whatever_is_done_everything_can_be_undone_and_the_purged_are_nowhere() -> None:
    run(30 if is_postgres() else 120, 40, Phase.explicit, Phase.generate)


@pytest.mark.slow
def test_whatever_is_done_and_for_long_everything_can_be_undone() -> None:
    run(80 if is_postgres() else 400, 60, Phase.explicit, Phase.generate)
