"""How the tests talk to the tools of klar's operators: through a terminal, and what these must show."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import pexpect

from ingat.memory import Memory
from ingat.testing import TurnableClock
from tests.cli.runner import PROGRAM, Ingat
from tests.house.tree import ROOT

SEEN_MS = 1_763_709_705_000
"""2025-11-21T07:21:45Z"""
LANGUAGES = ("id", "en")
TOOLS = ("python", "bash")
LINE, RULE = "=" * 60, "-" * 60
PATH = r"data/storage/backups/memory_backup_\d{8}_\d{6}\.json"

MENU = {
    "id": f"""\
{LINE}
🗑️  MEMORY MANAGEMENT TOOL
{LINE}

⏳ Menghentikan server...
   Tidak ada server penyimpanan ini yang berjalan di sini.

{LINE}
PILIH AKSI:
{LINE}

1. Hapus user_id tertentu
2. Kosongkan memory total
3. Cancel (restart server tanpa perubahan)

Pilihan (1-3): """,
    "en": f"""\
{LINE}
🗑️  MEMORY MANAGEMENT TOOL
{LINE}

⏳ Stopping the server...
   No server of this store runs here.

{LINE}
CHOOSE AN ACTION:
{LINE}

1. Delete a given user_id
2. Empty all memory
3. Cancel (restart the server without changes)

Choice (1-3): """,
}
_LIST = {
    "id": f"""\

{RULE}
📋 DAFTAR USER_ID YANG ADA:
{RULE}
 1. test_happy_male
     Nama: Budi Santoso, Produk: F57A, Dibuat: 2025-11-21T07:21:45Z
 2. test_happy_female
     Nama: Siti Nurhaliza, Produk: F90A, Dibuat: 2025-11-21T07:21:53Z

Total: 2 user
{RULE}

Masukkan user_id yang ingin dihapus
(bisa copy-paste dari daftar di atas)

User ID: """,
    "en": f"""\

{RULE}
📋 THE USER_IDS THAT THERE ARE:
{RULE}
 1. test_happy_male
     Name: Budi Santoso, Product: F57A, Created: 2025-11-21T07:21:45Z
 2. test_happy_female
     Name: Siti Nurhaliza, Product: F90A, Created: 2025-11-21T07:21:53Z

Total: 2 users
{RULE}

Enter the user_id to delete
(it can be copied from the list above)

User ID: """,
}
_DETAILS = {
    "id": """\

📝 Detail user yang akan dihapus:
   User ID: test_happy_male
   Nama: Budi Santoso
   Produk: F57A
   Dibuat: 2025-11-21T07:21:45Z
""",
    "en": """\

📝 Details of the user to delete:
   User ID: test_happy_male
   Name: Budi Santoso
   Product: F57A
   Created: 2025-11-21T07:21:45Z
""",
}
SURE = {
    "id": "\n⚠️  Apakah Anda yakin akan menghapus user ini? (y/n): ",
    "en": "\n⚠️  Are you sure that this user is to be deleted? (y/n): ",
}
TYPE_YES = {"id": "Ketik 'YES' untuk menghapus semuanya: ", "en": "Type 'YES' to delete everything: "}
_MADE = {"id": "💾 Backup dibuat: <path>", "en": "💾 Backup made: <path>"}
_DELETED = {"id": "✅ User 'test_happy_male' berhasil dihapus!", "en": "✅ User 'test_happy_male' was deleted."}
EMPTIED = {"id": "✅ Memory total berhasil dikosongkan!", "en": "✅ All memory was emptied."}
_BACK = {
    "id": "   Titik pemulihan: <name>\n   Kembalikan dengan: ingat undo <id>",
    "en": "   Restore point: <name>\n   Back with: ingat undo <id>",
}
DONE = {"id": f"{LINE}\n✅ PROSES SELESAI\n{LINE}\n", "en": f"{LINE}\n✅ THE PROCESS IS DONE\n{LINE}\n"}
NOT_RESTARTED = {
    "id": "\n⏳ Restarting server...\n   Tadinya tidak berjalan, jadi tidak dijalankan.\n",
    "en": "\n⏳ Restarting the server...\n   It did not run before, so it was not started.\n",
}
UNCHANGED = {"id": "Tidak ada perubahan.", "en": "Nothing was changed."}


def transcript(language: str, tool: str) -> str:
    """Return the dialogue in which one user is deleted; what differs from run to run stands in `<…>`."""
    listed = _LIST[language]
    if tool == "bash":
        listed = "".join(line for line in listed.splitlines(keepends=True) if not line.startswith("     "))
    details = _DETAILS[language] if tool == "python" else ""
    return (
        f"{MENU[language]}1\n{listed}test_happy_male\n{details}{SURE[language]}y\n\n{_MADE[language]}\n"
        f"{_DELETED[language]}\n{_BACK[language]}\n\n{DONE[language]}{NOT_RESTARTED[language]}"
    )


def as_transcript(shown: str) -> str:
    """Return what was shown with `<…>` for what differs from run to run."""
    shown = re.sub(PATH, "<path>", shown.replace("\r\n", "\n"))
    shown = re.sub(r"^(   [A-Z][a-z ]+: )\S+\.jsonl\.gz\S*$", r"\1<name>", shown, flags=re.MULTILINE)
    return re.sub(r"ingat undo [0-9a-f]{32}", "ingat undo <id>", shown)


RUN = f"""\
#!/usr/bin/env bash
exec '{PROGRAM[0]}' -c '{PROGRAM[2]}' "$@"
"""
FORKED = """\
#!/usr/bin/env bash
{{
    printf '%s\\0' "$$"
    for name in "${{!INGAT_@}}"; do printf '%s=%s\\0' "$name" "${{!name}}"; done
    printf '\\0'
    printf '%s\\0' "$@"
}} >'{asked}'
read -r code <'{answered}'
exit "$code"
"""


class Forking(NamedTuple):
    """The two FIFOs of tests/cli/programs/forking.py."""

    asked: Path
    answered: Path


def project(folder: Path, forking: Forking | None) -> Path:
    """Make a project folder with the tools in it, whose `bin/run` is the program under test.

    `quick` in it has the tools once more, with one that forks a process that is there; signals do not reach the fork.
    """
    run = RUN if forking is None else FORKED.format(asked=forking.asked, answered=forking.answered)
    for root, script in ((folder, RUN), (folder / "quick", run)):
        for name in ("bin/clear_memory.sh", "scripts/clear_memory.py"):
            (root / name).parent.mkdir(parents=True)
            shutil.copy(ROOT / name, root / name)
        runs(root / "bin", script)
    return folder


def runs(folder: Path, script: str) -> None:
    """Make this script the `run` of a folder."""
    (folder / "run").write_text(script, encoding="utf-8")
    (folder / "run").chmod(0o755)


def filled(ingat: Ingat) -> None:
    """Put the two users of the seed into the store."""
    clock = TurnableClock(SEEN_MS)
    with Memory(ingat.url, now=clock, embedder=None) as memory:
        memory.users.save("test_happy_male", name="Budi Santoso", product="F57A", slots={"company": "PT 'x'"})
        session = memory.sessions.open("test_happy_male")
        memory.sessions.append(session.id, "user", "eac saya rusak")
        clock.turn(seconds=8)
        memory.users.save("test_happy_female", name="Siti Nurhaliza", product="F90A")


def terminal(ingat: Ingat, tool: str, *words: str, language: str = "en", real: bool = False) -> pexpect.spawn:
    """Start a tool on a terminal; with `real` each command of `ingat` in it is a process of its own."""
    variables = {**ingat.environment(), "INGAT_LANG": language, "INGAT_EMBEDDER": "none", "TERM": "dumb"}
    folder = ingat.folder / "project" if real else ingat.folder / "project" / "quick"
    command = [sys.executable, str(folder / "scripts" / "clear_memory.py")]
    if tool == "bash":
        command = [str(folder / "bin" / "clear_memory.sh")]
    child = pexpect.spawn(
        command[0],
        [*command[1:], *words],
        env={name: value for name, value in variables.items() if name != "PYTHONWARNINGS"},
        encoding="utf-8",
        timeout=60,
        dimensions=(60, 200),
        cwd=os.fspath(ingat.folder),
    )
    child.delaybeforesend = None
    return child


def talk(child: pexpect.spawn, *answers: tuple[str, str]) -> tuple[str, int]:
    """Answer each prompt, wait for the end, and return all that was shown and the exit code."""
    shown = ""
    for prompt, answer in answers:
        child.expect_exact(prompt)
        shown += child.before + child.after
        child.sendline(answer)
    child.expect(pexpect.EOF)
    shown += child.before
    child.close()
    return shown, child.exitstatus if child.exitstatus is not None else -int(child.signalstatus or 0)
