"""What the tests of restore and undo have in common: copies of everything, and what a memory holds."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from ingat.core.backups import RestoreReport
from ingat.memory import Memory
from tests.lifecycle.dump import index, truth


def copied(memory: Memory) -> bytes:
    """Return a backup of everything, as the file that it is."""
    backup = memory.backups.create()
    folder = memory._points._folder.path
    assert isinstance(folder, Path)
    return (folder / backup.name).read_bytes()


def bring(memory: Memory, raw: bytes, **options: Any) -> RestoreReport:
    return memory.restore(io.BytesIO(raw), **options)


def held(memory: Memory) -> tuple[Any, Any]:
    """Return all that is true and what is derived of it."""
    return truth(memory), index(memory)


def bad(memory: Memory) -> list[str]:
    """Return what the doctor finds wrong."""
    return [check.name for check in memory.doctor() if check.state == "bad"]
