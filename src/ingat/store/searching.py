"""Searching: byte strings in files that come piece by piece."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class Search:
    """Looks for byte strings in one file after another; `size_bytes` counts what was looked through."""

    def __init__(self, traces: Sequence[bytes]) -> None:
        self._missing = dict.fromkeys(each for each in traces if each)
        self._overlap = max(map(len, self._missing), default=1) - 1
        self._found: dict[bytes, None] = {}
        self.size_bytes = 0

    @property
    def found(self) -> tuple[bytes, ...]:
        """Those that were found, in the order they were."""
        return tuple(self._found)

    def look(self, pieces: Iterable[bytes]) -> None:
        """Look through the pieces of one file, also for what lies across two of them."""
        kept = b""
        for piece in pieces:
            self.size_bytes += len(piece)
            text = kept + piece
            for each in [each for each in self._missing if each in text]:
                del self._missing[each]
                self._found[each] = None
            kept = text[-self._overlap :] if self._overlap else b""
