"""Users' segments in RAM: the least recently used are let go when their bytes pass a limit."""

from __future__ import annotations

import threading
from collections import OrderedDict

from ingat.search.segment import EMPTY_BYTES, Segment

MOST_USERS = 20_000
"""Users whose segments are held at most, however small they are."""


class Held:
    """A user's segment with the version and epoch of the rows it was built from; change it under its lock only.

    Epochs are compared for being the same, never for order: that of a reused id may be any number. `making` is held by
    the one who makes vectors for the segment, so that several do not make the same ones.
    """

    __slots__ = ("epoch", "lock", "making", "segment", "size_bytes", "version")

    def __init__(self) -> None:
        self.lock, self.making = threading.Lock(), threading.Lock()
        self.segment: Segment | None = None
        self.epoch, self.version, self.size_bytes = -1, 0, EMPTY_BYTES


class SegmentCache:
    """Segments by user, within `max_bytes` altogether and `most_users`; the one in use is never let go."""

    def __init__(self, max_bytes: int, most_users: int = MOST_USERS) -> None:
        self._max_bytes, self._most_users, self._bytes = max_bytes, most_users, 0
        self._held: OrderedDict[str, Held] = OrderedDict()
        self._lock = threading.Lock()

    def hold(self, user_id: str) -> Held:
        """Return the user's place, an empty one when there is none, and make it the most recently used."""
        with self._lock:
            held = self._held.get(user_id)
            if held is None:
                held = self._held[user_id] = Held()
                self._bytes += held.size_bytes
                self._let_go(user_id)
            else:
                self._held.move_to_end(user_id)
            return held

    def peek(self, user_id: str) -> Segment | None:
        """Return the user's segment as it is held now, which may be out of date; None when there is none."""
        with self._lock:
            held = self._held.get(user_id)
        return held.segment if held is not None else None

    def measure(self, user_id: str, held: Held) -> None:
        """Take note of the size of a segment that was built or has grown, and let others go if need be."""
        size_bytes = held.segment.nbytes if held.segment is not None else EMPTY_BYTES
        with self._lock:
            if self._held.get(user_id) is not held:
                return
            self._bytes += size_bytes - held.size_bytes
            held.size_bytes = size_bytes
            self._let_go(user_id)

    def _let_go(self, user_id: str) -> None:
        """Let the least recently used go while there are too many; the user's own stays."""
        while len(self._held) > 1 and (self._bytes > self._max_bytes or len(self._held) > self._most_users):
            oldest = next(iter(self._held))
            if oldest == user_id:
                self._held.move_to_end(oldest)
                oldest = next(iter(self._held))
            self._bytes -= self._held.pop(oldest).size_bytes

    def drop(self, user_id: str) -> None:
        """Let the user's segment go."""
        with self._lock:
            held = self._held.pop(user_id, None)
            if held is not None:
                self._bytes -= held.size_bytes

    def clear(self) -> None:
        """Let all segments go."""
        with self._lock:
            self._held.clear()
            self._bytes = 0

    def sizes(self) -> tuple[int, int]:
        """Return how many users are held, and their bytes."""
        with self._lock:
            return len(self._held), self._bytes
