"""`ingat` on a store of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.clearing import Forking
from tests.cli.runner import Ingat
from tests.engine import unmade_url


@pytest.fixture
def ingat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ingat:
    monkeypatch.chdir(tmp_path)
    return Ingat(tmp_path)


@pytest.fixture
def unmade(ingat: Ingat) -> Ingat:
    """`ingat` with a store that is not there yet."""
    ingat.url = ingat.variables["INGAT_STORE"] = unmade_url(ingat.folder / "ingat.db")
    return ingat


@pytest.fixture(scope="session")
def forking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forking | None]:
    """A process that runs `ingat` for shell scripts in forks of itself; None where there is no /proc."""
    if sys.platform != "linux":
        yield None
        return
    folder = tmp_path_factory.mktemp("forking")
    fifos = Forking(folder / "asked", folder / "answered")
    for each in fifos:
        os.mkfifo(each)
    program = Path(__file__).with_name("programs") / "forking.py"
    with subprocess.Popen([sys.executable, program, *fifos]) as process:
        yield fifos
        process.kill()
