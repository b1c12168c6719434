"""Purge when the process dies, somebody goes on reading or writing, or two purge at once: nothing is left at last."""

from __future__ import annotations

import io
import os
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import ingat
from ingat.core.errors import IngatError, StoreFull
from ingat.memory import Memory
from ingat.store.contract import Tx
from tests.engine import same_store, store_url
from tests.lifecycle.traces import files_with

PROGRAM = Path(__file__).with_name("programs") / "purging.py"
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(ingat.__file__).parents[1])}
PERSON, ALIAS, WORD = "628111222333", "telegram-4711-x", "Zyxwvut"
WORDS = (PERSON, ALIAS, WORD)

POSIX_ONLY = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "store"
    made.mkdir()
    return made


@pytest.fixture
def url(folder: Path) -> str:
    """A store with the person, who left traces everywhere, and somebody else."""
    made = store_url(folder / "store.db")
    with Memory(**same_store(made), embedder=None) as memory:
        memory.users.save(PERSON, name=WORD)
        memory.users.alias(PERSON, ALIAS)
        session = memory.sessions.create(PERSON, id="a-session-of-theirs")
        memory.sessions.append_many(session.id, [{"role": "user", "content": f"{WORD} {n}"} for n in range(30)])
        memory.remember(PERSON, WORD)
        memory.artifacts.save(io.BytesIO(WORD.encode() * 9), name="f", user_id=PERSON)
        memory.logs.add(f"saw {PERSON}")
        memory.sessions.create("ben", id="bens")
        memory.sessions.append("bens", "user", "the boiler")
        memory.backups.create(reason="all")
        memory.erase.session(session.id, reason=f"{ALIAS} wanted it")
        memory.sessions.create(PERSON, id="another-of-theirs")
        memory.sessions.append("another-of-theirs", "user", WORD)
        memory.snapshots.save("S", state={"w": WORD}, user_id=PERSON)
    return made


def run(url: str, where: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), url, PERSON, where], env=ENVIRONMENT, stdout=subprocess.PIPE, text=True
    )


@POSIX_ONLY
@pytest.mark.parametrize(
    ("where", "again"),
    [
        ("begun", PERSON),
        ("part", PERSON),
        ("rows", ALIAS),
        ("copy", PERSON),
        ("copies", PERSON),
        ("entered", ALIAS),
    ],
    ids=["begun", "part", "rows", "copy", "copies", "entered"],
)
def test_a_purge_that_was_killed_is_told_of_and_the_next_run_completes_it(
    url: str, folder: Path, where: str, again: str
) -> None:
    process = run(url, where)
    assert process.stdout is not None
    said = process.stdout.readline()
    process.kill()
    process.communicate(timeout=60)
    assert said == "stopped\n"

    with Memory(**same_store(url), embedder=None) as memory:
        assert [check.value for check in memory.doctor() if check.name == "purges that did not end"] == ["1 purges"]
        for operation in memory.operations.list().items:
            try:
                memory.undo(operation.id)
            except IngatError:
                continue
        certificate = memory.purge(again, reason="asked again")
        assert certificate.complete
        assert [check.value for check in memory.doctor() if check.name == "purges that did not end"] == ["0 purges"]
        assert memory.audit.verify().whole
        assert [check.name for check in memory.doctor() if check.state == "bad"] == []
        assert [user.user_id for user in memory.users.list().items] == ["ben"]
        assert memory.sessions.messages("bens")[0].content == "the boiler"
        assert {entry.target for entry in memory.audit.list(action="purge").items} == {certificate.purge_id}
    assert files_with(folder, *WORDS, "of-theirs") == {}


@POSIX_ONLY
def test_two_processes_that_purge_at_once_leave_nothing_and_enter_it_once(url: str, folder: Path) -> None:
    several = [run(url, "no") for _ in range(2)]
    said = {process.communicate(timeout=60)[0] for process in several}
    assert "done True\n" in said or "done False\n" in said

    with Memory(**same_store(url), embedder=None) as memory:
        assert memory.purge(PERSON, reason="asked").complete
        assert memory.audit.verify().whole
    assert files_with(folder, *WORDS) == {}


def test_one_who_goes_on_reading_is_told_and_the_next_purge_ends_it(
    url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Memory(**same_store(url), embedder=None) as memory, Memory(**same_store(url), embedder=None) as other:
        scrub = type(memory.store).scrub
        monkeypatch.setattr(
            type(memory.store), "scrub", lambda self, traces, **others: scrub(self, traces, timeout_s=0.0)
        )
        reading, release = threading.Event(), threading.Event()

        def read(tx: Tx) -> None:
            tx.all("SELECT * FROM user_profile")
            reading.set()
            assert release.wait(30)

        reader = threading.Thread(target=other.store.read, args=(read,))
        reader.start()
        assert reading.wait(30)
        certificate = memory.purge(PERSON, reason="asked")
        release.set()
        reader.join(30)
        monkeypatch.undo()

        assert not certificate.complete
        assert "busy" in [each.code for each in certificate.remains]
        assert memory.purge(PERSON, reason="asked").complete
        assert files_with(folder, *WORDS) == {}


def test_what_is_said_while_a_person_is_purged_is_purged_or_somebody_new_says_it(url: str, folder: Path) -> None:
    enough = threading.Event()

    with Memory(**same_store(url), embedder=None) as memory:

        def talk() -> int:
            said = 0
            while not enough.is_set():
                session = memory.sessions.open(PERSON)
                try:
                    memory.sessions.append(session.id, "user", f"still here {said}")
                    said += 1
                except IngatError:  # the session went in between
                    continue
            return said

        with ThreadPoolExecutor(1) as threads:
            talking = threads.submit(talk)
            memory.purge(PERSON, reason="asked")
            enough.set()
            assert talking.result(30) >= 0
        assert memory.audit.verify().whole
        assert [check.name for check in memory.doctor() if check.state == "bad"] == []
        memory.purge(PERSON, reason="asked")
        assert [user.user_id for user in memory.users.list().items] == ["ben"]
    assert files_with(folder, *WORDS) == {}


@pytest.mark.sqlite_only("looks through the store's file")
def test_bytes_that_deleting_left_are_written_over(url: str, folder: Path) -> None:
    with Memory(**same_store(url), embedder=None) as memory:
        # as a program would leave them that does not overwrite what it deletes
        plain = sqlite3.connect(folder / "store.db", isolation_level=None)
        plain.execute("PRAGMA secure_delete=OFF")
        plain.execute("UPDATE snapshot SET state = '{}' WHERE user_id = ?", (PERSON,))
        plain.execute("DELETE FROM message WHERE user_id = ?", (PERSON,))
        plain.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        plain.close()
        assert memory.purge(PERSON, reason="asked").complete
    assert files_with(folder, *WORDS, "another-of-theirs") == {}


@pytest.mark.sqlite_only("PostgreSQL writes tables anew one by one")
def test_a_database_that_cannot_be_written_anew_is_told(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Memory(**same_store(url), embedder=None) as memory:
        scrub = type(memory.store).scrub

        def cramped(self: object, traces: list[bytes], *, users: object = None, rewrite: bool = False) -> object:
            if rewrite:
                raise StoreFull("no room")
            return scrub(self, [*traces, b"SQLite format 3"])  # type: ignore[arg-type]

        monkeypatch.setattr(type(memory.store), "scrub", cramped)
        certificate = memory.purge(PERSON, reason="asked")
        assert (certificate.complete, "room" in [each.code for each in certificate.remains]) == (False, True)
