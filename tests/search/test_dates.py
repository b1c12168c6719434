from __future__ import annotations

import numpy as np
import pytest

from ingat.search.dates import date_part, is_of_date
from ingat.search.entry import analyse
from ingat.search.text import look_up, term_id
from tests.search.turns import DAY_MS, START_MS


@pytest.mark.parametrize(
    ("word", "part"),
    [
        ("7", 7),
        ("31", 31),
        ("32", 0),
        ("may", 105),
        ("januari", 101),
        ("מרץ", 103),
        ("2026", 2026),
        ("0", 0),
        ("car", 0),
    ],
)
def test_part_of_a_date_is_told_by_its_term(word: str, part: int) -> None:
    assert date_part(look_up(word).groups[0][0]) == part


def test_every_term_of_a_date_is_a_part_of_it() -> None:
    at = START_MS + 45 * DAY_MS
    terms = np.frombuffer(analyse("", author=None, at_ms=at).terms, [("id", "<u4"), ("count", "u1")])["id"]
    parts = np.array([date_part(int(term)) for term in terms], np.int32)
    assert sorted(parts.tolist()) == [15, 102, 2026]
    assert is_of_date(parts, np.full(3, at)).all()
    assert not is_of_date(parts, np.full(3, at + 400 * DAY_MS)).any()


def test_moment_before_1970_has_its_date() -> None:
    parts = np.array([31, 112, 1969], np.int32)
    assert is_of_date(parts, np.full(3, -1)).all()
    assert date_part(term_id("1969")) == 1969
