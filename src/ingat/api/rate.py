"""Rates: how often somebody may do something, counted in this process with bounded memory."""

from __future__ import annotations

from time import monotonic

MOST_NAMES = 10_000


class Rate:
    """At most `per_minute` acts of each name in a minute, all at once if need be; 0 sets no limit.

    One number a name is kept: the moment at which all its acts will have been earned again (the generic cell rate
    algorithm). Names that have nothing to wait for are forgotten first, then the oldest.
    """

    def __init__(self, per_minute: int) -> None:
        self._gap_s = 60 / per_minute if per_minute else 0.0
        self._earned_at: dict[str, float] = {}

    def take(self, name: str) -> float:
        """Count one act and return 0, or return the seconds to wait for, in which case nothing is counted."""
        if not self._gap_s:
            return 0.0
        now = monotonic()
        earned_at = max(self._earned_at.get(name, now), now) + self._gap_s
        if earned_at - now > 60 + 1e-6:
            return earned_at - now - 60
        self._earned_at[name] = earned_at
        if len(self._earned_at) > MOST_NAMES:
            self._forget(now)
        return 0.0

    def give_back(self, name: str) -> None:
        """Count an act that was taken as not done."""
        if name in self._earned_at:
            self._earned_at[name] -= self._gap_s

    def _forget(self, now: float) -> None:
        self._earned_at = {name: at for name, at in self._earned_at.items() if at > now}
        while len(self._earned_at) > MOST_NAMES:
            del self._earned_at[next(iter(self._earned_at))]
