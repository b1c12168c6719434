"""What every engine says when it is called where it must not be."""

from __future__ import annotations

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


def misplaced_write(*, inside_write: bool) -> StoreClosed:
    """Return the error of a write inside a write, or inside a read."""
    if inside_write:
        return StoreClosed(
            "write was called inside write. Nothing of the outer write was kept; hand its transaction on instead."
        )
    return StoreClosed("write was called inside read. Nothing was changed; write after the read has returned.")


def misplaced_read() -> StoreClosed:
    """Return the error of a read inside a write."""
    return StoreClosed(
        "read was called inside write. Nothing of the write was kept; read through its transaction instead."
    )


def misplaced(name: str, kept: str) -> StoreClosed:
    """Return the error of another method inside a read or a write."""
    return StoreClosed(f"{name} was called inside read or write. {kept}; call it afterwards.")
