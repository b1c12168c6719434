"""Locks on files, which hold among threads and among processes, and end with the process that holds them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep

WAIT_S = 0.02


@contextmanager
def shared(path: Path) -> Iterator[None]:
    """Hold a lock that many may hold at once; waits for whoever holds it alone. Its file is made when missing."""
    with _opened(path) as number:
        _lock(number, alone=False, wait=True)
        yield


@contextmanager
def alone(path: Path, tries: int) -> Iterator[bool]:
    """Hold a lock alone and yield True; yield False when others hold it still after `tries` looks, WAIT_S apart."""
    with _opened(path) as number:
        for place in range(tries):
            if _lock(number, alone=True, wait=False):
                yield True
                return
            if place + 1 < tries:
                sleep(WAIT_S)
        yield False


def hold(number: int) -> bool:
    """Hold the lock of an open file until it is closed; False when another has it, who holds it alone."""
    return _lock(number, alone=True, wait=False)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    # a descriptor of its own for each holder: locks go with it, so that threads keep each other out, too
    number = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield number
    finally:
        os.close(number)


def _lock(number: int, *, alone: bool, wait: bool) -> bool:
    if sys.platform == "win32":  # no such locks: one process at a time may use a data directory there
        return True
    import fcntl  # not there on Windows

    try:
        fcntl.flock(number, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True
