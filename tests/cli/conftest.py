"""`ingat` on a store of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.runner import Ingat


@pytest.fixture
def ingat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ingat:
    monkeypatch.chdir(tmp_path)
    return Ingat(tmp_path)
