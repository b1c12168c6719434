"""docs/runbook.md: its commands run one after another on a store and a server, and show what the page says."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from ingat.cli import daemon
from ingat.cli.main import COMMANDS
from ingat.core.settings import Settings
from ingat.memory import Memory
from ingat.testing import open_memory
from tests.engine import same_store, store_url

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
FORKING = Path(__file__).with_name("programs") / "forking.py"
BEGIN = "@@ block "
NOT_RUN = "# not run here\n"

STARTING_ANEW = 'ingat() { "$PYTHON" -m ingat "$@"; }\n'
FORKED = """
ingat() {
    local name code
    {
        printf '%s\\0' "$BASHPID"
        for name in "${!INGAT_@}"; do printf '%s=%s\\0' "$name" "${!name}"; done
        printf '\\0'
        printf '%s\\0' "$@"
    } >"$ASKED"
    read -r code <"$ANSWERED"
    return "$code"
}
"""


class Block(NamedTuple):
    """Commands of the page, the heading above them, and the lines that it says they show."""

    heading: str
    commands: str
    shows: tuple[str, ...]


def blocks() -> list[Block]:
    found = []
    for section in re.split(r"^#{2,3} ", PAGE, flags=re.MULTILINE):
        heading = section.splitlines()[0]
        parts = re.findall(r"^```(bash|text)\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
        for (kind, text), (next_kind, shown) in pairwise([*parts, ("", "")]):
            if kind == "bash":
                lines = shown.splitlines() if next_kind == "text" and not shown.startswith(NOT_RUN) else []
                found.append(Block(heading, text, tuple(lines)))
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A project's folder with scripts, and a store with two people and two old test users."""
    shutil.copytree(ROOT / "bin", tmp_path / "bin")
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    run = tmp_path / "bin" / "run"
    run.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m ingat "$@"\n', encoding="utf-8")
    url = store_url(tmp_path / "ingat.db")
    with open_memory(**same_store(url), embedder="none") as memory:
        for user_id in ("test_happy_male", "test_happy_female"):
            memory.users.save(user_id, name="Test")
    with Memory(**same_store(url), embedder="none") as memory:
        memory.users.save("628111", name="Budi", product="F57A", flags={"sop_pending": True})
        session = memory.sessions.open("628111", channel="whatsapp:628111")
        memory.sessions.append(session.id, "user", "My washing machine is broken again")
        memory.users.save("628222", name="Sari")
        session = memory.sessions.open("628222", channel="whatsapp:628222")
        memory.sessions.append(session.id, "user", "When does the delivery come?")
        memory.logs.add("the delivery service did not answer", level="error", source="bot")
    yield tmp_path
    daemon.stop(Settings(store=url), timeout_s=0, force=True)


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def played(folder: Path, port: int, tmp: Path) -> list[str]:
    """Run all blocks as one script, and return what each of them showed; a command that fails ends it."""
    script = "set -euo pipefail\n" + (FORKED if sys.platform == "linux" else STARTING_ANEW)
    for number, block in enumerate(blocks()):
        script += f"echo '{BEGIN}{number}'\n{block.commands}"
    script = script.replace("8081", str(port))
    environment = {
        **os.environ,
        "PYTHON": sys.executable,
        "INGAT_STORE": "sqlite:///ingat.db",
        "INGAT_PORT": str(port),
        "INGAT_LANG": "en",
        "INGAT_EMBEDDER": "none",
        "INGAT_SCHEDULER": "false",
        "COLUMNS": "160",
        "ASKED": str(tmp / "asked"),
        "ANSWERED": str(tmp / "answered"),
    }
    for name in ("ASKED", "ANSWERED"):
        os.mkfifo(environment[name])
    with subprocess.Popen([sys.executable, FORKING, environment["ASKED"], environment["ANSWERED"]]) as forking:
        try:
            done = subprocess.run(
                ["bash", "-c", script],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                timeout=240,
            )
        finally:
            forking.kill()
    shown = done.stdout.replace(str(port), "8081")
    if done.returncode != 0:
        pytest.fail(shown[-3_000:], pytrace=False)
    return re.split(rf"^{BEGIN}\d+\n", shown, flags=re.MULTILINE)[1:]


@pytest.mark.sqlite_only("follows a page whose store is a file")
def test_its_commands_run_and_show_what_the_page_says(
    folder: Path, free_port: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    told = played(folder, free_port, tmp_path_factory.mktemp("forking"))

    missing = [
        (block.heading, line)
        for block, shown in zip(blocks(), told, strict=True)
        for line in block.shows
        if not re.search(".*".join(re.escape(part) for part in line.split("…")), shown)
    ]
    assert missing == []


def test_every_entry_has_commands() -> None:
    entries = re.findall(r"^### (.*)$", PAGE, re.MULTILINE)
    with_commands = {block.heading for block in blocks()}

    assert [entry for entry in entries if entry not in with_commands] == []


def test_it_names_commands_that_there_are() -> None:
    named = set(re.findall(r"`ingat (\w+)", PAGE))

    assert named - COMMANDS.keys() == set()


def test_every_complaint_of_operators_has_an_entry() -> None:
    entries = " | ".join(re.findall(r"^### (.*)$", PAGE, re.MULTILINE)).lower()
    complaints = (
        "cannot be run",
        "does not start",
        "does not stop",
        "damaged",
        "forgets everything at a restart",
        "index is at fault",
        "bill",
        "do not expire",
        "causing trouble",
        "grown large",
        "disk is full",
        "who deleted this",
        "bring back one user",
        "bring back everything",
        "passphrase",
        "secret.key",
        "forgotten",
        "moving",
        "mirror",
        "job does not run",
        "test users",
        "do not fit",
        "another version",
        "a backup of klar",
        "take much room",
    )

    assert [each for each in complaints if each not in entries] == []
