"""Restore: what a copy holds comes back, and nothing that came since is taken away."""

from __future__ import annotations

import io

import pytest

from ingat.core.errors import (
    BackupNotFound,
    Conflict,
    InvalidFile,
    InvalidInput,
    RestorePointFailed,
    SessionNotFound,
    StoreFull,
    UserNotFound,
)
from ingat.lifecycle.copied import RestorePoint
from ingat.memory import Memory
from ingat.store.tables import audit
from ingat.testing import TurnableClock
from tests.lifecycle.carried import exported
from tests.lifecycle.restoring import bad, bring, copied, held


def test_what_was_erased_comes_back_from_a_backup_as_it_was(full: Memory) -> None:
    name, before = full.backups.create().name, held(full)
    full.erase.user("ana", reason="a test", force=True)
    full.erase.user("ben")

    report = full.backups.restore(name)

    assert held(full) == before
    assert report.added["user"] == 2
    assert report.added["message"] == 3
    assert report.conflicts == ()
    assert not report.replaced
    assert not report.kept
    assert report.operation is not None
    assert (report.operation.kind, report.source) == ("restore", name)
    assert bad(full) == []


def test_a_second_restore_changes_nothing(full: Memory) -> None:
    raw, before = copied(full), held(full)

    report = bring(full, raw)

    assert report.operation is None
    assert not report.added
    assert report.unchanged["message"] == 3
    assert held(full) == before


def test_a_backup_makes_an_empty_store_what_the_other_was(full: Memory, other: Memory) -> None:
    report = bring(other, copied(full))

    assert held(other) == held(full)
    assert report.added["policy"] == 2
    assert bad(other) == []


def test_undoing_a_restore_takes_away_what_it_added_and_redoing_brings_it_back(full: Memory, other: Memory) -> None:
    raw, before = copied(full), held(other)
    report = bring(other, raw)
    assert report.operation is not None
    after = held(other)

    undone = other.undo(report.operation.id, force=True)

    assert held(other) == before
    assert undone.id == report.operation.id
    assert undone.notes == ()
    again = other.redo()
    assert held(other) == after
    assert again.reverts == report.operation.id
    other.undo(force=True)
    assert held(other) == before


def test_a_dry_run_says_the_same_and_keeps_nothing(full: Memory, other: Memory) -> None:
    raw, before = copied(full), held(other)

    planned = bring(other, raw, dry_run=True)

    assert held(other) == before
    assert other.operations.list().items == ()
    done = bring(other, raw)
    assert (planned.added, planned.notes) == (done.added, done.notes)
    assert planned.operation is None
    assert planned.dry_run


# -- what has changed since ----------------------------------------------------------------------------------------


def test_what_came_since_stays(full: Memory, clock: TurnableClock) -> None:
    raw = copied(full)
    clock.turn(minutes=1)
    said = full.sessions.append("letter", "user", "And one more thing")
    full.users.save("new", name="New")

    bring(full, raw, prefer="backup")

    assert said in full.sessions.messages("letter")
    assert full.users.get("new").name == "New"
    assert full.sessions.get("letter").message_count == 2
    assert bad(full) == []


@pytest.mark.parametrize("prefer", ["current", "backup"])
def test_a_profile_that_was_changed_since_is_a_conflict(full: Memory, prefer: str) -> None:
    raw, before = copied(full), held(full)
    full.users.save("ana", name="Anna", role="admin")
    changed = held(full)

    report = bring(full, raw, prefer=prefer)

    (conflict,) = report.conflicts
    assert (conflict.kind, conflict.id, conflict.kept) == ("user", "ana", prefer)
    assert "name, role" in conflict.message
    found = full.users.get("ana")
    assert (found.name, found.role) == (("Anna", "admin") if prefer == "current" else ("Ana", "godfather"))
    if report.operation is not None:
        full.undo()
    assert held(full) == changed
    assert before != changed


def test_gaps_of_a_profile_that_stays_are_filled(full: Memory) -> None:
    raw = copied(full)
    full.erase.user("ana", reason="a test", force=True)
    full.users.save("ana", product="F99")

    report = bring(full, raw)

    ana = full.users.get("ana")
    assert (ana.name, ana.product, ana.role, ana.protected) == ("Ana", "F99", "godfather", True)
    assert ana.aliases == ("628111222333",)
    assert "Filled in" in report.conflicts[0].message
    assert report.added["session"] == 1


def test_nobody_is_unprotected(full: Memory) -> None:
    raw = copied(full)
    full.users.protect("ben")
    full.users.save("ben", name="Ben", flags={"active_intent": "repair"})

    report = bring(full, raw, prefer="backup")

    assert full.users.get("ben").protected
    assert full.users.get("ben").flags["active_intent"] == "repair"
    assert any("protected" in note for note in report.notes)


def test_an_alias_that_names_somebody_else_by_now_stays_theirs(full: Memory) -> None:
    raw = copied(full)
    full.erase.user("ana", reason="a test", force=True)
    full.users.save("dora")
    full.users.alias("dora", "628111222333@c.us")

    report = bring(full, raw)

    assert full.users.get("628111222333@c.us").user_id == "dora"
    assert full.users.get("ana").aliases == ()
    assert any("628111222333" in note for note in report.notes)


def test_rows_of_a_user_who_was_merged_since_go_to_the_other(full: Memory) -> None:
    raw = copied(full)
    full.erase.session("letter")
    full.users.merge("ben", "ana")

    bring(full, raw)

    assert full.sessions.get("letter").user_id == "ana"
    assert full.sessions.messages("letter")[0].user_id == "ana"
    assert bad(full) == []


def test_a_message_whose_place_was_taken_comes_back_behind_the_others(full: Memory, clock: TurnableClock) -> None:
    raw = copied(full)
    full.erase.session("letter")
    clock.turn(minutes=1)
    full.sessions.create("ben", id="letter", channel="mail")
    full.sessions.append("letter", "user", "Something new", id="n1")

    report = bring(full, raw)

    assert [(each.seq, each.id) for each in full.sessions.messages("letter")] == [(1, "n1"), (2, "m1")]
    assert any("behind" in note for note in report.notes)
    assert full.sessions.append("letter", "user", "Next").seq == 3
    assert bad(full) == []


def test_a_session_id_that_is_somebody_elses_by_now_stays_theirs(full: Memory) -> None:
    raw = copied(full)
    full.erase.session("letter")
    full.sessions.create("ana", id="letter")

    report = bring(full, raw)

    assert full.sessions.get("letter").user_id == "ana"
    assert full.sessions.messages("letter") == []
    assert report.kept["session"] == 1
    assert report.kept["message"] == 1


def test_a_session_whose_channel_is_in_use_comes_back_closed(full: Memory, clock: TurnableClock) -> None:
    raw = copied(full)
    full.erase.session("letter")
    newer = full.sessions.open("ben", "mail")

    bring(full, raw)

    assert full.sessions.get("letter").state == "closed"
    assert full.sessions.get(newer.id).state == "active"
    full.undo()
    assert not any(each.id == "letter" for each in full.sessions.list().items)


@pytest.mark.parametrize("prefer", ["current", "backup"])
def test_a_session_that_was_changed_since_is_a_conflict(full: Memory, prefer: str) -> None:
    raw = copied(full)
    full.sessions.update("letter", name="Other")
    full.sessions.append("letter", "user", "More")
    changed = held(full)

    report = bring(full, raw, prefer=prefer)

    assert full.sessions.get("letter").name == ("Other" if prefer == "current" else None)
    assert full.sessions.get("letter").message_count == 2
    assert [each.kind for each in report.conflicts] == ["session"]
    if prefer == "backup":
        full.undo()
    assert held(full) == changed


def test_a_value_of_a_subject_takes_its_place_in_the_history(full: Memory, clock: TurnableClock) -> None:
    raw = copied(full)
    newest = full.memories.list("ana", subject="boiler").items[0]
    full.erase.memory("ana", newest.id, reason="a test", force=True)
    clock.turn(minutes=5)
    full.remember("ana", "F99", subject="boiler")
    changed = held(full)

    bring(full, raw)

    values = full.memories.list("ana", subject="boiler", history=True, sort="valid_from", descending=False).items
    assert [(each.text, each.valid_to is None) for each in values] == [("F57A", False), ("F58B", False), ("F99", True)]
    assert bad(full) == []
    full.undo(force=True)
    assert held(full) == changed


def test_a_log_entry_and_a_snapshot_come_back(full: Memory) -> None:
    raw, before = copied(full), held(full)
    full.erase.logs()
    for each in full.snapshots.list().items:
        full.erase.snapshot(each.id)

    report = bring(full, raw)

    assert report.added["log"] >= 3
    assert report.added["snapshot"] == 3
    assert held(full)[0]["snapshot"] == before[0]["snapshot"]
    assert {each["id"] for each in before[0]["log_entry"]} <= {each["id"] for each in held(full)[0]["log_entry"]}


def test_snapshots_whose_versions_were_taken_get_the_next(full: Memory) -> None:
    raw = copied(full)
    for each in full.snapshots.list(name="A").items:
        full.erase.snapshot(each.id)
    full.snapshots.save("A", state={"n": 1}, user_id="ana")
    full.snapshots.save("A", state={"n": 2}, user_id="ana")

    bring(full, raw)

    assert sorted(each.version for each in full.snapshots.list(name="A").items) == [1, 2, 3, 4]


def test_an_artifact_comes_back_with_its_file(full: Memory) -> None:
    artifact = full.artifacts.save(io.BytesIO(b"1,2,3"), name="numbers.csv", kind="dataset", user_id="ben")
    raw, before = copied(full), held(full)
    full.erase.artifact(artifact.id)

    bring(full, raw)

    pieces = io.BytesIO()
    full.artifacts.read(pieces.write, artifact.id)
    assert pieces.getvalue() == b"1,2,3"
    assert held(full) == before
    full.undo()
    assert full.artifacts.list().items == ()
    full.redo()
    full.artifacts.read(pieces.write, artifact.id)


# -- a part --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ana", "628111222333@c.us"])
def test_of_one_user_only_what_is_theirs_comes_back(full: Memory, name: str) -> None:
    raw = copied(full)
    full.erase.everything(reason="a test", force=True)

    report = bring(full, raw, users=[name])

    assert [each.user_id for each in full.users.list().items] == ["ana"]
    assert {each.id for each in full.sessions.list().items} == {"talk"}
    assert report.added == {"user": 1, "session": 1, "message": 2, "memory": 3, "snapshot": 2}


def test_of_one_session_what_was_said_comes_back_and_who_said_it(full: Memory) -> None:
    raw = copied(full)
    full.erase.everything(reason="a test", force=True)

    report = bring(full, raw, sessions=["letter"])

    assert report.added == {"user": 1, "session": 1, "message": 1}
    assert full.users.get("ben").slots == {"floor": 2}


def test_who_is_not_in_the_copy_is_named(full: Memory) -> None:
    name = full.backups.create().name
    before = held(full)

    with pytest.raises(UserNotFound, match=f"no user 'ghost' in {name}"):
        full.backups.restore(name, users=["ben", "ghost"])
    with pytest.raises(SessionNotFound, match="no session 'none'"):
        full.backups.restore(name, sessions=["none"])
    assert held(full) == before


def test_the_restore_point_of_an_erasure_can_be_restored(full: Memory) -> None:
    before = held(full)
    operation = full.erase.session("letter")

    report = full.backups.restore(operation.restore_point or "")

    assert held(full) == before
    assert report.added == {"session": 1, "message": 1}


# -- files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_an_export_is_restored(full: Memory, other: Memory, form: str) -> None:
    bring(other, exported(full, form))  # type: ignore[arg-type]

    assert held(other) == held(full)


def test_a_backup_of_klar_is_restored_whole_and_by_user(memory: Memory) -> None:
    raw = (
        b'{"628111@c.us": {"history": [{"role": "user", "content": "AC bocor"}]},'
        b' "628222@c.us": {"history": [{"role": "user", "content": "Halo"}]}}'
    )

    report = bring(memory, raw, users=["628222@c.us"])

    assert report.added["user"] == 1
    assert [each.user_id for each in memory.users.list().items] == ["628222"]
    assert bring(memory, raw).added["user"] == 1
    assert bring(memory, raw).operation is None
    assert len(memory.users.list().items) == 2


@pytest.mark.parametrize("raw", [b"", b"nonsense", b"[1]", b'{"a": 1}', b"\x1f\x8bnot gzip"], ids=repr)
def test_another_file_is_refused(full: Memory, raw: bytes) -> None:
    before = held(full)

    with pytest.raises(InvalidFile):
        bring(full, raw)
    assert held(full) == before


def test_a_file_that_was_cut_off_is_refused(full: Memory) -> None:
    raw, before = copied(full), held(full)
    full.erase.session("letter")
    changed = held(full)

    with pytest.raises(InvalidFile):
        bring(full, raw[:-60])
    assert held(full) == changed != before


def test_an_unknown_name_is_refused(full: Memory) -> None:
    with pytest.raises(BackupNotFound):
        full.backups.restore("20250101T000000000Z-" + "0" * 32 + ".jsonl.gz")


def test_an_unknown_preference_is_refused(full: Memory) -> None:
    with pytest.raises(InvalidInput, match="prefer"):
        bring(full, b"{}", prefer="newest")


# -- purged --------------------------------------------------------------------------------------------------------


def test_who_was_purged_stays_away(full: Memory) -> None:
    raw = copied(full)
    full.purge("ben", reason="they asked for it")

    report = bring(full, raw)

    assert not any(each.user_id == "ben" for each in full.users.list().items)
    assert report.purged == {"user": 1, "session": 1, "message": 1}
    assert any("purged" in note for note in report.notes)


# -- the way back --------------------------------------------------------------------------------------------------


def test_what_has_changed_since_stays_when_a_restore_is_undone(full: Memory, other: Memory) -> None:
    restored = bring(other, copied(full)).operation
    assert restored is not None
    other.sessions.append("letter", "user", "Since then")
    other.users.save("ana", name="Anna")

    undone = other.undo(restored.id, force=True)

    assert [each.content for each in other.sessions.messages("letter")] == ["Since then"]
    assert other.sessions.get("letter").message_count == 1
    assert {each.user_id for each in other.users.list().items} == {"ana", "ben"}
    assert any("session letter" in note for note in undone.notes)
    assert any("user ana" in note for note in undone.notes)
    assert bad(other) == []


def test_an_undo_cannot_be_undone_but_redone(full: Memory, other: Memory) -> None:
    bring(other, copied(full))
    other.undo(force=True)
    last = other.operations.list().items[0]

    assert last.kind == "undo"
    with pytest.raises(Conflict, match="redo"):
        other.undo(last.id)
    with pytest.raises(Conflict, match="was not undone"):
        other.redo(last.id)


# -- while others write, and when something fails ------------------------------------------------------------------


def test_what_is_written_to_meanwhile_is_compared_anew(full: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = copied(full)
    full.users.save("ben", name="Benjamin")
    verify = full._points.verify

    def then(point: RestorePoint) -> None:
        verify(point)
        if full.users.get("ben").slots == {"floor": 2}:
            full.users.save("ben", slots={"room": 7})

    monkeypatch.setattr(full._points, "verify", then)
    report = bring(full, raw, prefer="backup")

    assert full.users.get("ben").slots == {"floor": 2}
    assert "slots" in report.conflicts[0].message
    full.undo()
    assert full.users.get("ben").slots == {"floor": 2, "room": 7}


def test_without_a_restore_point_nothing_is_restored(full: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    raw = copied(full)
    full.erase.session("letter")
    before = held(full)

    def fail(point: RestorePoint) -> None:
        raise RestorePointFailed("There is no room.")

    with monkeypatch.context() as change:
        change.setattr(full._points, "verify", fail)
        with pytest.raises(RestorePointFailed):
            bring(full, raw)
    assert held(full) == before
    assert bring(full, raw).added["session"] == 1


def test_a_restore_whose_transaction_fails_leaves_nothing(full: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    artifact = full.artifacts.save(io.BytesIO(b"1,2,3"), name="numbers.csv", user_id="ben")
    raw = copied(full)
    full.erase.user("ben")
    before = held(full)

    def fail(*_: object, **__: object) -> None:
        raise StoreFull("There is no room.")

    with monkeypatch.context() as change:
        change.setattr(audit, "append", fail)
        with pytest.raises(StoreFull):
            bring(full, raw)
    assert held(full) == before
    assert not full._files.has(artifact.sha256)
    bring(full, raw)
    assert full._files.has(artifact.sha256)
