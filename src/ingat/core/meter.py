"""Meter: what one process counts and times of its own work, at less than a microsecond each."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from time import monotonic, perf_counter
from types import TracebackType
from typing import NamedTuple, Self

from ingat.core import clock
from ingat.core.errors import (
    Conflict,
    Forbidden,
    HostNotAllowed,
    IngatError,
    InvalidInput,
    MethodNotAllowed,
    NotFound,
    RateLimited,
    RequestTooLarge,
    StoreConflict,
    Unauthorized,
)
from ingat.core.ids import new_id
from ingat.core.stats import DatabaseUse, FileUse, Performance, Timings

STEPS_OF_AN_OCTAVE = 16
"""Buckets between a time and its double, as in HdrHistogram: a quantile is within 2^(1/32) - 1 = 2.2 % of the truth."""
BOUNDS = tuple(1e-6 * 2 ** (step / STEPS_OF_AN_OCTAVE) for step in range(30 * STEPS_OF_AN_OCTAVE + 1))
"""Upper bounds of the buckets in seconds, from 1 microsecond to 18 minutes; the last bucket takes the rest."""
WINDOW_S = 900.0
"""What is recent: at least so long, at most twice."""

_OF_CALLERS = (
    Conflict,
    Forbidden,
    HostNotAllowed,
    InvalidInput,
    MethodNotAllowed,
    NotFound,
    RateLimited,
    RequestTooLarge,
    StoreConflict,
    Unauthorized,
)
_COUNTED = "_counted_by_meter"


def is_fault(error: BaseException) -> bool:
    """Tell whether an error is ours (a full disk, an embedder out of reach, a bug) and not a mistake of the caller."""
    return isinstance(error, Exception) and not isinstance(error, _OF_CALLERS)


class Reading(NamedTuple):
    """What a timer held at one moment."""

    number: int
    errors: int
    total_s: float
    buckets: tuple[int, ...]

    def since(self, earlier: Reading) -> Reading:
        """Return what came after an earlier reading of the same timer."""
        buckets = tuple(now - then for now, then in zip(self.buckets, earlier.buckets, strict=True))
        return Reading(
            self.number - earlier.number, self.errors - earlier.errors, self.total_s - earlier.total_s, buckets
        )

    def quantile(self, share: float) -> float | None:
        """Return the seconds that this share stayed within, to 2.2 %; None when there is nothing."""
        left = share * self.number
        for index, held in enumerate(self.buckets):
            left -= held
            if held and left <= 1e-9:
                upper = BOUNDS[min(index, len(BOUNDS) - 1)]
                return upper / 2 ** (0.5 / STEPS_OF_AN_OCTAVE) if 0 < index < len(BOUNDS) else upper
        return None


NOTHING = Reading(0, 0, 0.0, (0,) * (len(BOUNDS) + 1))


class Timer:
    """Durations of one kind of work, in buckets."""

    __slots__ = (
        "_buckets",
        "_count",
        "_errors",
        "_lock",
        "_newer",
        "_older",
        "_total_s",
        "_turn_at",
        "amount",
        "waited_s",
    )

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._buckets = [0] * (len(BOUNDS) + 1)
        self._count = self._errors = self.amount = 0
        self._total_s = self.waited_s = 0.0
        self._older = self._newer = NOTHING
        self._turn_at = monotonic() + WINDOW_S

    def observe(self, seconds: float, *, fault: bool = False, waited_s: float = 0.0, amount: int = 0) -> None:
        """Note one piece of work that took so long; `fault` when it failed through no fault of the caller.

        `waited_s` of it were spent waiting; `amount` is what came of it, messages say. Both are added up.
        """
        bucket = bisect_left(BOUNDS, seconds)
        with self._lock:
            if monotonic() >= self._turn_at:
                self._turn()
            self._buckets[bucket] += 1
            self._count += 1
            self._total_s += seconds
            self.waited_s += waited_s
            self.amount += amount
            if fault:
                self._errors += 1

    def read(self) -> Reading:
        """Return all that was noted."""
        with self._lock:
            return self._read()

    def recent(self) -> Reading:
        """Return what was noted in the last 15 to 30 minutes."""
        with self._lock:
            if monotonic() >= self._turn_at:
                self._turn()
            return self._read().since(self._older)

    def _read(self) -> Reading:
        return Reading(self._count, self._errors, self._total_s, tuple(self._buckets))

    def _turn(self) -> None:
        """Begin a new window; after a pause longer than one, all that there was is old."""
        now = monotonic()
        held = self._read()
        self._older = held if now >= self._turn_at + WINDOW_S else self._newer
        self._newer, self._turn_at = held, now + WINDOW_S


class Timing:
    """A `with` block whose duration and outcome is noted, from the moment at which this was made.

    What ends by Ctrl-C or by being cancelled is not noted.
    """

    __slots__ = ("_begun", "_meter", "_timer")

    def __init__(self, meter: Meter, timer: Timer) -> None:
        self._meter, self._timer, self._begun = meter, timer, perf_counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._timer.observe(perf_counter() - self._begun)
        else:
            self._meter.fell(self._timer, self._begun, error)


class Meter:
    """The counters and timers of one process and memory. Safe to use from many threads.

    `chats` are whole replies, `added` what remains of them without the answerer: what memory adds to a reply.
    """

    def __init__(self, now: clock.Clock = clock.now) -> None:
        self.id, self.started_at, self._begun = new_id(), now(), monotonic()
        self.appends, self.recalls, self.contexts = Timer(), Timer(), Timer()
        self.chats, self.added, self.summaries, self.embeddings = Timer(), Timer(), Timer(), Timer()
        self.reads, self.writes, self.requests = Timer(), Timer(), Timer()
        self._lock = threading.Lock()
        self._texts = 0
        self._errors: Counter[str] = Counter()
        self._files: dict[str, tuple[int, int]] = {}
        self._routes: dict[tuple[str, str], Timer] = {}
        self._statuses: Counter[tuple[str, str, str]] = Counter()

    def time(self, timer: Timer) -> Timing:
        """Return a `with` block that is timed from now on."""
        return Timing(self, timer)

    def fell(self, timer: Timer, begun: float, error: BaseException) -> None:
        """Note work that failed since `begun` (of perf_counter), unless it was interrupted or cancelled."""
        if isinstance(error, Exception):
            timer.observe(perf_counter() - begun, fault=is_fault(error))
            self.failed(error)

    def failed(self, error: Exception, code: str | None = None) -> None:
        """Count an error by its code; one that passes several places is counted once."""
        if _COUNTED in error.__dict__:
            return
        error.__dict__[_COUNTED] = True
        found = code or (error.code if isinstance(error, IngatError) else "internal_error")
        with self._lock:
            self._errors[found] += 1

    def embedded(self, texts: int) -> None:
        """Count texts that were given to the embedder."""
        with self._lock:
            self._texts += texts

    def file(self, kind: str, size_bytes: int) -> None:
        """Count a file of a kind (export, import, restore point, …) that was written or read."""
        with self._lock:
            count, size = self._files.get(kind, (0, 0))
            self._files[kind] = (count + 1, size + size_bytes)

    def answered(self, method: str, route: str, status: int, seconds: float, *, probe: bool = False) -> None:
        """Note a request: until its answer began, by the route's template, never by the address itself.

        One of a `probe`, which asks how the server is, is no reply to anybody: it counts for its route only.
        """
        fault = status >= 500
        with self._lock:
            timer = self._routes.get((method, route))
            if timer is None:
                timer = self._routes[method, route] = Timer()
            self._statuses[method, route, f"{status // 100}xx"] += 1
        timer.observe(seconds, fault=fault)
        if not probe:
            self.requests.observe(seconds, fault=fault)

    def timers(self) -> dict[str, Timer]:
        """Return the timers by the kind of work."""
        return {
            "append": self.appends,
            "recall": self.recalls,
            "context": self.contexts,
            "chat": self.chats,
            "added by memory": self.added,
            "summary": self.summaries,
            "embedding": self.embeddings,
            "request": self.requests,
        }

    def routes(self) -> tuple[dict[tuple[str, str], Reading], dict[tuple[str, str, str], int]]:
        """Return the durations by (method, route), and the numbers by (method, route, class of status)."""
        with self._lock:
            routes, statuses = dict(self._routes), dict(self._statuses)
        return {route: timer.read() for route, timer in routes.items()}, statuses

    def performance(self) -> Performance:
        """Return what was timed and counted since the process started."""
        with self._lock:
            errors, texts = dict(sorted(self._errors.items())), self._texts
        return Performance(
            timings=tuple(_timings(kind, timer) for kind, timer in self.timers().items()),
            errors=errors,
            messages_appended=self.appends.amount,
            texts_embedded=texts,
            uptime_s=round(monotonic() - self._begun, 3),
        )

    def database(self) -> DatabaseUse:
        """Return the time spent in the database since the process started."""
        reads, writes = self.reads.read(), self.writes.read()
        return DatabaseUse(
            reads=reads.number,
            writes=writes.number,
            read_s=round(reads.total_s, 6),
            write_s=round(writes.total_s, 6),
            waiting_s=round(self.writes.waited_s, 6),
        )

    def files(self) -> tuple[FileUse, ...]:
        """Return the files written and read since the process started."""
        with self._lock:
            found = sorted(self._files.items())
        return tuple(FileUse(kind=kind, count=count, size_bytes=size) for kind, (count, size) in found)


def _timings(kind: str, timer: Timer) -> Timings:
    whole, recent = timer.read(), timer.recent()
    return Timings(
        kind=kind,
        count=whole.number,
        errors=whole.errors,
        mean_ms=_ms(whole.total_s / whole.number if whole.number else None),
        p50_ms=_ms(whole.quantile(0.5)),
        p95_ms=_ms(whole.quantile(0.95)),
        p99_ms=_ms(whole.quantile(0.99)),
        recent_count=recent.number,
        recent_errors=recent.errors,
        recent_p95_ms=_ms(recent.quantile(0.95)),
    )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 4)
