"""The one place where what psycopg raises becomes an error of ours.

Codes: https://www.postgresql.org/docs/current/errcodes-appendix.html.
"""

from __future__ import annotations

import psycopg

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

DRIVER_ERRORS = (psycopg.Error, UnicodeEncodeError, OverflowError)
"""What a statement raises; the last two for a lone surrogate and for a number that no column holds."""

_COLLIDED = frozenset({"40001", "40P01"})
"""Serialisation failure and deadlock: the transaction is undone, and may be run again."""
_ENDED = frozenset({"57P01", "57P02", "57P03", "57P05", "25P03", "25P04"})
"""The server ended the connection, or is starting or stopping."""
_READ_ONLY, _FORBIDDEN, _UNSUPPORTED = "25006", "42501", "0A000"
_LOCKED, _CANCELLED = "55P03", "57014"
_TOO_LONG = frozenset({"25P03", "25P04"})
"""The server ended a connection whose transaction was open, or idle, for longer than its settings allow."""
_DAMAGED = frozenset({"XX001", "XX002"})
_FULL = frozenset({"53100", "53200"})
_NO_ROOM_FOR_US = frozenset({"53300", "53400"})
_UNDEFINED_TABLE = "42P01"
_MISUSED = "08P01"
"""A statement with too few arguments, which stands among the lost connections there."""


def collided(error: BaseException) -> bool:
    """Whether it tells of a transaction that was undone because of another one, and may be run again."""
    return isinstance(error, psycopg.Error) and error.sqlstate in _COLLIDED


def lost(error: BaseException) -> bool:
    """Whether it tells of a connection that is gone."""
    if not isinstance(error, psycopg.Error):
        return False
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)
    state = error.sqlstate
    return state in _ENDED or (state.startswith("08") and state != _MISUSED)


def words(error: Exception) -> str:
    """Return the driver's words for an error, without the server's details, which hold values of the row."""
    primary = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return " ".join((primary or str(error)).split()) or type(error).__name__


def overran(error: BaseException) -> bool:
    """Whether it tells of a transaction that was open, or idle, for longer than the server allows."""
    return isinstance(error, psycopg.Error) and error.sqlstate in _TOO_LONG


def translate(error: Exception, *, reading: bool = False, standby: bool = False) -> StoreError:
    """Return the `StoreError` that says what the driver's error means for the caller.

    `reading` tells that it happened in a view that cannot write, `standby` that the server follows another one. The
    driver's own words are kept in `details["driver"]`.
    """
    kept = "Nothing was changed" if reading else "Nothing of this write was kept"
    state = getattr(error, "sqlstate", None) or ""
    said = words(error)
    if state.startswith("23"):
        return StoreConflict(f"The rows do not fit those that are there ({said}). {kept}.", driver=said)
    if collided(error):
        return StoreBusy(f"Others write the same rows at this moment. {kept}; try it again.", driver=said)
    if state == _LOCKED:
        return StoreBusy(f"Somebody else held a lock for longer than is waited. {kept}; try it again.", driver=said)
    if state == _CANCELLED:
        return StoreBusy(
            f"The server ended a statement before it was done ({said}). {kept}; try it again, and look at the server's"
            " statement_timeout if it goes on.",
            driver=said,
        )
    if state in _FULL:
        return StoreFull(f"The server has no room left ({said}). {kept}; make room and try it again.", driver=said)
    if state == _READ_ONLY and reading:
        return StoreError("A function that only reads tried to write. Nothing was changed; use write.", driver=said)
    if state == _FORBIDDEN and reading:
        return StoreUnavailable(
            f"This user may not read the store ({said}). {kept}; let its owner grant that, or name another user.",
            driver=said,
        )
    if state in (_READ_ONLY, _FORBIDDEN) or (standby and state == _UNSUPPORTED):  # it begins no writing transaction
        return StoreReadOnly(
            f"The database cannot be written ({said}). {kept}; name the server that takes writes, and check what this"
            " user may do there.",
            driver=said,
        )
    if state in _DAMAGED:
        return StoreCorrupt(
            f"The database is damaged ({said}). It was left as it is; keep a copy of it and restore a backup.",
            driver=said,
        )
    if state in _NO_ROOM_FOR_US:
        return StoreUnavailable(
            f"The server takes no more connections ({said}). {kept}; raise its max_connections, or open fewer.",
            driver=said,
        )
    if overran(error):
        return StoreUnavailable(
            f"The server ended a transaction that took too long ({said}). {kept}; raise its"
            " idle_in_transaction_session_timeout or transaction_timeout for this user.",
            driver=said,
        )
    if lost(error):
        return StoreUnavailable(
            f"The connection to the database is gone ({said}). {kept}; check that the server runs, and try it again.",
            driver=said,
        )
    missing = {MISSING: TABLE} if state == _UNDEFINED_TABLE else {}
    return StoreError(f"The store could not do it ({said}). {kept}.", driver=said, **missing)


def refused(error: psycopg.Error, shown: str) -> StoreError:
    """Return the `StoreError` of a database that cannot be connected to."""
    said = " ".join(str(error).split())
    return StoreUnavailable(
        f"The database {shown} cannot be reached ({said}). Nothing was changed; check the URL, and that the server"
        " runs and lets this user in.",
        url=shown,
        driver=said,
    )
