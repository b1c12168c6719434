"""Dates of the wire format: ISO 8601 in UTC; milliseconds since 1970 are taken too."""

from __future__ import annotations

import re
from typing import Any

from ingat.core.dates import read_time
from ingat.core.errors import InvalidInput


class Moment(int):
    """A moment in milliseconds UTC, as a request gives it: a text in ISO 8601, or the number itself."""


def moment(given: Any) -> Moment:
    """Return the moment that a request gives, or raise ValueError saying what is needed. Without a zone it is UTC."""
    number = isinstance(given, str) and re.fullmatch(r"[0-9]{5,18}", given)
    try:
        return Moment(read_time(int(given) if number else given, "date", 0))
    except InvalidInput:
        raise ValueError("a date in ISO 8601 or milliseconds UTC is needed, from 1970 to 9999") from None
