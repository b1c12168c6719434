"""Metrics: what this process counts and times, and the numbers of the store, in the text format of Prometheus."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from starlette.types import Receive, Scope, Send

from ingat import __version__
from ingat.actions import ACTIONS
from ingat.aio import AsyncMemory
from ingat.api.access import Access
from ingat.api.answer import SECURITY
from ingat.core.meter import BOUNDS, STEPS_OF_AN_OCTAVE, Meter, Reading
from ingat.core.stats import Stats

if TYPE_CHECKING:
    from prometheus_client import Metric

CONTENT_TYPE = b"text/plain; version=0.0.4; charset=utf-8"
LEVELS = {"unknown": -1, "ok": 0, "warn": 1, "bad": 2}
"""What a target's state is as a number."""
_SHOWN = range(6 * STEPS_OF_AN_OCTAVE, 27 * STEPS_OF_AN_OCTAVE, STEPS_OF_AN_OCTAVE)
"""The bounds that are shown, each the double of the one before: 64 microseconds to 67 s."""
_STATS = next(action for action in ACTIONS if action.name == "stats")

Sample = tuple[tuple[str, ...], float]
Family = tuple[str, str, str, tuple[str, ...], Sequence[Sample]]
"""Kind (gauge or counter), name, help, labels, samples."""


class Metrics:
    """Answers with the metrics; needs an admin or service key."""

    def __init__(self, memory: AsyncMemory, access: Access) -> None:
        self._memory, self._access = memory, access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = await self._access.enter(scope)
        self._access.allow(key, _STATS)
        stats = await self._memory.stats()
        body = await asyncio.to_thread(exposition, stats, self._memory.sync.meter)
        length = str(len(body)).encode()
        headers = [(b"content-type", CONTENT_TYPE), (b"content-length", length), *SECURITY]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def exposition(stats: Stats, meter: Meter) -> bytes:
    """Return the metrics as text. What counts the process carries its `pid`, so that several workers can be told."""
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(stats, meter))
    return generate_latest(registry)


class _Collector:
    """What a registry collects once."""

    def __init__(self, stats: Stats, meter: Meter) -> None:
        self._stats, self._meter = stats, meter

    def collect(self) -> Iterable[Metric]:
        """Return all metrics."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        for kind, name, text, labels, samples in (*_of_store(self._stats), *_of_process(self._stats, self._meter)):
            make = CounterMetricFamily if kind == "counter" else GaugeMetricFamily
            family = make(f"ingat_{name}", text, labels=labels)
            for values, number in samples:
                family.add_metric(values, number)
            yield family
        yield from _histograms(self._meter)


def _of_store(stats: Stats) -> list[Family]:
    """Return what is counted of the store; every worker gives the same."""
    sessions = stats.sessions
    states = [(("active",), sessions.active), (("closed",), sessions.closed), (("archived",), sessions.archived)]
    always = [target for target in stats.targets if target.week is None]
    units = [
        ((each.name.replace(" ", "_"), {"%": "percent"}.get(each.unit, each.unit)), each.value)
        for each in always
        if each.value is not None
    ]
    return [
        _gauge("sessions", "Sessions by state.", ("state",), [(state, float(number)) for state, number in states]),
        _one("users", "Users.", stats.users.total),
        _one("messages", "Messages in all transcripts.", stats.messages.total),
        _one("memories", "Memories, those that have ended included.", stats.memories.total),
        _one("log_entries", "Log entries.", stats.logs.total),
        _one("snapshots", "Snapshots of application state.", stats.snapshots.total),
        _one("artifacts", "Files that sessions made or were given.", stats.artifacts.total),
        _one("store_size_bytes", "Bytes of the store's files.", stats.size_bytes),
        _one("vectors_missing", "Index entries without a vector.", stats.vectors_missing),
        _one("sessions_used_last_day", "Sessions with a message in the last 24 hours.", stats.growth.active_last_day),
        _one("sessions_overdue", "Active sessions that are idle beyond the timeout.", stats.expiry.overdue),
        _one("summaries_pending", "Ended sessions without their summary.", stats.expiry.pending_summaries),
        _counter("users_erased", "Users erased or purged since the store was made.", (), [((), stats.erasures.users)]),
        _counter(
            "mass_deletion_alerts",
            "How often more than 10 users were erased within 10 minutes.",
            (),
            [((), stats.erasures.alerts)],
        ),
        _one("size_hints", "Users, or the store, beyond the sizes of the settings.", len(stats.hints)),
        _gauge(
            "target_state",
            "State of a target: 0 ok, 1 warn, 2 bad, -1 too little was measured.",
            ("target",),
            [((each.name.replace(" ", "_"),), float(LEVELS[each.state])) for each in always],
        ),
        _gauge("target_value", "Measured value of a target, in its unit.", ("target", "unit"), units),
    ]


def _of_process(stats: Stats, meter: Meter) -> list[Family]:
    """Return counters and gauges of this process."""
    pid = str(os.getpid())
    used, performance = stats.database, stats.performance
    own = ("pid",)
    _, statuses = meter.routes()
    timers = [(kind.replace(" ", "_"), timer.read()) for kind, timer in meter.timers().items() if kind != "request"]
    memory: list[Sample] = [] if stats.process.memory_bytes is None else [((pid,), stats.process.memory_bytes)]
    return [
        _gauge("build_info", "The version that answers.", ("version", "pid"), [((__version__, pid), 1)]),
        _gauge(
            "process_start_time_seconds",
            "When this process started, in seconds since 1970-01-01 UTC.",
            own,
            [((pid,), stats.process.started_at / 1000)],
        ),
        _gauge("process_resident_memory_bytes", "Bytes that this process holds in RAM.", own, memory),
        _counter(
            "http_requests",
            "Requests answered, by route and class of status.",
            ("method", "route", "status", "pid"),
            [((*each, pid), number) for each, number in statuses.items()],
        ),
        _counter(
            "errors",
            "Errors by code, refusals of wrong input included.",
            ("code", "pid"),
            [((code, pid), number) for code, number in performance.errors.items()],
        ),
        _counter(
            "operation_faults",
            "Operations that failed through no fault of the caller.",
            ("operation", "pid"),
            [((kind, pid), reading.errors) for kind, reading in timers],
        ),
        _counter("messages_appended", "Messages committed.", own, [((pid,), performance.messages_appended)]),
        _counter("texts_embedded", "Texts given to the embedder.", own, [((pid,), performance.texts_embedded)]),
        _counter(
            "database_waiting_seconds", "Time that writes waited for their turn.", own, [((pid,), used.waiting_s)]
        ),
        _counter(
            "file_operations",
            "Files written or read, by kind.",
            ("kind", "pid"),
            [((each.kind, pid), each.count) for each in stats.files],
        ),
        _counter(
            "file_bytes",
            "Bytes of files written or read, by kind.",
            ("kind", "pid"),
            [((each.kind, pid), each.size_bytes) for each in stats.files],
        ),
    ]


def _histograms(meter: Meter) -> Iterable[Metric]:
    """Return the durations by route, by operation and of the database."""
    from prometheus_client.core import HistogramMetricFamily

    pid = str(os.getpid())
    routes, _ = meter.routes()
    operations = {(kind.replace(" ", "_"),): timer.read() for kind, timer in meter.timers().items()}
    del operations[("request",)]
    database = {("read",): meter.reads.read(), ("write",): meter.writes.read()}
    for name, text, labels, readings in (
        ("http_request_duration_seconds", "Seconds until an answer began, by route.", ("method", "route"), routes),
        ("operation_duration_seconds", "Seconds that an operation took.", ("operation",), operations),
        ("database_duration_seconds", "Seconds in the database, waiting included.", ("kind",), database),
    ):
        family = HistogramMetricFamily(f"ingat_{name}", text, labels=(*labels, "pid"))
        for values, reading in readings.items():
            family.add_metric((*values, pid), _cumulated(reading), reading.total_s)
        yield family


def _cumulated(reading: Reading) -> list[tuple[str, float]]:
    """Return the buckets as Prometheus wants them: how many took no longer than each bound."""
    sums = list(accumulate(reading.buckets))
    found = [(f"{BOUNDS[place]:.6g}", float(sums[place])) for place in _SHOWN]
    return [*found, ("+Inf", float(reading.number))]


def _one(name: str, text: str, number: float) -> Family:
    return _gauge(name, text, (), [((), float(number))])


def _gauge(name: str, text: str, labels: tuple[str, ...], samples: Sequence[Sample]) -> Family:
    return "gauge", name, text, labels, samples


def _counter(name: str, text: str, labels: tuple[str, ...], samples: Sequence[Sample]) -> Family:
    return "counter", name, text, labels, samples
