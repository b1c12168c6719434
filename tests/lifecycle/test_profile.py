"""What a context says of the person: their fields and the facts that hold."""

from __future__ import annotations

from ingat.memory import Memory
from ingat.testing import TurnableClock


def test_facts_stand_in_the_profile_whatever_is_asked(memory: Memory) -> None:
    memory.users.save("ana", name="Ana")
    memory.remember("ana", "vegetarian since 2020", subject="diet")
    memory.remember("ana", "Prefers short answers")
    session = memory.sessions.open("ana")
    memory.sessions.append(session.id, "user", "Can you suggest a dinner?")

    profile = memory.context("ana", session.id).profile

    assert profile.splitlines()[1:] == ["Name: Ana", "diet: vegetarian since 2020", "Prefers short answers"]


def test_a_fact_in_the_profile_is_not_recalled_again(memory: Memory) -> None:
    memory.remember("ana", "vegetarian since 2020", subject="diet")

    context = memory.context("ana", query="diet vegetarian")

    assert "vegetarian" in context.profile
    assert context.recalled == ()


def test_a_fact_that_has_ended_is_not_in_the_profile(memory: Memory, clock: TurnableClock) -> None:
    memory.remember("ana", "Lisbon", subject="home")
    clock.turn(hours=1)
    memory.remember("ana", "Porto", subject="home")

    assert "Porto" in memory.context("ana").profile
    assert "Lisbon" not in memory.context("ana").profile


def test_notes_are_not_in_the_profile(memory: Memory) -> None:
    memory.remember("ana", "Call back on Monday", kind="note")

    assert memory.context("ana").profile == ""


def test_more_facts_than_fit_leave_out_the_oldest(memory: Memory, clock: TurnableClock) -> None:
    for number in range(60):
        clock.turn(minutes=1)
        memory.remember("ana", f"Fact number {number} of many that are kept about this person")

    context = memory.context("ana", budget=1_000)

    assert "number 59 " in context.profile
    assert "number 0 " not in context.profile
    assert context.tokens <= context.budget


def test_the_profile_begins_the_same_when_a_fact_is_added(memory: Memory, clock: TurnableClock) -> None:
    memory.remember("ana", "First fact")
    before = memory.context("ana").profile
    clock.turn(minutes=1)
    memory.remember("ana", "Second fact")

    assert memory.context("ana").profile.startswith(before)
