"""One exchange: what was said is kept, whatever becomes of the answer."""

from __future__ import annotations

import pytest

from ingat.core.context import Context
from ingat.core.errors import EmptyContent, IngatError, UserBlocked
from ingat.lifecycle.turn import Answer
from ingat.memory import Memory
from ingat.testing import CountingEmbedder, TurnableClock, filled_memory, open_memory


class Echo:
    """An answerer that keeps the contexts it was given."""

    def __init__(self) -> None:
        self.contexts: list[Context] = []

    def __call__(self, text: str, context: Context) -> Answer:
        self.contexts.append(context)
        return Answer(f"You said: {text[:50]}", "echo-1")


def test_an_exchange_stores_question_and_answer() -> None:
    with open_memory(answerer=Echo()) as memory:
        turn = memory.chat("ana", "Hello there", "web")

        assert memory.sessions.messages(turn.session_id) == [turn.question, turn.answer]
        assert (turn.question.role, turn.answer.role, turn.answer.content) == (
            "user",
            "assistant",
            "You said: Hello there",
        )
        assert (turn.model, turn.answer.metadata) == ("echo-1", {"model": "echo-1"})


def test_an_exchange_goes_on_in_the_session_of_its_channel() -> None:
    with open_memory(answerer=Echo()) as memory:
        first, second, other = memory.chat("ana", "A"), memory.chat("ana", "B"), memory.chat("ana", "C", "mail")

        assert first.session_id == second.session_id != other.session_id
        assert second.question.seq == 3


def test_the_answerer_is_given_the_question_last_and_what_is_recalled() -> None:
    echo = Echo()
    with filled_memory(answerer=echo) as memory:
        turn = memory.chat("ana", "What is Bruno allergic to?", "mail")

        assert echo.contexts[0].messages[-1] == turn.question
        assert "My dog Bruno is allergic to chicken." in [hit.text for hit in turn.recalled]
        assert turn.question.author == "Ana"


def test_a_question_is_kept_when_the_answerer_fails(clock: TurnableClock) -> None:
    def fail(text: str, context: Context) -> Answer:
        raise ConnectionError("the model is away")

    with open_memory(answerer=fail) as memory:
        with pytest.raises(ConnectionError):
            memory.chat("ana", "My boat is red")

        assert [message.content for message in memory.sessions.history("ana")] == ["My boat is red"]
        assert memory.recall("ana", "boat").hits


def test_an_answer_of_nothing_keeps_the_question() -> None:
    with open_memory(answerer=lambda text, context: Answer("")) as memory:
        with pytest.raises(EmptyContent, match="The question is kept"):
            memory.chat("ana", "My boat is red")

        assert [message.content for message in memory.sessions.history("ana")] == ["My boat is red"]


@pytest.mark.parametrize("text", ["", "  ", "\x00", "\ud800", "x" * ((1 << 20) + 1)], ids=range(5))
def test_a_wrong_question_says_nothing(memory: Memory, text: str) -> None:
    with pytest.raises(IngatError):
        memory.chat("ana", text)

    assert memory.stats().messages.total == 0


def test_a_blocked_user_gets_no_answer() -> None:
    echo = Echo()
    with filled_memory(answerer=echo) as memory:
        with pytest.raises(UserBlocked):
            memory.chat("noor", "Hello")

        assert echo.contexts == []
        assert memory.sessions.list("noor").items == ()


@pytest.mark.parametrize(
    "text", ["word " * 40_000, "\n" * 5_000 + "word", "字" * 300_000], ids=["long", "blank", "han"]
)
@pytest.mark.parametrize("quoting", [True, False])
def test_a_question_of_any_length_that_can_be_kept_is_answered(text: str, quoting: bool) -> None:
    """One above the limit of a recall's query was once stored and then refused."""
    with filled_memory(answerer=None if quoting else Echo(), embedder=CountingEmbedder()) as memory:
        turn = memory.chat("ana", text)

        assert turn.question.content == text
        assert turn.answer.content


def test_an_answer_of_ones_own_is_recalled_later_also_when_no_model_is_named() -> None:
    def answer(text: str, context: Context) -> Answer:
        return Answer("The harbour opens at nine")

    with open_memory(answerer=answer) as memory:
        turn = memory.chat("ana", "When does it open?")
        found = [hit.text for hit in memory.recall("ana", "harbour").hits]

    assert turn.answer.metadata == {}
    assert found == ["The harbour opens at nine"]
