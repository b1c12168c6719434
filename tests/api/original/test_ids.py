"""Ids of the wire format: prefixed, and each for one stored id."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ingat.api.original import ids
from ingat.api.original.ids import LOG, MESSAGE, SESSION, SNAPSHOT, fresh, shown, stored_as
from ingat.core import clock
from ingat.core.ids import new_id

PREFIXES = (SESSION, MESSAGE, SNAPSHOT, LOG)
HEX = "01a1f9d4009d9cd3f8514c0587431d45"
stored_ids = st.one_of(
    st.text(min_size=1, max_size=40),
    st.builds(new_id),
    st.builds(lambda rest: f"session_{rest}", st.one_of(st.text(max_size=10), st.builds(new_id))),
    st.builds(lambda rest: f"session_~{rest}", st.text(max_size=10)),
)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_a_new_id_has_the_form_of_the_format(prefix: str) -> None:
    assert re.fullmatch(rf"{prefix}\d{{13}}_[0-9a-z]{{9}}", fresh(prefix))


def test_new_ids_sort_in_the_order_in_which_they_were_made(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([1_700_000_000_000] * 400 + [1_699_999_999_999] * 100 + [1_700_000_000_001] * 500)
    monkeypatch.setattr(ids, "_last", (0, 0))
    monkeypatch.setattr(clock, "now", lambda: next(times))

    made = [fresh(SESSION) for _ in range(1_000)]

    assert made == sorted(made)
    assert len(set(made)) == 1_000


@pytest.mark.parametrize("prefix", PREFIXES)
def test_an_id_made_here_is_shown_and_stored_as_it_is(prefix: str) -> None:
    made = fresh(prefix)

    assert shown(prefix, made) == stored_as(prefix, made) == made


def test_an_id_made_elsewhere_gets_the_prefix() -> None:
    assert shown(SESSION, HEX) == f"session_{HEX}"
    assert stored_as(SESSION, f"session_{HEX}") == HEX


@pytest.mark.parametrize("kept", ["session_abc123", "session_1735344000000_imported"])
def test_an_id_that_came_with_the_prefix_keeps_its_form(kept: str) -> None:
    assert shown(SESSION, kept) == kept
    assert stored_as(SESSION, kept) == kept


def test_an_id_without_the_prefix_is_taken_as_it_is() -> None:
    assert stored_as(SESSION, HEX) == HEX
    assert stored_as(SESSION, "ticket 17") == "ticket 17"


@given(stored_ids)
@example(f"session_{HEX}")
@example(HEX)
@example("~")
def test_what_is_shown_leads_back_to_what_is_stored(stored: str) -> None:
    assert shown(SESSION, stored).startswith(SESSION)
    assert stored_as(SESSION, shown(SESSION, stored)) == stored


@given(stored_ids, stored_ids)
@example(HEX, f"session_{HEX}")
@example("a", "session_~a")
def test_no_two_ids_are_shown_alike(one: str, other: str) -> None:
    assert (shown(SESSION, one) == shown(SESSION, other)) == (one == other)
