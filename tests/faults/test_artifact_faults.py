"""Artifacts under fire: a kill at each step, a full disk, and two processes with the same bytes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import ingat
from ingat.memory import Memory
from tests.engine import same_store, store_url

ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(ingat.__file__).parents[1])}
PROGRAM = Path(__file__).with_name("programs") / "filing.py"
BYTES = bytes(range(256)) * 3_000


@pytest.fixture
def url(tmp_path: Path) -> str:
    return store_url(tmp_path / "store.db")


@contextmanager
def running(url: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, str(PROGRAM), url, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def killed(url: str, what: str) -> None:
    with running(url, what) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"stopped\n"


def files(folder: Path) -> list[Path]:
    kept = folder / "store.db.data" / "artifacts"
    return [each for each in kept.rglob("*") if each.is_file() and each.name != "lock"]


def contents(memory: Memory) -> list[bytes]:
    """Return the bytes of every artifact, which raises when they are not those that were kept."""
    found = []
    for each in memory.artifacts.list(limit=1_000):
        pieces: list[bytes] = []
        memory.artifacts.read(pieces.append, each.id)
        found.append(b"".join(pieces))
    return found


@pytest.mark.parametrize("where", ["half", "put"])
def test_a_kill_before_the_commit_leaves_a_file_that_no_artifact_has_and_a_sweep_removes(
    url: str, tmp_path: Path, where: str
) -> None:
    killed(url, where)
    assert len(files(tmp_path)) == 1

    with Memory(**same_store(url), embedder=None) as memory:
        assert memory.artifacts.list().items == ()
        memory.retain()
        assert files(tmp_path) == []


def test_a_kill_between_row_and_file_of_an_erasure_leaves_what_undo_needs(url: str, tmp_path: Path) -> None:
    with running(url, "save") as process:
        process.communicate(b"go\n")
    killed(url, "gone")

    with Memory(**same_store(url), embedder=None) as memory:
        assert memory.artifacts.list().items == ()
        assert len(files(tmp_path)) == 1
        memory.retain()
        assert files(tmp_path) == []
        memory.undo(memory.operations.list().items[0].id)
        assert contents(memory) == [BYTES]


def test_a_full_disk_keeps_nothing(url: str, tmp_path: Path) -> None:
    with running(url, "cramped") as process:
        said, _ = process.communicate()

    assert said == b"store_full\ndone\n"
    assert files(tmp_path) == []
    with Memory(**same_store(url), embedder=None) as memory:
        assert memory.artifacts.list().items == ()
        assert memory.users.list().items == ()


def test_processes_that_save_and_erase_the_same_bytes_leave_no_artifact_without_its_file(
    url: str, tmp_path: Path
) -> None:
    with Memory(**same_store(url), embedder=None):
        pass
    with (
        running(url, "save", "25") as saving,
        running(url, "erase", "25") as erasing,
        running(url, "save", "25") as more,
    ):
        for each in (saving, erasing, more):
            assert each.stdin is not None
            each.stdin.write(b"go\n")
            each.stdin.flush()
        assert [each.communicate()[0] for each in (saving, erasing, more)] == [b"done\n"] * 3

    with Memory(**same_store(url), embedder=None) as memory:
        assert contents(memory) == [BYTES] * 50
        assert len(files(tmp_path)) == 1


def test_an_erasure_while_the_same_bytes_are_being_put_leaves_the_file(url: str, tmp_path: Path) -> None:
    with Memory(**same_store(url), embedder=None) as memory, Memory(**same_store(url), embedder=None) as another:
        with running(url, "save") as process:
            process.communicate(b"go\n")
        first = memory.artifacts.list().items[0]
        with another._files.new() as file, another._files.putting() as put:
            file.write(BYTES)
            put(file)
            memory.erase.artifact(first.id)
            assert another._files.has(first.sha256)
        memory.retain()

        assert files(tmp_path) == []
