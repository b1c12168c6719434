"""A memory that is killed, has no room, or is given a file that is none of ours: what was acknowledged is there."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import ingat
from ingat.core.errors import StoreClosed, StoreCorrupt, StoreError, StoreNewer, StoreReadOnly
from ingat.memory import Memory
from ingat.testing import filled_memory
from tests.engine import behind, same_store, store_at, store_url

PROGRAMS = Path(__file__).with_name("programs")
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(ingat.__file__).parents[1])}

NOBODY = 65534

Acknowledged = list[tuple[str, int, int]]


def start(program: str, *args: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(PROGRAMS / program), *map(str, args)],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def parsed(text: str) -> Acknowledged:
    """Return (author, number, seq) of a program's output, without a last line that was cut."""
    words = [line.split() for line in text.splitlines(keepends=True) if line.endswith("\n")]
    return [(author, int(number), int(seq)) for author, number, seq in words]


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A store with one session, `talk`, of the user `ana`."""
    made = store_url(tmp_path / "store.db")
    with Memory(**same_store(made)) as memory:
        memory.sessions.create("ana", id="talk")
    return made


def kept(memory: Memory) -> Acknowledged:
    """Return (author, number, seq) of every message, after making sure that they stand in one order without gaps."""
    messages = memory.sessions.messages("talk", None)
    assert [message.seq for message in messages] == list(range(1, len(messages) + 1))
    for author in {message.author for message in messages}:
        numbers = [message.metadata["n"] for message in messages if message.author == author]
        assert numbers == list(range(len(numbers)))
    return [(str(message.author), message.metadata["n"], message.seq) for message in messages]


def wrong(memory: Memory) -> list[str]:
    return [check.name for check in memory.doctor() if check.state == "bad"]


# -- killed --------------------------------------------------------------------------------------------------------


def kill_rounds(url: str, rounds: int, threads: int) -> None:
    acknowledged: Acknowledged = []
    for number in range(rounds):
        process = start("talking.py", url, "talk", f"round{number}", threads, 0)
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(3 + 17 * (number % 7))]
        process.kill()
        rest, _ = process.communicate(timeout=60)
        acknowledged += parsed("".join(lines) + rest)
        with Memory(**same_store(url), embedder=None) as memory:
            assert set(acknowledged) <= set(kept(memory))
            assert wrong(memory) == []
    assert len(acknowledged) >= rounds * 3


def test_twenty_kills_lose_no_acknowledged_message(url: str) -> None:
    kill_rounds(url, 20, threads=4)


@pytest.mark.slow
def test_a_hundred_kills_lose_no_acknowledged_message(url: str) -> None:
    kill_rounds(url, 100, threads=8)


def test_a_process_killed_before_its_vectors_leaves_nothing_unrecallable(url: str) -> None:
    process = start("talking.py", url, "talk", "killed", 2, 0)
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(60)]
    process.kill()
    rest, _ = process.communicate(timeout=60)
    acknowledged = parsed("".join(lines) + rest)
    behind(url, "DELETE FROM recall_vector WHERE position % 2 = 0")  # as if it had died a moment earlier
    with Memory(**same_store(url)) as memory:
        missing = memory.stats().vectors_missing
        recall = memory.recall("ana", "Which doors are green?", 1_000)
        found = {hit.source_id for hit in recall.hits}

        assert missing > 0
        assert (recall.mode, recall.note) == ("words+vectors", None)
        assert found == {message.id for message in memory.sessions.messages("talk", None)}
        assert len(found) >= len(acknowledged)
        assert memory.vectors is not None
        assert memory.vectors.flush(60)
        assert memory.stats().vectors_missing == 0


def test_four_processes_keep_one_order(url: str) -> None:
    processes = [start("talking.py", url, "talk", f"process{number}", 1, 50) for number in range(4)]
    acknowledged: Acknowledged = []
    for process in processes:
        out, err = process.communicate(timeout=200)
        assert process.returncode == 0, err
        acknowledged += parsed(out)
    with Memory(**same_store(url)) as memory:
        assert sorted(kept(memory)) == sorted(acknowledged)
        assert len(acknowledged) == 4 * 50
        assert wrong(memory) == []
        assert len(memory.recall("ana", "green doors", 1_000).hits) == 200


# -- no room -------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit for the size of a file")
def test_a_full_disk_is_told_and_is_fine_with_room(tmp_path: Path) -> None:
    process = start("crowding.py", tmp_path)
    out, err = process.communicate(timeout=200)

    assert process.returncode == 0, err
    assert out.splitlines() == [
        "in the end store_full",
        "some were acknowledged True",
        "a memory store_full",
        "many at once store_full",
        "kept is what was acknowledged True",
        "it can still be recalled 3",
        "with room done",
        "kept is all True",
        "wrong []",
    ]


# -- not ours, not now ---------------------------------------------------------------------------------------------


def refused(url: str, error: type[StoreError]) -> None:
    """Make sure that opening raises this error, twice: the first refusal leaves nothing open or locked."""
    for _ in range(2):
        with pytest.raises(error) as caught:
            Memory(**same_store(url), embedder=None)
        assert caught.value.code == error.code


@pytest.mark.sqlite_only("is about the store's file")
@pytest.mark.parametrize(
    "content", [b"x", b"hello, I am a letter\n" * 200, b"\x00" * 5_000, b"SQLite format 3\x00" + b"\xff" * 5_000]
)
def test_a_file_that_is_no_database_is_never_overwritten(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "letter.db"
    path.write_bytes(content)
    refused(f"sqlite:///{path}", StoreCorrupt)

    assert path.read_bytes() == content
    assert [each.name for each in tmp_path.iterdir()] == ["letter.db"]


@pytest.mark.sqlite_only("is about the store's file")
def test_another_programs_database_is_never_changed(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as conn, conn:
        conn.execute("CREATE TABLE theirs (a)")
    before = path.read_bytes()
    refused(f"sqlite:///{path}", StoreCorrupt)

    assert path.read_bytes() == before


@pytest.mark.sqlite_only("is about the store's file")
def test_a_newer_database_is_refused_and_let_go_of(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with filled_memory(url=f"sqlite:///{path}"):
        pass
    with closing(sqlite3.connect(path)) as conn, conn:
        conn.execute("INSERT INTO schema_migration VALUES (9999, '9999_future', '', 0)")
    before = path.read_bytes()
    refused(f"sqlite:///{path}", StoreNewer)

    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["store.db"]  # a connection that is open has files beside it


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder of somebody whom permissions bind, root being none, and the test run as that person."""
    Memory(":memory:", embedder=None).close()  # loads the engine while its files can be read
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if os.geteuid() != 0:
            yield folder
        else:
            os.chown(folder, NOBODY, NOBODY)
            os.seteuid(NOBODY)
            try:
                yield folder
            finally:
                os.seteuid(0)
        folder.chmod(0o700)


@pytest.mark.sqlite_only("the folder is that of the store's file")
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
@pytest.mark.parametrize("there", [True, False], ids=["store", "nothing"])
def test_a_read_only_folder_is_told_and_left_as_it_is(unprivileged: Path, there: bool) -> None:
    url = store_url(unprivileged / "store.db")
    if there:
        with Memory(**same_store(url), embedder=None) as memory:
            memory.users.save("ana")
    before = [(each.name, each.read_bytes()) for each in unprivileged.iterdir()]
    unprivileged.chmod(0o555)
    refused(url, StoreReadOnly)

    assert [(each.name, each.read_bytes()) for each in unprivileged.iterdir()] == before


def test_a_closed_memory_says_so(tmp_path: Path) -> None:
    memory = Memory(**store_at(tmp_path / "store.db"), embedder=None)
    session = memory.sessions.open("ana")
    memory.close()
    memory.close()

    for act in (
        lambda: memory.sessions.append(session.id, "user", "x"),
        lambda: memory.recall("ana", "x"),
        lambda: memory.users.get("ana"),
    ):
        with pytest.raises(StoreClosed):
            act()
