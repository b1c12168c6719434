"""A store that is moved is the same in its new place, or there is none there yet."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import ingat
from ingat.core.errors import Conflict, InvalidSettings, StoreCorrupt, StoreNewer, StoreUnavailable
from ingat.core.reports import MoveReport
from ingat.lifecycle.move import Step, move
from ingat.memory import Memory
from ingat.store.contract import Row, Tx, Value
from ingat.store.open import is_there, open_store
from ingat.store.tables import moving
from ingat.store.tables.catalog import TABLES
from ingat.testing import CountingEmbedder, TurnableClock, open_memory
from tests.engine import store_at, store_url, unmade_url
from tests.lifecycle.moving import FILE, filled, rows_of


class Stop(Exception):
    """Ends a move at some point, as a full disk or a kill would."""


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "PAGE_ROWS", 9)
    monkeypatch.setattr(moving, "PAGE_BYTES", 3_000)


@pytest.fixture
def source(tmp_path: Path, clock: TurnableClock) -> str:
    """The URL of a store in a file with some of everything."""
    url = f"sqlite:///{tmp_path}/a.db"
    filled(url, clock)
    return url


@pytest.fixture
def target(tmp_path: Path) -> str:
    """The URL of an empty store on the engine of the test."""
    return store_url(tmp_path / "b.db")


def to(source: str, target: str, folder: Path, progress: Callable[[Step, int, int], None] | None = None) -> MoveReport:
    """Move, with the target's files in a folder of its own."""
    return move(source, target, target_data=str(folder), progress=progress)


def stopping(step: Step, least: int) -> Callable[[Step, int, int], None]:
    """Return what stops a move when so many rows or files of a step are done."""

    def tell(now: Step, done: int, total: int) -> None:
        if now == step and done >= least:
            raise Stop

    return tell


def ran(url: str, statement: str, *args: Value) -> None:
    """Run a statement on a store."""
    with closing(open_store(url)) as store:
        store.write(lambda tx: tx.run(statement, args))


def test_every_row_and_file_comes_back_from_the_other_engine(source: str, target: str, tmp_path: Path) -> None:
    ran(source, "INSERT INTO key_session (key_id, session_id, updated_at) VALUES ('k', 'talk', ?)", 2**62)
    ran(source, "INSERT INTO audit_person (seq, pseudonym) VALUES (1, 'p')")
    ran(source, "INSERT INTO user_alias (alias, user_id) VALUES ('é', 'cleo')")
    ran(source, "INSERT INTO audit_checkpoint VALUES (-1, 'h', 0, 'a', 1, 1, 's')")
    before, back = rows_of(source), f"sqlite:///{tmp_path}/back.db"
    assert [name for name, rows in before.items() if not rows] == []

    there = to(source, target, tmp_path / "files")
    again = move(target, back, source_data=str(tmp_path / "files"))

    assert rows_of(target) == before
    assert rows_of(back) == rows_of(source) == before
    assert there.tables == again.tables
    assert there.rows == there.rows_copied == sum(len(rows) for rows in before.values()) - 1
    assert (there.files, there.size_bytes) == (again.files, again.size_bytes) > (4, len(FILE))
    assert not there.resumed


def test_the_moved_store_works_as_the_one_before(
    source: str, target: str, tmp_path: Path, clock: TurnableClock
) -> None:
    with Memory(source, now=clock, embedder=CountingEmbedder()) as memory:
        hits = memory.recall("cleo", "When does the boiler leak?", 20, explain=True)
        point = next(each.id for each in memory.operations.list(limit=50) if each.target == "ana")

    to(source, target, tmp_path / "files")

    with Memory(target, data=str(tmp_path / "files"), now=clock, embedder=CountingEmbedder()) as memory:
        found = memory.recall("cleo", "When does the boiler leak?", 20, explain=True)
        assert found.hits == hits.hits
        assert memory.audit.verify().whole
        memory.undo(point, force=True)
        assert memory.users.get("ana").name == "Ana"
        assert [check.name for check in memory.doctor() if check.state == "bad" and check.name != "expiry rate"] == []
        read = io.BytesIO()
        memory.artifacts.read(read.write, memory.artifacts.list(user_id="cleo")[0].id)
        assert read.getvalue() == FILE


def test_the_next_log_entry_has_a_number_that_was_never_used(source: str, target: str, tmp_path: Path) -> None:
    highest = rows_of(source)["last log number"][0][0]
    ran(source, "DELETE FROM log_entry WHERE seq > 3")

    to(source, target, tmp_path / "files")

    assert rows_of(target)["last log number"] == [(highest,)]


@pytest.mark.parametrize(
    ("step", "least"), [("rows", 0), ("rows", 60), ("rows", 170), ("files", 2), ("check", 0), ("check", 90)]
)
def test_a_move_that_was_stopped_goes_on(source: str, target: str, tmp_path: Path, step: Step, least: int) -> None:
    before = rows_of(source)
    with pytest.raises(Stop):
        to(source, target, tmp_path / "files", stopping(step, least))

    report = to(source, target, tmp_path / "files")

    assert report.resumed
    assert report.rows_copied <= report.rows - least or step == "files"
    assert rows_of(target) == rows_of(source) == before


def test_what_is_copied_anew_is_not_told_of_as_done(source: str, target: str, tmp_path: Path) -> None:
    with pytest.raises(Stop):
        to(source, target, tmp_path / "files", stopping("check", 0))
    ran(source, "UPDATE message SET content = 'Said otherwise' WHERE session_id = 'talk' AND seq = 40")
    told = list[int]()

    to(source, target, tmp_path / "files", lambda step, done, total: told.append(done) if step == "rows" else None)

    assert told[1:] != sorted(told[1:])
    assert rows_of(target) == rows_of(source)


def test_what_changed_in_the_source_between_is_carried(
    source: str, target: str, tmp_path: Path, clock: TurnableClock
) -> None:
    with pytest.raises(Stop):
        to(source, target, tmp_path / "files", stopping("check", 0))
    with Memory(source, now=clock, embedder=CountingEmbedder()) as memory:
        memory.users.save("aaa", name="Before all others")
        memory.sessions.close("now")
        new = memory.sessions.open("cleo", "web")
        memory.sessions.append(new.id, "user", "Said between")
        memory.erase.artifact(memory.artifacts.list(user_id="cleo")[0].id, reason="old")
        memory.logs.add("between")
    before = rows_of(source)

    assert to(source, target, tmp_path / "files").resumed

    assert rows_of(target) == before
    there, here = (
        {path.name for path in (tmp_path / each / "artifacts").glob("??/??/*")} for each in ("files", "a.db.data")
    )
    assert there == here


def test_a_store_that_is_half_moved_is_not_opened(source: str, target: str, tmp_path: Path) -> None:
    with pytest.raises(Stop):
        to(source, target, tmp_path / "files", stopping("check", 0))

    with pytest.raises(StoreUnavailable, match="move that is not finished"):
        Memory(target, data=str(tmp_path / "files"))
    with pytest.raises(StoreUnavailable, match="move that is not finished"):
        Memory(target, data=str(tmp_path / "files"), enabled=False)
    with pytest.raises(Conflict, match="finish that one first"):
        move(target, f"sqlite:///{tmp_path}/c.db")
    assert not (tmp_path / "c.db").exists()


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE message SET content = content || '!' WHERE seq = 2",
        "DELETE FROM recall_vector",
        "INSERT INTO session_owner (session_id, user_id) VALUES ('~', 'nobody')",
    ],
)
def test_a_target_that_others_change_meanwhile_is_not_finished(
    source: str, target: str, tmp_path: Path, tampering: str
) -> None:
    def tamper(step: Step, done: int, total: int) -> None:
        if (step, done) == ("check", 0):
            ran(target, tampering)

    with pytest.raises(StoreCorrupt, match="does not hold what was copied"):
        to(source, target, tmp_path / "files", tamper)
    with pytest.raises(StoreUnavailable):
        Memory(target, data=str(tmp_path / "files"))

    assert to(source, target, tmp_path / "files").resumed
    assert rows_of(target) == rows_of(source)


def test_a_dry_run_makes_nothing(source: str, tmp_path: Path) -> None:
    url = unmade_url(tmp_path / "b.db")

    report = move(source, url, target_data=str(tmp_path / "files"), dry_run=True)

    assert report.dry_run
    assert report.rows == sum(len(rows) for rows in rows_of(source).values()) - 1
    assert report.rows_copied == 0
    assert report.files > 4
    assert not is_there(url)
    assert not (tmp_path / "files").exists()


def test_a_store_that_is_not_there_yet_is_made(source: str, tmp_path: Path) -> None:
    url = unmade_url(tmp_path / "below" / "b.db")

    to(source, url, tmp_path / "files")

    assert rows_of(url) == rows_of(source)


def test_from_one_store_to_another_on_the_same_server(source: str, target: str, tmp_path: Path) -> None:
    other = store_url(tmp_path / "c.db")
    to(source, target, tmp_path / "files")

    move(target, other, source_data=str(tmp_path / "files"), target_data=str(tmp_path / "more"))

    assert rows_of(other) == rows_of(source)


def test_the_source_can_be_read_and_not_written_meanwhile(source: str, target: str, tmp_path: Path) -> None:
    seen = list[Row | None]()

    def look(step: Step, done: int, total: int) -> None:
        if step == "check" and not seen:
            with closing(open_store(source, busy_timeout_ms=1)) as store:
                seen.append(store.read(lambda tx: tx.one("SELECT COUNT(*) FROM message")))
                with pytest.raises(ingat.core.errors.StoreBusy):
                    store.write(lambda tx: tx.run("DELETE FROM job"))

    to(source, target, tmp_path / "files", look)

    assert seen[0] is not None


def test_files_stay_where_both_stores_use_one_folder(source: str, target: str, tmp_path: Path) -> None:
    folder = str(tmp_path / "a.db.data")

    report = move(source, target, source_data=folder, target_data=folder)

    assert (report.files, report.data) == (0, report.data_source)


def refused(error: type[Exception], source: str, target: str, folder: Path) -> None:
    before = None if not is_there(target) else rows_of(target)
    for dry_run in (True, False):
        with pytest.raises(error):
            move(source, target, target_data=str(folder), dry_run=dry_run)
    assert before == (rows_of(target) if is_there(target) else None)


def test_a_target_that_holds_anything_is_refused(source: str, target: str, tmp_path: Path) -> None:
    with Memory(target, data=str(tmp_path / "files"), embedder=None) as memory:
        memory.users.save("somebody")

    refused(Conflict, source, target, tmp_path / "files")


def test_what_a_target_holds_is_told_in_words(source: str, target: str, tmp_path: Path) -> None:
    with Memory(target, data=str(tmp_path / "files"), embedder=None) as memory:
        memory.users.save("somebody")
        memory.users.save("somebody else")
        memory.sessions.create("somebody", id="talk")
        for _ in range(12):
            memory.sessions.append("talk", "user", "Hello")

    with pytest.raises(Conflict, match=r" holds 2 users, 1 session, 12 messages\. Nothing was changed") as caught:
        to(source, target, tmp_path / "files")
    assert "message" in caught.value.details["tables"]


def test_many_rows_of_a_target_are_not_all_counted(
    source: str, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(moving, "COUNTED", 3)
    with Memory(target, data=str(tmp_path / "files"), embedder=None) as memory:
        for number in range(3):
            memory.snapshots.save(f"s{number}", state={})
            memory.users.save(f"u{number}")
        memory.users.save("one more")

    with pytest.raises(Conflict, match=r" holds more than 3 users, 3 snapshots\. "):
        to(source, target, tmp_path / "files")


def test_a_target_that_was_only_used_by_a_server_is_told_of_as_that(source: str, target: str, tmp_path: Path) -> None:
    with Memory(target, data=str(tmp_path / "files"), embedder=None) as memory:
        memory.keys.create("admin")

    with pytest.raises(Conflict, match="a server or command has already been used on it") as caught:
        to(source, target, tmp_path / "files")
    assert "access_key" in caught.value.details["tables"]
    assert "access_key" not in caught.value.message


def test_the_target_of_another_move_is_refused(source: str, target: str, tmp_path: Path, clock: TurnableClock) -> None:
    other = f"sqlite:///{tmp_path}/other.db"
    with Memory(other, embedder=None) as memory:
        memory.users.save("somebody")
    with pytest.raises(Stop):
        to(other, target, tmp_path / "files", stopping("rows", 0))

    refused(Conflict, source, target, tmp_path / "files")


def test_a_move_that_is_finished_is_not_made_again(source: str, target: str, tmp_path: Path) -> None:
    to(source, target, tmp_path / "files")

    refused(Conflict, source, target, tmp_path / "files")


def test_a_folder_with_files_of_another_store_is_refused(source: str, target: str, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "secret.key").write_text("0" * 64)

    refused(Conflict, source, target, tmp_path / "files")
    assert (tmp_path / "files" / "secret.key").read_text() == "0" * 64


def test_a_folder_without_the_artifacts_is_refused(source: str, target: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match="none of their files"):
        move(source, target, source_data=str(tmp_path / "wrong"), target_data=str(tmp_path / "files"))


def test_a_source_that_is_not_there_is_not_made(target: str, tmp_path: Path) -> None:
    refused(StoreUnavailable, f"sqlite:///{tmp_path}/none.db", target, tmp_path / "files")

    assert not (tmp_path / "none.db").exists()


def test_a_source_of_an_older_or_newer_version_is_refused(source: str, target: str, tmp_path: Path) -> None:
    ran(source, "INSERT INTO schema_migration VALUES (99, '0099_future', 'x', 0)")
    refused(StoreNewer, source, target, tmp_path / "files")

    ran(source, "DELETE FROM schema_migration WHERE number IN (3, 99)")
    refused(Conflict, source, target, tmp_path / "files")


@pytest.mark.sqlite_only("it is about names")
def test_names_that_are_no_two_lasting_stores_are_refused(source: str, tmp_path: Path) -> None:
    for one, two in [
        (":memory:", source),
        (source, ":memory:"),
        (source, source),
        (source, f"sqlite:///{tmp_path}/./a.db"),
    ]:
        with pytest.raises(InvalidSettings):
            move(one, two)


def test_a_server_that_cannot_be_reached_is_told_of_without_the_password(source: str) -> None:
    with pytest.raises(StoreUnavailable) as caught:
        move(source, "postgresql://u:geheim@127.0.0.1:1/db")

    assert "geheim" not in repr((caught.value.message, caught.value.details))


def test_python_reaches_it_by_the_name_of_the_package() -> None:
    assert ingat.move is move


def test_pages_are_no_larger_than_they_may_be(source: str) -> None:
    def look(tx: Tx) -> None:
        for table in TABLES:
            for page in moving.pages(tx, table):
                size = sum(len(value) for row in page for value in row if isinstance(value, str | bytes))
                assert len(page) <= moving.PAGE_ROWS
                assert len(page) == 1 or size < 3 * moving.PAGE_BYTES, table.name

    with closing(open_store(source)) as store:
        store.read(look)


def test_long_rows_are_not_measured_again_for_each_page(tmp_path: Path) -> None:
    rows = 40

    class Counting:
        """A transaction that counts the rows whose size is asked for."""

        measured = 0

        def __init__(self, tx: Tx) -> None:
            self._tx = tx

        def __getattr__(self, name: str) -> Any:
            return getattr(self._tx, name)

        def all(self, sql: str, args: Sequence[Value] = ()) -> list[Row]:
            found = self._tx.all(sql, args)
            self.measured += len(found) if "LENGTH(" in sql else 0
            return found

    def look(tx: Tx) -> int:
        counting = Counting(tx)
        pages = list(moving.pages(counting, next(table for table in TABLES if table.name == "snapshot")))
        assert [len(page) for page in pages] == [1] * rows
        return counting.measured

    with open_memory(**store_at(tmp_path / "long.db"), embedder=None) as memory:
        for number in range(rows):
            memory.snapshots.save(f"s{number}", {"x": "x" * 2 * moving.PAGE_BYTES})

        assert memory.store.read(look) <= 2 * rows


def test_an_empty_store_can_be_moved(target: str, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/empty.db"
    Memory(url, embedder=None).close()

    report = to(url, target, tmp_path / "files")

    assert rows_of(target) == rows_of(url)
    assert report.rows == len(rows_of(url)["setting"])
