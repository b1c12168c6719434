"""Foreign code may fail and may hang: nothing of ours does for that."""

from __future__ import annotations

import threading

import pytest

from ingat.core.actor import acting_as, current_actor
from ingat.core.errors import StoreFull
from ingat.lifecycle.foreign import Broke, Foreign


def fail(error: BaseException) -> None:
    raise error


def test_what_it_returns_is_handed_back() -> None:
    assert Foreign("f").call(lambda: 3, 30) == 3


@pytest.mark.parametrize(
    ("error", "told"),
    [(KeyError("what somebody said"), "KeyError"), (StoreFull("no room"), "store_full"), (SystemExit(2), "SystemExit")],
    ids=["type", "code", "exit"],
)
def test_what_it_raises_is_told_by_its_type_or_code_alone(error: BaseException, told: str) -> None:
    assert Foreign("f").call(lambda: fail(error), 30) == Broke(told)


def test_who_acts_is_known_to_it() -> None:
    with acting_as("key:abc"):
        assert Foreign("f").call(current_actor, 30) == "key:abc"


def test_one_that_hangs_is_not_waited_for_and_no_second_is_begun_beside_it() -> None:
    foreign, free, begun = Foreign("f"), threading.Event(), threading.Event()

    def hang() -> None:
        begun.set()
        free.wait(30)

    assert foreign.call(hang, 0.01) == Broke("TimeoutError")
    assert begun.wait(30)
    assert foreign.call(lambda: 3, 30) == Broke("busy")
    free.set()
    assert foreign._last is not None
    assert foreign._last.wait(30)
    assert foreign.call(lambda: 3, 30) == 3
