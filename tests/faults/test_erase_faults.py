"""Erase when the disk is full, the folder is closed, the process dies, or somebody goes on talking: nothing is lost."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import ingat
from ingat.core.errors import Conflict, RestorePointFailed, SessionNotFound
from ingat.core.logs import NewLog
from ingat.lifecycle.scopes import LOGS_IN_ONE_DELETE
from ingat.memory import Memory
from tests.engine import same_store, store_url
from tests.faults.programs.erasing import erase
from tests.lifecycle.dump import truth

PROGRAMS = Path(__file__).with_name("programs")
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(ingat.__file__).parents[1])}
NOBODY = 65534

POSIX_ONLY = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other limits and signals")


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A store with one session, `talk`, of the user `ana`, and log entries."""
    made = store_url(tmp_path / "store.db")
    with Memory(**same_store(made), embedder=None) as memory:
        memory.sessions.create("ana", id="talk")
        memory.sessions.append_many("talk", [{"role": "user", "content": f"line {n}"} for n in range(50)])
        for _ in range(3):
            memory.logs.add_many([NewLog(message=f"entry {n}") for n in range(LOGS_IN_ONE_DELETE // 2)])
    return made


def killed(url: str, what: str, where: str) -> None:
    """Let another process erase, and kill it where it stops."""
    process = subprocess.Popen(
        [sys.executable, str(PROGRAMS / "erasing.py"), url, what, where],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    said = process.stdout.readline()
    process.kill()
    process.communicate(timeout=60)
    assert said == "stopped\n"


def wrong(memory: Memory) -> list[str]:
    return [check.name for check in memory.doctor() if check.state == "bad"]


@POSIX_ONLY
@pytest.mark.parametrize("where", ["before", "within"])
@pytest.mark.parametrize("what", ["session", "logs", "messages", "user", "everything"])
def test_a_kill_before_the_commit_deletes_nothing(url: str, what: str, where: str) -> None:
    with Memory(**same_store(url), embedder=None) as memory:
        before = truth(memory)
    killed(url, what, where)

    with Memory(**same_store(url), embedder=None) as memory:
        assert truth(memory) == before
        assert memory.operations.list().items == ()
        assert wrong(memory) == []
        operation = erase(memory, what)
        assert truth(memory) != before
        memory.undo(operation.id)
        assert truth(memory) == before


@POSIX_ONLY
def test_a_kill_between_two_parts_leaves_an_operation_that_brings_all_back(url: str) -> None:
    with Memory(**same_store(url), embedder=None) as memory:
        before = truth(memory)
    killed(url, "logs", "between")

    with Memory(**same_store(url), embedder=None) as memory:
        (first,) = memory.operations.list().items
        assert memory.logs.stats().total == LOGS_IN_ONE_DELETE // 2
        second = memory.erase.logs()
        assert memory.logs.stats().total == 0
        memory.undo(first.id)
        assert truth(memory) == before
        memory.undo(second.id)
        assert truth(memory) == before


@POSIX_ONLY
def test_a_kill_between_two_users_leaves_an_operation_that_brings_everybody_back(url: str) -> None:
    with Memory(**same_store(url), embedder=None) as memory:
        for user in ("ben", "cem"):
            memory.remember(user, "likes tea")
        before = truth(memory)
    killed(url, "everything", "between")

    with Memory(**same_store(url), embedder=None) as memory:
        (first,) = memory.operations.list().items
        assert [user.user_id for user in memory.users.list()] == ["ben", "cem"]
        assert wrong(memory) == []
        second = memory.erase.everything(reason="the rest")
        assert second.counts == {"user": 2, "memory": 2}
        memory.undo(first.id)
        assert truth(memory) == before
        assert wrong(memory) == []


@pytest.mark.sqlite_only("limits the size of the store's file")
@pytest.mark.skipif(sys.platform != "linux", reason="the limit for the size of a file is Linux's")
def test_a_full_disk_deletes_nothing_and_leaves_no_file(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(PROGRAMS / "cramped.py"), str(tmp_path)],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (done.stdout.splitlines(), done.stderr) == (
        [
            "session without room for its restore point restore_point_failed",
            "logs without room for theirs restore_point_failed",
            "files 0",
            "messages 40 logs 500",
            "session without room to delete it store_full",
            "files 0",
            "messages 1 operations 0",
            "with room {'session': 1, 'message': 40} {'log': 500}",
            "undone 40 500",
            "bad []",
        ],
        "",
    )


@POSIX_ONLY
def test_a_folder_that_cannot_be_written_deletes_nothing(url: str, tmp_path: Path) -> None:
    data = tmp_path / "elsewhere"
    data.mkdir()
    with Memory(url, embedder=None, data=str(data)) as memory:
        before = truth(memory)
        root = os.geteuid() == 0
        data.chmod(0o555)
        if root:
            os.seteuid(NOBODY)
        try:
            with pytest.raises(RestorePointFailed, match="Nothing was deleted"):
                memory.erase.session("talk")
        finally:
            if root:
                os.seteuid(0)
            data.chmod(0o700)
        assert truth(memory) == before
        assert memory.erase.session("talk").counts == {"session": 1, "message": 50}


def test_what_is_said_while_a_session_is_erased_is_not_lost(url: str) -> None:
    said: list[str] = []
    talking, refused, pause = threading.Event(), threading.Event(), threading.Event()

    with Memory(**same_store(url), embedder=None) as memory:

        def talk() -> None:
            while True:
                try:
                    said.append(memory.sessions.append("talk", "user", f"word {len(said)}").id)
                except SessionNotFound:
                    refused.set()
                    return
                if len(said) == 20:
                    talking.set()
                pause.wait(0.01)

        speaker = threading.Thread(target=talk)
        speaker.start()
        assert talking.wait(30)
        operation = None
        for _ in range(200):
            try:
                operation = memory.erase.session("talk")
                break
            except Conflict:
                continue
        assert operation is not None
        assert refused.wait(30)
        speaker.join(30)
        memory.undo(operation.id)

        assert [each.id for each in memory.sessions.messages("talk", None)][50:] == said
        assert wrong(memory) == []
