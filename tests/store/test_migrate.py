from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ingat.core.errors import StoreError, StoreNewer
from ingat.store.contract import Store
from ingat.store.migrate import migrate, read_migrations, statements
from ingat.store.open import open_store, schema_folder

FIRST = "CREATE TABLE note (id INTEGER PRIMARY KEY, body TEXT);\nCREATE INDEX note_body ON note (body);\n"
SECOND = "ALTER TABLE note ADD COLUMN author TEXT;\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "schema"
    made.mkdir()
    (made / "0001_notes.sql").write_text(FIRST)
    return made


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/store.db"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = open_store(url)
    yield opened
    opened.close()


def schema(store: Store) -> list[tuple[object, ...]]:
    return list(store.read(lambda tx: tx.all("SELECT type, name, sql FROM sqlite_master ORDER BY name")))


def records(store: Store) -> list[tuple[object, ...]]:
    return list(store.read(lambda tx: tx.all("SELECT number, name, applied_at FROM schema_migration ORDER BY number")))


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


def test_a_migrated_store_has_the_schema_of_a_fresh_one(store: Store, folder: Path) -> None:
    migrate(store, folder)
    (folder / "0002_author.sql").write_text(SECOND)
    migrate(store, folder)
    fresh = open_store(":memory:")
    migrate(fresh, folder)
    assert schema(fresh) == schema(store)
    fresh.close()


def test_a_file_that_fails_keeps_nothing_of_itself_and_the_ones_before_it(store: Store, folder: Path) -> None:
    (folder / "0002_broken.sql").write_text("CREATE TABLE half (a);\nINSERT INTO nowhere VALUES (1);\n")
    with pytest.raises(StoreError, match="nowhere"):
        migrate(store, folder)
    assert [name for _, name, _ in records(store)] == ["0001_notes"]
    assert "half" not in [name for _, name, _ in schema(store)]


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
        (folder / f"000{number}_more.sql").write_text(f"CREATE TABLE more_{number} (a);")
    together = threading.Barrier(6)

    def starts(_: int) -> list[str]:
        together.wait(30)
        store = open_store(url, busy_timeout_ms=30_000)
        try:
            return migrate(store, folder)
        finally:
            store.close()

    with ThreadPoolExecutor(6) as threads:
        applied = [name for names in threads.map(starts, range(6)) for name in names]
    assert sorted(applied) == [migration.name for migration in read_migrations(folder)]


@pytest.mark.parametrize("name", ["0003_gap.sql", "0001_twice.sql", "first.sql", "2_short.sql"])
def test_files_that_are_not_numbered_one_after_another_are_refused(name: str, store: Store, folder: Path) -> None:
    (folder / name).write_text(SECOND)
    with pytest.raises(StoreError):
        migrate(store, folder)
    assert schema(store) == []


def test_an_empty_folder_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        migrate(store, tmp_path / "nowhere")


def test_statements_keep_triggers_strings_and_comments_whole() -> None:
    trigger = "CREATE TRIGGER t AFTER INSERT ON a BEGIN\n  DELETE FROM b;\n  DELETE FROM c;\nEND;"
    script = f"-- one; two\nCREATE TABLE a (x TEXT DEFAULT ';');\n\n{trigger}\n/* the; end */\n"
    first, second = statements(script)
    assert first.endswith("CREATE TABLE a (x TEXT DEFAULT ';');")
    assert second == trigger


def test_a_script_that_ends_within_a_statement_is_refused() -> None:
    with pytest.raises(StoreError):
        list(statements("CREATE TABLE a (x);\nCREATE TABLE b (x)"))


def test_the_shipped_schema_makes_a_sound_store(store: Store, url: str) -> None:
    migrate(store, schema_folder(url))
    assert store.check() == []
