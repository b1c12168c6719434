"""Numbers that callers bring are within their bounds or refused."""

from __future__ import annotations

import pytest

from ingat.core.errors import InvalidInput, InvalidLimit
from ingat.core.limits import MAX_PAGE, MAX_TIME_MS, check_limit, check_time


@pytest.mark.parametrize("value", [1, 50, MAX_PAGE])
def test_a_limit_within_its_bounds_is_taken(value: int) -> None:
    assert check_limit(value, "limit") == value


@pytest.mark.parametrize("value", [0, -1, MAX_PAGE + 1, 2**63, -(10**40), 10**5_000], ids=range(6))
def test_a_limit_outside_its_bounds_is_refused(value: int) -> None:
    with pytest.raises(InvalidLimit) as caught:
        check_limit(value, "limit")

    assert caught.value.code == "invalid_limit"
    assert caught.value.details == {"minimum": 1, "maximum": MAX_PAGE}


@pytest.mark.parametrize("value", [None, "5", 5.0, True, [5]])
def test_a_limit_that_is_no_whole_number_is_refused(value: object) -> None:
    with pytest.raises(InvalidLimit):
        check_limit(value, "limit")  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [None, 0, MAX_TIME_MS])
def test_a_time_that_a_calendar_knows_is_taken(value: int | None) -> None:
    assert check_time(value, "at") == value


@pytest.mark.parametrize("value", [-1, MAX_TIME_MS + 1, 1.5, True, "2025-01-01"])
def test_another_time_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput):
        check_time(value, "at")  # type: ignore[arg-type]
