"""`ingat` on PostgreSQL as people meet it: what they are told, what is kept secret, and servers side by side."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

from ingat.cli import daemon
from ingat.core.errors import StoreUnavailable
from ingat.core.settings import Settings
from ingat.core.urls import without_password
from ingat.store.open import passing_schema
from ingat.store.postgres import passing
from tests import postgres
from tests.cli.runner import Ingat
from tests.cli.test_datasets import LOCOMO
from tests.cli.test_serve import ended, post, serving

SECRET = "geheim7"


class OnPostgres(Ingat):
    """`ingat` with a store on PostgreSQL whose URL has a password."""

    def __init__(self, folder: Path, url: str) -> None:
        super().__init__(folder)
        self.url = url.replace("postgres@", f"postgres:{SECRET}@")
        self.data = folder / "data"
        self.variables.update(INGAT_STORE=self.url, INGAT_DATA=str(self.data))

    def schemas(self) -> set[str]:
        """Return the names of all schemas of the database."""
        with psycopg.connect(self.url.rpartition("schema=")[0].rstrip("?&")) as conn:
            return {row[0] for row in conn.execute("SELECT nspname FROM pg_namespace").fetchall()}


@pytest.fixture
def ingat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OnPostgres]:
    monkeypatch.chdir(tmp_path)
    with postgres.empty_store() as url:
        yield OnPostgres(tmp_path, url)


@pytest.fixture
def unmade(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OnPostgres:
    monkeypatch.chdir(tmp_path)
    return OnPostgres(tmp_path, postgres.schemas().unmade())


@pytest.fixture
def file(ingat: OnPostgres) -> str:
    path = ingat.folder / "small.json"
    path.write_text(json.dumps(LOCOMO))
    return str(path)


def test_people_are_told_once_that_a_store_was_made_and_where_its_files_are(unmade: OnPostgres) -> None:
    first, second = unmade("users", "list").stderr, unmade("users", "list").stderr

    assert f"A new store was made: {unmade.url.replace(':' + SECRET, '')}" in first
    assert str(unmade.data) in first
    assert second == ""


def test_the_password_is_shown_nowhere(ingat: OnPostgres) -> None:
    ingat.said("sessions", "create", "--id", "s1", "--user", "budi")
    commands = [["stats"], ["doctor"], ["watch", "--once"], ["logs", "list"], ["audit"], ["operations", "list"]]
    commands += [["erase", "session", "s1", "--reason", "asked", "--yes"], ["undo"], ["backup", "create"], ["erase"]]
    shown = [ingat(*words, "--store", ingat.url) for words in commands]
    with serving(ingat) as (server, hello):
        pid_file = next(ingat.data.glob("*.pid")).read_text()
        log = httpx.get(hello["url"] + "v1/logs", headers={"Authorization": f"Bearer {hello['key']}"}).text
        _, told = ended(server, 15)

    assert SECRET not in "".join(each.output for each in shown) + pid_file + log + told + json.dumps(hello)
    assert SECRET not in "".join(path.read_text(errors="replace") for path in ingat.data.rglob("*") if path.is_file())


def test_a_server_in_the_background_has_no_password_among_its_words(
    ingat: OnPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INGAT_DATA", str(ingat.data))
    settings = Settings(store=ingat.url, data=str(ingat.data), port=0)
    server = daemon.start(settings, store=ingat.url)
    try:
        words = Path(f"/proc/{server.pid}/cmdline").read_bytes()
        assert b"serve" in words
        assert SECRET.encode() not in words
        assert SECRET not in server.store
    finally:
        daemon.stop(settings)


def test_commands_to_copy_name_the_store_without_its_password(ingat: OnPostgres) -> None:
    shown, variables = shlex.quote(without_password(ingat.url)), {"INGAT_STORE": "sqlite:///another.db"}
    said = ingat.said("serve", "--detach", "--port", "0", "--store", ingat.url, **variables)
    ingat.said("stop", "--store", ingat.url)
    ingat.said("remember", "budi", "likes tea")
    erased = ingat("erase", "user", "budi", "--reason", "asked", "--yes", "--store", ingat.url)

    assert f"ingat keys create --role admin --store {shown}" in said
    assert f"Stop it with `ingat stop --store {shown}`." in said
    assert f"--store {shown}" in erased.output
    assert SECRET not in said + erased.output


def test_what_is_erased_comes_back_from_the_data_directory(ingat: OnPostgres) -> None:
    ingat.said("remember", "budi", "prefers morning visits")
    ingat.said("erase", "user", "budi", "--reason", "asked", "--yes")
    ingat.said("undo")

    assert [each["text"] for each in ingat.json("memories", "list", "budi")["memories"]] == ["prefers morning visits"]
    assert list((ingat.data / "restore-points").iterdir())


def test_a_database_that_cannot_be_reached_is_named_without_its_password(ingat: OnPostgres, tmp_path: Path) -> None:
    error = ingat.refused(
        "stats", "--store", f"postgresql://ann:{SECRET}@/db?host={tmp_path}", code="store_unavailable"
    )

    assert f"postgresql://ann@/db?host={tmp_path}" in error["message"]
    assert SECRET not in json.dumps(error)


def test_while_switched_off_no_schema_is_made(unmade: OnPostgres) -> None:
    unmade.said("users", "list", INGAT_ENABLED="false")

    assert unmade.url.rpartition("schema=")[2] not in unmade.schemas()


def test_servers_with_several_workers_share_one_database(ingat: OnPostgres) -> None:
    with (
        serving(ingat, "--workers", "2") as (first, hello),
        serving(ingat, "--workers", "2") as (second, again),
    ):
        session = post(hello, "v1/sessions", {"user_id": "budi"})["id"]
        for number in range(20):
            place = hello if number % 2 else {**again, "key": hello["key"]}
            post(place, f"v1/sessions/{session}/messages", {"role": "user", "content": f"number {number}"})
        assert [ended(server, 15) for server in (first, second)] == [(0, ""), (0, "")]

    said = ingat.json("messages", "list", "--session", session)["messages"]
    assert [each["content"] for each in said] == [f"number {number}" for number in range(20)]


@pytest.fixture
def passed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The schemas that are made for one evaluation; other processes of the tests have theirs on the same server."""
    names: list[str] = []

    @contextmanager
    def passing(url: str) -> Iterator[str]:
        with passing_schema(url) as named:
            names.append(named.rpartition("schema=")[2])
            yield named

    monkeypatch.setattr("ingat.cli.datasets.passing_schema", passing)
    return names


def test_an_evaluation_leaves_the_database_as_it_was(ingat: OnPostgres, file: str, passed: list[str]) -> None:
    measured = ingat.json("eval", "locomo", file, "--store", ingat.url)

    assert measured["overall"]["R@5"] == 100.0
    assert len(passed) == 1
    assert not ingat.schemas() & set(passed)
    assert ingat.json("stats")["messages"]["total"] == 0


@pytest.mark.parametrize("failure", [KeyboardInterrupt, StoreUnavailable("gone")])
def test_an_evaluation_that_fails_leaves_no_schema(
    ingat: OnPostgres,
    file: str,
    passed: list[str],
    monkeypatch: pytest.MonkeyPatch,
    failure: BaseException | type[BaseException],
) -> None:
    def fail(*_: object) -> None:
        raise failure

    monkeypatch.setattr("ingat.cli.datasets.evaluate", fail)
    result = ingat("eval", "locomo", file, "--store", ingat.url)

    assert result.exit_code in (1, 130)
    assert len(passed) == 1
    assert not ingat.schemas() & set(passed)


def test_a_schema_that_could_not_be_dropped_is_named(
    ingat: OnPostgres, file: str, passed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as change, psycopg.connect(ingat.url.rpartition("schema=")[0].rstrip("?&")) as other:
        change.setattr(passing, "_LOCK_MS", 50)

        def measure(memory: object, *_: object) -> None:
            (left,) = passed
            other.execute(f"LOCK TABLE {left}.daily_measure IN ACCESS EXCLUSIVE MODE".encode())
            raise StoreUnavailable("gone")

        change.setattr("ingat.cli.datasets.evaluate", measure)
        result = ingat("eval", "locomo", file, "--store", ingat.url)

        (left,) = passed
        assert left in ingat.schemas()
        assert result.exit_code == 1
        assert "gone" in result.stderr
        other.rollback()
        other.execute(f"DROP SCHEMA {left} CASCADE".encode())
