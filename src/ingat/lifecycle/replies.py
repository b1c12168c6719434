"""Replies: how fast and how well people are answered, from the meter of this process or from the day's measures."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple

from ingat.core.meter import BOUNDS, NOTHING, Meter, Reading, Timer
from ingat.core.stats import Measure, ProcessDay
from ingat.core.targets import ENOUGH, Measured

Kind = Literal["requests", "chats", "operations"]


class Judged(NamedTuple):
    """What the targets are compared with."""

    response_ms: Measured
    error_percent: Measured
    added_ms: Measured


def kind_of(meter: Meter) -> Kind:
    """Return what counts as a reply in this process: requests of a server, else chats, else single operations."""
    if meter.requests.read().number:
        return "requests"
    return "chats" if meter.chats.read().number else "operations"


def replies(meter: Meter, *, recent: bool = False) -> Reading:
    """Return the replies of this process since it started, or those of the last 15 to 30 minutes."""
    timers: dict[Kind, tuple[Timer, ...]] = {
        "requests": (meter.requests,),
        "chats": (meter.chats,),
        "operations": (meter.appends, meter.recalls, meter.contexts),
    }
    return together(timer.recent() if recent else timer.read() for timer in timers[kind_of(meter)])


def together(readings: Iterable[Reading]) -> Reading:
    """Return several readings as one."""
    found = NOTHING
    for each in readings:
        buckets = tuple(a + b for a, b in zip(found.buckets, each.buckets, strict=True))
        found = Reading(found.number + each.number, found.errors + each.errors, found.total_s + each.total_s, buckets)
    return found


def of_day(reading: Reading) -> ProcessDay:
    """Return a reading in the form in which it is kept."""
    buckets = {place: held for place, held in enumerate(reading.buckets) if held}
    return ProcessDay(count=reading.number, errors=reading.errors, buckets=buckets)


def from_day(measure: Measure | None) -> Reading:
    """Return what all processes answered on a day, as far as they have told."""
    return together(_reading(each) for each in measure.processes.values()) if measure else NOTHING


def judged(meter: Meter, measure: Measure | None) -> Judged:
    """Return response time, error rate and what memory adds, from the best that is known.

    That is this process's last minutes, else all since its start, else what the processes of this store have told of
    the day.
    """
    kind = kind_of(meter)
    known = (
        (replies(meter, recent=True), f"{kind} of this process in the last 15 to 30 minutes"),
        (replies(meter), f"{kind} of this process since it started"),
        (from_day(measure), "replies of the store's processes on the day of the last measure"),
    )
    reading, where = next((each for each in known if each[0].number >= ENOUGH), known[1])
    number, rate = reading.number, 100 * reading.errors / reading.number if reading.number else None
    return Judged(
        Measured(_ms(reading.quantile(0.95)), number, f"95th percentile of {where}"),
        Measured(None if rate is None else round(rate, 3), number, where),
        _added(meter),
    )


def _added(meter: Meter) -> Measured:
    added = meter.added.read()
    if added.number:
        return Measured(_ms(added.quantile(0.95)), added.number, "95th percentile of chats without their answerer")
    contexts, appends = meter.contexts.read(), meter.appends.read()
    where = "95th percentile of a context and of two appends"
    context, append = contexts.quantile(0.95), appends.quantile(0.95)
    if context is None or append is None:
        return Measured(None, 0, where)
    return Measured(_ms(context + 2 * append), min(contexts.number, appends.number), where)


def _reading(day: ProcessDay) -> Reading:
    buckets = tuple(day.buckets.get(place, 0) for place in range(len(BOUNDS) + 1))
    return Reading(day.count, day.errors, 0.0, buckets)


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 4)
