"""A move that is killed, interrupted or out of room goes on, and nobody takes half of it for a store."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

import ingat
from ingat.core.errors import Conflict, StoreBusy, StoreUnavailable
from ingat.lifecycle.move import Step, move
from ingat.memory import Memory
from ingat.store.contract import Row
from ingat.store.open import is_there, open_store
from ingat.testing import TurnableClock
from tests import postgres
from tests.faults.server import own_server
from tests.lifecycle.moving import filled, rows_of

PROGRAMS = Path(__file__).with_name("programs")
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(ingat.__file__).parents[1]), str(Path.cwd())])}


@pytest.fixture
def source(tmp_path: Path) -> str:
    url = f"sqlite:///{tmp_path}/a.db"
    filled(url, TurnableClock())
    return url


@pytest.fixture(params=["sqlite", "postgres"])
def unmade(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a store that is not there yet."""
    return postgres.schemas().unmade() if request.param == "postgres" else f"sqlite:///{tmp_path}/b.db"


@pytest.fixture(params=["sqlite", "postgres"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/b.db"
        return
    with postgres.empty_store() as url:
        yield url


def start(program: str, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(PROGRAMS / program), *words],
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def moved(source: str, target: str, folder: Path, killed_at: int = 0, *more: str) -> list[str]:
    """Run a move in a process of its own and return the lines that it wrote."""
    process = start("moving.py", source, target, str(folder), str(killed_at), *more)
    out, error = process.communicate(timeout=60)
    assert process.returncode == (-signal.SIGKILL if killed_at else 0), error
    return out.splitlines()


@pytest.mark.parametrize("killed_at", [1, 2, 9, 24, 38, 44, 60])
def test_a_move_that_is_killed_goes_on_and_ends_the_same(
    source: str, target: str, tmp_path: Path, killed_at: int
) -> None:
    before = rows_of(source)
    moved(source, target, tmp_path / "files", killed_at)
    with pytest.raises(StoreUnavailable, match="move that is not finished"):
        Memory(target, data=str(tmp_path / "files"))

    moved(source, target, tmp_path / "files")

    assert rows_of(target) == rows_of(source) == before
    assert list((tmp_path / "files").glob("*.unfinished")) == []


def test_a_target_is_never_there_without_its_mark(source: str, unmade: str, tmp_path: Path) -> None:
    words = [sys.executable, "-c", _KILLED_WHEN_MADE, source, unmade, str(tmp_path / "files")]
    killed = subprocess.run(words, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    with pytest.raises(StoreUnavailable, match="move that is not finished"):
        Memory(unmade, data=str(tmp_path / "files"))
    with pytest.raises(Conflict, match="unfinished target of another move"):
        move(_other(tmp_path), unmade, target_data=str(tmp_path / "more"))

    assert move(source, unmade, target_data=str(tmp_path / "files")).resumed
    assert rows_of(unmade) == rows_of(source)


_KILLED_WHEN_MADE = """
import os, signal, sys
from ingat.lifecycle import move_stores
from ingat.lifecycle.move import move

migrate = move_stores.migrate


def killed(*given, **named):
    migrate(*given, **named)
    os.kill(os.getpid(), signal.SIGKILL)


move_stores.migrate = killed
move(sys.argv[1], sys.argv[2], target_data=sys.argv[3])
"""


def _other(tmp_path: Path) -> str:
    """Return the URL of another store."""
    url = f"sqlite:///{tmp_path}/other.db"
    Memory(url, embedder=None).close()
    return url


def test_a_move_that_is_killed_again_and_again_comes_to_its_end(source: str, target: str, tmp_path: Path) -> None:
    for killed_at in (5, 20, 35, 50):
        moved(source, target, tmp_path / "files", killed_at)

    moved(source, target, tmp_path / "files")

    assert rows_of(target) == rows_of(source)


@pytest.mark.parametrize("engine_of_source", ["sqlite", "postgres"])
def test_who_writes_while_it_moves_is_told_to_wait_and_loses_nothing(tmp_path: Path, engine_of_source: str) -> None:
    data = str(tmp_path / "data")
    with ExitStack() as lent:
        lasting = f"sqlite:///{tmp_path}/a.db"
        url = lasting if engine_of_source == "sqlite" else lent.enter_context(postgres.empty_store())
        filled(url, TurnableClock(), data=data)
        with Memory(url, data=data, embedder=None) as memory:
            memory.sessions.create("cleo", id="meanwhile")
        writer = start("saying.py", url, data, "meanwhile", "30")
        assert writer.stdin is not None
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
        told = list[str]()

        def wait(step: Step, done: int, total: int) -> None:
            if (step, done) == ("rows", 0):
                writer.stdin.write("go\n")  # type: ignore[union-attr]
                writer.stdin.flush()  # type: ignore[union-attr]
                told.append(writer.stdout.readline())  # type: ignore[union-attr]

        target = f"sqlite:///{tmp_path}/b.db"
        move(url, target, source_data=data, progress=wait)
        rest, error = writer.communicate(timeout=60)

        assert writer.returncode == 0, error
        assert told == ["busy\n"]
        kept = [line.split()[1] for line in rest.splitlines() if line.startswith("kept")]
        with Memory(url, data=data, embedder=None) as memory:
            assert [message.id for message in memory.sessions.messages("meanwhile", None)] == kept
        with Memory(target, embedder=None) as memory:
            assert memory.sessions.messages("meanwhile", None) == []


def test_a_source_on_a_server_moves_on_after_a_kill(tmp_path: Path) -> None:
    with postgres.empty_store() as url:
        filled(url, TurnableClock(), data=str(tmp_path / "data"))
        target, before = f"sqlite:///{tmp_path}/b.db", rows_of(url)
        moved(url, target, tmp_path / "files", 20, str(tmp_path / "data"))

        moved(url, target, tmp_path / "files", 0, str(tmp_path / "data"))

        assert rows_of(target) == rows_of(url) == before


def test_a_source_on_a_server_can_be_read_and_not_written_meanwhile(tmp_path: Path) -> None:
    seen = list[Row | None]()

    def look(step: Step, done: int, total: int) -> None:
        if step == "check" and not seen:
            with closing(open_store(url, busy_timeout_ms=1)) as store:
                seen.append(store.read(lambda tx: tx.one("SELECT COUNT(*) FROM message")))
                with pytest.raises(StoreBusy):
                    store.write(lambda tx: tx.run("DELETE FROM job"))

    with postgres.empty_store() as url:
        filled(url, TurnableClock(), data=str(tmp_path / "data"))
        move(url, f"sqlite:///{tmp_path}/b.db", source_data=str(tmp_path / "data"), progress=look)

    assert seen[0] is not None


def test_a_source_on_a_server_is_never_idle_for_longer_than_a_page_or_file(tmp_path: Path) -> None:
    """A server may end transactions that are idle for long, and comparing a large target takes long."""
    seen = list[Row | None]()
    query = "SELECT CAST(MAX(state_change) AS TEXT) FROM pg_stat_activity WHERE application_name = 'held'"

    with postgres.empty_store() as url:
        filled(url, TurnableClock(), data=str(tmp_path / "data"))
        with closing(open_store(url)) as store:

            def look(step: Step, done: int, total: int) -> None:
                if step != "rows":
                    seen.append(store.read(lambda tx: tx.one(query)))

            source = f"{url}&application_name=held"
            move(source, f"sqlite:///{tmp_path}/b.db", source_data=str(tmp_path / "data"), progress=look)

    assert len(seen) > 9
    assert len({*seen}) == len(seen)


def test_ctrl_c_stops_a_move_from_a_server_that_runs_on_another_thread(tmp_path: Path) -> None:
    target = f"sqlite:///{tmp_path}/b.db"

    def interrupt(step: Step, done: int, total: int) -> None:
        if (step, done) == ("rows", 0):
            os.kill(os.getpid(), signal.SIGINT)

    with postgres.empty_store() as url:
        filled(url, TurnableClock(), data=str(tmp_path / "data"))
        with pytest.raises(KeyboardInterrupt):
            move(url, target, source_data=str(tmp_path / "data"), progress=interrupt)
        with pytest.raises(StoreUnavailable, match="move that is not finished"):
            Memory(target)

        assert move(url, target, source_data=str(tmp_path / "data")).resumed
        assert rows_of(target) == rows_of(url)


def test_a_server_that_is_killed_as_the_target_and_starts_again_is_gone_on_with(source: str, tmp_path: Path) -> None:
    postgres.require()
    with own_server() as server:
        target, killed = server.start(), list[int]()

        def kill(step: Step, done: int, total: int) -> None:
            if step == "rows" and done > 60 and not killed:
                killed.append(done)
                server.kill()

        with pytest.raises(StoreUnavailable, match="Run the same move again"):
            move(source, target, target_data=str(tmp_path / "files"), progress=kill)
        server.start()

        assert move(source, target, target_data=str(tmp_path / "files")).resumed
        assert rows_of(target) == rows_of(source)


def test_a_disk_that_is_full_is_told_of_and_the_move_goes_on(source: str, tmp_path: Path) -> None:
    target = f"sqlite:///{tmp_path}/b.db"
    words = [sys.executable, "-c", _CRAMPED, source, target, str(tmp_path / "files")]

    told = subprocess.run(words, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=False)

    assert told.stdout.startswith("StoreFull"), told.stderr
    assert "Run the same move again" in told.stdout
    assert is_there(target)
    moved(source, target, tmp_path / "files")
    assert rows_of(target) == rows_of(source)


_CRAMPED = """
import resource, signal, sys
from ingat.core.errors import IngatError
from ingat.lifecycle.move import move

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


def tell(step, done, total):
    if done:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))


try:
    move(sys.argv[1], sys.argv[2], target_data=sys.argv[3], progress=tell)
except IngatError as error:
    print(type(error).__name__, error.message)
"""
