"""The window: the newest exchanges, whole, within the budget."""

from __future__ import annotations

import pytest

from ingat.core.records import Message, MessageRole
from ingat.core.tokens import MESSAGE_OVERHEAD_TOKENS, count_tokens
from ingat.lifecycle.window import CUT_MARK, Window, cost, window

ROLES: dict[str, MessageRole] = {"u": "user", "a": "assistant", "s": "system", "t": "tool"}


def talk(plan: str, words: int = 10) -> list[Message]:
    """Return messages of the roles in `plan`, each of so many words."""
    content = "word " * words
    return [
        Message(
            id=f"m{seq}",
            session_id="s",
            user_id="ana",
            seq=seq,
            role=ROLES[letter],
            content=content,
            tokens=count_tokens(content),
            at=0,
        )
        for seq, letter in enumerate(plan, 1)
    ]


def shown(messages: list[Message], budget: int, step: int = 1) -> Window:
    return window(messages, budget, sum(map(cost, messages)), step, count_tokens)


def seqs(messages: list[Message], budget: int, step: int = 1) -> list[int]:
    return [message.seq for message in shown(messages, budget, step).messages]


ONE = cost(talk("u")[0])
"""What each message of `talk` costs."""


def test_all_is_shown_when_it_fits() -> None:
    assert seqs(talk("uauaua"), 6 * ONE) == [1, 2, 3, 4, 5, 6]


def test_no_messages_are_no_window() -> None:
    assert shown([], 100) == Window([], 0, False)


def test_the_oldest_exchanges_go_first() -> None:
    assert seqs(talk("uauaua"), 5 * ONE) == [3, 4, 5, 6]
    assert seqs(talk("uauaua"), 3 * ONE) == [5, 6]


def test_question_and_answers_stay_together() -> None:
    assert seqs(talk("uatatauata"), 7 * ONE) == [7, 8, 9, 10]


def test_several_messages_of_a_user_are_one_question() -> None:
    assert seqs(talk("uuauua"), 5 * ONE) == [4, 5, 6]


def test_a_window_starts_at_a_users_turn() -> None:
    assert seqs(talk("saaua"), 100 * ONE) == [4, 5]


def test_without_a_users_turn_all_that_fits_is_shown() -> None:
    assert seqs(talk("sata"), 100 * ONE) == [1, 2, 3, 4]
    assert seqs(talk("sata"), 2 * ONE) == [3, 4]


def test_the_start_moves_in_steps() -> None:
    """So that a provider's prompt cache serves several turns in a row."""
    starts = [seqs(talk("ua" * n), 20 * ONE, step=5 * ONE)[0] for n in range(8, 24)]

    assert starts == sorted(starts)
    assert len(set(starts)) <= 8


def test_the_sum_of_tokens_is_told() -> None:
    assert shown(talk("uaua"), 2 * ONE).tokens == 2 * ONE


@pytest.mark.parametrize("plan", ["u", "a", "ua", "uata", "uauua", "sas"])
def test_a_last_message_that_is_too_large_is_cut_and_marked(plan: str) -> None:
    messages = talk(plan, words=500)
    result = shown(messages, 100)

    assert result.cut
    assert result.messages[-1].seq == messages[-1].seq
    assert result.messages[-1].content.endswith(CUT_MARK)
    assert result.tokens == sum(count_tokens(m.content) + MESSAGE_OVERHEAD_TOKENS for m in result.messages) <= 100


def test_a_cut_answer_keeps_the_beginning_of_its_question() -> None:
    result = shown(talk("ua", words=500), 100)

    assert [message.role for message in result.messages] == ["user", "assistant"]
    assert all(message.content.startswith("word word") for message in result.messages)


def test_a_short_question_stays_whole_beside_a_cut_answer() -> None:
    question, answer = talk("u", words=3)[0], talk("ua", words=500)[1]
    result = window([question, answer], 100, cost(question) + cost(answer), 1, count_tokens)

    assert result.messages[0] == question
    assert result.cut


@pytest.mark.parametrize("budget", range(10, 200, 7))
@pytest.mark.parametrize("plan", ["u", "ua", "uatatata", "tttt"])
def test_an_exchange_of_any_size_stays_within_its_budget(plan: str, budget: int) -> None:
    result = shown(talk(plan, words=40), budget)

    assert sum(count_tokens(m.content) + MESSAGE_OVERHEAD_TOKENS for m in result.messages) <= budget
    assert result.messages[-1].seq == len(plan)
