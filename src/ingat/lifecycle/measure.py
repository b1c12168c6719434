"""Measure: what the store holds and how it grows, kept once a day, and told beside the targets."""

from __future__ import annotations

import os
import resource
import sys
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from msgspec.structs import replace

from ingat.core import clock
from ingat.core.dates import DAY_MS, HOUR_MS, day_of
from ingat.core.meter import NOTHING, Meter
from ingat.core.stats import (
    Count,
    Erasures,
    ExpiryRate,
    Growth,
    LogCounts,
    Measure,
    Process,
    ProcessDay,
    Stats,
    Target,
)
from ingat.core.targets import Measured, Sizes, targets, weekly
from ingat.lifecycle.counting import Counting
from ingat.lifecycle.growth import age, bytes_a_day, hints, large_users
from ingat.lifecycle.replies import Judged, judged, kind_of, of_day, replies
from ingat.store.contract import Store, Tx
from ingat.store.tables import erasures, expiry, measures, retention

KEPT_DAYS = 400
MOST_LOG_ERRORS = 10_000
MOST_PROCESSES = 50
"""Processes that a day's measures name; those that answered most."""


class _Now(NamedTuple):
    """What is read of the store for the stats."""

    log_errors: int
    erasures: Erasures
    made_7: int
    made_30: int
    first_at: int | None
    used: int
    ended: dict[str, int]
    overdue: int
    pending: int
    newest: list[Measure]
    oldest: list[Measure]


class Measurer:
    """Tells how a store is, and keeps its measures of each day."""

    def __init__(self, store: Store, fingerprint: str | None, meter: Meter, sizes: Sizes, now: clock.Clock) -> None:
        self._store, self._fingerprint, self._meter, self._sizes, self._now = store, fingerprint, meter, sizes, now
        self.counting = Counting(store, fingerprint, now)
        self._day, self._kind = "", kind_of(meter)
        self._before = self._last = NOTHING

    def stats(self) -> Stats:
        """Return what the store holds and how this process works, beside the targets.

        Counts are exact up to 20,000 rows a table, and of a larger store as old as `counted_at` says. Nothing is
        written, and no table is gone through beyond that.
        """
        found = self._store.read(self._look)
        today = found.newest[0] if found.newest else None
        totals = self.counting.totals(today)
        size = self._store.size_bytes()
        rate = _expiry(found)
        known = judged(self._meter, today)
        return Stats(
            users=Count(total=totals.users),
            sessions=totals.sessions,
            messages=Count(total=totals.messages),
            memories=Count(total=totals.memories),
            size_bytes=size,
            embedder=self._fingerprint,
            vectors_missing=totals.vectors_missing,
            logs=LogCounts(total=totals.logs, errors_last_day=found.log_errors),
            snapshots=Count(total=totals.snapshots),
            artifacts=Count(total=totals.artifacts),
            counted_at=totals.counted_at or None,
            performance=self._meter.performance(),
            database=self._meter.database(),
            files=self._meter.files(),
            process=Process(pid=os.getpid(), started_at=self._meter.started_at, memory_bytes=memory_bytes()),
            growth=self._growth(found, size),
            expiry=rate,
            erasures=found.erasures,
            targets=self._targets(known, totals.sessions.active, size, rate, found),
            hints=hints(size, self._sizes.store_bytes, today),
        )

    def measure(self) -> Measure:
        """Count everything, write it down as the measures of this day, and return it.

        Each process adds what it has answered that day, so that another can tell of it. Days older than 400 are
        forgotten, except the first seven.
        """
        now = self._now()
        day = day_of(now)
        own = self._of_this_process(day)
        totals, large, size = (
            self.counting.count_now(),
            large_users(self._store, self._sizes.user_bytes),
            self._store.size_bytes(),
        )

        def write(tx: Tx) -> Measure:
            start = _start_ms(day)
            self._close_day_before(tx, start)
            ended = measures.ended_between(tx, start, start + DAY_MS)
            known = measures.get(tx, day)
            processes = dict(known.processes) if known else {}
            if own.count:
                processes[self._meter.id] = own
            most = sorted(processes.items(), key=lambda each: -each[1].count)[:MOST_PROCESSES]
            made = Measure(
                day=day,
                at=now,
                totals=totals,
                size_bytes=size,
                active_last_day=measures.sessions_used_since(tx, now - DAY_MS),
                expired=ended.get("expired", 0),
                reset=ended.get("reset", 0),
                large_users=large,
                processes=dict(most),
            )
            measures.put(tx, made)
            measures.prune(tx, str(date.fromisoformat(day) - timedelta(days=KEPT_DAYS)), 7)
            return made

        return self._store.write(write)

    # -- what stats are made of --------------------------------------------------------------------------------------

    def _look(self, tx: Tx) -> _Now:
        now = self._now()
        timeout_ms = retention.current(tx).session_timeout_hours * HOUR_MS
        return _Now(
            log_errors=measures.log_errors_since(tx, now - DAY_MS, MOST_LOG_ERRORS),
            erasures=Erasures(users=erasures.total(tx, erasures.USERS), alerts=erasures.total(tx, erasures.ALERTS)),
            made_7=measures.sessions_made_since(tx, now - 7 * DAY_MS),
            made_30=measures.sessions_made_since(tx, now - 30 * DAY_MS),
            first_at=measures.first_session_at(tx),
            used=measures.sessions_used_since(tx, now - DAY_MS),
            ended=measures.ended_between(tx, now - 7 * DAY_MS, now + 1),
            overdue=measures.sessions_overdue(tx, now - timeout_ms),
            pending=expiry.pending(tx),
            newest=measures.newest(tx, 31),
            oldest=measures.oldest(tx, 7),
        )

    def _growth(self, found: _Now, size: int) -> Growth:
        now = self._now()
        today, known = day_of(now), [each.at for each in found.oldest[:1]]
        begun = min([*known, *([] if found.first_at is None else [found.first_at])], default=now)
        old = max(1.0, (now - begun) / DAY_MS)
        return Growth(
            sessions_7_days=round(found.made_7 / min(7, old), 3),
            sessions_30_days=round(found.made_30 / min(30, old), 3),
            bytes_7_days=bytes_a_day(found.newest, today, 7, size),
            bytes_30_days=bytes_a_day(found.newest, today, 30, size),
            active_last_day=found.used,
        )

    def _targets(self, known: Judged, active: int, size: int, rate: ExpiryRate, found: _Now) -> tuple[Target, ...]:
        had_to = rate.expired + rate.overdue
        basis = "sessions that expired in the last 7 days, of those that had to"
        always = targets(
            response_ms=known.response_ms,
            added_ms=known.added_ms,
            active_sessions=active,
            size_bytes=size,
            error_percent=known.error_percent,
            expiry_percent=Measured(rate.percent, had_to, basis),
        )
        week = age(found.oldest, found.newest, day_of(self._now()))
        return (*always, *weekly(week, known.response_ms, known.error_percent))

    # -- what measures are made of -----------------------------------------------------------------------------------

    def _of_this_process(self, day: str) -> ProcessDay:
        """Return what this process has answered on this day; what came after the day's last measure is the next's."""
        kind, reading = kind_of(self._meter), replies(self._meter)
        if kind != self._kind:
            self._kind, self._before = kind, NOTHING
        elif day != self._day:
            self._before = self._last
        self._day, self._last = day, reading
        return of_day(reading.since(self._before))

    def _close_day_before(self, tx: Tx, start: int) -> None:
        """Count the sessions that ended after the last measure of the day before."""
        known = measures.get(tx, day_of(start - DAY_MS))
        if known is None:
            return
        ended = measures.ended_between(tx, start - DAY_MS, start)
        if (known.expired, known.reset) != (ended.get("expired", 0), ended.get("reset", 0)):
            measures.put(tx, replace(known, expired=ended.get("expired", 0), reset=ended.get("reset", 0)))


def memory_bytes() -> int | None:
    """Return what this process holds in RAM; where the system does not tell, the most that it ever held."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * resource.getpagesize()
    except (OSError, ValueError, IndexError):
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return (most if sys.platform == "darwin" else most * 1024) or None


def _start_ms(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 1000


def _expiry(found: _Now) -> ExpiryRate:
    expired = found.ended.get("expired", 0)
    had_to = expired + found.overdue
    return ExpiryRate(
        expired=expired,
        reset=found.ended.get("reset", 0),
        overdue=found.overdue,
        pending_summaries=found.pending,
        percent=round(100 * expired / had_to, 2) if had_to else None,
    )
