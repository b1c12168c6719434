"""The command line starts without the heavy libraries and without any extra."""

from __future__ import annotations

import subprocess
import sys
from functools import cache

import pytest

from tests.house.distributions import EXTRA_MODULES

HELP = """
import sys
from ingat.app.main import main
sys.argv = ["ingat", "--help"]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
sys.stdout.flush()
print(*sys.modules, sep="\\n", file=sys.stderr)
"""


@cache
def _loaded(program: str) -> frozenset[str]:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return frozenset(done.stderr.split())


@pytest.mark.parametrize("heavy", ["numpy", "Stemmer", "starlette", "uvicorn", "apscheduler"])
def test_help_does_not_import(heavy: str) -> None:
    assert heavy not in _loaded(HELP)


def test_help_imports_no_extra() -> None:
    assert _loaded(HELP) & set(EXTRA_MODULES.values()) == set()


@pytest.mark.parametrize("module", ["ingat", "ingat.cli.main", "ingat.core.settings", "ingat.store.open"])
def test_light_modules_import_no_heavy_library(module: str) -> None:
    loaded = _loaded(f'import sys, {module}\nprint(*sys.modules, sep="\\n", file=sys.stderr)')

    assert loaded & {"numpy", "Stemmer", "starlette", "uvicorn"} == set()
