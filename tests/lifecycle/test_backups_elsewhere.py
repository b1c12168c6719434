"""Encrypted copies are as good as plain ones, and copies in a second place as good as those here."""

from __future__ import annotations

import errno
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from ingat.core.errors import (
    BackupLocked,
    InvalidSettings,
    RestorePointFailed,
)
from ingat.lifecycle.copyhealth import state_of
from ingat.memory import Memory
from ingat.testing import TurnableClock
from tests.lifecycle import places
from tests.lifecycle.copied import SECRET, copies, fill, folder, opened


@pytest.fixture
def memory(tmp_path: Path, clock: TurnableClock) -> Iterator[Memory]:
    with opened(tmp_path, clock) as memory:
        yield memory


# -- encryption --------------------------------------------------------------------------------------------------------


def test_an_encrypted_copy_does_not_show_what_it_holds(tmp_path: Path, clock: TurnableClock) -> None:
    with opened(tmp_path, clock, backup_passphrase=SECRET) as memory:
        fill(memory)
        made = memory.backups.create(reason="before the move")

        assert made.encrypted
        assert memory.backups.verify(made.name).problem is None
        raw = (folder(tmp_path) / made.name).read_bytes()
        assert raw.startswith(b'{"format":"ingat-encrypted"')
        assert b"before the move" not in raw
        assert memory.backups.diff(made.name).same["message"] == 3


def test_what_was_erased_comes_back_from_an_encrypted_restore_point(tmp_path: Path, clock: TurnableClock) -> None:
    with opened(tmp_path, clock, backup_passphrase=SECRET) as memory:
        session_id = fill(memory)
        operation = memory.erase.session(session_id)
        memory.undo(operation.id)

        assert len(memory.sessions.messages(session_id)) == 3


def test_one_process_derives_one_key(tmp_path: Path, clock: TurnableClock) -> None:
    for _ in range(2):
        with opened(tmp_path, clock, backup_passphrase=SECRET) as memory:
            for number in range(3):
                memory.logs.add(f"{number}")
                memory.erase.logs()
            assert [each.problem for each in memory.backups.list().items if each.problem] == []
            assert len(memory._points._vault._keys) == 1


@pytest.mark.parametrize("passphrase", [None, "wrong"])
def test_without_its_passphrase_a_copy_is_listed_and_locked(
    tmp_path: Path, clock: TurnableClock, passphrase: str | None
) -> None:
    with opened(tmp_path, clock, backup_passphrase=SECRET) as memory:
        session_id = fill(memory)
        made = memory.backups.create()
        operation = memory.erase.session(session_id)
    with opened(tmp_path, clock, backup_passphrase=passphrase) as memory:
        seen = memory.backups.show(made.name)

        assert (seen.kind, seen.encrypted, seen.size_bytes) == ("backup", True, made.size_bytes)
        assert "passphrase" in (seen.problem or "")
        assert seen.counts == {}
        assert len(memory.backups.list().items) == 2
        assert memory.backups.verify(made.name) == seen
        with pytest.raises(BackupLocked):
            memory.undo(operation.id)
        with pytest.raises(BackupLocked):
            memory.backups.diff(made.name)
        assert memory.operations.get(operation.id).undone_at is None


def test_plain_copies_read_on_when_a_passphrase_is_set_later(tmp_path: Path, clock: TurnableClock) -> None:
    with opened(tmp_path, clock) as memory:
        fill(memory)
        made = memory.backups.create()
    with opened(tmp_path, clock, backup_passphrase=SECRET) as memory:
        assert memory.backups.verify(made.name).problem is None


def test_a_passphrase_is_told_nowhere(tmp_path: Path, clock: TurnableClock, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), opened(tmp_path, clock, backup_passphrase=SECRET) as memory:
        fill(memory)
        made = memory.backups.create()
        path = folder(tmp_path) / made.name
        path.write_bytes(path.read_bytes()[:-3])
        problem = memory.backups.verify(made.name).problem or ""
        told = problem + repr(memory._points) + repr(vars(memory._points)) + caplog.text

    assert SECRET not in told


# -- the second place --------------------------------------------------------------------------------------------------


@pytest.fixture(params=["folder", "memory"])
def far(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "far") if request.param == "folder" else f"memory://{uuid4().hex}"


def test_every_copy_is_brought_to_the_second_place(tmp_path: Path, clock: TurnableClock, far: str) -> None:
    with opened(tmp_path, clock, backup_mirror=far) as memory:
        fill(memory)
        made = memory.backups.create()
        memory.erase.logs()

        assert [each.places for each in memory.backups.list().items] == [("local", "mirror")] * 2
        assert memory.backups.verify(made.name).problem is None


def test_a_copy_that_is_only_in_the_second_place_is_used(tmp_path: Path, clock: TurnableClock, far: str) -> None:
    with opened(tmp_path, clock, backup_mirror=far) as memory:
        session_id = fill(memory)
        operation = memory.erase.session(session_id)
        name = operation.restore_point or ""
        (folder(tmp_path) / name).unlink()

        assert memory.backups.show(name).places == ("mirror",)
        assert memory.backups.verify(name).problem is None
        memory.undo(operation.id)
        assert len(memory.sessions.messages(session_id)) == 3
        assert memory.backups.show(name).places == ("local", "mirror")


def test_a_copy_that_is_damaged_here_is_taken_from_the_second_place(
    tmp_path: Path, clock: TurnableClock, far: str
) -> None:
    with opened(tmp_path, clock, backup_mirror=far) as memory:
        session_id = fill(memory)
        operation = memory.erase.session(session_id)
        path = folder(tmp_path) / (operation.restore_point or "")
        path.write_bytes(b"damaged")
        memory.undo(operation.id)

        assert len(memory.sessions.messages(session_id)) == 3


def test_damage_in_the_second_place_is_found(tmp_path: Path, clock: TurnableClock) -> None:
    with opened(tmp_path, clock, backup_mirror=str(tmp_path / "far")) as memory:
        fill(memory)
        made = memory.backups.create()
        (tmp_path / "far" / made.name).write_bytes(b"damaged")

        assert "second place" in (memory.backups.verify(made.name).problem or "")


def test_what_is_missing_in_the_second_place_is_brought_there(tmp_path: Path, clock: TurnableClock, far: str) -> None:
    with opened(tmp_path, clock) as memory:
        names = []
        for number in range(3):
            memory.logs.add(f"{number}")
            names.append(memory.erase.logs().restore_point)
    with opened(tmp_path, clock, backup_mirror=far) as memory:
        made = memory.backups.create()
        first, second = memory.backups.mirror(), memory.backups.mirror()

        assert (set(first.copied), first.there, first.failed) == (set(names), 1, ())
        assert (second.copied, second.there) == ((), 4)
        assert made.name not in first.copied


def test_a_copy_of_another_size_in_the_second_place_is_brought_anew(tmp_path: Path, clock: TurnableClock) -> None:
    with opened(tmp_path, clock, backup_mirror=str(tmp_path / "far")) as memory:
        made = memory.backups.create()
        (tmp_path / "far" / made.name).write_bytes(b"half")

        assert memory.backups.mirror().copied == (made.name,)
        assert memory.backups.verify(made.name).problem is None


def test_what_was_left_unfinished_there_goes_after_a_day(tmp_path: Path, clock: TurnableClock) -> None:
    with opened(tmp_path, clock, backup_mirror=str(tmp_path / "far")) as memory:
        made = memory.backups.create()
        left = tmp_path / "far" / f"{made.name}.{'0' * 32}.unfinished"
        left.write_bytes(b"half")

        assert memory.backups.mirror().removed == ()
        clock.turn(days=1, milliseconds=1)
        assert memory.backups.mirror().removed == (left.name,)
        assert copies(tmp_path / "far") == [made.name]


def test_without_a_second_place_there_is_nothing_to_bring(memory: Memory) -> None:
    with pytest.raises(InvalidSettings, match="backup_mirror"):
        memory.backups.mirror()


def broken(tmp_path: Path, kind: str) -> str:
    if kind == "a file":
        (tmp_path / "far").write_text("a file where the folder should be")
        return str(tmp_path / "far")
    places.register()
    return "broken://far"


@pytest.mark.parametrize("kind", ["a file", "another library"])
def test_a_second_place_that_fails_is_told_and_refuses_nothing(
    tmp_path: Path, clock: TurnableClock, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    with opened(tmp_path, clock, backup_mirror=broken(tmp_path, kind)) as memory:
        session_id = fill(memory)
        operation = memory.erase.session(session_id)
        made = memory.backups.create()

        assert made.places == ("local",)
        errors = [each for each in caplog.records if each.levelno == logging.ERROR]
        assert any("could not be brought to the second place" in each.getMessage() for each in errors)
        assert "hunter2" not in caplog.text
        report = memory.backups.mirror()
        assert report.failed
        assert "hunter2" not in report.failed[0].message
        assert state_of(memory.store, memory._points).missing is None
        memory.undo(operation.id)
        assert len(memory.sessions.messages(session_id)) == 3


def test_a_second_place_that_came_back_gets_what_it_missed(tmp_path: Path, clock: TurnableClock) -> None:
    far = tmp_path / "far"
    far.write_text("not a folder")
    with opened(tmp_path, clock, backup_mirror=str(far)) as memory:
        made = memory.backups.create()
        far.unlink()
        assert state_of(memory.store, memory._points).missing == 1
        assert memory.backups.mirror().copied == (made.name,)
        assert state_of(memory.store, memory._points) == (made.created_at, str(far), 0)


def test_what_is_deleted_is_gone_from_the_second_place_too(tmp_path: Path, clock: TurnableClock, far: str) -> None:
    with opened(tmp_path, clock, backup_mirror=far) as memory:
        made = memory.backups.create()

        assert memory._points.delete(made.name) is True
        assert memory.backups.list().items == ()


def test_a_copy_is_written_anew_in_every_place(tmp_path: Path, clock: TurnableClock, far: str) -> None:
    with opened(tmp_path, clock, backup_mirror=far, backup_passphrase=SECRET) as memory:
        fill(memory)
        fill(memory, "budi")
        made = memory.backups.create()
        manifest, lines = memory._points.read(made.name)
        kept = [line for line in lines if getattr(line[1], "user_id", None) != "budi"]
        memory._points.replace(made.name, kept, manifest)

        again = memory.backups.verify(made.name)
        assert (again.problem, again.counts["user"], again.places) == (None, 1, ("local", "mirror"))
        (folder(tmp_path) / made.name).unlink()
        assert memory.backups.verify(made.name).counts["user"] == 1


def test_a_copy_that_cannot_be_written_anew_stays_as_it_was(
    memory: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(memory)
    made = memory.backups.create()
    manifest, lines = memory._points.read(made.name)
    kept = list(lines)[:1]

    def fsync(opened: int) -> None:
        if stat.S_ISREG(os.fstat(opened).st_mode):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        with pytest.raises(RestorePointFailed):
            memory._points.replace(made.name, kept, manifest)
    assert memory.backups.verify(made.name) == made
    assert copies(folder(tmp_path)) == [made.name]


@pytest.mark.parametrize("link", [False, True], ids=["named", "linked"])
def test_a_second_place_that_is_the_first_is_refused(tmp_path: Path, clock: TurnableClock, link: bool) -> None:
    first = folder(tmp_path)
    if link:
        first.mkdir(parents=True)
        (tmp_path / "link").symlink_to(first)
    place = str(tmp_path / "link" if link else first)
    refused = pytest.raises(InvalidSettings, match="where the backups are anyway")
    with refused, opened(tmp_path, clock, backup_mirror=place):
        pass
