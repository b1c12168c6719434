"""A store of an earlier version is opened: it is copied, gets the tables of this one, and holds what it held."""

from __future__ import annotations

import gzip
import logging
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from ingat.core.errors import RestorePointFailed, StoreError, StoreNewer
from ingat.lifecycle import migration
from ingat.lifecycle.migration import RESERVED, bring_up_to_date
from ingat.lifecycle.mirror import Folder
from ingat.lifecycle.restorepoints import STORE_ID, RestorePoints
from ingat.memory import Memory
from ingat.store.contract import Store, Tx
from ingat.store.files import Files
from ingat.store.migrate import migrate, pending
from ingat.store.open import open_store, schema_folder
from ingat.store.tables import audit, settings
from ingat.testing import CountingEmbedder, TurnableClock
from tests.engine import unmade_url
from tests.store.catalogue import catalogue
from tests.store.older import STORES, dumped, files, load, make, newest, rows

NUMBERS = [1, 2]
"""The newest schema file of each earlier version."""


@pytest.fixture
def url(tmp_path: Path) -> str:
    return unmade_url(tmp_path / "store.db")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def opened(url: str, data: Path, **more: Any) -> Memory:
    clock = TurnableClock()
    clock.turn(days=10)
    arguments: dict[str, Any] = {"data": str(data), "embedder": CountingEmbedder(), "now": clock}
    return Memory(url, **(arguments | more))


def bring_files(number: int, data: Path) -> None:
    """Put the data directory of a store of an earlier version where it belongs; the first version had none."""
    if number > 1:
        shutil.copytree(STORES / f"{number:04}.data", data, dirs_exist_ok=True)


def points_of(data: Path) -> list[Path]:
    return sorted((data / "restore-points").glob("*.gz"))


def of(store: Store, name: str) -> str | None:
    return store.read(lambda tx: settings.get(tx, name))


def without_id(found: dict[str, Any]) -> dict[str, Any]:
    names = (STORE_ID, RESERVED)
    return found | {"setting": [row for row in found["setting"] if row[0] not in names]}


# -- what earlier versions made ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", NUMBERS)
def test_a_store_of_an_earlier_version_keeps_every_row(number: int, url: str, data: Path, tmp_path: Path) -> None:
    load(url, number, tmp_path)
    opened(url, data).close()
    store = open_store(url)
    before = without_id(dumped(number))
    after = without_id(rows(store, number))
    new = [row for row in after["setting"] if row not in before["setting"]]
    assert [row[0] for row in new if not str(row[0]).startswith("audit")] == []
    assert after | {"setting": before["setting"]} == before
    assert set(before["setting"]) <= set(after["setting"])
    store.close()


@pytest.mark.parametrize("number", NUMBERS)
def test_a_store_of_an_earlier_version_is_sound(number: int, url: str, data: Path, tmp_path: Path) -> None:
    load(url, number, tmp_path)
    bring_files(number, data)
    with opened(url, data) as memory:
        assert [check.name for check in memory.doctor() if check.state == "bad"] == []
        assert memory.audit.verify().whole


@pytest.mark.parametrize("number", NUMBERS)
def test_what_an_earlier_version_was_told_is_read_and_recalled(
    number: int, url: str, data: Path, tmp_path: Path
) -> None:
    load(url, number, tmp_path)
    with opened(url, data) as memory:
        assert memory.users.get("budi@example.org").name == "Budi"
        assert memory.users.get("628222").protected
        assert "AC saya berisik sejak kemarin" in [hit.text for hit in memory.recall("628111", "AC berisik").hits]
        visit = [item for item in memory.memories.list("628111").items if item.subject == "visit time"]
        assert [item.text for item in visit if item.valid_to is None] == ["prefers evening visits"]
        (session,) = memory.sessions.list("628222").items
        assert [each.content for each in memory.sessions.messages(session.id)] == ["Tolong kirim faktur bulan ini"]
        assert [each.name for each in memory.keys.list()] == ["bot"]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_session_of_an_earlier_version_goes_on(number: int, url: str, data: Path, tmp_path: Path) -> None:
    load(url, number, tmp_path)
    bring_files(number, data)
    with opened(url, data) as memory:
        session = memory.sessions.open("628111", channel="whatsapp:628111@c.us")
        memory.sessions.append(session.id, "user", "Filternya juga kotor")
        assert memory.recall("628111", "filternya kotor").hits[0].text == "Filternya juga kotor"
        assert [check.name for check in memory.doctor() if check.state == "bad"] == []


@pytest.mark.parametrize("number", NUMBERS)
def test_a_user_of_an_earlier_version_is_erased_and_brought_back(
    number: int, url: str, data: Path, tmp_path: Path
) -> None:
    load(url, number, tmp_path)
    with opened(url, data) as memory:
        before = [each.content for each in memory.search("628111", "AC").items]
        operation = memory.erase.user("628111", reason="asked for")
        assert [each.user_id for each in memory.users.list().items] == ["628222"]
        memory.undo(operation.id)
        assert [each.content for each in memory.search("628111", "AC").items] == before != []


def test_what_an_earlier_version_deleted_is_brought_back_from_its_own_restore_point(
    url: str, data: Path, tmp_path: Path
) -> None:
    load(url, 2, tmp_path)
    bring_files(2, data)
    with opened(url, data) as memory:
        (operation,) = [each for each in memory.operations.list().items if each.kind == "retain"]
        before = memory.logs.stats().total
        undone = memory.undo(operation.id)
        assert memory.logs.stats().total == before + undone.counts["log"] > before
        assert "the printer is out of paper" in [entry.message for entry in memory.logs.list().items]


def test_snapshots_logs_packed_transcripts_and_jobs_of_an_earlier_version_are_read(
    url: str, data: Path, tmp_path: Path
) -> None:
    load(url, 2, tmp_path)
    with opened(url, data) as memory:
        assert sorted(each.name for each in memory.snapshots.list().items) == ["cart", "flow"]
        assert "the printer works again" in [entry.message for entry in memory.logs.list().items]
        assert memory.retention.get().compress_after_days == 1
        (old,) = [each for each in memory.sessions.list("628111").items if each.name == "old"]
        assert memory.sessions.messages(old.id)[1].content.startswith("Baik, dicatat")
        assert {job.name: job.runs for job in memory.jobs.list()}["measure"] == 1
        assert memory.logs.add("and a new one").seq > max(int(str(row[0])) for row in dumped(2)["log_entry"])


# -- the copy ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", NUMBERS)
def test_a_store_that_holds_something_is_copied_before_it_is_migrated(
    number: int, url: str, data: Path, tmp_path: Path
) -> None:
    load(url, number, tmp_path)
    with opened(url, data) as memory:
        (copy,) = memory.backups.list().items
        assert copy.kind == "backup"
        assert copy.reason.startswith("before the migration 000")
        assert memory.backups.verify(copy.name).problem is None
        held = dumped(number)
        assert copy.counts["user"] == len(held["user_profile"])
        assert copy.counts["message"] == len(held["message"])
        assert copy.counts["memory"] == len(held["memory"])
        assert copy.counts.get("log", 0) == len(held.get("log_entry", []))
        (entry,) = memory.audit.list(action="backup.create").items
        assert (entry.restore_point, entry.reason) == (copy.name, copy.reason)
        found = memory.backups.diff(copy.name)
        assert (found.only_in_backup, found.only_in_store, found.different) == ({}, {}, {})


def test_the_copy_brings_back_what_was_there_before(url: str, data: Path, tmp_path: Path) -> None:
    load(url, 2, tmp_path)
    with opened(url, data) as memory:
        before = [each.content for each in memory.search("628111", "AC").items]
        (copy,) = memory.backups.list().items
        memory.erase.user("628111", reason="asked for")
        memory.backups.restore(copy.name, users=["628111"])
        assert [each.content for each in memory.search("628111", "AC").items] == before != []


def test_a_purge_reaches_the_copy(url: str, data: Path, tmp_path: Path) -> None:
    load(url, 1, tmp_path)
    with opened(url, data) as memory:
        memory.purge("628111", reason="asked to be forgotten")
        (copy,) = memory.backups.list().items
        assert copy.counts["user"] == 1
    assert all(b"628111" not in gzip.decompress(path.read_bytes()) for path in points_of(data))


def test_the_copy_is_encrypted_and_mirrored_like_any_other(url: str, data: Path, tmp_path: Path) -> None:
    pytest.importorskip("cryptography")
    load(url, 1, tmp_path)
    arguments = {"backup_passphrase": "a long enough passphrase", "backup_mirror": str(tmp_path / "mirror")}
    with opened(url, data, **arguments) as memory:
        (copy,) = memory.backups.list().items
        assert copy.encrypted
        assert copy.places == ("local", "mirror")
        assert memory.backups.verify(copy.name).problem is None


def test_copies_that_are_in_the_second_place_only_are_not_fetched_meanwhile(
    url: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror = str(tmp_path / "mirror")
    with opened(unmade_url(tmp_path / "other.db"), tmp_path / "other", backup_mirror=mirror) as other:
        other.backups.create(reason="of another store")
    visited = list[str]()
    monkeypatch.setattr(Folder, "visit", lambda self, name, look: visited.append(name))
    load(url, 2, tmp_path)
    opened(url, data, backup_mirror=mirror).close()
    assert len(points_of(data)) == 1
    assert visited == []


def test_it_is_said_that_a_copy_is_kept(url: str, data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    load(url, 1, tmp_path)
    with caplog.at_level(logging.WARNING, "ingat.backups"):
        opened(url, data).close()
    (path,) = points_of(data)
    assert [path.name in record.getMessage() for record in caplog.records if record.name == "ingat.backups"] == [True]


@pytest.mark.parametrize("number", NUMBERS)
def test_a_store_that_holds_nothing_is_not_copied(number: int, url: str, data: Path, tmp_path: Path) -> None:
    make(url, number, tmp_path)
    opened(url, data).close()
    assert points_of(data) == []


def test_a_new_store_and_one_that_is_up_to_date_are_not_copied(url: str, data: Path) -> None:
    with opened(url, data) as memory:
        memory.sessions.open("ana")
    opened(url, data).close()
    assert points_of(data) == []


# -- when it cannot be done --------------------------------------------------------------------------------------------


def refused(url: str, data: Path, schema: Path | None = None) -> StoreError:
    """Try to bring a store up to date; see that it is refused, and that tables, rows and copies are as before."""
    store = open_store(url)
    before, copies = catalogue(store), points_of(data)
    applied = pending(store, schema or schema_folder(url))[0]
    with pytest.raises(StoreError) as caught:
        bring_up_to_date(store, schema or schema_folder(url), RestorePoints(data), Files(store, data))
    assert catalogue(store) == before
    assert points_of(data) == copies
    assert without_id(rows(store, applied)) == without_id(dumped(applied))
    store.close()
    return caught.value


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
@pytest.mark.parametrize("number", NUMBERS)
def test_nothing_is_migrated_when_the_copy_cannot_be_written(number: int, url: str, data: Path, tmp_path: Path) -> None:
    load(url, number, tmp_path)
    data.mkdir()
    (data / "restore-points").write_text("not a folder")
    error = refused(url, data)
    assert isinstance(error, RestorePointFailed)
    assert "left as it is" in error.message
    os.remove(data / "restore-points")
    opened(url, data).close()
    assert len(points_of(data)) == 1


def test_nothing_is_migrated_when_a_file_loses_rows(url: str, data: Path, tmp_path: Path) -> None:
    load(url, 1, tmp_path)
    schema = files(newest(url), url, tmp_path)
    last = sorted(schema.glob("*.sql"))[-1]
    last.write_text(f"{last.read_text()}\nDELETE FROM memory WHERE kind = 'note';\n")
    error = refused(url, data, schema)
    assert isinstance(error, RestorePointFailed)
    assert "memory 2 of 3" in error.message


def test_nothing_is_kept_when_a_statement_fails_in_the_middle(url: str, data: Path, tmp_path: Path) -> None:
    load(url, 1, tmp_path)
    schema = files(newest(url), url, tmp_path)
    last = sorted(schema.glob("*.sql"))[-1]
    last.write_text(f"{last.read_text()}\nINSERT INTO nowhere (a) VALUES (1);\n")
    assert "nowhere" in refused(url, data, schema).message
    opened(url, data).close()


def test_the_copy_goes_when_the_commit_fails(
    url: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(url, 1, tmp_path)

    def fails(tx: Tx, *_: object, **__: object) -> None:
        tx.run("INSERT INTO nowhere (a) VALUES (1)")

    monkeypatch.setattr(audit, "append", fails)
    refused(url, data)


def test_a_newer_database_is_refused_and_left_as_it_is(url: str, data: Path, tmp_path: Path) -> None:
    opened(url, data).close()
    schema = files(newest(url), url, tmp_path)
    (schema / f"{newest(url) + 1:04}_future.sql").write_text("CREATE TABLE future (a TEXT);\n")
    store = open_store(url)
    migrate(store, schema)
    before = catalogue(store)
    with pytest.raises(StoreNewer, match="future"):
        opened(url, data)
    assert catalogue(store) == before
    store.close()


# -- ids and retries ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", NUMBERS)
def test_the_copy_names_the_id_that_the_store_has_from_then_on(
    number: int, url: str, data: Path, tmp_path: Path
) -> None:
    load(url, number, tmp_path)
    opened(url, data).close()
    store = open_store(url)
    (path,) = points_of(data)
    manifest, _ = RestorePoints(data).read(path.name)
    assert manifest.store == of(store, STORE_ID) != ""
    assert of(store, RESERVED) is None
    store.close()


def test_a_copy_that_a_process_left_which_died_is_used_by_the_next(url: str, data: Path, tmp_path: Path) -> None:
    load(url, 2, tmp_path)
    store = open_store(url)
    points, kept = RestorePoints(data), Files(store, data)
    with pytest.raises(KeyboardInterrupt):
        _dies_before_the_commit(store, points, kept)
    assert len(points_of(data)) == 1
    left = points_of(data)
    bring_up_to_date(store, schema_folder(url), points, kept)
    assert points_of(data) == left
    store.close()


def _dies_before_the_commit(store: Store, points: RestorePoints, kept: Files) -> None:
    """Do what a process does that is killed between the copy and the commit: neither is tidied up."""
    store.write(lambda tx: migration._reserve(tx, "0" * 32))
    keeper = migration._Keeper(points, kept, TurnableClock(), 0)
    after = keeper.after

    def dies(tx: Tx, names: Any) -> None:
        after(tx, names)
        raise KeyboardInterrupt

    keeper.after = dies  # type: ignore[method-assign]
    with keeper:
        migrate(store, schema_folder(store.url), keeper=keeper)
