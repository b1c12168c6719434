"""Memories: what holds now, what held before, and nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ingat.core.errors import (
    ContentTooLong,
    EmptyContent,
    IngatError,
    InvalidInput,
    InvalidLimit,
    InvalidText,
    MemoryNotFound,
    MessageNotFound,
    SessionNotFound,
    UserBlocked,
)
from ingat.memory import Memory
from ingat.testing import TurnableClock

DAY = 24 * 3_600_000


def now(memory: Memory, **how: Any) -> list[str]:
    """Return the texts that hold, oldest first."""
    return [item.text for item in memory.memories.list("ana", descending=False, **how)]


def history(memory: Memory, subject: str) -> list[tuple[str, int, int | None]]:
    page = memory.memories.list("ana", subject=subject, history=True, sort="valid_from", descending=False)
    return [(item.text, item.valid_from, item.valid_to) for item in page]


def recalled(memory: Memory, query: str, **how: Any) -> list[str]:
    return [hit.text for hit in memory.recall("ana", query, **how).hits]


def said(memory: Memory, *ids: str, user: str = "ana") -> tuple[str, list[str]]:
    """Let a user say something, and return the session and the ids of the messages."""
    session = memory.sessions.create(user)
    memory.sessions.append_many(session.id, [{"role": "user", "content": "hm", "id": each} for each in ids])
    return session.id, list(ids)


def test_a_memory_is_kept_as_it_was_given(memory: Memory, clock: TurnableClock) -> None:
    session, ids = said(memory, "m1", "m2")
    item = memory.remember(
        "ana",
        " Ana lives in Porto. ",
        subject=" home\n town ",
        kind="note",
        valid_from=5,
        session_id=session,
        message_ids=ids,
        metadata={"sure": True},
    )

    assert memory.memories.get("ana", item.id) == item
    assert (item.text, item.subject, item.kind) == ("Ana lives in Porto.", "home town", "note")
    assert (item.valid_from, item.valid_to, item.created_at) == (5, None, clock())
    assert (item.session_id, item.message_ids, item.metadata) == (session, ("m1", "m2"), {"sure": True})


def test_a_memory_can_be_recalled_at_once(memory: Memory) -> None:
    memory.remember("ana", "Bruno is allergic to chicken", subject="dog")

    assert recalled(memory, "chicken") == ["dog: Bruno is allergic to chicken"]


@pytest.mark.parametrize("again", ["Ana lives in Porto", "ana LIVES  in\nporto.", " Ana lives in Porto! "])
def test_the_same_thing_twice_is_one_memory(memory: Memory, clock: TurnableClock, again: str) -> None:
    said(memory, "m1", "m2")
    first = memory.remember("ana", "Ana lives in Porto.", message_ids=["m1"], metadata={"a": 1})
    clock.turn(days=1)
    second = memory.remember("ana", again, message_ids=["m2", "m1"], metadata={"b": 2})

    assert (second.id, second.text, second.message_ids) == (first.id, "Ana lives in Porto.", ("m1", "m2"))
    assert (second.metadata, second.updated_at) == ({"a": 1, "b": 2}, clock())
    assert now(memory) == ["Ana lives in Porto."]
    assert memory.stats().memories.total == 1


def test_the_same_words_about_two_subjects_are_two_memories(memory: Memory) -> None:
    memory.remember("ana", "yes", subject="vegetarian")
    memory.remember("ana", "yes", subject="has a car")

    assert now(memory) == ["yes", "yes"]


def test_a_newer_value_ends_the_older_one(memory: Memory, clock: TurnableClock) -> None:
    first = memory.remember("ana", "Lisbon", subject="Home")
    since = clock.turn(days=1)
    second = memory.remember("ana", "Porto", subject="home")

    assert now(memory) == ["Porto"]
    assert history(memory, "HOME") == [("Lisbon", first.valid_from, since), ("Porto", since, None)]
    assert memory.memories.get("ana", first.id).superseded_by == second.id
    assert recalled(memory, "Where is home?") == ["home: Porto"]


def test_an_older_value_that_arrives_late_takes_its_place_in_the_history(memory: Memory) -> None:
    memory.remember("ana", "Lisbon", subject="home", valid_from=1 * DAY)
    memory.remember("ana", "Porto", subject="home", valid_from=9 * DAY)
    memory.remember("ana", "Braga", subject="home", valid_from=5 * DAY)
    memory.remember("ana", "Faro", subject="home", valid_from=0)

    assert history(memory, "home") == [
        ("Faro", 0, 1 * DAY),
        ("Lisbon", 1 * DAY, 5 * DAY),
        ("Braga", 5 * DAY, 9 * DAY),
        ("Porto", 9 * DAY, None),
    ]
    assert recalled(memory, "home") == ["home: Porto"]


def test_a_value_may_come_back(memory: Memory, clock: TurnableClock) -> None:
    for town in ("Lisbon", "Porto", "Lisbon"):
        memory.remember("ana", town, subject="home")
        clock.turn(days=1)

    assert [text for text, _, _ in history(memory, "home")] == ["Lisbon", "Porto", "Lisbon"]
    assert now(memory) == ["Lisbon"]


def test_a_text_that_gains_a_subject_stays_one_memory(memory: Memory) -> None:
    first = memory.remember("ana", "Ana lives in Porto")
    second = memory.remember("ana", "Ana lives in Porto", subject="home")

    assert (second.id, second.subject) == (first.id, "home")
    assert recalled(memory, "home") == ["home: Ana lives in Porto"]


def test_what_is_said_now_holds_although_it_was_said_before_without_a_subject(
    memory: Memory, clock: TurnableClock
) -> None:
    """The text once took its place where it was first said, and so ended at the value it was to replace."""
    memory.remember("ana", "lives in Lisbon")
    clock.turn(days=1)
    memory.remember("ana", "lives in Porto", subject="home")
    clock.turn(days=1)
    item = memory.remember("ana", "lives in Lisbon", subject="home")

    assert (item.subject, item.valid_to) == ("home", None)
    assert now(memory) == ["lives in Lisbon"]
    assert [text for text, _, _ in history(memory, "home")] == ["lives in Porto", "lives in Lisbon"]


def test_what_holds_only_later_does_not_hold_yet(memory: Memory, clock: TurnableClock) -> None:
    memory.remember("ana", "Porto", subject="home")
    memory.remember("ana", "Braga", subject="home", valid_from=clock() + DAY)

    assert (now(memory), recalled(memory, "home")) == (["Porto"], ["home: Porto"])
    clock.turn(days=2)
    assert (now(memory), recalled(memory, "home")) == (["Braga"], ["home: Braga"])


def test_what_a_planned_text_says_holds_from_when_it_is_said_now(memory: Memory, clock: TurnableClock) -> None:
    planned = memory.remember("ana", "Lives in Porto", valid_from=clock() + DAY)
    item = memory.remember("ana", "Lives in Porto")

    assert (item.id, item.valid_from) == (planned.id, clock())
    assert recalled(memory, "Porto") == ["Lives in Porto"]
    assert memory.stats().memories.total == 1


def test_an_earlier_beginning_moves_a_value_in_the_history(memory: Memory) -> None:
    memory.remember("ana", "Lisbon", subject="home", valid_from=1 * DAY)
    item = memory.remember("ana", "Porto", subject="home", valid_from=9 * DAY)
    moved = memory.remember("ana", "porto", subject="home", valid_from=5 * DAY)

    assert moved.id == item.id
    assert history(memory, "home") == [("Lisbon", 1 * DAY, 5 * DAY), ("Porto", 5 * DAY, None)]
    assert recalled(memory, "home", as_of=6 * DAY) == ["home: Porto"]
    assert recalled(memory, "home", as_of=4 * DAY) == ["home: Lisbon"]


def test_an_earlier_beginning_does_not_jump_over_another_value(memory: Memory) -> None:
    memory.remember("ana", "Braga", subject="home", valid_from=5 * DAY)
    memory.remember("ana", "Porto", subject="home", valid_from=9 * DAY)
    memory.remember("ana", "Porto", subject="home", valid_from=1 * DAY)

    assert history(memory, "home") == [
        ("Porto", 1 * DAY, 5 * DAY),
        ("Braga", 5 * DAY, 9 * DAY),
        ("Porto", 9 * DAY, None),
    ]


def test_the_history_told_twice_is_one_history(memory: Memory) -> None:
    for _ in range(2):
        for days, town in enumerate(("Lisbon", "Porto", "Lisbon")):
            memory.remember("ana", town, subject="home", valid_from=days * DAY)

    assert history(memory, "home") == [("Lisbon", 0, DAY), ("Porto", DAY, 2 * DAY), ("Lisbon", 2 * DAY, None)]


def test_another_kind_and_session_of_the_same_text_are_taken_over(memory: Memory) -> None:
    first = memory.remember("ana", "Bruno eats chicken", kind="note")
    session, _ = said(memory)
    second = memory.remember("ana", "Bruno eats chicken", kind="fact", session_id=session)

    assert (second.id, second.kind, second.session_id) == (first.id, "fact", session)
    assert [hit.source for hit in memory.recall("ana", "chicken", session_id=session).hits] == ["fact"]


def test_the_same_summary_of_two_sessions_is_two(memory: Memory) -> None:
    sessions = [said(memory)[0] for _ in range(2)]
    for session in (*sessions, *sessions):
        memory.remember("ana", "They said hello", kind="summary", session_id=session)
    memory.remember("ana", "They said hello")

    assert now(memory, kind="summary") == ["They said hello"] * 2
    assert {item.session_id for item in memory.memories.list("ana", kind="summary")} == set(sessions)
    assert now(memory, kind="fact") == ["They said hello"]


@pytest.mark.parametrize("subject", ["drink", None])
def test_a_planned_end_is_called_off_by_saying_it_again(
    memory: Memory, clock: TurnableClock, subject: str | None
) -> None:
    item = memory.remember("ana", "likes tea", subject=subject)
    memory.memories.retire("ana", item.id, valid_to=clock() + DAY)
    again = memory.remember("ana", "likes tea", subject=subject)
    clock.turn(days=2)

    assert (again.id, again.valid_to) == (item.id, None)
    assert (now(memory), len(recalled(memory, "tea"))) == (["likes tea"], 1)
    assert memory.stats().memories.total == 1


def test_a_planned_next_value_stays_planned_when_the_present_one_is_said_again(
    memory: Memory, clock: TurnableClock
) -> None:
    start = clock()
    item = memory.remember("ana", "Lisbon", subject="home")
    memory.remember("ana", "Porto", subject="home", valid_from=start + DAY)
    clock.turn(hours=1)

    assert memory.remember("ana", "Lisbon", subject="home").id == item.id
    assert history(memory, "home") == [("Lisbon", start, start + DAY), ("Porto", start + DAY, None)]


def test_a_value_said_after_the_clock_was_set_back_wins(memory: Memory, clock: TurnableClock) -> None:
    memory.remember("ana", "Lisbon", subject="home")
    clock.turn(seconds=10)
    porto = memory.remember("ana", "Porto", subject="home")
    clock.turn(seconds=-2)
    faro = memory.remember("ana", "Faro", subject="home")
    braga = memory.memories.supersede("ana", faro.id, "Braga")

    assert faro.valid_from == braga.valid_from == porto.valid_from
    clock.turn(seconds=3)
    assert (now(memory), recalled(memory, "home")) == (["Braga"], ["home: Braga"])


def test_what_is_said_last_in_one_millisecond_holds(memory: Memory) -> None:
    memory.remember("ana", "lives in Lisbon")
    memory.remember("ana", "lives in Porto", subject="home")
    memory.remember("ana", "lives in Lisbon", subject="home")

    assert now(memory) == ["lives in Lisbon"]
    assert recalled(memory, "lives") == ["home: lives in Lisbon"]


def test_texts_of_nothing_but_stops_are_told_apart(memory: Memory) -> None:
    assert memory.remember("ana", "...").id != memory.remember("ana", "!!!").id


# -- where it was said ---------------------------------------------------------------------------------------------


def test_what_others_said_is_not_the_source_of_a_memory(memory: Memory) -> None:
    session, ids = said(memory, "m1", user="budi")
    item = memory.remember("ana", "likes tea")

    acts: list[tuple[Callable[[], object], type[IngatError]]] = [
        (lambda: memory.remember("ana", "x", session_id=session), SessionNotFound),
        (lambda: memory.remember("ana", "x", message_ids=ids), MessageNotFound),
        (lambda: memory.remember("ana", "likes tea", message_ids=ids), MessageNotFound),
        (lambda: memory.memories.supersede("ana", item.id, "x", session_id=session), SessionNotFound),
        (lambda: memory.memories.supersede("ana", item.id, "x", message_ids=ids), MessageNotFound),
    ]
    for act, error in acts:
        with pytest.raises(error):
            act()
    assert memory.memories.list("ana", history=True).items == (item,)


def test_a_memory_names_a_thousand_messages_and_refuses_more(memory: Memory) -> None:
    _, ids = said(memory, *(f"m{number}" for number in range(1_001)))
    memory.remember("ana", "likes tea", message_ids=ids[:600])
    memory.remember("ana", "likes tea", message_ids=ids[500:1_000])

    with pytest.raises(InvalidLimit) as caught:
        memory.remember("ana", "likes tea", message_ids=ids[1_000:])
    assert caught.value.details["maximum"] == 1_000
    assert memory.remember("ana", "likes tea", message_ids=ids[:5]).message_ids == tuple(ids[:1_000])
    assert memory.remember("ana", "likes tea").message_ids == tuple(ids[:1_000])


# -- the state at another time ------------------------------------------------------------------------------------


def test_the_past_can_be_asked_for(memory: Memory, clock: TurnableClock) -> None:
    start = clock()
    memory.remember("ana", "Lisbon", subject="home")
    clock.turn(days=2)
    memory.remember("ana", "Porto", subject="home")

    assert now(memory, as_of=start + DAY) == ["Lisbon"]
    assert now(memory, as_of=start - 1) == []
    assert recalled(memory, "home", as_of=start + DAY) == ["home: Lisbon"]
    assert recalled(memory, "home", as_of=clock()) == ["home: Porto"]


# -- listing -------------------------------------------------------------------------------------------------------


def test_memories_are_filtered_and_searched(memory: Memory) -> None:
    memory.remember("ana", "Likes Fado", subject="music")
    memory.remember("ana", "Prefers short answers", kind="note")

    assert now(memory, kind="note") == ["Prefers short answers"]
    assert now(memory, subject="Music ") == ["Likes Fado"]
    assert now(memory, search="fADO") == ["Likes Fado"]


def test_memories_are_listed_page_by_page(memory: Memory, clock: TurnableClock) -> None:
    for number in range(5):
        memory.remember("ana", f"fact {number}")
        clock.turn(minutes=1)
    texts: list[str] = []
    cursor = None
    while True:
        page = memory.memories.list("ana", limit=2, cursor=cursor)
        texts += [item.text for item in page]
        cursor = page.next
        if cursor is None:
            break

    assert texts == [f"fact {number}" for number in range(4, -1, -1)]


def test_memories_are_only_shown_to_their_user(memory: Memory) -> None:
    item = memory.remember("ana", "secret")
    memory.users.save("budi")

    assert memory.memories.list("budi").items == memory.memories.list("nobody").items == ()
    acts: list[Callable[[], object]] = [
        lambda: memory.memories.get("budi", item.id),
        lambda: memory.memories.edit("budi", item.id, text="x"),
        lambda: memory.memories.supersede("budi", item.id, "x"),
        lambda: memory.memories.retire("budi", item.id),
    ]
    for act in acts:
        with pytest.raises(MemoryNotFound):
            act()


# -- refused -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"text": " \n"}, EmptyContent),
        ({"text": "x" * (64 << 10) + "x"}, ContentTooLong),
        ({"text": "\x00"}, InvalidText),
        ({"text": "x", "subject": " "}, EmptyContent),
        ({"text": "x", "subject": "\ud800"}, InvalidText),
        ({"text": "x", "kind": "rumour"}, InvalidInput),
        ({"text": "x", "valid_from": -1}, InvalidInput),
        ({"text": "x", "message_ids": ["../x"]}, InvalidInput),
        ({"text": "x", "message_ids": 5}, InvalidInput),
        ({"text": "x", "message_ids": "m1"}, InvalidInput),
        ({"text": "x", "message_ids": {"m1": 1}}, InvalidInput),
        ({"text": "x", "message_ids": [5]}, InvalidInput),
        ({"text": "x", "message_ids": [f"m{number}" for number in range(1_001)]}, InvalidLimit),
        ({"text": "x", "message_ids": ["nobody's"]}, MessageNotFound),
        ({"text": "x", "session_id": "nobody's"}, SessionNotFound),
        ({"text": "x", "session_id": 5}, InvalidInput),
        ({"text": "x", "metadata": {"a": object()}}, InvalidInput),
        ({"text": "x", "metadata": 5}, InvalidInput),
        ({"text": "x", "metadata": []}, InvalidInput),
        ({"text": 5}, InvalidInput),
        ({"text": "x", "subject": 5}, InvalidInput),
        ({"text": "x", "kind": ["fact"]}, InvalidInput),
        ({"text": "x", "valid_from": "now"}, InvalidInput),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_wrong_memory_changes_nothing(memory: Memory, arguments: dict[str, Any], error: type[IngatError]) -> None:
    with pytest.raises(error):
        memory.remember("ana", **arguments)

    assert memory.stats().users.total == 0


def test_nothing_is_remembered_of_a_blocked_user(memory: Memory) -> None:
    item = memory.remember("noor", "likes tea")
    memory.users.save("noor", role="blocked")

    acts: list[Callable[[], object]] = [
        lambda: memory.remember("noor", "likes milk"),
        lambda: memory.memories.supersede("noor", item.id, "likes milk"),
        lambda: memory.memories.edit("noor", item.id, text="likes milk"),
        lambda: memory.memories.retire("noor", item.id),
    ]
    for act in acts:
        with pytest.raises(UserBlocked):
            act()
    assert [each.text for each in memory.memories.list("noor", history=True)] == ["likes tea"]
