"""Counting: how many rows there are, without going through a large store for each who asks."""

from __future__ import annotations

import threading
from time import perf_counter

from msgspec.structs import replace

from ingat.core import clock
from ingat.core.stats import Measure, SessionCounts, Totals
from ingat.store.contract import Store, Tx
from ingat.store.tables import artifacts, logs, measures, memories, messages, recall, sessions, snapshots, users

SMALL_ROWS = 20_000
"""Up to so many rows in every table they are counted each time; that takes some milliseconds."""
CHEAP_S = 0.05
"""A larger store is counted for who asks when it takes no longer than this, else by the hourly measure only."""
SHARE = 200
"""A count that took some time is held for so many times as long, so that counting takes half a percent at most."""
HELD_AT_MOST_S = 26 * 3600.0
"""Older counts than this are not shown: the store is counted, however long it takes."""


class Counting:
    """The numbers of rows of one store: exact in a small one, of a stated age in a large one."""

    def __init__(self, store: Store, fingerprint: str | None, now: clock.Clock) -> None:
        self._store, self._fingerprint, self._now = store, fingerprint, now
        self._lock = threading.Lock()
        self._held: Totals | None = None

    def totals(self, last: Measure | None) -> Totals:
        """Return the numbers; `counted_at` is 0 when they are of this moment. `last` are the newest daily measures."""
        found = self._store.read(self._count_small)
        if found is not None:
            return found
        with self._lock:
            held = self._held or (last.totals if last else None)
            age_s = (self._now() - held.counted_at) / 1000 if held else 0.0
            if held is None or age_s > HELD_AT_MOST_S:
                return self._count_all()
            if held.seconds <= CHEAP_S and age_s > held.seconds * SHARE:
                return self._count_all()
            self._held = held
            return held

    def count_now(self) -> Totals:
        """Go through the tables, and hold the numbers for those who ask later."""
        with self._lock:
            return self._count_all()

    def _count_small(self, tx: Tx) -> Totals | None:
        return self._count(tx) if measures.is_small(tx, SMALL_ROWS) else None

    def _count_all(self) -> Totals:
        begun = perf_counter()
        counted = self._store.read(self._count)
        totals = replace(counted, counted_at=self._now(), seconds=round(perf_counter() - begun, 6))
        self._held = totals
        return totals

    def _count(self, tx: Tx) -> Totals:
        entries, missing = recall.counts(tx, self._fingerprint)
        states = sessions.count_by_state(tx)
        return Totals(
            users=users.count(tx),
            sessions=SessionCounts(
                total=sum(states.values()),
                active=states.get("active", 0),
                closed=states.get("closed", 0),
                archived=states.get("archived", 0),
            ),
            messages=messages.count(tx),
            memories=memories.count(tx),
            logs=logs.count(tx),
            snapshots=snapshots.count(tx),
            artifacts=artifacts.count(tx),
            entries=entries,
            vectors_missing=missing,
        )
