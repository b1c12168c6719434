"""The server of the tests: a missing one is a skip at home and a failure in CI, and a killed run leaves none behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import ingat
from tests import postgres

RUN = """
import sys
from tests import postgres

postgres.choose_folder()
postgres.start(postgres.server_folder())
print(postgres.server_folder(), flush=True)
sys.stdin.read()
"""
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(ingat.__file__).parents[1]), str(Path.cwd())])}


def test_a_missing_server_is_a_skip_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "find_spec", lambda name: None)
    monkeypatch.delenv("CI", raising=False)

    with pytest.raises(pytest.skip.Exception, match="not installed"):
        postgres.require()


def test_a_missing_server_is_a_failure_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "find_spec", lambda name: None)
    monkeypatch.setenv("CI", "true")

    with pytest.raises(pytest.fail.Exception, match="not installed"):
        postgres.require()


def test_a_run_that_is_killed_leaves_no_server_and_no_folder() -> None:
    postgres.require()
    run = subprocess.Popen(
        [sys.executable, "-c", RUN], env=ENVIRONMENT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with run:
        assert run.stdout is not None
        folder = Path(run.stdout.readline().strip())
        server = int((folder / "postmaster.pid").read_text().splitlines()[0])
        run.kill()

    deadline = time.monotonic() + 30
    while (runs(server) or folder.parent.exists()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not runs(server)
    assert not folder.parent.exists()


def runs(pid: int) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
