"""Processes that are killed, disks that are full, several processes on one file: nothing acknowledged is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ingat.store
from ingat.store.contract import Store
from ingat.store.migrate import migrate
from ingat.store.open import open_store, schema_folder

PROGRAMS = Path(__file__).with_name("programs")
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(ingat.store.__file__).parents[2])}


def start(program: str, *args: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(PROGRAMS / program), *map(str, args)],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, err
    return out


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A store with the table that `appending.py` fills."""
    made = f"sqlite:///{tmp_path}/store.db"
    store = open_store(made)
    store.write(
        lambda tx: tx.run("CREATE TABLE entry (place INTEGER PRIMARY KEY, author TEXT, n INTEGER, UNIQUE (author, n))")
    )
    store.close()
    return made


def entries(store: Store) -> list[tuple[object, ...]]:
    return list(store.read(lambda tx: tx.all("SELECT place, author, n FROM entry ORDER BY place")))


def parsed(text: str) -> list[tuple[int, str, int]]:
    """Return the acknowledged rows of a program's output, without a last line that was cut."""
    words = [line.split() for line in text.splitlines(keepends=True) if line.endswith("\n")]
    return [(int(place), author, int(n)) for place, author, n in words]


def test_a_killed_process_loses_no_acknowledged_write(url: str) -> None:
    acknowledged: list[tuple[int, str, int]] = []
    for round_number in range(5):
        process = start("appending.py", url, f"round{round_number}", 8, 0)
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(40 + 60 * round_number)]
        process.kill()
        rest, _ = process.communicate(timeout=60)
        acknowledged += parsed("".join(lines) + rest)

        store = open_store(url)
        rows = entries(store)
        assert store.check() == []
        store.close()
        assert set(acknowledged) <= set(rows)
        assert [row[0] for row in rows] == list(range(1, len(rows) + 1))
        for author in {row[1] for row in rows}:
            numbers = [row[2] for row in rows if row[1] == author]
            assert numbers == list(range(len(numbers)))  # in order, and no half write between
    assert len(acknowledged) >= 5 * 40


def test_four_processes_of_eight_threads_keep_one_order(url: str) -> None:
    processes = [start("appending.py", url, f"process{i}", 8, 50) for i in range(4)]
    acknowledged = [row for process in processes for row in parsed(finish(process))]
    store = open_store(url)
    assert entries(store) == sorted(acknowledged)
    assert [place for place, _, _ in sorted(acknowledged)] == list(range(1, 4 * 8 * 50 + 1))
    store.close()


def test_processes_that_start_at_once_make_one_store(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new/store.db"
    program = (
        "import sys; from ingat.store.open import open_store, schema_folder; from ingat.store.migrate import migrate;"
        " print('ready', flush=True); sys.stdin.readline();"
        " store = open_store(sys.argv[1], busy_timeout_ms=60_000);"
        " print(migrate(store, schema_folder(sys.argv[1]))); store.close()"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, url],
            env=ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [finish(process).strip() for process in processes]
    applied = str([path.stem for path in sorted(schema_folder(url).glob("*.sql"))])
    assert sorted(answers, key=len) == ["[]", "[]", "[]", applied]
    store = open_store(url)
    assert migrate(store, schema_folder(url)) == []
    assert store.check() == []
    store.close()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit for the size of a file")
def test_a_full_disk_is_told_and_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    assert finish(start("filling.py", tmp_path)).splitlines() == [
        "some were acknowledged True",
        "the next one store_full",
        "kept is what was acknowledged True",
        "answers to many at once ['store_full']",
        "kept is still what was acknowledged True",
        "after lifting the limit 1",
        "all is there True",
        "check []",
        "a new store without room store_full",
        "an old store without room store_full",
        "opens with room []",
        "opens with room []",
    ]


@pytest.mark.parametrize("name", ["store.db", ":memory:"])
def test_ctrl_c_at_any_moment_loses_neither_the_turn_nor_a_write(name: str, tmp_path: Path) -> None:
    url = name if name == ":memory:" else f"sqlite:///{tmp_path}/{name}"
    assert finish(start("interrupted.py", url, 400)).splitlines() == ["missing 0 unacknowledged True", "check []"]
