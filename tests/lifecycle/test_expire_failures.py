"""A session that cannot be closed or summarised stops no other, and is tried again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingat.core.errors import StoreFull
from ingat.memory import Memory
from ingat.store.contract import Tx
from ingat.store.tables import expiry
from ingat.testing import TurnableClock, open_memory
from tests.engine import behind, same_store, store_url
from tests.lifecycle.endings import close_only, summaries, talk


@pytest.fixture
def url(tmp_path: Path) -> str:
    return store_url(tmp_path / "store.db")


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE message SET metadata = '{' WHERE session_id = ?",
        "UPDATE message SET attachments = '[1]' WHERE session_id = ?",
        "UPDATE session SET metadata = 'x' WHERE id = ?",
    ],
    ids=["message", "attachments", "session"],
)
def test_a_damaged_session_stops_no_other(url: str, clock: TurnableClock, statement: str) -> None:
    _stops_no_other(url, clock, statement)


@pytest.mark.sqlite_only("PostgreSQL takes no text that is none")
def test_a_session_with_a_text_that_is_none_stops_no_other(url: str, clock: TurnableClock) -> None:
    _stops_no_other(url, clock, "UPDATE message SET content = x'ff00' WHERE session_id = ?")


def _stops_no_other(url: str, clock: TurnableClock, statement: str) -> None:
    with open_memory(**same_store(url), now=clock) as memory:
        bad, good = talk(memory, "ben"), talk(memory, "ana")
        clock.turn(hours=25)
        behind(url, statement, bad.id)
        reports = [memory.expire() for _ in range(2)]

        assert len(summaries(memory)) == 1
        assert [(report.expired, report.summarised, report.pending) for report in reports] == [(2, 1, 1), (0, 0, 1)]
        assert [failure.id for failure in reports[1].failed] == [bad.id]
        assert memory.sessions.get(good.id).state == "closed"
        ended = memory.store.read(lambda tx: expiry.get(tx, bad.id))
        assert ended is not None
        assert ended.attempts == 2


def test_what_could_not_be_summarised_is_once_it_is_mended(url: str, clock: TurnableClock) -> None:
    with open_memory(**same_store(url), now=clock) as memory:
        session = talk(memory)
        clock.turn(hours=25)
        behind(url, "UPDATE message SET metadata = '{' WHERE session_id = ?", session.id)
        memory.expire()
        behind(url, "UPDATE message SET metadata = NULL WHERE session_id = ?", session.id)
        report = memory.expire()

        assert (report.summarised, report.pending, report.failed) == (1, 0, ())
        assert len(summaries(memory)) == 1


def test_a_session_that_is_gone_is_forgotten(url: str, clock: TurnableClock) -> None:
    with open_memory(**same_store(url), now=clock) as memory:
        session = talk(memory)
        clock.turn(hours=25)
        close_only(memory)

        def gone(tx: Tx) -> None:
            tx.run("DELETE FROM session_owner WHERE session_id = ?", (session.id,))

        memory.store.write(gone)
        report = memory.expire()

        assert (report.summarised, report.pending, report.failed) == (0, 0, ())


def test_one_pass_retries_a_bounded_number_of_failures_those_tried_least_first(memory: Memory) -> None:
    def note(tx: Tx) -> None:
        for number in range(130):
            expiry.begin(tx, f"s{number:03}", "expired", number, done=False)
            for _ in range(1 + (number < 100)):
                expiry.fail(tx, f"s{number:03}", "x")

    memory.store.write(note)
    chosen = memory.store.read(lambda tx: expiry.failed_before(tx, 100))

    assert chosen == [f"s{number:03}" for number in (*range(100, 130), *range(70))]


def test_a_pass_gives_up_when_the_store_takes_nothing(memory: Memory, clock: TurnableClock) -> None:
    for number in range(40):
        talk(memory, f"user{number}")
    clock.turn(hours=25)
    close_only(memory)
    assert memory.vectors is not None
    assert memory.vectors.flush(30)
    writes = 0

    def full(work: Callable[[Tx], object]) -> object:
        nonlocal writes
        writes += 1
        raise StoreFull("The disk is full.")

    vars(memory.store)["write"] = full
    report = memory.expire()
    del vars(memory.store)["write"]

    assert (len(report.failed), report.pending) == (10, 40)
    assert {failure.code for failure in report.failed} == {"store_full"}
    assert writes == 20
    assert memory.expire().summarised == 40


def test_a_session_that_comes_back_while_its_note_is_dropped_is_summarised(
    memory: Memory, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = talk(memory)
    clock.turn(hours=25)
    close_only(memory)
    operation = memory.erase.session(session.id)
    memory.store.write(lambda tx: expiry.begin(tx, session.id, "expired", clock(), done=False))
    write = memory.store.write

    def undo_first(fn: Callable[[Tx], Any]) -> Any:
        monkeypatch.undo()
        write(lambda tx: expiry.delete(tx, session.id))
        memory.undo(operation.id)
        return write(fn)

    monkeypatch.setattr(memory.store, "write", undo_first)
    memory._expirer._summaries.write(session.id)
    memory.expire()

    assert len(summaries(memory)) == 1
