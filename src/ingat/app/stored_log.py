"""What Ingat reports of itself, written into the log of the memory that it serves."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from ingat.core.settings import LogThreshold
from ingat.integrations.logging import LogHandler
from ingat.memory import Memory

_NUMBERS: dict[LogThreshold, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
}


@contextmanager
def storing(memory: Memory, level: LogThreshold) -> Iterator[None]:
    """Write the records of our own loggers, of this level and graver ones, into the memory's log; `off`: none.

    The logger lets through what is asked for; what its other handlers show is theirs to say. At the end the handler is
    taken off, and what is queued is written.
    """
    number = _NUMBERS.get(level)
    if number is None:
        yield
        return
    ours, handler = logging.getLogger("ingat"), LogHandler(memory, number, only_own=True)
    before = ours.level
    ours.addHandler(handler)
    ours.setLevel(min(number, before) if before else number)
    try:
        yield
    finally:
        ours.removeHandler(handler)
        ours.setLevel(before)
        handler.close()
