"""ruff and mypy, so that one run of the tests says everything."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.tree import ROOT

FOLDERS = [name for name in ("src", "tests", "tools", "bench") if any((ROOT / name).rglob("*.py"))]


def _run(tool: str, *words: str) -> None:
    program = Path(sys.executable).with_name(tool)
    done = subprocess.run([program, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.fail(f"{tool} says:\n{done.stdout}{done.stderr}", pytrace=False)


def test_ruff_finds_nothing() -> None:
    _run("ruff", "check", "--quiet", ".")


def test_ruff_would_format_nothing() -> None:
    _run("ruff", "format", "--check", "--quiet", ".")


def test_mypy_is_content() -> None:
    _run("mypy", "--no-error-summary", *FOLDERS)
