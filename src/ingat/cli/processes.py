"""Processes of this machine: whether one still is the one that it was, what it began, and who listens on a port.

Read from /proc where there is one, else from `ps` and `lsof`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

PROC = Path("/proc")
LOOK_EVERY_S = 0.05
LISTENS = "0A"
"""The state of a listening socket in /proc/net/tcp."""


class Process(NamedTuple):
    """A process that runs: its number, and when it began, in a form that no other process of that number ever has."""

    pid: int
    began: str


def process(pid: int) -> Process | None:
    """Return the process of this number; None when there is none, or only its exit code is left of it."""
    if not (PROC / "self" / "stat").exists():
        shown = _shown("ps", "-o", "stat=,lstart=", "-p", str(pid)).split(None, 1)
        return None if len(shown) < 2 or shown[0].startswith("Z") else Process(pid, shown[1].strip())
    fields = _fields(pid)
    if fields is None or fields[0] in ("Z", "X"):
        return None
    return Process(pid, f"{_boot()} {fields[19]}")


def runs(one: Process) -> bool:
    """Return whether this very process still runs."""
    return process(one.pid) == one


def words_of(pid: int) -> list[str]:
    """Return the words that a process was called with; none when it is gone or cannot be seen."""
    try:
        return [word for word in (PROC / str(pid) / "cmdline").read_text("utf-8", "replace").split("\0") if word]
    except OSError:
        return _shown("ps", "-o", "command=", "-p", str(pid)).split()


def begun_by(one: Process) -> list[Process]:
    """Return the processes that this one began, and those that they began."""
    if (PROC / "self" / "stat").exists():
        numbers = [int(each.name) for each in PROC.iterdir() if each.name.isdigit()]
        parents = {pid: int(fields[1]) for pid in numbers if (fields := _fields(pid)) is not None}
    else:
        pairs = [line.split() for line in _shown("ps", "-A", "-o", "pid=,ppid=").splitlines()]
        parents = {int(pid): int(parent) for pid, parent in pairs}
    found, grown = {one.pid}, True
    while grown:
        below = {pid for pid, parent in parents.items() if parent in found} - found
        found, grown = found | below, bool(below)
    return [each for pid in sorted(found - {one.pid}) if (each := process(pid)) is not None]


def send(one: Process, number: signal.Signals) -> bool:
    """Send this very process a signal; False when it has ended. Raises PermissionError when it is another person's."""
    if not hasattr(os, "pidfd_open"):
        with suppress(ProcessLookupError):
            if runs(one):
                os.kill(one.pid, number)
                return True
        return False
    try:
        handle = os.pidfd_open(one.pid)  # from here on the number cannot pass to another process
    except ProcessLookupError:
        return False
    try:
        if not runs(one):
            return False
        signal.pidfd_send_signal(handle, number)
        return True
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)


def ended(one: Process, timeout_s: float) -> bool:
    """Wait for the end of a process, and return whether it came in time."""
    until = time.monotonic() + timeout_s
    while runs(one):
        if time.monotonic() >= until:
            return False
        time.sleep(LOOK_EVERY_S)
    return True


def listener(port: int) -> int | None:
    """Return the number of the process that listens on a port; None when nobody does, or who does cannot be seen."""
    sockets = {f"socket:[{inode}]" for inode in _listening(port)}
    if not (PROC / "net" / "tcp").exists():
        found = _shown("lsof", "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-t").split()
        return int(found[0]) if found else None
    for folder in PROC.iterdir() if sockets else ():
        if folder.name.isdigit():
            with suppress(OSError):
                if any(os.readlink(each) in sockets for each in (folder / "fd").iterdir()):
                    return int(folder.name)
    return None


def _listening(port: int) -> list[str]:
    """Return the inodes of the sockets that listen on a port."""
    found = []
    for table in ("tcp", "tcp6"):
        with suppress(OSError):
            for line in (PROC / "net" / table).read_text("ascii").splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTENS and int(fields[1].rsplit(":", 1)[1], 16) == port:
                    found.append(fields[9])
    return found


def _fields(pid: int) -> list[str] | None:
    """Return what /proc tells of a process behind its name, which may hold anything: state, parent, …, start."""
    try:
        return (PROC / str(pid) / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return None


def _boot() -> str:
    """Return what names the present run of the machine, since times in /proc are counted from its start."""
    try:
        return (PROC / "sys" / "kernel" / "random" / "boot_id").read_text("ascii").strip()
    except OSError:
        return ""


def _shown(*words: str) -> str:
    """Return what a program of the system prints, in English; nothing when it is not there or finds nothing."""
    try:
        return subprocess.run(["env", "LC_ALL=C", *words], capture_output=True, text=True, check=False).stdout
    except OSError:
        return ""
