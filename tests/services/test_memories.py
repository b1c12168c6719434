"""Memories: what holds now, what held before, and nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ingat.core.errors import (
    Conflict,
    ContentTooLong,
    EmptyContent,
    IngatError,
    InvalidInput,
    InvalidText,
    MemoryNotFound,
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


def test_a_memory_is_kept_as_it_was_given(memory: Memory, clock: TurnableClock) -> None:
    item = memory.remember(
        "ana",
        " Ana lives in Porto. ",
        subject=" home\n town ",
        kind="note",
        valid_from=5,
        session_id="s1",
        message_ids=["m1", "m2"],
        metadata={"sure": True},
    )

    assert memory.memories.get("ana", item.id) == item
    assert (item.text, item.subject, item.kind) == ("Ana lives in Porto.", "home town", "note")
    assert (item.valid_from, item.valid_to, item.created_at) == (5, None, clock())
    assert (item.session_id, item.message_ids, item.metadata) == ("s1", ("m1", "m2"), {"sure": True})


def test_a_memory_can_be_recalled_at_once(memory: Memory) -> None:
    memory.remember("ana", "Bruno is allergic to chicken", subject="dog")

    assert recalled(memory, "chicken") == ["dog: Bruno is allergic to chicken"]


@pytest.mark.parametrize("again", ["Ana lives in Porto", "ana LIVES  in\nporto.", " Ana lives in Porto! "])
def test_the_same_thing_twice_is_one_memory(memory: Memory, clock: TurnableClock, again: str) -> None:
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


# -- editing, superseding, retiring -------------------------------------------------------------------------------


def test_an_edit_changes_what_is_given_and_is_recalled(memory: Memory) -> None:
    item = memory.remember("ana", "Bruno eats chicken", subject="dog", metadata={"a": 1, "b": 2})
    edited = memory.memories.edit("ana", item.id, text="Bruno eats salmon", metadata={"a": None})

    assert (edited.id, edited.text, edited.subject) == (item.id, "Bruno eats salmon", "dog")
    assert edited.metadata == {"b": 2}
    assert recalled(memory, "chicken") == []
    assert recalled(memory, "salmon") == ["dog: Bruno eats salmon"]


def test_an_edit_of_the_kind_is_seen_by_filters(memory: Memory) -> None:
    item = memory.remember("ana", "Bruno eats chicken")
    memory.memories.edit("ana", item.id, kind="note")

    assert recalled(memory, "chicken", kinds=["fact"]) == []
    assert recalled(memory, "chicken", kinds=["note"]) == ["Bruno eats chicken"]


def test_an_edit_of_nothing_changes_nothing(memory: Memory, clock: TurnableClock) -> None:
    item = memory.remember("ana", "Bruno eats chicken")
    clock.turn(days=1)

    assert memory.memories.edit("ana", item.id) == item


def test_an_edited_memory_that_has_ended_stays_ended(memory: Memory, clock: TurnableClock) -> None:
    item = memory.remember("ana", "Bruno eats chicken")
    clock.turn(days=1)
    memory.memories.retire("ana", item.id)
    memory.memories.edit("ana", item.id, text="Bruno ate chicken")

    assert recalled(memory, "chicken") == []
    assert recalled(memory, "chicken", as_of=item.valid_from) == ["Bruno ate chicken"]


@pytest.mark.parametrize("subject", ["home", None])
def test_a_superseding_value_takes_the_place(memory: Memory, clock: TurnableClock, subject: str | None) -> None:
    old = memory.remember("ana", "lives in Lisbon", subject=subject, metadata={"a": 1})
    clock.turn(days=1)
    new = memory.memories.supersede("ana", old.id, "lives in Porto")

    assert now(memory) == ["lives in Porto"]
    assert (new.subject, new.metadata) == (subject, {"a": 1})
    ended = memory.memories.get("ana", old.id)
    assert (ended.valid_to, ended.superseded_by) == (clock(), new.id)
    assert len(recalled(memory, "lives")) == 1


def test_superseding_with_the_same_text_changes_nothing_but_the_time(memory: Memory, clock: TurnableClock) -> None:
    old = memory.remember("ana", "lives in Lisbon")
    clock.turn(days=1)

    assert memory.memories.supersede("ana", old.id, "Lives in Lisbon.").id == old.id
    assert now(memory) == ["lives in Lisbon"]


def test_what_has_ended_is_not_superseded(memory: Memory) -> None:
    old = memory.remember("ana", "lives in Lisbon")
    memory.memories.supersede("ana", old.id, "lives in Porto")

    acts: list[Callable[[], object]] = [
        lambda: memory.memories.supersede("ana", old.id, "x"),
        lambda: memory.memories.retire("ana", old.id),
    ]
    for act in acts:
        with pytest.raises(Conflict) as caught:
            act()
        assert caught.value.code == "conflict"
    assert now(memory) == ["lives in Porto"]


def test_a_memory_does_not_end_before_it_began(memory: Memory) -> None:
    item = memory.remember("ana", "lives in Lisbon", valid_from=DAY)

    with pytest.raises(Conflict):
        memory.memories.retire("ana", item.id, valid_to=0)
    with pytest.raises(Conflict):
        memory.memories.supersede("ana", item.id, "lives in Porto", valid_from=0)
    assert now(memory) == ["lives in Lisbon"]


def test_a_retired_memory_is_history(memory: Memory, clock: TurnableClock) -> None:
    item = memory.remember("ana", "Bruno eats chicken")
    clock.turn(days=1)
    retired = memory.memories.retire("ana", item.id)

    assert (retired.valid_to, retired.superseded_by) == (clock(), None)
    assert (now(memory), recalled(memory, "chicken")) == ([], [])
    assert now(memory, history=True) == ["Bruno eats chicken"]


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
        ({"text": "x", "metadata": {"a": object()}}, InvalidInput),
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
    ]
    for act in acts:
        with pytest.raises(UserBlocked):
            act()
    assert [each.text for each in memory.memories.list("noor", history=True)] == ["likes tea"]
