"""PostgreSQL that is killed, restarted and cut off: nothing acknowledged is lost, and nothing is kept twice."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from io import BytesIO
from itertools import chain
from pathlib import Path

import psycopg
import pytest

from ingat.core.errors import SessionNotFound, StoreUnavailable
from ingat.core.ids import new_id
from ingat.memory import Memory
from ingat.store.contract import Store, Tx
from ingat.store.open import open_store
from ingat.store.postgres import engine
from tests import postgres
from tests.faults.server import Relay, Server, own_server
from tests.faults.test_store_faults import ENVIRONMENT, PROGRAMS, finish, start

PROCESSES, THREADS = 4, 2


@pytest.fixture
def server() -> Iterator[Server]:
    """A durable server that is not started yet."""
    postgres.require()
    with own_server() as made:
        yield made


class Writers:
    """Processes that write with threads, and what was acknowledged to each."""

    def __init__(self, url: str) -> None:
        self.rows: list[str] = []
        self._more = threading.Condition()
        self._processes = [
            subprocess.Popen(
                [sys.executable, str(PROGRAMS / "writing.py"), url, f"process{i}", str(THREADS)],
                env=ENVIRONMENT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for i in range(PROCESSES)
        ]
        self._readers = [threading.Thread(target=self._listen, args=(each,)) for each in self._processes]
        for reader in self._readers:
            reader.start()

    def wait_for_each(self, number: int) -> None:
        """Return when each of the writers has had so many more acknowledged."""
        with self._more:
            before = len(self.rows)
            authors = {f"process{i}-{j}" for i in range(PROCESSES) for j in range(THREADS)}

            def enough() -> bool:
                new = [row.split()[0] for row in self.rows[before:]]
                return all(new.count(author) >= number for author in authors)

            assert self._more.wait_for(enough, 60), f"{self.rows[before:][-9:]}"

    def finish(self) -> None:
        """Let the writers end, each after its last acknowledgement."""
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.close()
        for reader in self._readers:
            reader.join(90)
        for process in self._processes:
            assert process.stdout is not None
            assert process.stderr is not None
            with process.stdout, process.stderr:
                assert (process.wait(90), process.stderr.read()) == (0, "")

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            with self._more:
                self.rows.append(line.strip())
                self._more.notify_all()

    def end(self) -> None:
        """End the writers that are still there."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
                process.communicate()


def make_tables(url: str) -> None:
    store = open_store(url)
    authors = [(f"process{i}-{j}", 0) for i in range(PROCESSES) for j in range(THREADS)]

    def make(tx: Tx) -> None:
        tx.run("CREATE TABLE written (author TEXT, n BIGINT)")  # no key: a row may be there twice
        tx.run("CREATE TABLE total (author TEXT PRIMARY KEY, n BIGINT NOT NULL)")
        tx.many("INSERT INTO total (author, n) VALUES (?, ?)", authors)

    store.write(make)
    store.close()


def kill_during_appends(server: Server, rounds: int, end: Callable[[], None]) -> None:
    url = server.start()
    make_tables(url)
    writers = Writers(url)
    try:
        for _ in range(rounds):
            writers.wait_for_each(5)
            end()
            server.start()
        writers.wait_for_each(5)  # they go on by themselves
        writers.finish()
    finally:
        writers.end()
    store = open_store(url)
    rows = [f"{author!s} {n!s}" for author, n in store.read(lambda tx: tx.all("SELECT author, n FROM written"))]
    (total,) = store.read(lambda tx: tx.one("SELECT SUM(n) FROM total")) or (None,)
    assert sorted(rows) == sorted(writers.rows)
    assert len(set(rows)) == len(rows)
    assert total == len(rows)
    assert store.check() == []
    store.close()


def test_a_killed_server_loses_no_acknowledged_write_and_writers_go_on(server: Server) -> None:
    kill_during_appends(server, 2, server.kill)


@pytest.mark.slow
def test_a_server_that_is_killed_again_and_again_loses_no_acknowledged_write(server: Server) -> None:
    kill_during_appends(server, 12, server.kill)


def test_a_server_that_is_restarted_loses_no_acknowledged_write_and_writers_go_on(server: Server) -> None:
    kill_during_appends(server, 1, server.stop)


# -- a connection that is lost ---------------------------------------------------------------------------------------


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Relay]:
    """A way to an empty store on the run's server, on which connections can be lost."""
    with postgres.empty_store() as url, tempfile.TemporaryDirectory(prefix="ingat-relay-") as folder:
        made = Relay(url, Path(folder))
        yield made
        made.close()


@pytest.fixture
def store(relay: Relay) -> Iterator[Store]:
    opened = open_store(relay.url)
    yield opened
    relay.lose, relay.refusing = (lambda _: ""), False
    opened.close()


def put(name: str) -> Callable[[Tx], int]:
    return lambda tx: tx.run("INSERT INTO setting (name, value) VALUES (?, 'x')", (name,))


def names(store: Store) -> list[object]:
    return [row[0] for row in store.read(lambda tx: tx.all("SELECT name FROM setting WHERE value = 'x' ORDER BY name"))]


class Once:
    """Loses the first message in which some words stand."""

    def __init__(self, words: bytes, how: str) -> None:
        self._words, self._how, self.lost = words, how, 0

    def __call__(self, data: bytes) -> str:
        if self.lost or self._words not in data:
            return ""
        self.lost += 1
        return self._how


def test_a_commit_whose_answer_is_lost_is_kept_once(store: Store, relay: Relay) -> None:
    runs: list[int] = []

    def write(tx: Tx) -> int:
        runs.append(1)
        return put("a")(tx)

    relay.lose = lost = Once(b"COMMIT", "after")
    assert store.write(write) == 1
    assert (names(store), len(runs), lost.lost) == (["a"], 1, 1)


@pytest.mark.parametrize("words", [b"BEGIN", b"INSERT INTO setting", b"COMMIT"])
def test_a_connection_that_is_lost_before_the_commit_has_the_write_run_again(
    store: Store, relay: Relay, words: bytes
) -> None:
    relay.lose = lost = Once(words, "before")
    assert store.write(put("a")) == 1
    assert (names(store), lost.lost) == (["a"], 1)


def test_a_backend_that_is_ended_inside_a_write_has_it_run_again(store: Store) -> None:
    runs: list[int] = []

    def write(tx: Tx) -> int:
        runs.append(1)
        put("a")(tx)
        if len(runs) == 1:
            tx.run("SELECT pg_terminate_backend(pg_backend_pid())")
        return put("b")(tx)

    assert store.write(write) == 1
    assert (names(store), len(runs)) == (["a", "b"], 2)


def test_a_function_that_ends_its_connection_each_time_gets_an_error_and_the_next_one_does_not(store: Store) -> None:
    with pytest.raises(StoreUnavailable, match="Nothing of this write was kept"):
        store.write(lambda tx: tx.run("SELECT pg_terminate_backend(pg_backend_pid())"))
    assert store.write(put("a")) == 1
    assert names(store) == ["a"]


def test_connections_that_were_ended_while_idle_are_made_anew() -> None:
    name = f"idle{new_id()}"  # the server is that of other tests, too
    with closing(open_store(f"{postgres.schemas().unmade()}&application_name={name}")) as store:
        store.write(lambda tx: tx.run("CREATE TABLE note (body TEXT)"))
        assert store.read(lambda tx: tx.all("SELECT body FROM note")) == []
        end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = %s"
        with closing(psycopg.connect(postgres.schemas()._url, autocommit=True)) as other:
            assert other.execute(end, (name,)).fetchone() == (2,)
        assert store.read(lambda tx: tx.all("SELECT body FROM note")) == []
        assert store.write(lambda tx: tx.run("INSERT INTO note VALUES ('b')")) == 1


def test_a_commit_that_nobody_can_be_asked_about_is_told_as_such(store: Store, relay: Relay) -> None:
    def lose(data: bytes) -> str:
        if b"COMMIT" not in data:
            return ""
        relay.refusing = True
        return "after"

    relay.lose = lose
    with pytest.raises(StoreUnavailable, match="cannot be asked whether it was") as caught:
        store.write(put("a"))
    assert caught.value.details["outcome"] == "unknown"
    relay.lose, relay.refusing = (lambda _: ""), False
    assert names(store) == ["a"]
    assert store.write(put("b")) == 1


# -- a commit that arrives when its writer has given up ----------------------------------------------------------------


@contextmanager
def late_commit(relay: Relay, words: bytes) -> Iterator[None]:
    """Hold back the commit of a write in which some words stand; it arrives after its writer was told of it."""
    said: list[bytes] = []

    def lose(data: bytes) -> str:
        said.extend([words] if words in data else [])
        if not said or b"COMMIT" not in data or b"write_mark" not in data:
            return ""
        relay.refusing = True
        return "late"

    relay.lose = lose
    with pytest.raises(StoreUnavailable) as caught:
        yield
    assert caught.value.details["outcome"] == "unknown"
    relay.release.set()
    assert relay.arrived.wait(60)
    relay.lose, relay.refusing = (lambda _: ""), False


@pytest.fixture
def memory(relay: Relay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Memory]:
    """A memory that soon gives up on a server that is away, with a session of `ana`."""
    monkeypatch.setattr(engine, "LEAST_PATIENCE_S", 0.1)
    with Memory(relay.url, data=str(tmp_path / "data"), embedder=None, busy_timeout_ms=100) as opened:
        opened.sessions.create("ana", id="talk")
        opened.sessions.append("talk", "user", "hello")
        yield opened
        relay.lose, relay.refusing = (lambda _: ""), False


def test_what_a_late_commit_deleted_can_be_brought_back(memory: Memory, relay: Relay) -> None:
    with late_commit(relay, b"DELETE FROM session"):
        memory.erase.session("talk")
    with pytest.raises(SessionNotFound):
        memory.sessions.get("talk")
    memory.undo(memory.operations.list().items[0].id)
    assert [each.content for each in memory.sessions.messages("talk")] == ["hello"]


def test_an_artifact_that_comes_by_a_late_commit_has_its_file(memory: Memory, relay: Relay) -> None:
    with late_commit(relay, b"INSERT INTO artifact"):
        memory.artifacts.save(BytesIO(b"bytes"), name="late")
    (artifact,) = memory.artifacts.list().items
    kept: list[bytes] = []
    memory.artifacts.read(kept.append, artifact.id)
    assert kept == [b"bytes"]


def test_a_backup_that_a_late_commit_enters_is_there(memory: Memory, relay: Relay) -> None:
    with late_commit(relay, b"INSERT INTO audit"):
        memory.backups.create(reason="before the weekend")
    assert len(memory.backups.list().items) == 1


def test_everybody_is_told_of_a_server_that_stays_away_and_the_store_works_when_it_is_back(
    store: Store, relay: Relay
) -> None:
    relay.refusing, relay.lose = True, Once(b"BEGIN", "before")
    with ThreadPoolExecutor(6) as threads:
        waiting = [threads.submit(store.write, put(f"w{n}")) for n in range(6)]
        told = [each.exception(60) for each in waiting]
    assert {type(each) for each in told} == {StoreUnavailable}
    relay.refusing = False
    assert store.write(put("a")) == 1
    assert names(store) == ["a"]


def test_a_server_that_is_not_there_is_told_at_once_and_no_password_is(tmp_path: Path) -> None:
    with pytest.raises(StoreUnavailable, match="cannot be reached") as caught:
        open_store(f"postgresql://me:sesame@/db?host={tmp_path}")
    assert "sesame" not in f"{caught.value!r} {caught.value.details}"


# -- processes, and the end of one -------------------------------------------------------------------------------------


def test_ctrl_c_at_any_moment_loses_neither_the_turn_nor_a_write() -> None:
    url = postgres.schemas().unmade()
    assert finish(start("interrupted.py", url, 120)).splitlines() == ["missing 0 unacknowledged True", "check []"]


def test_processes_that_talk_in_one_session_number_its_messages_without_a_gap(tmp_path: Path) -> None:
    processes, messages = 8, 10
    with postgres.empty_store() as url:
        with Memory(url, data=str(tmp_path), embedder=None) as memory:
            memory.sessions.create("ana", id="talk")
        talking = [
            subprocess.Popen(
                [sys.executable, str(PROGRAMS / "joining.py"), url, str(tmp_path), "talk", str(messages)],
                env=ENVIRONMENT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(processes)
        ]
        for each in talking:
            assert each.stdout is not None
            assert each.stdout.readline() == "ready\n"
        for each in talking:
            assert each.stdin is not None
            each.stdin.write("\n")
            each.stdin.flush()
        told = [[int(line) for line in finish(each).split()] for each in talking]
        assert all(seqs == sorted(seqs) for seqs in told)
        assert sorted(chain(*told)) == list(range(1, processes * messages + 1))
        with Memory(url, data=str(tmp_path), embedder=None) as memory:
            assert [each.seq for each in memory.sessions.messages("talk", None)] == sorted(chain(*told))


def test_a_process_ends_with_an_open_store_without_a_word(tmp_path: Path) -> None:
    lines = (
        "import sys, threading",
        "from ingat.memory import Memory",
        "memory = Memory(sys.argv[1], data=sys.argv[2], embedder=None)",
        "memory.users.save('ana', name='Ana')",
        "thread = threading.Thread(target=memory.users.save, args=('ben',))",
        "thread.start()",
        "thread.join()",
        "print(memory.users.get('ana').name)",
    )
    with postgres.empty_store() as url:
        ended = subprocess.run(
            [sys.executable, "-W", "default", "-c", "\n".join(lines), url, str(tmp_path)],
            env=ENVIRONMENT,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "Ana\n", "")
