"""Stats: what the store holds, how fast and how well it answers, and how that stands to the targets."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

TargetState = Literal["ok", "warn", "bad", "unknown"]
Better = Literal["lower", "higher"]


class Count(Struct, frozen=True, kw_only=True):
    """How many of a thing there are."""

    total: int


class SessionCounts(Struct, frozen=True, kw_only=True):
    """How many sessions there are, by state."""

    total: int
    active: int
    closed: int
    archived: int


class LogCounts(Struct, frozen=True, kw_only=True):
    """How many log entries there are; `errors_last_day` stops counting at 10,000."""

    total: int
    errors_last_day: int


class Timings(Struct, frozen=True, kw_only=True):
    """How one kind of work went in this process since it started: milliseconds, quantiles within 2.2 %.

    `errors` counts those that failed through no fault of the caller. `recent_*` are of the last 15 to 30 minutes.
    """

    kind: str
    count: int
    errors: int
    mean_ms: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    recent_count: int = 0
    recent_errors: int = 0
    recent_p95_ms: float | None = None


class Performance(Struct, frozen=True, kw_only=True):
    """How this process has worked since it started. `errors` counts by code, the refusals of wrong input included."""

    timings: tuple[Timings, ...]
    errors: dict[str, int]
    messages_appended: int
    texts_embedded: int
    uptime_s: float


class DatabaseUse(Struct, frozen=True, kw_only=True):
    """The time that this process has spent in the database since it started; `waiting_s` of it before its turn."""

    reads: int
    writes: int
    read_s: float
    write_s: float
    waiting_s: float


class FileUse(Struct, frozen=True, kw_only=True):
    """How many files of a kind this process has written or read, and their bytes."""

    kind: str
    count: int
    size_bytes: int


class Process(Struct, frozen=True, kw_only=True):
    """The process that answered. `memory_bytes` is what it holds in RAM; None where the system does not say."""

    pid: int
    started_at: int
    memory_bytes: int | None


class Growth(Struct, frozen=True, kw_only=True):
    """Growth per day, the mean of the last 7 and 30 days, of a younger store since it began (one day at least).

    Bytes are None until there are two daily measures.
    """

    sessions_7_days: float
    sessions_30_days: float
    bytes_7_days: float | None
    bytes_30_days: float | None
    active_last_day: int


class Erasures(Struct, frozen=True, kw_only=True):
    """Since the store was made: users erased or purged, and how often too many of them went within 10 minutes."""

    users: int
    alerts: int


class ExpiryRate(Struct, frozen=True, kw_only=True):
    """Sessions that expired by themselves in the last 7 days, of those that had to: `overdue` are still open."""

    expired: int
    reset: int
    overdue: int
    pending_summaries: int
    percent: float | None


class Target(Struct, frozen=True, kw_only=True):
    """A measured value beside what it should be. `value` is None, and the state unknown, until there is enough.

    `target` and `alert` are in the unit of the value; `better` says on which side of the target it should be. `basis`
    says what was measured. With `week` it is the target of that week since the first daily measure.
    """

    name: str
    value: float | None
    unit: str
    target: float
    alert: float | None
    better: Better
    state: TargetState
    basis: str
    week: int | None = None


class SizeHint(Struct, frozen=True, kw_only=True):
    """A user (or the whole store, when `user_id` is None) that has grown beyond the size of the settings."""

    user_id: str | None
    size_bytes: int
    limit_bytes: int
    advice: str


class Stats(Struct, frozen=True, kw_only=True):
    """What the store holds, how this process works, and how both stand to the targets.

    Counts of a large store may be some time old: `counted_at` then says when they were taken (else None).
    """

    users: Count
    sessions: SessionCounts
    messages: Count
    memories: Count
    size_bytes: int
    embedder: str | None
    vectors_missing: int
    logs: LogCounts
    snapshots: Count
    artifacts: Count
    counted_at: int | None
    performance: Performance
    database: DatabaseUse
    files: tuple[FileUse, ...]
    process: Process
    growth: Growth
    expiry: ExpiryRate
    erasures: Erasures
    targets: tuple[Target, ...]
    hints: tuple[SizeHint, ...]


class Totals(Struct, frozen=True, kw_only=True):
    """Everything that is counted over whole tables, and what counting took."""

    users: int
    sessions: SessionCounts
    messages: int
    memories: int
    logs: int
    snapshots: int
    artifacts: int = 0
    entries: int
    vectors_missing: int
    counted_at: int = 0
    seconds: float = 0


class ProcessDay(Struct, frozen=True, kw_only=True):
    """What one process answered on a day: replies by bucket of `core.meter`, and how many of them failed."""

    count: int = 0
    errors: int = 0
    buckets: dict[int, int] = {}


class Measure(Struct, frozen=True, kw_only=True):
    """The measures of one day (UTC), as of `at`; `processes` are those that took part, by an id of their own."""

    day: str
    at: int
    totals: Totals
    size_bytes: int
    active_last_day: int
    expired: int = 0
    reset: int = 0
    large_users: tuple[SizeHint, ...] = ()
    processes: dict[str, ProcessDay] = {}
