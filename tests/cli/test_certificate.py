"""What remains after a purge is told in the reader's language, whatever the engine."""

from __future__ import annotations

from ingat.cli.certificate import REMAINS
from ingat.lifecycle.purge_findings import ELSEWHERE


def test_places_that_an_engine_cannot_clean_are_told_in_the_same_words() -> None:
    assert {code: REMAINS[code] for code in ELSEWHERE} == ELSEWHERE
