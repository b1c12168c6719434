"""The only source of time: integer milliseconds since 1970-01-01 UTC, so that tests can turn it."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Returns the present moment in integer milliseconds UTC."""


def now() -> int:
    """Return the present moment in integer milliseconds UTC."""
    return time.time_ns() // 1_000_000
