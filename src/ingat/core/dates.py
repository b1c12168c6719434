"""Dates: moments and spans of time as people and files write them; everything else counts milliseconds UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ingat.core.errors import InvalidInput
from ingat.core.limits import MAX_TIME_MS, check_time

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso_time(moment: int) -> str:
    """Return milliseconds UTC as `2026-05-01T07:30:00.000Z`."""
    return (_EPOCH + timedelta(milliseconds=moment)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def day_of(moment: int) -> str:
    """Return the day (UTC) of a moment: `2026-05-01`."""
    return (_EPOCH + timedelta(milliseconds=moment)).date().isoformat()


def read_time(value: Any, what: str, default: int) -> int:
    """Return milliseconds UTC of an ISO 8601 text (UTC unless it has an offset) or a number, or raise InvalidInput."""
    if isinstance(value, str):
        try:
            read = datetime.fromisoformat(value.strip())
            read = read if read.tzinfo is not None else read.replace(tzinfo=UTC)
            moment = (read - _EPOCH) // timedelta(milliseconds=1)
        except (ValueError, OverflowError):
            moment = -1
        if not 0 <= moment <= MAX_TIME_MS:
            raise InvalidInput(f"The {what} is no time from 1970 to 9999: {value[:64]!r}.", field=what)
        return moment
    checked = check_time(value, what)
    return default if checked is None else checked
