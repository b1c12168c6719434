"""Sessions end after a day of silence: closed once, remembered once, and never deleted."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from ingat.memory import Memory
from ingat.testing import TurnableClock, open_memory
from tests.engine import store_at
from tests.lifecycle.endings import FACTS, close_only, flushed, summaries, talk


def test_a_session_silent_for_a_day_is_closed_and_remembered(memory: Memory, clock: TurnableClock) -> None:
    session = talk(memory)
    clock.turn(hours=24, milliseconds=1)
    report = memory.expire()
    (summary,) = summaries(memory)

    assert (report.expired, report.summarised, report.empty, report.pending, report.failed) == (1, 1, 0, 0, ())
    assert report.session_ids == (session.id,)
    assert memory.sessions.get(session.id).state == "closed"
    assert [fact for fact in ("Ana Silva", "green", "1,200") if fact not in summary.text] == []
    assert [message.content for message in memory.sessions.messages(session.id)] == list(FACTS)


def test_a_summary_names_where_it_comes_from(memory: Memory, clock: TurnableClock) -> None:
    began = clock()
    session = talk(memory)
    clock.turn(hours=30)
    memory.expire()
    (summary,) = summaries(memory)

    assert summary.session_id == session.id
    assert summary.message_ids == tuple(message.id for message in memory.sessions.messages(session.id))
    assert summary.valid_from == began
    assert summary.metadata == {
        "cause": "expired",
        "message_count": 3,
        "first_at": began,
        "last_at": began,
        "summariser": "extractive",
    }


def test_a_session_silent_for_exactly_a_day_stays_open(memory: Memory, clock: TurnableClock) -> None:
    session = talk(memory)
    clock.turn(hours=24)

    assert memory.expire().expired == 0
    assert memory.sessions.get(session.id).state == "active"


def test_a_second_pass_changes_nothing(memory: Memory, clock: TurnableClock) -> None:
    talk(memory)
    clock.turn(hours=25)
    memory.expire()
    before = summaries(memory)
    report = memory.expire()

    assert (report.expired, report.summarised, report.pending) == (0, 0, 0)
    assert summaries(memory) == before


def test_the_policy_says_how_long_a_session_may_be_silent(memory: Memory, clock: TurnableClock) -> None:
    memory.retention.set(session_timeout_hours=12)
    talk(memory)
    clock.turn(hours=13)

    assert memory.expire().expired == 1


def test_an_imported_message_counts_by_when_it_was_said(memory: Memory, clock: TurnableClock) -> None:
    old = memory.sessions.create("ana", at=clock() - 90 * 3_600_000)
    memory.sessions.append(old.id, "user", "I bought a bicycle.", at=clock() - 80 * 3_600_000)
    memory.expire()

    assert memory.sessions.get(old.id).state == "closed"
    assert summaries(memory)[0].valid_from == clock() - 80 * 3_600_000


def test_an_empty_session_is_closed_without_a_summary_and_done(memory: Memory, clock: TurnableClock) -> None:
    session = memory.sessions.open("ana")
    clock.turn(hours=25)
    report = memory.expire()

    assert (report.expired, report.empty, report.summarised, report.pending) == (1, 1, 0, 0)
    assert memory.sessions.get(session.id).state == "closed"
    assert summaries(memory) == []
    assert memory.expire().empty == 0


def test_a_session_of_lines_that_are_not_recalled_has_no_summary(memory: Memory, clock: TurnableClock) -> None:
    session = memory.sessions.open("ana")
    memory.sessions.append(session.id, "assistant", "You said: blue tiles.", metadata={"recallable": False})
    clock.turn(hours=25)
    report = memory.expire()

    assert (report.expired, report.empty, report.pending) == (1, 1, 0)
    assert summaries(memory) == []


def test_quoted_answers_are_left_out_of_a_summary(memory: Memory, clock: TurnableClock) -> None:
    session = talk(memory)
    memory.sessions.append(session.id, "assistant", "Order 777 is green.", metadata={"recallable": False})
    clock.turn(hours=25)
    memory.expire()

    assert "777" not in summaries(memory)[0].text
    assert len(summaries(memory)[0].message_ids) == 3


def test_nothing_is_stored_for_a_blocked_user(memory: Memory, clock: TurnableClock) -> None:
    session = talk(memory)
    memory.users.save("ana", role="blocked")
    clock.turn(hours=25)
    report = memory.expire()

    assert (report.expired, report.summarised, report.pending) == (1, 0, 0)
    assert memory.sessions.get(session.id).state == "closed"
    assert summaries(memory) == []


def test_a_dry_run_says_what_would_be_closed_and_changes_nothing(memory: Memory, clock: TurnableClock) -> None:
    session, empty = talk(memory), memory.sessions.open("ben")
    clock.turn(hours=25)
    report = memory.expire(dry_run=True)

    assert (report.dry_run, report.expired, report.empty, report.summarised) == (True, 2, 1, 1)
    assert set(report.session_ids) == {session.id, empty.id}
    assert memory.sessions.get(session.id).state == "active"
    assert summaries(memory) == []


def test_a_pass_does_what_a_dry_run_said(memory: Memory, clock: TurnableClock) -> None:
    talk(memory, "cleo")
    clock.turn(hours=25)
    close_only(memory)
    talk(memory)
    talk(memory, "dora")
    memory.sessions.open("ben")
    memory.users.save("dora", role="blocked")
    clock.turn(hours=25)
    planned, done = memory.expire(dry_run=True), memory.expire()

    assert (planned.expired, planned.summarised, planned.empty) == (done.expired, done.summarised, done.empty)
    assert (planned.summarised, planned.pending, done.pending) == (2, 1, 0)


def test_many_sessions_are_closed_in_batches(memory: Memory, clock: TurnableClock) -> None:
    for number in range(250):
        talk(memory, f"user{number}", lines=[f"My number is {number}."])
        clock.turn(milliseconds=1)
    clock.turn(hours=25)
    report = memory.expire()

    assert (report.expired, report.summarised, report.pending) == (250, 250, 0)
    assert all(len(summaries(memory, f"user{number}")) == 1 for number in range(250))


def test_the_log_says_it_in_the_operators_words(
    memory: Memory, clock: TurnableClock, caplog: pytest.LogCaptureFixture
) -> None:
    session = talk(memory)
    clock.turn(hours=25)
    with caplog.at_level(logging.INFO, "ingat.sessions"):
        memory.expire()
    (record,) = [each for each in caplog.records if each.name == "ingat.sessions"]

    assert record.getMessage() == "Session expired, transferring to long-term memory"
    assert (record.levelname, vars(record)["category"]) == ("INFO", "session")
    assert (vars(record)["session_id"], vars(record)["user_id"]) == (session.id, "ana")


def test_a_session_that_goes_on_has_its_summary_renewed(memory: Memory, clock: TurnableClock) -> None:
    session = talk(memory)
    clock.turn(hours=25)
    memory.expire()
    (first,) = summaries(memory)
    memory.sessions.reopen(session.id)
    memory.sessions.append(session.id, "user", "We decided to buy 3 new chairs.")
    clock.turn(hours=25)
    report = memory.expire()
    (second,) = summaries(memory)
    old = memory.memories.get("ana", first.id)

    assert report.summarised == 1
    assert "3 new chairs" in second.text
    assert (old.superseded_by, old.text) == (second.id, first.text)
    assert {hit.source_id for hit in memory.recall("ana", "kitchen", kinds=["summary"]).hits} == {second.id}


def test_a_session_that_was_reopened_is_not_idle_at_once(memory: Memory, clock: TurnableClock) -> None:
    session = memory.sessions.open("ana")
    memory.sessions.append(session.id, "user", "The kitchen gets a new floor in May.")
    clock.turn(hours=25)
    memory.expire()
    memory.sessions.reopen(session.id)
    clock.turn(hours=23)

    assert memory.expire().expired == 0
    assert memory.sessions.open("ana").id == session.id
    assert memory.sessions.get(session.id).last_message_at == clock() - 48 * 3_600_000
    clock.turn(hours=2)
    assert memory.expire(dry_run=True).session_ids == (session.id,)
    assert memory.sessions.open("ana").id != session.id


def test_a_session_that_said_no_more_keeps_its_summary(memory: Memory, clock: TurnableClock) -> None:
    session = talk(memory)
    clock.turn(hours=25)
    memory.expire()
    (first,) = summaries(memory)
    memory.sessions.reopen(session.id)
    memory.sessions.reset(session.id)
    flushed(memory)
    (second,) = summaries(memory)

    assert (second.id, second.text) == (first.id, first.text)
    assert second.metadata["cause"] == "reset"


def test_a_session_reopened_before_its_summary_has_one_when_it_ends_again(tmp_path: Path, clock: TurnableClock) -> None:
    with open_memory(**store_at(tmp_path / "a.db"), now=clock) as memory:
        session = talk(memory)
        clock.turn(hours=25)
        close_only(memory)
        memory.sessions.reopen(session.id)

        memory.sessions.append(session.id, "user", "One more thing: the walls stay white.")

        assert memory.expire().summarised == 0
        assert summaries(memory) == []
        clock.turn(hours=25)
        assert memory.expire().summarised == 1
        assert len(summaries(memory)) == 1


def test_a_summary_that_was_retired_by_hand_is_not_brought_back(memory: Memory, clock: TurnableClock) -> None:
    talk(memory)
    clock.turn(hours=25)
    memory.expire()
    memory.memories.retire("ana", summaries(memory)[0].id)
    memory.expire()

    assert summaries(memory) == []


def test_two_sessions_that_say_the_same_have_a_summary_each(memory: Memory, clock: TurnableClock) -> None:
    talk(memory, channel="web")
    talk(memory, channel="mail")
    clock.turn(hours=25)
    memory.expire()

    assert len(summaries(memory)) == 2


def test_a_merged_persons_summaries_stay_one_a_session(memory: Memory, clock: TurnableClock) -> None:
    session = talk(memory, "visitor")
    clock.turn(hours=25)
    memory.expire()
    memory.users.save("ana")
    memory.users.merge("visitor", "ana")
    memory.sessions.reopen(session.id)
    memory.sessions.append(session.id, "user", "My new phone number is 555-0199.")
    clock.turn(hours=25)
    memory.expire()
    (summary,) = summaries(memory)

    assert "555-0199" in summary.text


def test_a_summary_does_not_push_out_the_lines_that_it_was_made_of(memory: Memory, clock: TurnableClock) -> None:
    lines = [f"The kitchen needs {number} green tiles from shop {number}." for number in range(2, 9)]
    session = talk(memory, lines=lines)
    before = [hit.source_id for hit in memory.recall("ana", "green tiles for the kitchen", 5).hits]
    clock.turn(hours=25)
    memory.expire()
    hits = memory.recall("ana", "green tiles for the kitchen", 20).hits

    assert {hit.source for hit in hits[:5]} == {"message"}
    assert [hit.source_id for hit in hits[:5]] == before
    assert [hit.source for hit in hits].count("summary") == 1
    assert len(memory.recall("ana", "green tiles", kinds=["summary"], session_id=session.id).hits) == 1


def test_facts_are_recalled_across_a_reset(memory: Memory, clock: TurnableClock) -> None:
    memory.sessions.reset(talk(memory, lines=["The invoice of the roof is 50,000."]).id)
    clock.turn(hours=1)
    talk(memory, lines=["The invoice of the roof is 75,000 now."])
    flushed(memory)
    hits = memory.recall("ana", "How much is the invoice of the roof?").hits

    assert {hit.text for hit in hits if hit.source == "message"} == {
        "The invoice of the roof is 50,000.",
        "The invoice of the roof is 75,000 now.",
    }
