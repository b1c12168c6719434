"""Erasing an artifact takes row and file away together, and undoing it brings both back."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from ingat.core.artifacts import Artifact
from ingat.core.errors import (
    ArtifactNotFound,
    Conflict,
    InvalidInput,
    ProtectedUser,
    RestorePointFailed,
    StoreUnavailable,
)
from ingat.lifecycle.lines import FilePiece
from ingat.lifecycle.restorepoints import RestorePoints
from ingat.memory import Memory
from ingat.store import files, locks

LARGE = bytes(range(256)) * 3_000


def save(memory: Memory, data: bytes = LARGE, **given: Any) -> Artifact:
    return memory.artifacts.save(BytesIO(data), **{"name": "model.bin", "user_id": "ana", **given})


def content(memory: Memory, artifact_id: str) -> bytes:
    pieces: list[bytes] = []
    memory.artifacts.read(pieces.append, artifact_id)
    return b"".join(pieces)


def path_of(memory: Memory, artifact: Artifact) -> Path:
    return memory._files.path(artifact.sha256)


def test_row_and_file_go_and_come_back(memory: Memory) -> None:
    saved = save(memory, kind="model", metrics={"auc": 0.9})
    operation = memory.erase.artifact(saved.id, reason="wrong data")

    assert operation.counts == {"artifact": 1, "file": 3}
    assert not path_of(memory, saved).exists()
    with pytest.raises(ArtifactNotFound):
        memory.artifacts.get(saved.id)

    memory.undo(operation.id)

    assert memory.artifacts.get(saved.id) == saved
    assert content(memory, saved.id) == LARGE


def test_the_restore_point_holds_the_bytes(memory: Memory) -> None:
    operation = memory.erase.artifact(save(memory).id)
    _, lines = memory._points.read(operation.restore_point or "")

    assert b"".join(row.data for _, row in lines if isinstance(row, FilePiece)) == LARGE


def test_a_file_that_another_artifact_has_stays(memory: Memory) -> None:
    mine, theirs = save(memory), save(memory, user_id="ben")
    first = memory.erase.artifact(mine.id)
    assert content(memory, theirs.id) == LARGE

    memory.erase.artifact(theirs.id)
    assert not path_of(memory, theirs).exists()

    memory.undo(first.id)
    assert content(memory, mine.id) == LARGE


def test_a_dry_run_counts_and_keeps_all(memory: Memory) -> None:
    saved = save(memory)
    plan = memory.erase.artifact(saved.id, dry_run=True)

    assert (plan.id, plan.counts) == ("", {"artifact": 1, "file": 3})
    assert content(memory, saved.id) == LARGE


def test_an_artifact_of_another_user_is_not_there(memory: Memory) -> None:
    saved = save(memory)
    memory.users.save("ben")

    for user_id in ("ben", "stranger"):
        with pytest.raises(ArtifactNotFound):
            memory.erase.artifact(saved.id, user_id=user_id)
    assert content(memory, saved.id) == LARGE


def test_that_of_a_protected_user_needs_force_and_a_reason(memory: Memory) -> None:
    saved = save(memory)
    memory.users.protect("ana")

    with pytest.raises(ProtectedUser, match="Artifact"):
        memory.erase.artifact(saved.id, reason="asked for")
    with pytest.raises(InvalidInput):
        memory.erase.artifact(saved.id, force=True)
    assert content(memory, saved.id) == LARGE
    assert memory.erase.artifact(saved.id, force=True, reason="asked for").counts["artifact"] == 1


def test_one_whose_file_is_damaged_can_be_erased(memory: Memory) -> None:
    saved = save(memory)
    path_of(memory, saved).write_bytes(b"x")

    assert memory.erase.artifact(saved.id).counts == {"artifact": 1}
    assert not path_of(memory, saved).exists()


def test_without_a_restore_point_nothing_goes(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = save(memory)

    def failing(*arguments: Any, **options: Any) -> None:
        raise RestorePointFailed("No restore point could be made.")

    monkeypatch.setattr(RestorePoints, "verify", failing)
    with pytest.raises(RestorePointFailed):
        memory.erase.artifact(saved.id)

    assert content(memory, saved.id) == LARGE


def test_one_that_a_merge_moves_meanwhile_goes_as_the_other_users(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = save(memory)
    memory.users.save("ben")
    verify = RestorePoints.verify

    def merged_first(points: RestorePoints, *arguments: Any, **options: Any) -> None:
        if memory.artifacts.get(saved.id).user_id == "ana":
            memory.users.merge("ana", "ben")
        verify(points, *arguments, **options)

    monkeypatch.setattr(RestorePoints, "verify", merged_first)
    operation = memory.erase.artifact(saved.id)
    memory.undo(operation.id)

    assert memory.artifacts.get(saved.id).user_id == "ben"


def test_a_second_undo_changes_nothing(memory: Memory) -> None:
    saved = save(memory)
    operation = memory.erase.artifact(saved.id)
    memory.undo(operation.id)

    with pytest.raises(Conflict):
        memory.undo(operation.id)
    assert content(memory, saved.id) == LARGE


def test_a_user_takes_their_artifacts_along_and_brings_them_back(memory: Memory) -> None:
    saved, empty, theirs = save(memory), save(memory, b"", name="empty"), save(memory, user_id="ben")
    operation = memory.erase.user("ana", reason="asked for")

    assert not path_of(memory, empty).exists()
    assert content(memory, theirs.id) == LARGE
    with pytest.raises(ArtifactNotFound):
        memory.artifacts.get(saved.id)

    memory.undo(operation.id)
    assert (content(memory, saved.id), content(memory, empty.id)) == (LARGE, b"")


def test_a_session_leaves_its_artifacts_to_its_user(memory: Memory) -> None:
    session = memory.sessions.create()
    saved = save(memory, user_id=None, session_id=session.id)
    memory.erase.session(session.id)

    assert memory.artifacts.get(saved.id).user_id == f"anonymous:{session.id}"
    assert content(memory, saved.id) == LARGE


def test_a_retention_pass_removes_files_that_no_artifact_has(memory: Memory) -> None:
    saved = save(memory)
    orphan = memory._files.path("0" * 64)
    orphan.parent.mkdir(parents=True, exist_ok=True)
    orphan.write_bytes(b"left by a crash")

    assert memory.retain(dry_run=True).notes == ()
    assert memory.retain().notes == ("1 file that no artifact has was removed.",)
    assert not orphan.exists()
    assert content(memory, saved.id) == LARGE


def test_the_doctor_counts_files_that_are_gone_or_cut(memory: Memory) -> None:
    def found() -> str:
        return next(each.value for each in memory.doctor() if each.name == "files of artifacts missing")

    first, second = save(memory), save(memory, b"other")
    assert found() == "0 files"

    path_of(memory, first).unlink()
    path_of(memory, second).write_bytes(b"o")
    assert found() == "2 files"


def test_artifacts_are_counted(memory: Memory) -> None:
    save(memory)

    assert memory.stats().artifacts.total == 1


@pytest.mark.parametrize("what", ["artifact", "user"])
def test_a_file_that_cannot_be_read_now_is_not_taken_for_lost(
    memory: Memory, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    saved = save(memory)

    def refusing(path: Path, mode: str) -> None:
        raise OSError(errno.EMFILE, "Too many open files", str(path))

    with monkeypatch.context() as patched:
        patched.setattr(files, "open", refusing, raising=False)
        with pytest.raises(StoreUnavailable, match="Too many open files"):
            _ = memory.erase.artifact(saved.id) if what == "artifact" else memory.erase.user(saved.user_id or "")

    assert content(memory, saved.id) == LARGE
    assert memory.backups.list().items == ()


def test_an_undo_says_that_a_file_was_damaged_before(memory: Memory) -> None:
    saved = save(memory)
    path_of(memory, saved).write_bytes(b"x")
    operation = memory.erase.artifact(saved.id)

    (note,) = memory.undo(operation.id).notes

    assert note == "The copy lacks files of artifacts, which come back without them: 1."
    assert memory.artifacts.get(saved.id) == saved


@pytest.mark.parametrize("what", ["artifact", "user", "everything"])
def test_nobody_removes_a_file_while_it_is_copied(memory: Memory, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """Another erasure and its undo in between had left a restore point without the file."""
    saved = save(memory)
    real, kept = RestorePoints.write, list[bool]()

    def looking(points: RestorePoints, *given: Any, **more: Any) -> Any:
        with locks.alone(path_of(memory, saved).parents[2] / "lock", 1) as ours:
            kept.append(not ours)
        return real(points, *given, **more)

    monkeypatch.setattr(RestorePoints, "write", looking)
    acts: dict[str, Callable[[], Any]] = {
        "artifact": lambda: memory.erase.artifact(saved.id),
        "user": lambda: memory.erase.user("ana"),
        "everything": lambda: memory.erase.everything(reason="a test"),
    }
    acts[what]()

    assert kept == [True]


def test_everything_is_not_begun_without_room_for_all_of_it(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = save(memory, LARGE * 5)
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=3 << 20))

    with pytest.raises(RestorePointFailed, match=r"about \d MiB are needed, and 3 MiB are free"):
        memory.erase.everything(reason="a test")
    assert content(memory, saved.id) == LARGE * 5
