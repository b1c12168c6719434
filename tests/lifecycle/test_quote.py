"""Without a language model the answer quotes what is remembered, with dates, and says so."""

from __future__ import annotations

from ingat.memory import Memory
from ingat.testing import filled_memory


def test_the_answer_quotes_with_the_date_and_says_that_it_only_quotes() -> None:
    with filled_memory() as memory:
        answer = memory.chat("ana", "What is Bruno allergic to?", "mail").answer

        assert "2025-01-06: “My dog Bruno is allergic to chicken.”" in answer.content
        assert "No language model is connected" in answer.content
        assert answer.metadata == {"quoted": True, "recallable": False}


def test_the_answer_says_when_nothing_fits(memory: Memory) -> None:
    answer = memory.chat("ana", "My boat is red").answer.content

    assert "nothing that fits" in answer
    assert "no language model" in answer


def test_a_question_is_not_its_own_answer(memory: Memory) -> None:
    memory.chat("ana", "Where is the boat?")

    assert "Where is the boat?" in memory.chat("ana", "The boat, where?").answer.content
    assert "The boat, where?" not in memory.chat("ana", "The boat, where?", "b").answer.content.split("\n")[0]


def test_the_persons_words_are_quoted_not_the_bots(memory: Memory) -> None:
    session = memory.sessions.open("ana")
    memory.sessions.append(session.id, "user", "The boat is red")
    memory.sessions.append(session.id, "assistant", "A red boat, how lovely")
    answer = memory.chat("ana", "What colour is the boat?").answer.content

    assert "The boat is red" in answer
    assert "how lovely" not in answer


def test_memories_are_quoted_too(memory: Memory) -> None:
    memory.remember("ana", "Ana owns a red boat")

    assert "Ana owns a red boat" in memory.chat("ana", "the boat?").answer.content


def test_a_long_line_is_quoted_in_part(memory: Memory) -> None:
    memory.remember("ana", "boat " * 1_000)
    answer = memory.chat("ana", "boat?").answer.content

    assert len(answer) < 600
    assert "…" in answer


def test_what_a_quoting_answer_said_is_never_recalled(memory: Memory) -> None:
    memory.chat("ana", "My cat is called Oyen")
    memory.chat("ana", "What is my cat called?")

    hits = memory.recall("ana", "language model connected quote remember cat", 50).hits
    memory.reindex()
    again = memory.recall("ana", "language model connected quote remember cat", 50).hits

    assert {hit.role for hit in hits} == {"user"}
    assert [hit.source_id for hit in again] == [hit.source_id for hit in hits]
    assert [check.name for check in memory.doctor() if check.state != "ok"] == []


def test_a_turn_without_a_model_names_the_lines_it_quotes(memory: Memory) -> None:
    memory.chat("ana", "My cat is called Oyen")

    turn = memory.chat("ana", "What is my cat called?")

    assert [hit.text for hit in turn.recalled] == ["My cat is called Oyen"]
