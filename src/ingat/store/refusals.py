"""What every engine says when it is called where it must not be."""

from __future__ import annotations

from collections.abc import Container
from threading import get_ident

from ingat.core.errors import StoreClosed


def refused_read() -> StoreClosed:
    """Return the error of a read from a store that is closed."""
    return StoreClosed(
        "The store is closed, or was opened before this process was forked. Nothing was read; open it again."
    )


def refused_write() -> StoreClosed:
    """Return the error of a write to a store that is closed."""
    return StoreClosed(
        "The store is closed, or was opened before this process was forked. Nothing of this write was kept; open it"
        " again."
    )


def misplaced_write(*, running: int, reading: Container[int]) -> StoreClosed:
    """Return the error of a write of this thread where `running` runs a write, `reading` read, or all is closed."""
    me = get_ident()
    if running == me:
        return StoreClosed(
            "write was called inside write. Nothing of the outer write was kept; hand its transaction on instead."
        )
    if me in reading:
        return StoreClosed("write was called inside read. Nothing was changed; write after the read has returned.")
    return refused_write()


def misplaced_read() -> StoreClosed:
    """Return the error of a read inside a write."""
    return StoreClosed(
        "read was called inside write. Nothing of the write was kept; read through its transaction instead."
    )


def check_outside(name: str, kept: str, *, running: int, reading: Container[int]) -> None:
    """Raise StoreClosed when this thread is the one that runs a write, or among those that read."""
    me = get_ident()
    if running == me or me in reading:
        raise StoreClosed(f"{name} was called inside read or write. {kept}; call it afterwards.")
