"""Whoever makes the summaries: what they are given, and what happens when they fail."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pytest

from ingat.core.errors import StoreFull
from ingat.core.records import Message, Session
from ingat.lifecycle import summaries as making
from ingat.memory import Memory
from ingat.testing import TurnableClock, open_memory
from tests.lifecycle.carried import exported, take
from tests.lifecycle.endings import FACTS, Clerk, flushed, summaries, talk


@pytest.fixture
def clerk() -> Clerk:
    return Clerk()


@pytest.fixture
def served(clerk: Clerk, clock: TurnableClock) -> Iterator[Memory]:
    with open_memory(now=clock, summariser=clerk) as memory:
        yield memory


def test_a_registered_summariser_makes_the_summary(served: Memory, clerk: Clerk, clock: TurnableClock) -> None:
    session = talk(served)
    clock.turn(hours=25)
    served.expire()
    ((given, messages),) = clerk.given

    assert summaries(served)[0].text == clerk.text
    assert summaries(served)[0].metadata["summariser"] == "Clerk"
    assert (given.id, given.state) == (session.id, "closed")
    assert [message.content for message in messages] == list(FACTS)


@pytest.mark.parametrize(
    ("text", "error", "told"),
    [
        ("", RuntimeError("my secret"), "RuntimeError"),
        ("", StoreFull("no room"), "store_full"),
        ("  ", None, "ValueError"),
        (None, None, "invalid_text"),
        ("a\x00b", None, "invalid_text"),
    ],
    ids=["raises", "code", "blank", "nothing", "nul"],
)
def test_when_a_summariser_fails_the_sessions_own_lines_are_used(
    served: Memory,
    clerk: Clerk,
    clock: TurnableClock,
    caplog: pytest.LogCaptureFixture,
    text: str,
    error: Exception | None,
    told: str,
) -> None:
    clerk.text, clerk.error = text, error
    talk(served)
    clock.turn(hours=25)
    report = served.expire()
    (summary,) = summaries(served)

    assert (report.summarised, report.failed) == (1, ())
    assert "1,200" in summary.text
    assert (summary.metadata["summariser"], summary.metadata["summariser_failed"]) == ("extractive", told)
    assert "secret" not in caplog.text


def test_a_summary_that_is_too_long_is_cut_to_500_words(served: Memory, clerk: Clerk, clock: TurnableClock) -> None:
    clerk.text = "They spoke of many things. " * 300
    talk(served)
    clock.turn(hours=25)
    served.expire()

    assert 490 <= len(summaries(served)[0].text.split()) <= 500


def test_a_failure_is_not_told_of_a_renewed_summary(served: Memory, clerk: Clerk, clock: TurnableClock) -> None:
    clerk.error = RuntimeError("x")
    session = talk(served)
    clock.turn(hours=25)
    served.expire()
    clerk.error, clerk.text = None, summaries(served)[0].text
    served.sessions.reopen(session.id)
    served.sessions.reset(session.id)
    flushed(served)
    (summary,) = summaries(served)

    assert summary.metadata["summariser"] == "Clerk"
    assert "summariser_failed" not in summary.metadata


def test_a_long_session_gives_a_summariser_its_most_telling_messages(
    served: Memory, clerk: Clerk, clock: TurnableClock
) -> None:
    session = served.sessions.open("ana")
    lines = [{"role": "user", "content": f"well, {'so ' * (number % 7)}that"} for number in range(2_500)]
    lines[3] = {"role": "user", "content": "My passport number is X1234567."}
    served.sessions.append_many(session.id, lines)
    clock.turn(hours=25)
    served.expire()
    ((_, messages),) = clerk.given
    (summary,) = summaries(served)

    assert len(messages) == 2_000
    assert "X1234567" in "".join(message.content for message in messages[:5])
    assert [message.seq for message in messages] == sorted(message.seq for message in messages)
    assert (len(summary.message_ids), summary.metadata["message_count"]) == (1_000, 2_500)


def test_a_summariser_that_hangs_holds_up_neither_a_pass_nor_the_next(
    clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(making, "PATIENCE_S", 0.05)
    asked, free = threading.Semaphore(0), threading.Event()

    def hang(session: Session, messages: Sequence[Message]) -> str:
        asked.release()
        free.wait(30)
        return "At last."

    with open_memory(now=clock, summariser=hang) as memory:
        for user in ("ana", "ben"):
            talk(memory, user)
        clock.turn(hours=25)
        report = memory.expire()
        talk(memory, "cid")
        clock.turn(hours=25)
        later = memory.expire()
        failures = [summaries(memory, user)[0].metadata["summariser_failed"] for user in ("ana", "ben", "cid")]
        free.set()

    assert (report.summarised, report.failed, later.expired, later.summarised) == (2, (), 1, 1)
    assert sorted(failures) == ["TimeoutError", "busy", "busy"]
    assert asked.acquire(blocking=False)
    assert not asked.acquire(blocking=False)


def test_a_slow_summariser_does_not_hold_up_the_closing_of_other_sessions(clock: TurnableClock) -> None:
    closed: list[str] = []

    def slow(session: Session, messages: Sequence[Message]) -> str:
        if session.user_id == "ana":
            clock.turn(hours=2)
        else:
            closed.append(session.user_id)
        return "They spoke."

    with open_memory(now=clock, summariser=slow) as memory:
        talk(memory, "ana")
        clock.turn(hours=23)
        talk(memory, "ben")
        clock.turn(hours=23)
        report = memory.expire()

    assert (report.expired, report.summarised, closed) == (2, 2, ["ben"])


def test_a_summary_of_very_long_words_can_be_carried_to_another_store(clock: TurnableClock) -> None:
    with open_memory(now=clock) as memory, open_memory(now=clock) as other:
        session = memory.sessions.open("ana")
        words = [chr(0x430 + number % 32) + f"{number:x}".translate(SPELT) for number in range(1_800)]
        for low in range(0, 1_800, 3):
            text = " ".join((word * 280)[:280] for word in words[low : low + 3])
            memory.sessions.append(session.id, "user", text)
        clock.turn(hours=25)
        memory.expire()

        assert len(summaries(memory)[0].text.encode()) <= 65_536
        assert take(other, exported(memory)).errors == ()


SPELT = {ord(digit): 0x440 + number for number, digit in enumerate("0123456789abcdef")}
