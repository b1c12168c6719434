"""Dates of the wire format."""

from __future__ import annotations

import pytest

from ingat.api.original.dates import moment
from ingat.core.dates import day_of

AT = 1_766_914_200_000


@pytest.mark.parametrize(
    "given",
    [
        "2025-12-28T09:30:00.000Z",
        "2025-12-28T09:30:00",
        "2025-12-28T16:30:00+07:00",
        AT,
        str(AT),
    ],
)
def test_a_date_is_read_in_each_form(given: str | int) -> None:
    assert moment(given) == AT


def test_a_day_is_read_as_its_beginning_and_written_in_utc() -> None:
    assert day_of(moment("2025-12-28")) == "2025-12-28"
    assert day_of(moment("2025-12-28T23:30:00-05:00")) == "2025-12-29"


@pytest.mark.parametrize("given", ["yesterday", "", "2025-13-01", -1, True, "9" * 18, 10**30, [], {}])
def test_what_is_no_date_is_refused(given: object) -> None:
    with pytest.raises(ValueError, match="ISO 8601"):
        moment(given)
