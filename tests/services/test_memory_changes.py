"""Memories that are corrected, superseded and retired: what holds after it, and what stays in the history."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ingat.core.errors import Conflict
from ingat.memory import Memory
from ingat.testing import TurnableClock

DAY = 24 * 3_600_000


def now(memory: Memory, **how: Any) -> list[str]:
    """Return the texts that hold, oldest first."""
    return [item.text for item in memory.memories.list("ana", descending=False, **how)]


def recalled(memory: Memory, query: str, **how: Any) -> list[str]:
    return [hit.text for hit in memory.recall("ana", query, **how).hits]


def said(memory: Memory, *ids: str, user: str = "ana") -> tuple[str, list[str]]:
    """Let a user say something, and return the session and the ids of the messages."""
    session = memory.sessions.create(user)
    memory.sessions.append_many(session.id, [{"role": "user", "content": "hm", "id": each} for each in ids])
    return session.id, list(ids)


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


@pytest.mark.parametrize("subject", ["drink", None])
@pytest.mark.parametrize("known_subject", ["drink", None])
def test_superseding_with_a_text_that_is_known_gives_it_the_place(
    memory: Memory, clock: TurnableClock, subject: str | None, known_subject: str | None
) -> None:
    if subject is not None and known_subject is not None:
        known = memory.remember("ana", "likes tea", subject=known_subject, valid_from=clock() + DAY)
    else:
        known = memory.remember("ana", "likes tea", subject=known_subject)
    old = memory.remember("ana", "likes coffee", subject=subject, metadata={"a": 1})
    clock.turn(hours=1)
    new = memory.memories.supersede("ana", old.id, "Likes tea.")

    assert now(memory) == [new.text]
    ended = memory.memories.get("ana", old.id)
    assert (ended.valid_to, ended.superseded_by) == (clock(), new.id)
    assert len(recalled(memory, "likes tea coffee")) == 1
    assert (new.id == known.id) == (subject is None or known_subject is not None)


def test_a_superseding_value_says_where_it_was_said(memory: Memory) -> None:
    old = memory.remember("ana", "likes coffee")
    session, ids = said(memory, "m1")
    new = memory.memories.supersede("ana", old.id, "likes tea", session_id=session, message_ids=ids)

    assert (new.session_id, new.message_ids) == (session, ("m1",))


def test_an_item_with_a_planned_end_is_superseded_and_retired(memory: Memory, clock: TurnableClock) -> None:
    start = clock()
    first = memory.remember("ana", "Lisbon", subject="home")
    memory.remember("ana", "Porto", subject="home", valid_from=start + DAY)
    clock.turn(hours=1)
    second = memory.memories.supersede("ana", first.id, "Faro")
    assert (now(memory), second.valid_to) == (["Faro"], start + DAY)

    clock.turn(hours=1)
    memory.memories.retire("ana", second.id)
    assert now(memory) == []
    clock.turn(days=1)
    assert now(memory) == ["Porto"]


def test_an_item_does_not_hold_on_beyond_the_next_value(memory: Memory, clock: TurnableClock) -> None:
    item = memory.remember("ana", "Lisbon", subject="home")
    memory.remember("ana", "Porto", subject="home", valid_from=clock() + DAY)

    assert memory.memories.retire("ana", item.id, valid_to=clock() + 2 * DAY).valid_to == clock() + DAY


@pytest.mark.parametrize("subject", ["drink", None])
def test_an_edit_into_what_another_memory_says_is_refused(memory: Memory, subject: str | None) -> None:
    known = memory.remember("ana", "likes tea", subject=subject)
    item = memory.remember("ana", "likes milk")

    with pytest.raises(Conflict) as caught:
        memory.memories.edit("ana", item.id, text="Likes tea!")
    assert caught.value.details["memory_id"] == known.id
    assert memory.memories.get("ana", item.id) == item
    assert memory.memories.edit("ana", item.id, text="likes MILK").text == "likes MILK"


def test_a_summary_is_not_edited_into_the_double_of_a_fact(memory: Memory) -> None:
    memory.remember("ana", "likes tea")
    item = memory.remember("ana", "likes tea", kind="summary")

    with pytest.raises(Conflict):
        memory.memories.edit("ana", item.id, kind="note")


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


def test_what_is_said_again_after_it_ended_holds_from_that_end_on(memory: Memory, clock: TurnableClock) -> None:
    item = memory.remember("ana", "Bruno eats chicken")
    clock.turn(days=2)
    memory.memories.retire("ana", item.id)
    again = memory.remember("ana", "Bruno eats chicken", valid_from=clock() - DAY)
    clock.turn(hours=-1)

    assert again.valid_from == clock() + DAY // 24
    assert now(memory) == ["Bruno eats chicken"]
