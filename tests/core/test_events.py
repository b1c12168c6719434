"""Events: log records that are made quickly, and are as good as any other for whoever formats them."""

from __future__ import annotations

import logging

from ingat.core.events import Event

LOGGER = logging.getLogger("ingat.of.a.test")


def made() -> Event:
    return Event(LOGGER, "Recalled %d memories", 3, category="recall", user_id="ana", session_id=None, store="s")


def test_an_event_has_what_every_record_has() -> None:
    assert vars(logging.makeLogRecord({})).keys() <= vars(made()).keys()


def test_an_event_can_be_formatted() -> None:
    pattern = "%(levelname)s %(name)s %(asctime)s %(thread)s %(message)s"

    told = logging.Formatter(pattern, "%Y").format(made())

    assert told.startswith("INFO ingat.of.a.test 2")
    assert told.endswith("Recalled 3 memories")


def test_two_events_share_nothing() -> None:
    first, second = made(), made()
    first.category = "chat"

    assert second.category == "recall"
