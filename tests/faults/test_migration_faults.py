"""Opening a store of an earlier version when the process is killed, or others open it too: nothing is lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ingat
from ingat.memory import Memory
from ingat.store.migrate import pending
from ingat.store.open import open_store, schema_folder
from tests import postgres
from tests.store.catalogue import catalogue
from tests.store.older import dumped, load, newest, rows

PROGRAM = Path(__file__).with_name("programs") / "migrating.py"
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(ingat.__file__).parents[1])}


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store of the version before this one."""
    made = postgres.schemas().unmade() if request.param == "postgres" else f"sqlite:///{tmp_path}/store.db"
    load(made, 2, tmp_path)
    return made


def started(url: str, data: Path, where: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), url, str(data), where],
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def killed(url: str, data: Path, where: str) -> None:
    """Let another process open the store, and kill it where it stops."""
    process = started(url, data, where)
    assert process.stdout is not None
    said = process.stdout.readline()
    process.kill()
    _, errors = process.communicate(timeout=60)
    assert said == "stopped\n", errors


def copies(data: Path) -> list[str]:
    return sorted(path.name for path in (data / "restore-points").glob("*.gz"))


def opens(url: str, data: Path) -> None:
    """See that the store opens, is sound, and that the only copy of it there is holds all that it held."""
    with Memory(url, data=str(data), embedder=None) as memory:
        # the restore point that the earlier version made was not brought along
        assert [check.name for check in memory.doctor() if check.state == "bad"] == ["copies missing"]
        (copy,) = memory.backups.list().items
        assert memory.backups.verify(copy.name).problem is None
        assert copy.counts["message"] == len(dumped(2)["message"])
        assert memory.users.get("budi@example.org").name == "Budi"


@pytest.mark.parametrize("where", ["applying", "copying", "between"])
def test_a_store_whose_migration_was_killed_is_as_before_and_opens(where: str, url: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    store = open_store(url)
    before = catalogue(store)
    store.close()
    killed(url, data, where)
    assert len(copies(data)) == (1 if where == "between" else 0)
    store = open_store(url, busy_timeout_ms=30_000)
    store.write(lambda tx: None, alone=True)  # the server has noticed that the other process is gone
    assert catalogue(store) == before
    assert pending(store, schema_folder(url))[0] == 2
    held = dumped(2)
    assert {name: found for name, found in rows(store, 2).items() if name != "setting"} == {
        name: found for name, found in held.items() if name != "setting"
    }
    store.close()
    opens(url, data)


def test_killed_again_and_again_it_leaves_one_copy(url: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    for _ in range(3):
        killed(url, data, "between")
    left = copies(data)
    assert len(left) == 1
    opens(url, data)
    assert copies(data) == left


def test_killed_after_the_commit_the_store_is_up_to_date_and_has_its_copy(url: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    killed(url, data, "told")
    store = open_store(url)
    assert pending(store, schema_folder(url)) == (newest(url), [])
    store.close()
    opens(url, data)


def test_processes_that_open_an_old_store_at_once_make_one_copy(url: str, tmp_path: Path) -> None:
    data = tmp_path / "data"
    processes = [started(url, data, "go") for _ in range(3)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=100) for process in processes]
    assert [out for out, _ in answers] == ["opened\n"] * 3, answers
    assert len(copies(data)) == 1
    opens(url, data)
