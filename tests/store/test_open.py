from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from ingat.core.errors import InvalidSettings, MissingExtra, StoreUnavailable
from ingat.memory import Memory
from ingat.store.open import lasts, open_store, schema_folder, sqlite_file


def test_three_slashes_are_relative_to_the_present_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    open_store("sqlite:///below.db").close()
    assert (tmp_path / "below.db").is_file()


def test_a_relative_store_stays_where_it_was_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store("sqlite:///below.db")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert store.read(lambda tx: tx.one("SELECT 1")) == (1,)
    assert store.url == f"sqlite:///{tmp_path}/below.db"
    store.close()


def test_four_slashes_are_absolute(tmp_path: Path) -> None:
    open_store(f"sqlite:///{tmp_path}/here.db").close()
    assert (tmp_path / "here.db").is_file()


@pytest.mark.parametrize("url", [":memory:", "sqlite://", "sqlite:///:memory:"])
def test_memory_leaves_no_file(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = open_store(url)
    store.write(lambda tx: tx.run("CREATE TABLE t (a)"))
    store.close()
    assert list(tmp_path.iterdir()) == []


def test_two_memory_stores_share_nothing() -> None:
    one, other = open_store(":memory:"), open_store(":memory:")
    one.write(lambda tx: tx.run("CREATE TABLE t (a)"))
    assert other.read(lambda tx: tx.all("SELECT name FROM sqlite_master")) == []
    one.close()
    other.close()


@pytest.mark.parametrize("name", ["with space.db", "per%20cent.db", "hash#1.db", "kühl-日本.db"])
def test_the_path_is_taken_as_it_is_written(name: str, tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/{name}")
    store.read(lambda tx: tx.one("SELECT count(*) FROM sqlite_master"))
    assert {path.name for path in tmp_path.iterdir()} == {name, f"{name}-wal", f"{name}-shm"}
    store.close()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "ingat.db",
        "/srv/ingat.db",
        "sqlite:ingat.db",
        "sqlite://ingat.db",
        "sqlite:///",
        "sqlite:///folder/",
        "sqlite:///~/ingat.db",
        "sqlite:///ingat.db?mode=ro",
        "sqlite:///ing\0at.db",
        "mysql://localhost/ingat",
    ],
)
def test_any_other_url_is_refused_and_makes_nothing(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidSettings):
        open_store(url)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_scheme_is_told_which_are_known() -> None:
    with pytest.raises(InvalidSettings, match="known: sqlite, postgresql"):
        open_store("mysql://localhost/ingat")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://host/db?schema=Big",
        "postgresql://host/db?schema=pg_mine",
        "postgresql://host/db?schema=",
        "postgresql://host/db?spell=1",
        "postgresql://user:ge%zzheim@host/db",
        "postgres://user:ge@heim@host/db",
        "postgresql://user:ge/heim@host/db",
        "postgresql://user:ge?heim@host/db",
        "postgresql://user:ge#heim@host/db",
        "postgresql:/user:geheim@host/db",
        "mysql://user:geheim@host/db",
    ],
)
def test_a_wrong_url_of_a_server_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        open_store(url)
    assert "heim" not in f"{caught.value} {caught.value.details}"


def test_a_store_on_postgresql_without_its_driver_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("ingat.store.postgres")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "psycopg", None)

    with pytest.raises(MissingExtra, match=r"Install ingat\[postgres\]") as caught:
        open_store("postgresql://localhost/ingat")
    assert caught.value.details == {"extra": "postgres"}


@pytest.mark.parametrize(
    ("url", "kept"),
    [("sqlite:///a.db", True), (":memory:", False), ("sqlite://", False), ("postgresql://host/db", True)],
)
def test_only_a_store_in_memory_does_not_last(url: str, kept: bool) -> None:
    assert lasts(url) is kept


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("ingat.db", "sqlite:///ingat.db"),
        ("data/ingat.db", "sqlite:///data/ingat.db"),
        ("/srv/ingat.db", "sqlite:////srv/ingat.db"),
        ("sqlite:ingat.db", "sqlite:///ingat.db"),
        ("sqlite://ingat.db", "sqlite:///ingat.db"),
        (Path("x.db"), "sqlite:///x.db"),
        (Path("/srv/x.db"), "sqlite:////srv/x.db"),
    ],
    ids=str,
)
def test_a_plain_path_is_told_how_to_write_it(given: Any, hint: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        open_store(given)

    assert caught.value.message.endswith(f" Write {hint} instead.")


def test_a_home_folder_is_written_out_in_the_hint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(InvalidSettings) as caught:
        open_store("~/x.db")

    assert f"Write sqlite:///{tmp_path}/x.db instead." in caught.value.message


@pytest.mark.parametrize("given", [None, 7, b"x.db", ""], ids=repr)
def test_what_is_no_text_is_told_how_a_url_looks(given: Any) -> None:
    with pytest.raises(InvalidSettings, match="Write sqlite:///relative.db"):
        open_store(given)


@pytest.mark.parametrize("given", [Path("x.db"), None], ids=str)
def test_a_memory_of_what_is_no_url_is_refused(given: Any) -> None:
    with pytest.raises(InvalidSettings, match="sqlite:///"):
        Memory(given, embedder="none")


@pytest.mark.parametrize(
    ("url", "file"),
    [("sqlite:///a/b.db", Path("a/b.db")), ("sqlite:////a.db", Path("/a.db")), (":memory:", None), ("sqlite://", None)],
)
def test_the_file_of_a_url(url: str, file: Path | None) -> None:
    assert sqlite_file(url) == file


@pytest.mark.parametrize(
    "settings",
    [
        {"synchronous": "OFF"},
        {"synchronous": "normal"},
        {"busy_timeout_ms": -1},
        {"busy_timeout_ms": 2.5},
        {"busy_timeout_ms": 600_001},
        {"readers": 0},
        {"readers": 65},
        {"readers": True},
    ],
    ids=str,
)
def test_a_setting_outside_its_limits_is_refused(settings: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings):
        open_store(f"sqlite:///{tmp_path}/store.db", **settings)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("synchronous", "level"), [("NORMAL", 1), ("FULL", 2)])
def test_synchronous_reaches_the_writer(synchronous: Any, level: int, tmp_path: Path) -> None:
    store = open_store(f"sqlite:///{tmp_path}/store.db", synchronous=synchronous)
    assert store.write(lambda tx: tx.one("PRAGMA synchronous")) == (level,)
    store.close()


def test_a_folder_is_not_a_store(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable):
        open_store(f"sqlite:///{tmp_path}")


def test_the_schema_folder_holds_numbered_files() -> None:
    assert (schema_folder(":memory:") / "0001_memory.sql").is_file()
