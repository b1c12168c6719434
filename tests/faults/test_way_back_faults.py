"""Whatever takes something away, killed at each step: what was or what was to be is there, and a second run ends it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ingat
from ingat.core.errors import RestorePointFailed
from ingat.lifecycle.restorepoints import RestorePoint, RestorePoints
from ingat.memory import Memory
from tests.engine import store_at, store_url
from tests.lifecycle.dump import truth

HERE = Path(__file__)
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(ingat.__file__).parents[1]), str(HERE.parents[2])])}
FEWER = {"erase-everything": 3, "purge": 9}
"""Of these only every so manieth step unless slow tests are run; of the others every second."""
ACTS = (
    "erase-user",
    "erase-everything",
    "erase-artifact",
    "undo-erase",
    "redo-erase",
    "restore-current",
    "restore-backup",
    "undo-restore",
    "redo-restore",
    "backup",
    "purge",
)

FORKS = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the limit for the size of a file is Linux's")


def said_by(program: str, *arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, str(HERE.with_name("programs") / program), *map(str, arguments)],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    return done.stdout


@pytest.mark.sqlite_only("goes back to a copy of the store's file again and again")
@FORKS
@pytest.mark.parametrize("act", ACTS)
def test_a_kill_leaves_what_was_or_what_was_to_be_and_a_second_run_ends_it(act: str, tmp_path: Path) -> None:
    said = said_by("walking.py", tmp_path, act, FEWER.get(act, 2))
    assert said.startswith("walked "), said


@pytest.mark.sqlite_only("goes back to a copy of the store's file again and again")
@FORKS
@pytest.mark.slow
@pytest.mark.parametrize("act", ACTS)
def test_a_kill_at_every_step_leaves_what_was_or_what_was_to_be(act: str, tmp_path: Path) -> None:
    said = said_by("walking.py", tmp_path, act, "all")
    assert said.startswith("walked "), said
    assert int(said.split()[1]) >= 10


@pytest.mark.sqlite_only("limits the size of the store's file")
@LINUX
@pytest.mark.parametrize("act", ACTS)
def test_a_disk_that_is_full_at_any_write_loses_nothing(act: str, tmp_path: Path) -> None:
    said = said_by("brimming.py", tmp_path, act)
    assert said.startswith("tried "), said


@pytest.mark.parametrize("act", ["erase", "restore", "undo"])
def test_a_restore_point_that_is_corrupted_before_it_is_read_back_refuses_the_act(
    act: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Memory(**store_at(tmp_path / "store.db"), embedder=None) as memory:
        memory.remember("ana", "likes tea")
        name = memory.backups.create().name
        memory.users.save("ana", name="Ana")
        if act == "undo":
            memory.backups.restore(name, prefer="backup")
        does: dict[str, Callable[[], object]] = {
            "erase": lambda: memory.erase.user("ana"),
            "restore": lambda: memory.backups.restore(name, prefer="backup"),
            "undo": memory.undo,
        }
        before, operations = truth(memory), memory.operations.list().items
        verify = RestorePoints.verify

        def rotten(points: RestorePoints, point: RestorePoint, **named: Any) -> None:
            raw = bytearray(Path(point.path).read_bytes())
            raw[len(raw) // 2] ^= 0xFF
            Path(point.path).write_bytes(raw)
            verify(points, point, **named)

        monkeypatch.setattr(RestorePoints, "verify", rotten)
        with pytest.raises(RestorePointFailed):
            does[act]()
        monkeypatch.undo()

        assert truth(memory) == before
        assert memory.operations.list().items == operations
        points = tmp_path / "store.db.data" / "restore-points"
        assert len(list(points.iterdir())) == 1 + len(operations)


@pytest.mark.parametrize("act", ["erase", "restore", "backup", "purge"])
def test_a_data_directory_that_is_no_directory_refuses_the_act(act: str, tmp_path: Path) -> None:
    data = tmp_path / "elsewhere"
    with Memory(store_url(tmp_path / "store.db"), embedder=None, data=str(data)) as memory:
        memory.remember("ana", "likes tea")
        name = memory.backups.create().name
        memory.users.save("ana", name="Ana")
        before = truth(memory)
        (data / "restore-points").rename(tmp_path / "aside")
        (data / "restore-points").write_text("in the way")
        does: dict[str, Callable[[], object]] = {
            "erase": lambda: memory.erase.user("ana"),
            "restore": lambda: memory.restore(io.BytesIO((tmp_path / "aside" / name).read_bytes()), prefer="backup"),
            "backup": memory.backups.create,
            "purge": lambda: memory.purge("ana", reason="asked"),
        }
        with pytest.raises(RestorePointFailed):
            does[act]()
        assert truth(memory) == before
        (data / "restore-points").unlink()
        (tmp_path / "aside").rename(data / "restore-points")
        assert memory.erase.user("ana").counts == {"user": 1, "memory": 1}
