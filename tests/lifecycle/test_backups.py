"""A backup is the whole store as of one moment, read back; every copy can be listed, checked and compared."""

from __future__ import annotations

import gzip
import os
import resource
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from ingat.core.backups import Backup
from ingat.core.errors import (
    BackupNotFound,
    IngatError,
    InvalidInput,
    InvalidLimit,
    RestorePointFailed,
    RestorePointMissing,
)
from ingat.memory import Memory
from ingat.store.tables import users
from ingat.testing import START_MS, TurnableClock, open_memory
from tests.engine import store_url
from tests.lifecycle.copied import SECRET, copies, fill, folder, opened


@pytest.fixture
def memory(tmp_path: Path, clock: TurnableClock) -> Iterator[Memory]:
    with opened(tmp_path, clock) as memory:
        yield memory


# -- create ------------------------------------------------------------------------------------------------------------


def test_a_backup_holds_the_whole_store_but_its_keys(memory: Memory, tmp_path: Path) -> None:
    fill(memory)
    memory.retention.set(max_sessions=50)
    made_key = memory.keys.create("admin")
    made = memory.backups.create(reason="before the move")

    kinds = {"user": 1, "session": 1, "message": 3, "memory": 1, "snapshot": 1, "log": 1, "policy": 1}
    assert (made.kind, made.scope, made.counts) == ("backup", "backup", kinds)
    assert (made.reason, made.actor, made.created_at, made.problem) == ("before the move", "python", START_MS, None)
    assert (made.encrypted, made.places, made.operation_id) == (False, ("local",), None)
    path = folder(tmp_path) / made.name
    assert made.size_bytes == path.stat().st_size
    assert made_key.id.encode() not in gzip.decompress(path.read_bytes())


def test_an_empty_store_can_be_backed_up(memory: Memory) -> None:
    assert memory.backups.create().counts == {}


def test_it_stands_in_the_audit_trail(memory: Memory) -> None:
    made = memory.backups.create(reason="before the move")

    (entry,) = [each for each in memory.audit.list().items if each.action == "backup.create"]
    assert (entry.restore_point, entry.reason, entry.counts) == (made.name, "before the move", made.counts)


def test_it_is_the_store_of_one_moment_while_writes_go_on(memory: Memory) -> None:
    session_id, stop, written = fill(memory), threading.Event(), threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            pair = [{"role": role, "content": f"{number}"} for role in ("user", "assistant")]
            memory.sessions.append_many(session_id, pair)
            memory.users.save(f"user {number}")
            number += 1
            written.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert written.wait(10)
        made = [memory.backups.create() for _ in range(5)]
    finally:
        stop.set()
        writer.join()

    for each in made:
        found = list(memory._points.read(each.name)[1])
        session = next(record for kind, record in found if kind == "session")
        messages = [record for kind, record in found if kind == "message"]
        assert len(messages) == session.message_count == session.last_seq  # type: ignore[union-attr]
        assert len(messages) % 2 == 1  # three, and pairs


def test_nothing_stays_when_it_does_not_hold_every_row(
    memory: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(memory)
    monkeypatch.setattr(users, "count", lambda tx: 7)

    with pytest.raises(RestorePointFailed, match="user 1 of 7"):
        memory.backups.create()
    assert copies(folder(tmp_path)) == []


def test_a_disk_without_room_is_told_before_anything_is_written(
    memory: Memory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(memory)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1_000_000))

    with pytest.raises(RestorePointFailed, match=r"about \d MiB are needed, and 0 MiB are free"):
        memory.backups.create()
    with pytest.raises(RestorePointFailed, match="Nothing was deleted"):
        memory.erase.logs()
    assert memory.logs.stats().total == 1
    assert copies(folder(tmp_path)) == []


def test_a_reason_has_bounds(memory: Memory) -> None:
    with pytest.raises(InvalidInput):
        memory.backups.create(reason="x" * 5_000)
    with pytest.raises(InvalidInput):
        memory.backups.create(reason="a\x00b")


# -- a copy that cannot be made refuses what would be deleted ----------------------------------------------------------


def test_a_file_that_may_not_grow_refuses_the_deletion(memory: Memory, tmp_path: Path) -> None:
    memory.logs.add_many([{"message": os.urandom(400).hex(), "category": "test"} for _ in range(500)])
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    taken = memory.store.size_bytes()
    # smaller than the copy, which cannot be packed; what the store has to write is less
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(RestorePointFailed, match="File too large"):
            memory.erase.logs()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert taken > 0
    assert memory.logs.stats().total == 500
    assert copies(folder(tmp_path)) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only_refuses_the_deletion(memory: Memory, tmp_path: Path) -> None:
    memory.logs.add("kept")
    memory.backups.create()
    folder(tmp_path).chmod(0o500)

    with pytest.raises(RestorePointFailed, match="Permission denied"):
        memory.erase.logs()
    folder(tmp_path).chmod(0o700)
    assert memory.logs.stats().total == 1


def test_a_place_that_cannot_be_a_folder_refuses_the_deletion(memory: Memory, tmp_path: Path) -> None:
    memory.logs.add("kept")
    (tmp_path / "store.db.data").mkdir(exist_ok=True)
    folder(tmp_path).write_text("a file")

    with pytest.raises(RestorePointFailed):
        memory.erase.logs()
    with pytest.raises(RestorePointFailed):
        memory.backups.create()
    assert memory.logs.stats().total == 1


@pytest.mark.parametrize("encrypted", [False, True])
def test_a_file_damaged_between_writing_and_reading_back_refuses_the_deletion(
    tmp_path: Path, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch, encrypted: bool
) -> None:
    replace = os.replace

    def damaging(source: Path, target: Path) -> None:
        raw = bytearray(Path(source).read_bytes())
        raw[len(raw) // 2] ^= 255
        Path(source).write_bytes(raw)
        replace(source, target)

    with opened(tmp_path, clock, backup_passphrase=SECRET if encrypted else None) as memory:
        fill(memory)
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", damaging)
            for act in (memory.erase.logs, memory.backups.create):
                with pytest.raises(RestorePointFailed, match="Nothing was deleted"):
                    act()
        assert memory.logs.stats().total == 1
        assert copies(folder(tmp_path)) == []


# -- list, show, verify ------------------------------------------------------------------------------------------------


def test_copies_are_listed_newest_first_page_by_page(memory: Memory, clock: TurnableClock) -> None:
    made = []
    for number in range(3):
        made.append(memory.backups.create().name)
        clock.turn(seconds=1)
        memory.logs.add(f"{number}")
        made.append(memory.erase.logs().restore_point or "")
        clock.turn(seconds=1)
    found: list[Backup] = []
    cursor = None
    while True:
        page = memory.backups.list(limit=4, cursor=cursor)
        found += page.items
        cursor = page.next
        if cursor is None:
            break

    assert [each.name for each in found] == made[::-1]
    assert [each.kind for each in found[:2]] == ["restore_point", "backup"]
    operation = memory.operations.list().items[0]
    assert (found[0].operation_id, found[0].scope, found[0].counts) == (operation.id, "logs", {"log": 1})


@pytest.mark.parametrize("values", [{"limit": 0}, {"limit": 100_000}, {"cursor": "x"}])
def test_a_page_that_cannot_be_is_refused(memory: Memory, values: Any) -> None:
    with pytest.raises(InvalidInput if "cursor" in values else InvalidLimit):
        memory.backups.list(**values)


def test_listing_does_not_unpack_the_rows(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(memory)
    made = memory.backups.create()
    monkeypatch.setattr("ingat.lifecycle.copyfile.decode_line", lambda raw: pytest.fail("a row was read"))

    assert memory.backups.list().items == (made,)


def test_copies_of_another_store_in_the_same_folder_are_not_listed(tmp_path: Path, clock: TurnableClock) -> None:
    shared = str(tmp_path / "shared")
    with (
        open_memory(url=store_url(tmp_path / "a.db"), now=clock, embedder=None, data=shared) as one,
        open_memory(url=store_url(tmp_path / "b.db"), now=clock, embedder=None, data=shared) as two,
    ):
        first, second = one.backups.create(), two.backups.create()

        assert [each.name for each in one.backups.list().items] == [first.name]
        assert [each.name for each in two.backups.list().items] == [second.name]
        assert one.backups.show(second.name).name == second.name


@pytest.mark.parametrize(
    "name", ["", "nothing", "../store.db", "20250106T090000000Z-" + "0" * 32 + ".jsonl.gz", "\x00"]
)
def test_what_is_not_there_is_not_found(memory: Memory, name: str) -> None:
    memory.backups.create()

    for act in (memory.backups.show, memory.backups.verify, memory.backups.diff):
        with pytest.raises(BackupNotFound):
            act(name)


def test_a_damaged_copy_is_listed_with_what_is_wrong(memory: Memory, tmp_path: Path) -> None:
    fill(memory)
    made = memory.backups.create()
    path = folder(tmp_path) / made.name
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 255
    path.write_bytes(raw)

    checked = memory.backups.verify(made.name)
    assert checked.problem is not None
    assert "cannot be used" in checked.problem
    with pytest.raises(RestorePointMissing):
        memory.backups.diff(made.name)
    path.write_bytes(b"")
    assert memory.backups.show(made.name).problem is not None


def test_a_sound_copy_verifies(memory: Memory) -> None:
    fill(memory)
    made = memory.backups.create()

    assert memory.backups.verify(made.name) == made


# -- diff --------------------------------------------------------------------------------------------------------------


def test_a_copy_is_compared_with_the_store_kind_by_kind(memory: Memory, clock: TurnableClock) -> None:
    session_id = fill(memory)
    memory.users.save("budi")
    made = memory.backups.create()
    clock.turn(seconds=5)
    memory.users.save("ana", name="Ana")
    memory.users.save("citra")
    memory.erase.logs()
    memory.sessions.append(session_id, "user", "more")
    found = memory.backups.diff(made.name)

    assert found.same == {"user": 1, "message": 3, "memory": 1, "snapshot": 1}
    assert found.only_in_backup == {"log": 1}
    assert found.only_in_store == {"user": 1, "message": 1}
    assert found.different == {"user": 1, "session": 1}
    assert f"different: session {session_id}" in found.examples
    assert {"different: user ana", "only in store: user citra"} <= set(found.examples)


def test_a_restore_point_is_only_asked_for_what_it_holds(memory: Memory) -> None:
    fill(memory)
    operation = memory.erase.logs()
    found = memory.backups.diff(operation.restore_point or "")

    assert (found.only_in_backup, found.only_in_store, found.same) == ({"log": 1}, {}, {})


def test_a_store_that_did_not_change_is_the_same(memory: Memory) -> None:
    fill(memory)
    found = memory.backups.diff(memory.backups.create().name)

    assert (found.only_in_backup, found.only_in_store, found.different, found.examples) == ({}, {}, {}, ())


@pytest.fixture(params=["folder", "memory"])
def far(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "far") if request.param == "folder" else f"memory://{uuid4().hex}"


# -- the daily job -----------------------------------------------------------------------------------------------------


def test_the_job_makes_deletes_and_brings(tmp_path: Path, clock: TurnableClock, far: str) -> None:
    with opened(tmp_path, clock, backup_mirror=far) as memory:
        memory.retention.set(backup_keep_last=1, backup_retention_days=1)
        fill(memory)
        old = memory.backups.create()
        clock.turn(days=2)
        memory.users.save("cleo")
        job = memory.jobs.run("backup")
        made, result = memory.backups.list().items[0], job.last_result

        assert job.every_ms == 86_400_000
        assert (result["backup"], result["deleted"], result["failed"]) == (made.name, [old.name], [])
        assert made.reason == "the daily backup"
        assert len(memory.backups.list().items) == 1


@pytest.mark.parametrize("passphrase", [None, SECRET], ids=["plain", "encrypted"])
def test_the_job_keeps_no_copy_of_what_the_newest_backup_holds(
    tmp_path: Path, clock: TurnableClock, passphrase: str | None
) -> None:
    with opened(tmp_path, clock, backup_passphrase=passphrase) as memory:
        fill(memory)
        first = memory.jobs.run("backup").last_result
        for _ in range(3):
            clock.turn(days=1)
            again = memory.jobs.run("backup").last_result
            assert (again["backup"], again["unchanged"]) == (first["backup"], True)
        assert copies(folder(tmp_path)) == [first["backup"]]
        assert [each.state for each in memory.doctor() if each.name == "newest backup"] == ["ok"]
        assert [each.action for each in memory.audit.list().items] == ["backup.create"]

        memory.users.save("ana", name="Ana Maria")

        changed = memory.jobs.run("backup").last_result
        assert (changed["unchanged"], len(copies(folder(tmp_path)))) == (False, 2)


def test_the_job_makes_another_backup_when_the_newest_is_damaged_or_open(tmp_path: Path, clock: TurnableClock) -> None:
    with opened(tmp_path, clock) as memory:
        fill(memory)
        first = memory.jobs.run("backup").last_result["backup"]
        damaged = folder(tmp_path) / first
        damaged.write_bytes(damaged.read_bytes()[:-60] + b"\0" * 60)
        clock.turn(days=1)
        second = memory.jobs.run("backup").last_result
        assert (second["unchanged"], second["backup"] != first) == (False, True)
    clock.turn(days=1)
    with opened(tmp_path, clock, backup_passphrase=SECRET) as memory:
        assert memory.jobs.run("backup").last_result["backup"].endswith(".enc")


def test_a_job_that_cannot_make_a_backup_says_why_and_deletes_nothing(
    memory: Memory, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.retention.set(backup_keep_last=1, backup_retention_days=1)
    for _ in range(2):
        memory.backups.create()
        clock.turn(days=5)
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=0))

    with pytest.raises(IngatError):
        memory.jobs.run("backup")
    job = next(each for each in memory.jobs.list() if each.name == "backup")
    assert "are free" in (job.last_error or "")
    assert len(memory.backups.list().items) == 2
