"""Statements: from the place holders of the contract to PostgreSQL's own."""

from __future__ import annotations

import re
from functools import lru_cache

_PIECES = re.compile(r"'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|\$(\w*)\$.*?\$\1\$|--[^\n]*|/\*.*?\*/|\?", re.DOTALL)
_KEPT = 4_096


@lru_cache(_KEPT)
def numbered(sql: str) -> tuple[bytes, int]:
    """Return a statement with each `?` outside quotes and comments as `$1`, `$2` and so on, and how many there are."""
    count = 0

    def mark(found: re.Match[str]) -> str:
        nonlocal count
        if found[0] != "?":
            return found[0]
        count += 1
        return f"${count}"

    return _PIECES.sub(mark, sql).encode(), count
