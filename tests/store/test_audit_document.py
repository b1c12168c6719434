"""docs/audit.md describes the chain well enough to check it without Ingat: its program is run."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from ingat.testing import TurnableClock, open_memory

DOCUMENT = Path(__file__).parents[2] / "docs" / "audit.md"


@pytest.fixture
def program() -> str:
    blocks: list[str] = re.findall(r"^```python\n(.*?)^```", DOCUMENT.read_text(encoding="utf-8"), re.M | re.S)
    (only,) = blocks
    return only


@pytest.fixture
def folder(tmp_path: Path, clock: TurnableClock) -> Path:
    """A store whose trail was pruned."""
    with open_memory(url=f"sqlite:///{tmp_path}/ingat.db", now=clock, embedder=None) as memory:
        for number in range(6):
            memory.users.save(f"user {number}", role="godfather")
            clock.turn(days=1)
        memory.erase.session(memory.sessions.create("user 3").id, reason="“selesai” – ✓")
        memory.audit.prune(clock() - 5 * 86_400_000)
    return tmp_path


def checked(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, timeout=60)


def test_the_program_finds_a_chain_whole(program: str, folder: Path) -> None:
    done = checked(program, folder)

    assert (done.returncode, done.stdout) == (0, "whole, up to entry 8\n"), done.stderr


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE audit_entry SET actor = 'x' WHERE seq = 4", "entry 4 was changed"),
        ("UPDATE audit_text SET reason = 'x' WHERE seq = 4", "the words of entry 4 were changed"),
        ("DELETE FROM audit_entry WHERE seq = 4", "entry 4 is missing"),
    ],
    ids=["entry", "words", "gap"],
)
def test_the_program_finds_what_was_changed(program: str, folder: Path, statement: str, told: str) -> None:
    with closing(sqlite3.connect(folder / "ingat.db")) as conn, conn:
        conn.execute(statement)

    assert told in checked(program, folder).stderr
