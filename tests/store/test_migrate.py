from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import pytest

from ingat.core.errors import StoreError, StoreNewer, StoreUnavailable
from ingat.store.contract import Row, Store, Tx
from ingat.store.migrate import migrate, pending, read_migrations
from ingat.store.open import open_store, schema_folder
from tests import postgres
from tests.store.catalogue import catalogue

T = TypeVar("T")

FIRST = "CREATE TABLE note (id INTEGER, body TEXT);\nCREATE INDEX note_body ON note (body);\n"
SECOND = "ALTER TABLE note ADD COLUMN author TEXT;\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "schema"
    made.mkdir()
    (made / "0001_notes.sql").write_text(FIRST)
    return made


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return postgres.schemas().unmade() if request.param == "postgres" else f"sqlite:///{tmp_path}/store.db"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = open_store(url)
    yield opened
    opened.close()


def schema(store: Store) -> list[Row]:
    return catalogue(store)


def tables(store: Store) -> set[str]:
    """Return the names of all tables that the catalogue tells of."""
    return {str(row[1]) for row in catalogue(store)}


def records(store: Store) -> list[tuple[object, ...]]:
    return list(store.read(lambda tx: tx.all("SELECT number, name, applied_at FROM schema_migration ORDER BY number")))


def test_what_is_done_with_new_tables_is_one_transaction_with_them(store: Store, folder: Path) -> None:
    def made(tx: Tx) -> None:
        tx.run("INSERT INTO note (id, body) VALUES (1, 'first')")
        if failing:
            raise StoreError("no")

    failing = True
    with pytest.raises(StoreError, match="no"):
        migrate(store, folder, made=made)
    assert "note" not in tables(store)

    failing = False
    migrate(store, folder, made=made)
    (folder / "0002_author.sql").write_text(SECOND)
    migrate(store, folder, made=made)
    assert store.read(lambda tx: tx.all("SELECT id, body FROM note")) == [(1, "first")]


def test_all_files_are_applied_in_order_and_recorded(store: Store, folder: Path) -> None:
    (folder / "0002_author.sql").write_text(SECOND)
    assert migrate(store, folder, clock=lambda: 77) == ["0001_notes", "0002_author"]
    assert records(store) == [(1, "0001_notes", 77), (2, "0002_author", 77)]
    store.write(lambda tx: tx.run("INSERT INTO note (body, author) VALUES ('x', 'y')"))


def test_a_second_run_changes_nothing(store: Store, folder: Path) -> None:
    migrate(store, folder)
    before = records(store)
    assert migrate(store, folder, clock=lambda: 1) == []
    assert records(store) == before


def test_an_older_store_gets_what_it_lacks_and_keeps_its_rows(store: Store, folder: Path) -> None:
    migrate(store, folder)
    store.write(lambda tx: tx.run("INSERT INTO note (body) VALUES ('kept')"))
    (folder / "0002_author.sql").write_text(SECOND)
    assert migrate(store, folder) == ["0002_author"]
    assert store.read(lambda tx: tx.all("SELECT body, author FROM note")) == [("kept", None)]


@pytest.mark.parametrize("there", [0, 1])
def test_a_statement_that_fails_keeps_nothing_of_any_file(there: int, store: Store, folder: Path) -> None:
    if there:
        migrate(store, folder)
    before = schema(store)
    (folder / "0002_author.sql").write_text(SECOND)
    (folder / "0003_broken.sql").write_text("CREATE TABLE half (a TEXT);\nINSERT INTO nowhere VALUES (1);\n")
    with pytest.raises(StoreError, match="nowhere"):
        migrate(store, folder)
    assert schema(store) == before
    assert pending(store, folder) == (there, ["0001_notes", "0002_author", "0003_broken"][there:])


def test_what_is_wrong_with_a_later_file_keeps_the_first_ones_from_being_applied(store: Store, folder: Path) -> None:
    before = schema(store)
    (folder / "0002_open.sql").write_text("CREATE TABLE half (a TEXT)")
    with pytest.raises(StoreError, match="within a statement"):
        migrate(store, folder)
    assert schema(store) == before


class Keeper:
    """Notes what it is shown, and may refuse in the end."""

    def __init__(self, refusal: Exception | None = None) -> None:
        self.seen: list[object] = []
        self._refusal = refusal

    def before(self, tx: Tx, applied: int) -> None:
        self.seen += [applied, tx.all("SELECT body FROM note")]

    def after(self, tx: Tx, names: Sequence[str]) -> None:
        self.seen += [tuple(names), tx.all("SELECT body, author FROM note")]
        if self._refusal is not None:
            raise self._refusal


def test_a_keeper_sees_the_rows_before_and_after_in_one_transaction(store: Store, folder: Path) -> None:
    migrate(store, folder)
    store.write(lambda tx: tx.run("INSERT INTO note (body) VALUES ('kept')"))
    (folder / "0002_author.sql").write_text(SECOND)
    keeper = Keeper()
    migrate(store, folder, keeper=keeper)
    assert keeper.seen == [1, [("kept",)], ("0002_author",), [("kept", None)]]


def test_nothing_is_changed_when_the_keeper_refuses(store: Store, folder: Path) -> None:
    migrate(store, folder)
    (folder / "0002_author.sql").write_text(SECOND)
    before = schema(store), records(store)
    with pytest.raises(ZeroDivisionError):
        migrate(store, folder, keeper=Keeper(ZeroDivisionError()))
    assert (schema(store), records(store)) == before


def test_a_new_store_and_one_that_is_up_to_date_have_nothing_to_keep(store: Store, folder: Path) -> None:
    keeper = Keeper()
    migrate(store, folder, keeper=keeper)
    migrate(store, folder, keeper=keeper)
    assert keeper.seen == []


def test_a_store_that_cannot_be_read_is_not_taken_for_a_new_one(store: Store, folder: Path) -> None:
    class Unreachable:
        url = store.url

        def read(self, fn: Callable[[Tx], T]) -> T:
            raise StoreUnavailable("gone")

    before = schema(store)
    with pytest.raises(StoreUnavailable):
        migrate(Unreachable(), folder)  # type: ignore[arg-type]
    assert schema(store) == before


def test_a_table_of_records_that_has_other_columns_is_told(store: Store, folder: Path) -> None:
    store.write(lambda tx: tx.run("CREATE TABLE schema_migration (version TEXT)"))
    before = schema(store)
    with pytest.raises(StoreError, match="number"):
        migrate(store, folder)
    assert schema(store) == before


def test_a_store_of_a_newer_version_is_refused_and_left_as_it_is(store: Store, folder: Path) -> None:
    (folder / "0002_author.sql").write_text(SECOND)
    migrate(store, folder)
    (folder / "0002_author.sql").unlink()
    before = schema(store), records(store)
    with pytest.raises(StoreNewer, match="0002_author"):
        migrate(store, folder)
    assert (schema(store), records(store)) == before


def test_a_file_changed_after_it_was_applied_is_reported(store: Store, folder: Path) -> None:
    migrate(store, folder)
    (folder / "0001_notes.sql").write_text(FIRST.replace("body TEXT", "body BLOB"))
    (folder / "0002_author.sql").write_text(SECOND)
    before = schema(store), records(store)
    with pytest.raises(StoreError, match="0001_notes"):
        migrate(store, folder)
    assert (schema(store), records(store)) == before


def test_line_ends_do_not_count_as_a_change(store: Store, folder: Path) -> None:
    migrate(store, folder)
    (folder / "0001_notes.sql").write_bytes(FIRST.replace("\n", "\r\n").encode())
    assert migrate(store, folder) == []


def test_an_up_to_date_store_is_not_written_to(url: str, store: Store, folder: Path) -> None:
    migrate(store, folder)
    started, release = threading.Event(), threading.Event()

    def holds_the_lock(_: object) -> None:
        started.set()
        assert release.wait(30)

    thread = threading.Thread(target=store.write, args=(holds_the_lock,))
    thread.start()
    assert started.wait(30)
    try:
        other = open_store(url, busy_timeout_ms=0)
        assert migrate(other, folder) == []
        other.close()
    finally:
        release.set()
        thread.join(30)


def test_many_that_start_at_once_apply_each_file_once(url: str, folder: Path) -> None:
    for number in range(2, 8):
        (folder / f"000{number}_more.sql").write_text(f"CREATE TABLE more_{number} (a TEXT);")
    together = threading.Barrier(6)

    def starts(_: int) -> list[str]:
        together.wait(30)
        store = open_store(url, busy_timeout_ms=30_000)
        try:
            return migrate(store, folder)
        finally:
            store.close()

    with ThreadPoolExecutor(6) as threads:
        applied = sorted(threads.map(starts, range(6)), key=len)
    assert applied == [[]] * 5 + [[migration.name for migration in read_migrations(folder)]]


@pytest.mark.parametrize("name", ["0003_gap.sql", "0001_twice.sql", "first.sql", "2_short.sql"])
def test_files_that_are_not_numbered_one_after_another_are_refused(name: str, store: Store, folder: Path) -> None:
    (folder / name).write_text(SECOND)
    before = schema(store)
    with pytest.raises(StoreError):
        migrate(store, folder)
    assert schema(store) == before


def test_an_empty_folder_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        migrate(store, tmp_path / "nowhere")


def test_the_shipped_schema_makes_a_sound_store(store: Store, url: str) -> None:
    migrate(store, schema_folder(url))
    assert store.check() == []
