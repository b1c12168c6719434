"""The one place where what SQLite raises becomes an error of ours."""

from __future__ import annotations

import errno
import sqlite3
import sys
from pathlib import Path

from ingat.core.errors import (
    StoreBusy,
    StoreConflict,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreReadOnly,
    StoreUnavailable,
)
from ingat.store.contract import MISSING, TABLE

REFUSED_VALUES = (OverflowError, UnicodeEncodeError)
"""What the driver raises, instead of its own errors, for a number over 64 bits and for a lone surrogate."""

BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL})
"""Primary result codes that mean "somebody else holds the lock"."""

_WRITING = frozenset(
    {
        sqlite3.SQLITE_IOERR_WRITE,
        sqlite3.SQLITE_IOERR_TRUNCATE,
        sqlite3.SQLITE_IOERR_SHMOPEN,
        sqlite3.SQLITE_IOERR_SHMSIZE,
        sqlite3.SQLITE_IOERR_SHMMAP,
    }
)
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NOT_ALLOWED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


def primary_code(error: sqlite3.Error) -> int:
    """Return SQLite's result code without its extension; 0 for an error that Python's own driver made up."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def translate(error: Exception, *, reading: bool = False) -> StoreError:
    """Return the `StoreError` that says what the driver's error means for the caller.

    `reading` tells that it happened in a view that cannot write. The driver's own words are kept in
    `details["driver"]`.
    """
    code = getattr(error, "sqlite_errorcode", 0)
    primary = code & 0xFF
    kept = "Nothing was changed" if reading else "Nothing of this write was kept"
    said = str(error)
    if primary == sqlite3.SQLITE_CONSTRAINT:
        return StoreConflict(f"The rows do not fit those that are there ({said}). {kept}.", driver=said)
    if primary in BUSY:
        return StoreBusy(f"Another process holds the store's lock. {kept}; try it again.", driver=said)
    if primary == sqlite3.SQLITE_FULL or (primary == sqlite3.SQLITE_IOERR and _lacks_room(code)):
        return StoreFull(
            f"The disk is full, or the store's file has reached its size limit. {kept}; make room and try it again.",
            driver=said,
        )
    if primary == sqlite3.SQLITE_READONLY and reading:
        return StoreError("A function that only reads tried to write. Nothing was changed; use write.", driver=said)
    if primary in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return StoreReadOnly(
            f"The store cannot be written ({said}). {kept}; check the permissions of its file and folder.", driver=said
        )
    if primary == sqlite3.SQLITE_CANTOPEN:
        return StoreUnavailable(
            f"The store's file cannot be opened. {kept}; check that its folder is there and can be written.",
            driver=said,
        )
    if primary == sqlite3.SQLITE_NOTADB:
        return StoreCorrupt("The file is not a database. It was left as it is; name another file.", driver=said)
    if primary == sqlite3.SQLITE_CORRUPT:
        return StoreCorrupt(
            f"The store's file is damaged ({said}). It was left as it is; keep a copy of it and restore a backup.",
            driver=said,
        )
    missing = {MISSING: TABLE} if said.startswith("no such table") else {}
    return StoreError(f"The store could not do it ({said}). {kept}.", driver=said, **missing)


def translate_os(error: OSError, path: Path) -> StoreError:
    """Return the `StoreError` for what the operating system said while the store's file was being made ready."""
    said = error.strerror or str(error)
    if error.errno in _NOT_ALLOWED:
        return StoreReadOnly(
            f"The store {path} cannot be written ({said}). Nothing was changed; check the permissions of its folder,"
            " or name another place.",
            path=str(path),
        )
    if error.errno in _NO_ROOM:
        return StoreFull(
            f"There is no room to make the store {path} ({said}). Make room and try again.", path=str(path)
        )
    return StoreUnavailable(
        f"The store {path} cannot be opened ({said}). Nothing was changed; name a file in a folder that can be"
        " written.",
        path=str(path),
    )


def shared(error: StoreError) -> StoreError:
    """Return the error of a write that was undone because another one, committed with it, ended the transaction."""
    if isinstance(error, StoreConflict):
        return StoreError(
            "A write that was to be committed together with this one undid both. Nothing of this write was kept;"
            " try it again.",
            **error.details,
        )
    return type(error)(error.message, **error.details)


def _lacks_room(code: int) -> bool:
    """Tell whether a failed write is explained by a full disk, or by the process's limit for the size of a file."""
    if code == sqlite3.SQLITE_IOERR_SHMSIZE:  # what a full disk says when the file beside the store cannot be made
        return True
    if code not in _WRITING or sys.platform == "win32":
        return False
    import resource  # not there on Windows

    return resource.getrlimit(resource.RLIMIT_FSIZE)[0] != resource.RLIM_INFINITY
