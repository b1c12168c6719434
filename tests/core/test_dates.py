"""Moments are written and read as ISO 8601 in UTC, to the millisecond."""

from __future__ import annotations

from typing import Any

import pytest

from ingat.core.dates import DAY_MS, HOUR_MS, day_of, iso_time, read_time
from ingat.core.errors import InvalidInput
from ingat.core.limits import MAX_TIME_MS

AT = 1_766_914_200_123


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (AT, "2025-12-28T09:30:00.123Z"),
        (MAX_TIME_MS, "9999-12-30T23:59:59.999Z"),
    ],
)
def test_a_moment_is_written_and_read_back(moment: int, text: str) -> None:
    assert iso_time(moment) == text
    assert read_time(text, "date", 1) == moment


@pytest.mark.parametrize(
    ("given", "moment"),
    [
        ("2025-12-28T11:30:00.123+02:00", AT),
        (" 2025-12-28T09:30:00.123 ", AT),
        ("2025-12-28", AT - AT % DAY_MS),
        (AT, AT),
        (None, 7),
    ],
)
def test_a_time_is_read_as_it_is_given(given: Any, moment: int) -> None:
    assert read_time(given, "date", 7) == moment


@pytest.mark.parametrize("given", ["yesterday", "1969-12-31", "10000-01-01", "9999-12-31", -1, True, 1.5])
def test_what_is_no_time_is_refused(given: Any) -> None:
    with pytest.raises(InvalidInput, match="date"):
        read_time(given, "date", 7)


def test_a_day_is_that_of_utc() -> None:
    assert [day_of(AT), day_of(DAY_MS - 1), day_of(DAY_MS)] == ["2025-12-28", "1970-01-01", "1970-01-02"]
    assert DAY_MS == 24 * HOUR_MS
