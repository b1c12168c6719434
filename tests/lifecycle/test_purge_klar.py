"""A purge goes through the backups in klar's shape that `ingat clear` wrote, and leaves the records of others."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingat.core.backups import Certificate, Remainder
from ingat.core.errors import UserNotFound
from ingat.lifecycle import klar_file
from ingat.lifecycle.klar_file import write_backup
from ingat.memory import Memory
from ingat.testing import TurnableClock, open_memory
from tests.engine import store_at
from tests.lifecycle.forgotten import codes

PERSON, ALIAS, WORD = "628111222333", "telegram-4711-x", "Zyxwvut"


@pytest.fixture
def memory(tmp_path: Path, clock: TurnableClock) -> Iterator[Memory]:
    with open_memory(**store_at(tmp_path / "store.db"), now=clock) as opened:
        opened.users.save("ben", name="Ben", slots={"floor": 2})
        opened.users.save(PERSON, name=f"{WORD} Santoso")
        session = opened.sessions.create(PERSON)
        opened.sessions.append(session.id, "user", f"{WORD} said this")
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "klar"


def rewritten(certificate: Certificate) -> tuple[int, int]:
    (row,) = (each for each in certificate.searched if each.place == "backups of klar")
    return row.looked_through, row.rewritten


def remainder(certificate: Certificate, code: str) -> Remainder:
    return next(each for each in certificate.remains if each.code == code)


def test_the_person_goes_from_every_backup_and_others_stay_byte_by_byte(
    memory: Memory, folder: Path, clock: TurnableClock
) -> None:
    first = write_backup(memory.store, folder, clock).path
    os.utime(first, (1_000_000_000, 1_000_000_000))
    memory.erase.user(PERSON)
    others = write_backup(memory.store, folder, clock).path
    before = others.read_bytes()
    memory.undo()

    certificate = memory.purge(PERSON, reason="asked")

    assert (certificate.complete, rewritten(certificate)) == (True, (2, 1))
    assert first.read_bytes() == others.read_bytes() == before
    assert (first.stat().st_mode & 0o777, first.stat().st_mtime) == (0o600, 1_000_000_000)
    assert sorted(os.listdir(folder)) == sorted([first.name, others.name])


def test_somebody_who_is_in_such_a_backup_only_is_purged_by_an_alias_too(
    memory: Memory, folder: Path, tmp_path: Path, clock: TurnableClock
) -> None:
    with open_memory(**store_at(tmp_path / "other.db"), now=clock) as other:
        other.users.save("lost-person-1", name=WORD)
        other.users.alias("lost-person-1", "lost-alias-1")
        made = write_backup(other.store, folder, clock).path
    with pytest.raises(UserNotFound):
        memory.purge("lost-alias-1", reason="asked")
    write_backup(memory.store, folder, clock)

    assert memory.purge("lost-alias-1", reason="asked").complete

    assert made.read_bytes() == b"{}"


def test_a_backup_of_one_user_of_klar_itself_is_emptied(memory: Memory, folder: Path, clock: TurnableClock) -> None:
    write_backup(memory.store, folder, clock)
    single = folder / "memory_backup_one.json"
    single.write_text(json.dumps({"user_id": "+62 811 1222 333", "record": {"name": WORD, "history": []}}))
    memory.purge(PERSON, reason="asked")
    assert single.read_bytes() == b"{}"


def test_a_file_that_cannot_be_read_as_klar_is_named_and_the_certificate_is_not_complete(
    memory: Memory, folder: Path, clock: TurnableClock
) -> None:
    made = write_backup(memory.store, folder, clock).path
    cut = folder / "memory_backup_cut.json"
    cut.write_bytes(made.read_bytes()[:-20])
    (folder / "memory_backup_of_others.json").write_bytes(b'{"ben": {"name": ')

    certificate = memory.purge(PERSON, reason="asked")

    assert (certificate.complete, remainder(certificate, "klar_files").names) == (False, (str(cut),))
    cut.unlink()
    assert memory.purge(PERSON, reason="asked").complete


def test_what_cannot_be_written_anew_is_named(
    memory: Memory, folder: Path, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = write_backup(memory.store, folder, clock).path
    before, replace = made.read_bytes(), os.replace

    def refuse(source: Path, target: Path) -> None:
        if Path(target) == made:
            raise PermissionError(str(target))
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    certificate = memory.purge(PERSON, reason="asked")

    assert (certificate.complete, remainder(certificate, "klar_files").names) == (False, (str(made),))
    assert made.read_bytes() == before
    assert os.listdir(folder) == [made.name]


def test_a_link_is_named_and_what_it_points_to_stays(
    memory: Memory, folder: Path, tmp_path: Path, clock: TurnableClock
) -> None:
    made = write_backup(memory.store, folder, clock).path
    made.rename(tmp_path / "elsewhere.json")
    made.symlink_to(tmp_path / "elsewhere.json")
    certificate = memory.purge(PERSON, reason="asked")
    assert remainder(certificate, "klar_files").names == (str(made),)
    assert made.is_symlink()


def test_records_of_others_that_name_the_person_stay_and_are_counted(
    memory: Memory, folder: Path, clock: TurnableClock
) -> None:
    memory.users.save("ben", slots={"knows": PERSON})
    write_backup(memory.store, folder, clock)
    certificate = memory.purge(PERSON, reason="asked")
    assert certificate.complete
    assert "backups of klar: 1" in remainder(certificate, "mentions").names


def test_folders_that_are_gone_are_named(memory: Memory, folder: Path, tmp_path: Path, clock: TurnableClock) -> None:
    write_backup(memory.store, folder, clock)
    folder.rename(tmp_path / "moved")
    certificate = memory.purge(PERSON, reason="asked")
    assert (certificate.complete, remainder(certificate, "klar_gone").names) == (True, (str(folder),))


def test_a_dry_run_says_how_many_would_be_written_anew_and_changes_none(
    memory: Memory, folder: Path, clock: TurnableClock
) -> None:
    made = write_backup(memory.store, folder, clock).path
    before = made.read_bytes()
    certificate = memory.purge(PERSON, reason="asked", dry_run=True)
    assert (rewritten(certificate), made.read_bytes()) == ((1, 1), before)
    assert "klar_files" not in codes(certificate)


def test_a_backup_that_was_begun_before_a_purge_is_written_again_without_the_person(
    memory: Memory, folder: Path, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    checksum, purged = klar_file._checksum, list[Certificate]()

    def late(path: Path) -> str:
        found = checksum(path)
        if not purged:
            purged.append(memory.purge(PERSON, reason="asked"))
        return found

    monkeypatch.setattr(klar_file, "_checksum", late)
    made = write_backup(memory.store, folder, clock).path

    assert purged[0].complete
    assert WORD.encode() not in made.read_bytes()
    assert os.listdir(folder) == [made.name]


def test_an_unfinished_backup_of_a_process_that_died_is_removed(
    memory: Memory, folder: Path, clock: TurnableClock
) -> None:
    write_backup(memory.store, folder, clock)
    left = folder / ".memory_backup_1_abc.partial"
    left.write_text(f'{{"{PERSON}": {{')
    assert memory.purge(PERSON, reason="asked").complete
    assert not left.exists()


def test_other_files_of_such_a_folder_are_not_touched(memory: Memory, folder: Path, clock: TurnableClock) -> None:
    write_backup(memory.store, folder, clock)
    mine = folder / "notes.json"
    mine.write_text(json.dumps({PERSON: {"name": WORD, "history": []}}))
    memory.purge(PERSON, reason="asked")
    assert WORD in mine.read_text()


def test_a_dry_run_says_that_the_purge_would_be_refused(memory: Memory) -> None:
    free = memory.purge(PERSON, reason="asked", dry_run=True)
    memory.users.save(PERSON, flags={"sop_pending": True})
    memory.users.protect(PERSON)
    guarded = memory.purge(PERSON, reason="asked", dry_run=True)
    assert (free.needs_force, free.protected_by) == (False, ())
    assert (guarded.needs_force, guarded.protected_by) == (True, ("protected", "flags.sop_pending"))
