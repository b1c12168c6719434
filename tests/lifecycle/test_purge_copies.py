"""Purge goes through backups and restore points, the second place, and the files of the data directory."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ingat.core.backups import Certificate
from ingat.core.errors import BackupLocked, Conflict, RestorePointMissing
from ingat.lifecycle.restorepoints import RestorePoint
from ingat.memory import Memory
from ingat.store.tables import purging
from ingat.testing import TurnableClock, open_memory
from tests.engine import same_store, store_at, store_url
from tests.lifecycle.forgotten import ALIAS, PERSON, WORD, WORDS, codes, live, others, points
from tests.lifecycle.traces import files_with

PHRASE = "correct horse battery staple"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "store"
    made.mkdir()
    return made


@pytest.fixture
def memory(folder: Path, clock: TurnableClock) -> Iterator[Memory]:
    with open_memory(**store_at(folder / "store.db"), now=clock) as opened:
        yield opened


def test_a_restore_point_that_holds_nobody_else_is_deleted_and_cannot_be_undone(
    memory: Memory, clock: TurnableClock, folder: Path
) -> None:
    memory.sessions.create(PERSON, id="a-session-of-theirs")
    memory.sessions.append("a-session-of-theirs", "user", WORD)
    operation = memory.erase.session("a-session-of-theirs")

    memory.purge(PERSON, reason="asked")

    assert points(folder) == []
    assert memory.operations.get(operation.id).restore_point is None
    with pytest.raises((RestorePointMissing, Conflict)):
        memory.undo(operation.id)


def test_a_person_who_is_only_in_restore_points_can_be_purged(
    memory: Memory, clock: TurnableClock, folder: Path
) -> None:
    memory.users.save(PERSON, name=WORD)
    memory.users.alias(PERSON, ALIAS)
    memory.remember(PERSON, WORD)
    memory.erase.user(PERSON)
    clock.turn(days=1)
    assert files_with(folder, WORD)

    certificate = memory.purge(ALIAS, reason="asked")

    assert certificate.complete
    assert files_with(folder, *WORDS) == {}


def test_the_second_place_is_cleaned_too(folder: Path, tmp_path: Path, clock: TurnableClock) -> None:
    second = tmp_path / "second"
    with open_memory(**store_at(folder / "store.db"), now=clock, backup_mirror=str(second)) as memory:
        others(memory)
        live(memory, clock)
        assert files_with(second, WORD)
        assert memory.purge(PERSON, reason="asked").complete
    assert files_with(second, *WORDS) == {}
    assert files_with(second, "the boiler")


def test_a_second_place_that_fails_is_told_and_made_up_for(
    folder: Path, tmp_path: Path, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = tmp_path / "second"

    def fail(*_: object) -> None:
        raise OSError("gone")

    with open_memory(**store_at(folder / "store.db"), now=clock, backup_mirror=str(second)) as memory:
        others(memory)
        live(memory, clock)
        with monkeypatch.context() as patch:
            for method in ("put", "delete", "names"):
                patch.setattr(memory._points.mirror, method, fail)
            certificate = memory.purge(PERSON, reason="asked")
        assert not certificate.complete
        assert {"mirror", "due"} <= set(codes(certificate))
        assert files_with(second, WORD)
        assert [check.name for check in memory.doctor() if check.state == "warn" and "purges" in check.name]

        again = memory.purge(PERSON, reason="asked")

        assert (again.complete, again.purge_id) == (True, certificate.purge_id)
    assert files_with(second, *WORDS) == {}


def test_encrypted_copies_are_rewritten_and_locked_ones_refuse_the_purge(folder: Path, clock: TurnableClock) -> None:
    url = store_url(folder / "store.db")
    with open_memory(**same_store(url), now=clock, backup_passphrase=PHRASE) as memory:
        others(memory)
        live(memory, clock)
    with open_memory(**same_store(url), now=clock) as memory:
        with pytest.raises(BackupLocked, match="passphrase"):
            memory.purge(PERSON, reason="asked")
        assert memory.users.get(PERSON).user_id == PERSON
    with open_memory(**same_store(url), now=clock, backup_passphrase=PHRASE) as memory:
        assert memory.purge(PERSON, reason="asked").complete
        for copy in memory.backups.list().items:
            _, lines = memory._points.read(copy.name)
            assert not any(word in str(record) for _, record in lines for word in WORDS)


def test_locked_copies_are_passed_over_with_force_and_told(folder: Path, clock: TurnableClock) -> None:
    url = store_url(folder / "store.db")
    with open_memory(**same_store(url), now=clock, backup_passphrase=PHRASE) as memory:
        memory.users.save(PERSON)
        copy = memory.backups.create()
    with open_memory(**same_store(url), now=clock) as memory:
        certificate = memory.purge(PERSON, reason="asked", force=True)
        assert not certificate.complete
        (locked,) = (each for each in certificate.remains if each.code == "locked")
        assert locked.names == (copy.name,)


def test_a_copy_that_cannot_be_read_is_told(memory: Memory, folder: Path) -> None:
    memory.users.save(PERSON)
    copy = memory.backups.create()
    path = folder / "store.db.data" / "restore-points" / copy.name
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 3] ^= 255
    path.write_bytes(raw)

    certificate = memory.purge(PERSON, reason="asked")

    assert (certificate.complete, codes(certificate)[0]) == (False, "damaged")
    path.unlink()
    assert memory.purge(PERSON, reason="asked").complete


def test_other_files_of_the_data_directory_that_name_the_person_are_told(memory: Memory, folder: Path) -> None:
    memory.users.save(PERSON)
    memory.backups.create()
    note = folder / "store.db.data" / "note.txt"
    note.write_text(f"about {PERSON}")

    certificate = memory.purge(PERSON, reason="asked")

    (told,) = (each for each in certificate.remains if each.code == "other_files")
    assert (told.names, certificate.complete) == (("note.txt",), False)


def test_what_another_process_left_unfinished_is_removed(memory: Memory, folder: Path) -> None:
    memory.users.save(PERSON)
    copy = memory.backups.create()
    left = folder / "store.db.data" / "restore-points" / f"{copy.name}.0123456789abcdef0123456789abcdef.unfinished"
    left.write_bytes(b"half of it")
    assert memory.purge(PERSON, reason="asked").complete
    assert not left.exists()


def test_a_file_that_somebody_else_has_too_stays(memory: Memory) -> None:
    memory.users.save(PERSON)
    memory.artifacts.save(io.BytesIO(b"the same"), name="a", user_id=PERSON)
    theirs = memory.artifacts.save(io.BytesIO(b"the same"), name="b", user_id="ben")

    assert memory.purge(PERSON, reason="asked").complete

    got: list[bytes] = []
    memory.artifacts.read(got.append, theirs.id)
    assert b"".join(got) == b"the same"


def test_copies_that_were_kept_elsewhere_bring_nobody_back(
    memory: Memory, clock: TurnableClock, folder: Path, tmp_path: Path
) -> None:
    others(memory)
    live(memory, clock)
    own = folder / "store.db.data" / "restore-points"
    kept = shutil.copytree(own, tmp_path / "kept")
    memory.purge(PERSON, reason="asked")

    reports = []
    for path in sorted(kept.glob("*.gz")):
        with path.open("rb") as file:
            reports.append(memory.restore(file, reason="by mistake"))
    assert files_with(folder, *WORDS) == {}
    assert sum(report.purged.get("message", 0) for report in reports) == 124

    for path in kept.glob("*.gz"):
        shutil.copy(path, own)
    for operation in memory.operations.list().items:
        with suppress(Conflict, RestorePointMissing):
            memory.undo(operation.id)
    assert [user.user_id for user in memory.users.list().items] == ["ben"]
    assert memory.purge(PERSON, reason="asked again").complete
    assert files_with(folder, *WORDS) == {}


@pytest.mark.sqlite_only("moves the store's file")
def test_copies_of_a_store_that_was_begun_anew_in_the_same_place_are_told(folder: Path, clock: TurnableClock) -> None:
    url = store_url(folder / "store.db")
    with open_memory(**same_store(url), now=clock) as memory:
        live(memory, clock)
        others(memory)
        backup = memory.backups.create().name
    for file in folder.glob("store.db*"):
        if file.is_file():
            file.rename(folder / f"damaged-{file.name}")
    with open_memory(**same_store(url), now=clock) as memory:
        with (folder / "store.db.data" / "restore-points" / backup).open("rb") as source:
            memory.restore(source)

        certificate = memory.purge(PERSON, reason="asked")

        told = next(each for each in certificate.remains if each.code == "other_stores")
        assert backup in told.names
        assert not certificate.complete
        for name in told.names:
            (folder / "store.db.data" / "restore-points" / name).unlink()
        assert memory.purge(PERSON, reason="asked").complete
    assert files_with(folder / "store.db.data", *WORDS) == {}


def test_copies_of_another_store_without_the_person_are_nobodys_business(
    folder: Path, tmp_path: Path, clock: TurnableClock
) -> None:
    shared = str(tmp_path / "shared")
    with open_memory(url=store_url(folder / "other.db"), now=clock, data=shared) as other:
        others(other)
        other.backups.create()
    before = {path.name: path.read_bytes() for path in (tmp_path / "shared" / "restore-points").iterdir()}
    with open_memory(url=store_url(folder / "store.db"), now=clock, data=shared) as memory:
        live(memory, clock)
        assert memory.purge(PERSON, reason="asked").complete
    for name, content in before.items():
        assert (tmp_path / "shared" / "restore-points" / name).read_bytes() == content


def test_a_copy_of_another_store_in_the_second_place_is_read_and_left_there(
    folder: Path, tmp_path: Path, clock: TurnableClock
) -> None:
    second = str(tmp_path / "second")
    with open_memory(**store_at(folder / "other.db"), now=clock, backup_mirror=second) as other:
        live(other, clock)
    theirs = {path.name for path in (tmp_path / "second").iterdir()}
    with open_memory(**store_at(folder / "store.db"), now=clock, backup_mirror=second) as memory:
        memory.users.save(PERSON)
        certificate = memory.purge(PERSON, reason="asked")
    assert "other_stores" in codes(certificate)
    assert not theirs & {path.name for path in points(folder)}
    assert {path.name for path in (tmp_path / "second").iterdir()} == theirs


@pytest.mark.parametrize("ending", ["backup", "erase"])
def test_a_copy_that_was_begun_before_a_purge_is_made_again_without_the_person(
    memory: Memory, clock: TurnableClock, folder: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    others(memory)
    live(memory, clock)
    verify, purged = memory._points.verify, list[Certificate]()

    def verify_late(point: RestorePoint) -> None:
        if not purged:
            monkeypatch.setattr(memory._points, "verify", verify)
            kept = Path(point.path).read_bytes()
            purged.append(memory.purge(PERSON, reason="asked"))
            Path(point.path).write_bytes(kept)  # as another process would that was not through with it
        verify(point)

    monkeypatch.setattr(memory._points, "verify", verify_late)
    made = memory.backups.create().name if ending == "backup" else memory.erase.logs(reason="tidy").restore_point

    assert purged[0].complete
    assert made is not None
    assert files_with(folder, *WORDS) == {}
    memory._points.check(made)


def test_a_copy_on_its_way_to_the_second_place_is_not_there_when_a_purge_has_deleted_it(
    folder: Path, tmp_path: Path, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = tmp_path / "second"
    with open_memory(**store_at(folder / "store.db"), now=clock, backup_mirror=str(second)) as memory:
        memory.users.save(PERSON, name=WORD)
        memory.erase.user(PERSON)
        for path in second.iterdir():
            path.unlink()
        mirror: Any = memory._points.mirror
        put = type(mirror).put

        def put_late(name: str, source: Path) -> None:
            with source.open("rb") as opened, monkeypatch.context() as patch:
                patch.setattr(mirror, "put", lambda *given: put(mirror, *given))
                kept = tmp_path / "kept"
                kept.write_bytes(opened.read())
                memory.purge(PERSON, reason="asked")
            put(mirror, name, kept)

        monkeypatch.setattr(mirror, "put", put_late)
        assert memory.backups.mirror().copied == ()
    assert list(second.iterdir()) == []


def test_log_entries_of_a_restore_point_put_back_by_hand_that_name_a_purged_person_stay_away(
    memory: Memory, clock: TurnableClock, folder: Path
) -> None:
    memory.users.save(PERSON)
    memory.logs.add(f"a word with {PERSON}@c.us.", data={"n": 1})
    memory.logs.add("the boiler")
    operation = memory.erase.logs(reason="tidy")
    kept = {path: path.read_bytes() for path in points(folder)}
    clock.turn(minutes=1)
    memory.purge(PERSON, reason="asked")
    memory.logs.add(f"{PERSON} came back")
    for path, content in kept.items():
        path.write_bytes(content)

    memory.undo(operation.id)

    found = [each.message for each in memory.logs.list().items]
    assert "the boiler" in found
    assert not any("a word with" in each for each in found)


@pytest.mark.parametrize("ending", ["backup", "erase"])
def test_a_copy_whose_unfinished_file_another_process_has_purged_is_made_again(
    memory: Memory, folder: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    memory.users.save("ben")
    memory.logs.add("the boiler")
    fsync, removed = os.fsync, list[Path]()

    def fsync_late(descriptor: int) -> None:
        fsync(descriptor)
        left = list((folder / "store.db.data" / "restore-points").glob("*.unfinished"))
        if left and not removed:
            left[0].unlink()
            removed.append(left[0])
            with open_memory(**store_at(folder / "store.db")) as other:
                other.store.write(lambda tx: purging.note_begun(tx, "another"))

    monkeypatch.setattr(os, "fsync", fsync_late)
    made = memory.backups.create().name if ending == "backup" else memory.erase.logs(reason="tidy").restore_point

    assert (len(removed), made is not None) == (1, True)
    memory._points.check(str(made))
