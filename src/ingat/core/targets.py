"""Targets: what is measured beside what it should be, and from where on somebody has to act."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from ingat.core.stats import Better, Target, TargetState

ENOUGH = 20
"""Requests, replies or sessions from which on a rate or a quantile is judged; of fewer it says nothing."""
MEGABYTE = 1_000_000
WEEKS = (1, 2, 4)
"""The weeks that have targets of their own; from the last on, its targets stay."""
_GROWTH_PERCENT, _ERROR_PERCENT, _RESPONSE_MS = (0.0, 20.0, 50.0), (1.0, 0.5, 0.1), (500.0, 450.0, 400.0)

NOT_ENOUGH = "too little was measured yet"
NOT_MEASURED = "not measured here: `ingat eval` measures recall on questions whose answers are known"
NOT_ASKED = "not measured here: ask the people"


class Sizes(NamedTuple):
    """From which size on there is a hint: of one user's texts, and of the whole store, in bytes."""

    user_bytes: int = 10_000_000
    store_bytes: int = 500_000_000


class Measured(NamedTuple):
    """A value, from how many of something it was taken, and where."""

    value: float | None
    number: int
    basis: str


class Weekly(NamedTuple):
    """How old the store is, and how many sessions were active on a day: at first and of late (None: not known)."""

    days: int
    active_at_first: float | None
    active_of_late: float | None


def judged(value: float | None, target: float, alert: float | None, better: Better) -> TargetState:
    """Return ok on the good side of the target, bad beyond the alert, warn in between."""
    if value is None:
        return "unknown"
    if better == "higher":
        if value >= target:
            return "ok"
        return "bad" if alert is not None and value < alert else "warn"
    if value < target:
        return "ok"
    return "bad" if alert is not None and value > alert else "warn"


def targets(
    *,
    response_ms: Measured,
    added_ms: Measured,
    active_sessions: int,
    size_bytes: int,
    error_percent: Measured,
    expiry_percent: Measured,
) -> tuple[Target, ...]:
    """Return the targets that hold at any time, each with its alert."""
    active = Measured(active_sessions, ENOUGH, "sessions in the state active")
    size = Measured(round(size_bytes / MEGABYTE, 3), ENOUGH, "the store's files")
    return (
        _target("response time", response_ms, "ms", 500, 1_000),
        _target("added by memory", added_ms, "ms", 100, None),
        _target("active sessions", active, "sessions", 1_000, 5_000),
        _target("store size", size, "MB", 500, 2_000),
        _target("error rate", error_percent, "%", 1, 5),
        _target("expiry rate", expiry_percent, "%", 95, 50, "higher"),
    )


def weekly(week: Weekly, response_ms: Measured, error_percent: Measured) -> tuple[Target, ...]:
    """Return the targets of the week that the store is in, the first week's from the beginning."""
    stage = max([place for place, number in enumerate(WEEKS) if week.days // 7 >= number], default=0)
    growth, basis = None, "sessions used on a day: the last week beside the first"
    if week.active_at_first and week.active_of_late is not None and week.days >= 7:
        growth = round(100 * (week.active_of_late / week.active_at_first - 1), 2)
    number = ENOUGH if growth is not None else 0
    found: Sequence[Target] = (
        _target(
            "active sessions against the first week",
            Measured(growth, number, basis),
            "%",
            _GROWTH_PERCENT[stage],
            None,
            "higher",
        ),
        _target(
            "recall accuracy", Measured(None, ENOUGH, NOT_MEASURED), "%", (80.0, 85.0, 90.0)[stage], None, "higher"
        ),
        _target("satisfaction", Measured(None, ENOUGH, NOT_ASKED), "%", 0, None, "higher"),
        _target("error rate", error_percent, "%", _ERROR_PERCENT[stage], None),
        _target("response time", response_ms, "ms", _RESPONSE_MS[stage], None),
    )
    return tuple(replace(each, week=WEEKS[stage]) for each in found)


def _target(
    name: str, measured: Measured, unit: str, target: float, alert: float | None, better: Better = "lower"
) -> Target:
    enough = measured.number >= ENOUGH
    value = measured.value if enough else None
    return Target(
        name=name,
        value=value,
        unit=unit,
        target=target,
        alert=alert,
        better=better,
        state=judged(value, target, alert, better),
        basis=measured.basis if enough else f"{measured.basis}: {NOT_ENOUGH}",
    )
