"""Targets are judged by their side, their alert and how much was measured."""

from __future__ import annotations

import pytest

from ingat.core.stats import Better, Target
from ingat.core.targets import ENOUGH, NOT_ENOUGH, Measured, Weekly, judged, targets, weekly


@pytest.mark.parametrize(
    ("value", "target", "alert", "better", "state"),
    [
        (499, 500, 1_000, "lower", "ok"),
        (500, 500, 1_000, "lower", "warn"),
        (1_000, 500, 1_000, "lower", "warn"),
        (1_001, 500, 1_000, "lower", "bad"),
        (9_999, 500, None, "lower", "warn"),
        (95, 95, 50, "higher", "ok"),
        (94.9, 95, 50, "higher", "warn"),
        (50, 95, 50, "higher", "warn"),
        (49.9, 95, 50, "higher", "bad"),
        (None, 95, 50, "higher", "unknown"),
    ],
    ids=str,
)
def test_a_value_is_judged(value: float | None, target: float, alert: float | None, better: Better, state: str) -> None:
    assert judged(value, target, alert, better) == state


def known(value: float | None, number: int = ENOUGH) -> Measured:
    return Measured(value, number, "replies")


def by_name(found: tuple[Target, ...]) -> dict[str, Target]:
    return {each.name: each for each in found}


def test_the_targets_are_those_of_the_operations_handbook() -> None:
    found = targets(
        response_ms=known(750),
        added_ms=known(40),
        active_sessions=6_000,
        size_bytes=600_000_000,
        error_percent=known(0.2),
        expiry_percent=known(30),
    )

    assert [(each.name, each.target, each.alert, each.state) for each in found] == [
        ("response time", 500, 1_000, "warn"),
        ("added by memory", 100, None, "ok"),
        ("active sessions", 1_000, 5_000, "bad"),
        ("store size", 500, 2_000, "warn"),
        ("error rate", 1, 5, "ok"),
        ("expiry rate", 95, 50, "bad"),
    ]


def test_of_too_few_nothing_is_said() -> None:
    found = by_name(
        targets(
            response_ms=known(9_000, ENOUGH - 1),
            added_ms=known(None, 0),
            active_sessions=0,
            size_bytes=0,
            error_percent=known(100, ENOUGH - 1),
            expiry_percent=known(None, 0),
        )
    )

    for name in ("response time", "error rate", "added by memory", "expiry rate"):
        assert (found[name].state, found[name].value) == ("unknown", None)
        assert found[name].basis.endswith(NOT_ENOUGH)
    assert found["active sessions"].state == found["store size"].state == "ok"


@pytest.mark.parametrize(
    ("days", "week", "growth", "errors", "response"),
    [(0, 1, 0, 1, 500), (13, 1, 0, 1, 500), (14, 2, 20, 0.5, 450), (27, 2, 20, 0.5, 450), (28, 4, 50, 0.1, 400)],
    ids=lambda value: str(value),
)
def test_the_week_has_its_own_targets(days: int, week: int, growth: float, errors: float, response: float) -> None:
    found = by_name(weekly(Weekly(days, 10.0, 13.0), known(420), known(0.3)))

    assert {each.week for each in found.values()} == {week}
    assert found["active sessions against the first week"].target == growth
    assert found["error rate"].target == errors
    assert found["response time"].target == response


def test_growth_is_measured_against_the_first_week() -> None:
    found = by_name(weekly(Weekly(30, 10.0, 13.0), known(420), known(0.3)))

    growth = found["active sessions against the first week"]
    assert (growth.value, growth.state) == (30.0, "warn")


@pytest.mark.parametrize("week", [Weekly(3, 10.0, 13.0), Weekly(30, 0.0, 5.0), Weekly(0, None, None)], ids=str)
def test_without_a_first_week_growth_is_not_known(week: Weekly) -> None:
    found = by_name(weekly(week, known(420), known(0.3)))

    assert found["active sessions against the first week"].state == "unknown"


def test_what_cannot_be_measured_here_says_so() -> None:
    found = by_name(weekly(Weekly(30, 10.0, 13.0), known(420), known(0.3)))

    assert "ingat eval" in found["recall accuracy"].basis
    assert found["satisfaction"].state == "unknown"
