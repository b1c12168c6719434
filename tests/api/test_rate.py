"""Rates."""

from __future__ import annotations

import pytest

from ingat.api import rate
from ingat.api.rate import Rate


@pytest.fixture
def turn(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The moment in seconds; set its one item to turn the clock."""
    moment = [1_000.0]
    monkeypatch.setattr(rate, "monotonic", lambda: moment[0])
    return moment


def test_a_minutes_acts_may_come_at_once(turn: list[float]) -> None:
    limit = Rate(5)

    assert [limit.take("a") for _ in range(5)] == [0.0] * 5
    assert limit.take("a") == pytest.approx(12.0)


def test_acts_are_earned_again_one_by_one(turn: list[float]) -> None:
    limit = Rate(60)
    for _ in range(60):
        limit.take("a")
    turn[0] += 2.0

    assert [limit.take("a") for _ in range(3)] == [0.0, 0.0, pytest.approx(1.0)]


def test_a_refused_act_does_not_count(turn: list[float]) -> None:
    limit = Rate(1)
    limit.take("a")
    for _ in range(100):
        assert limit.take("a") > 0
    turn[0] += 60.0

    assert limit.take("a") == 0.0


def test_names_do_not_share(turn: list[float]) -> None:
    limit = Rate(1)

    assert (limit.take("a"), limit.take("b")) == (0.0, 0.0)


def test_an_act_that_is_given_back_does_not_count(turn: list[float]) -> None:
    limit = Rate(2)
    for _ in range(5):
        limit.take("a")
        limit.give_back("a")

    assert [limit.take("a"), limit.take("a")] == [0.0, 0.0]
    assert limit.take("a") == pytest.approx(30.0, abs=1e-3)


def test_what_was_never_taken_is_not_given_back(turn: list[float]) -> None:
    limit = Rate(1)
    limit.give_back("a")

    assert [limit.take("a"), limit.take("a")] == [0.0, pytest.approx(60.0)]


def test_0_sets_no_limit() -> None:
    limit = Rate(0)

    assert {limit.take("a") for _ in range(10_000)} == {0.0}


def test_memory_is_bounded(turn: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate, "MOST_NAMES", 10)
    limit = Rate(1)
    for number in range(1_000):
        limit.take(f"address {number}")

    assert len(limit._earned_at) <= 10
    assert limit.take("address 999") > 0
