"""Checks of numbers that callers bring."""

from __future__ import annotations

from ingat.core.errors import InvalidInput, InvalidLimit

MAX_PAGE = 1_000
MAX_TOP_K = 1_000
MIN_BUDGET = 64
"""Tokens; below this no message could be shown beside a profile."""
MAX_BUDGET = 10_000_000
# the end of 9999-12-30, so that every time can be written as a date in every zone
MAX_TIME_MS = 253_402_214_399_999


def check_limit(value: int, what: str, minimum: int = 1, maximum: int = MAX_PAGE) -> int:
    """Return a whole number between the bounds, both included, or raise InvalidLimit."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidLimit(f"The {what} must be a whole number.", given=type(value).__name__)
    if not minimum <= value <= maximum:
        raise InvalidLimit(
            f"The {what} must be from {minimum} to {maximum}; it is {value if abs(value) < 10**18 else 'far outside'}.",
            minimum=minimum,
            maximum=maximum,
        )
    return value


def check_time(value: int | None, what: str) -> int | None:
    """Return a moment in milliseconds UTC (1970 to 9999) or None, or raise InvalidInput."""
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_TIME_MS:
        raise InvalidInput(f"The {what} must be a time in whole milliseconds UTC, from 0 to {MAX_TIME_MS}.")
    return value
