"""Two users who turn out to be one person become one, and nothing is lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ingat.core.errors import ContentTooLong, InvalidInput, UserNotFound
from ingat.memory import Memory
from ingat.testing import CountingEmbedder, TurnableClock, open_memory


def healthy(memory: Memory) -> bool:
    assert memory.vectors is not None
    memory.vectors.flush()
    memory.vectors.sweep()
    return all(check.state == "ok" for check in memory.doctor())


def say(memory: Memory, user: str, channel: str, *lines: str) -> str:
    session = memory.sessions.open(user, channel)
    memory.sessions.append_many(session.id, [{"role": "user", "content": line} for line in lines])
    return session.id


@pytest.fixture
def two(memory: Memory, clock: TurnableClock) -> Memory:
    """A visitor and the person they turn out to be."""
    memory.users.save("visitor", name="V", language="pt", slots={"a": 1, "b": 1}, role="client")
    memory.users.alias("visitor", "cookie-1")
    clock.turn(minutes=1)
    memory.users.save("ana", name="Ana", slots={"b": 2, "c": 3}, role="godfather")
    say(memory, "visitor", "web", "Do you have boats?", "Red ones?")
    say(memory, "ana", "web", "I like boats")
    say(memory, "visitor", "mail", "A letter about boats")
    memory.remember("visitor", "Visitor sails", subject="hobby")
    memory.remember("ana", "Ana has two dogs", subject="pets")
    return memory


def test_everything_of_both_is_there_afterwards(two: Memory) -> None:
    before = {message.content for user in ("ana", "visitor") for message in two.sessions.history(user)}
    sessions = {session.id for session in two.sessions.list()}
    two.users.merge("visitor", "ana")

    assert {message.content for message in two.sessions.history("ana")} == before
    assert {session.id for session in two.sessions.list("ana")} == sessions
    assert {item.text for item in two.memories.list("ana")} == {"Visitor sails", "Ana has two dogs"}
    assert {hit.text for hit in two.recall("ana", "boats", 50).hits} == before - {"Red ones?"} or len(before) == 4
    assert healthy(two)


def test_the_merged_id_and_its_aliases_name_the_person(two: Memory) -> None:
    user = two.users.merge("visitor", "ana")

    assert user.aliases == ("cookie-1", "visitor")
    assert two.users.get("visitor") == two.users.get("cookie-1") == user
    assert len(two.users.list()) == 1


def test_the_persons_values_win_and_gaps_are_filled(two: Memory) -> None:
    created = two.users.get("visitor").created_at
    user = two.users.merge("visitor", "ana")

    assert (user.name, user.language, user.slots) == ("Ana", "pt", {"a": 1, "b": 2, "c": 3})
    assert user.created_at == created


@pytest.mark.parametrize(
    ("one", "other", "joined"),
    [("admin", "godfather", "admin"), ("blocked", "client", "blocked"), ("godfather", "blocked", "godfather")],
)
def test_the_stronger_role_wins(memory: Memory, one: str, other: str, joined: str) -> None:
    memory.users.save("a", role=one)
    memory.users.save("b", role=other)

    assert memory.users.merge("a", "b").role == joined


@pytest.mark.parametrize("protected", ["a", "b"])
def test_a_protected_user_stays_protected(memory: Memory, protected: str) -> None:
    memory.users.save("a")
    memory.users.save("b")
    memory.users.protect(protected)

    assert memory.users.merge("a", "b").protected


def test_a_flag_that_protects_is_not_taken_away_by_one_that_does_not(memory: Memory) -> None:
    memory.users.save("a", flags={"sop_pending": True, "vip": True})
    memory.users.save("b", flags={"sop_pending": False, "vip": False})

    assert memory.users.merge("a", "b").flags == {"sop_pending": True, "vip": False}


def test_of_two_active_sessions_of_a_channel_the_one_used_last_stays(two: Memory, clock: TurnableClock) -> None:
    persons = two.sessions.open("ana", "web").id
    clock.turn(days=3)
    live = two.sessions.open("visitor", "web").id
    two.sessions.append(live, "user", "I am here")
    mail = two.sessions.open("visitor", "mail").id
    moment = clock.turn(minutes=1)
    two.users.merge("visitor", "ana")

    assert two.sessions.open("ana", "web").id == live
    closed = two.sessions.get(persons)
    assert (closed.state, closed.closed_at, closed.user_id) == ("closed", moment, "ana")
    assert two.sessions.append(live, "user", "still").seq > 1
    assert two.sessions.open("ana", "mail").id == mail


def test_of_two_active_sessions_used_at_the_same_time_the_persons_stays(two: Memory) -> None:
    kept = two.sessions.open("ana", "web").id
    closed = two.sessions.open("visitor", "web").id
    two.users.merge("visitor", "ana")

    assert two.sessions.open("visitor", "web").id == kept
    assert two.sessions.get(closed).state == "closed"


def test_a_role_of_the_deployment_is_not_lost(clock: TurnableClock) -> None:
    with open_memory(now=clock, embedder=None, role_budgets={"vip": 50_000}) as memory:
        memory.users.save("visitor", role="vip")
        memory.users.save("ana")

        assert memory.users.merge("visitor", "ana").role == "vip"


@pytest.mark.parametrize("field", ["flags", "slots", "metadata"])
def test_what_does_not_fit_together_is_said_and_nothing_is_changed(memory: Memory, field: str) -> None:
    save: Callable[..., object] = memory.users.save
    save("visitor", **{field: {"x": "y" * 200_000}})
    save("ana", **{field: {"z": "y" * 200_000}})
    memory.remember("visitor", "likes tea")
    with pytest.raises(ContentTooLong) as caught:
        memory.users.merge("visitor", "ana")

    assert caught.value.details["field"] == field
    assert f"The {field} of 'visitor' and 'ana'" in caught.value.message
    assert memory.users.get("visitor").user_id == "visitor"
    assert [item.text for item in memory.memories.list("visitor")] == ["likes tea"]
    save("visitor", **{field: {"x": None}})
    assert memory.users.merge("visitor", "ana").user_id == "ana"


def test_messages_keep_their_order_and_go_on(two: Memory) -> None:
    mail = two.sessions.open("visitor", "mail").id
    two.users.merge("visitor", "ana")
    two.sessions.append(mail, "user", "More")

    assert [(message.seq, message.user_id) for message in two.sessions.messages(mail)] == [(1, "ana"), (2, "ana")]
    assert healthy(two)


def test_of_two_values_of_a_subject_the_newer_holds(memory: Memory) -> None:
    old = memory.remember("ana", "Lisbon", subject="home", valid_from=1_000)
    memory.remember("visitor", "Porto", subject="Home", valid_from=2_000)
    memory.users.merge("visitor", "ana")

    assert [item.text for item in memory.memories.list("ana")] == ["Porto"]
    assert memory.memories.get("ana", old.id).valid_to == 2_000
    assert [hit.text for hit in memory.recall("ana", "home").hits] == ["Home: Porto"]
    assert healthy(memory)


def history(memory: Memory, subject: str) -> list[tuple[str, int, int | None]]:
    page = memory.memories.list("ana", subject=subject, history=True, sort="valid_from", descending=False)
    return [(item.text, item.valid_from, item.valid_to) for item in page]


def test_the_values_of_a_subject_become_one_history(memory: Memory) -> None:
    memory.remember("ana", "Lisbon", subject="home", valid_from=100)
    memory.remember("ana", "Porto", subject="home", valid_from=300)
    memory.remember("visitor", "Faro", subject="home", valid_from=200)
    memory.remember("visitor", "Braga", subject="home", valid_from=400)
    memory.users.merge("visitor", "ana")

    assert history(memory, "home") == [
        ("Lisbon", 100, 200),
        ("Faro", 200, 300),
        ("Porto", 300, 400),
        ("Braga", 400, None),
    ]
    items = {item.text: item for item in memory.memories.list("ana", history=True)}
    assert items["Lisbon"].superseded_by == items["Faro"].id
    assert items["Faro"].superseded_by == items["Porto"].id
    for moment, town in ((150, "Lisbon"), (250, "Faro"), (350, "Porto")):
        assert [item.text for item in memory.memories.list("ana", as_of=moment)] == [town]
        assert [hit.text for hit in memory.recall("ana", "home", as_of=moment).hits] == [f"home: {town}"]
    assert healthy(memory)


@pytest.mark.parametrize("since", [900, 1_000])
def test_a_subject_can_be_updated_after_a_merge_with_a_retired_value(
    memory: Memory, clock: TurnableClock, since: int
) -> None:
    memory.remember("ana", "Porto", subject="home", valid_from=900)
    item = memory.remember("visitor", "Lisbon", subject="home", valid_from=since)
    memory.memories.retire("visitor", item.id, valid_to=2_000)
    memory.users.merge("visitor", "ana")

    assert memory.memories.list("ana").items == ()
    memory.remember("ana", "Rome", subject="home")
    assert [item.text for item in memory.memories.list("ana")] == ["Rome"]
    assert healthy(memory)


def test_a_subject_can_be_updated_after_a_merge_of_values_of_one_moment(memory: Memory) -> None:
    memory.remember("ana", "Porto", subject="home")
    memory.remember("visitor", "Lisbon", subject="home")
    memory.users.merge("visitor", "ana")

    assert [item.text for item in memory.memories.list("ana")] == ["Lisbon"]
    memory.remember("ana", "Rome", subject="home")
    assert [item.text for item in memory.memories.list("ana")] == ["Rome"]
    assert healthy(memory)


def test_a_value_said_without_its_subject_too_holds_after_a_merge(memory: Memory) -> None:
    memory.remember("ana", "Red", subject="colour", valid_from=100)
    loose = memory.remember("ana", "Blue", valid_from=900)
    blue = memory.remember("visitor", "Blue", subject="colour", valid_from=500)
    memory.users.merge("visitor", "ana")

    assert [item.id for item in memory.memories.list("ana")] == [blue.id]
    assert history(memory, "colour") == [("Red", 100, 500), ("Blue", 500, None)]
    assert memory.memories.get("ana", loose.id).superseded_by == blue.id
    assert healthy(memory)


def test_a_joined_value_begins_when_it_was_first_said_unless_another_came_between(memory: Memory) -> None:
    memory.remember("ana", "Blue", valid_from=200)
    memory.remember("ana", "Tall", valid_from=200)
    memory.remember("ana", "Short", subject="height", valid_from=300)
    memory.remember("visitor", "Blue", subject="colour", valid_from=500)
    memory.remember("visitor", "Tall", subject="height", valid_from=500)
    memory.users.merge("visitor", "ana")

    assert history(memory, "colour") == [("Blue", 200, None)]
    assert history(memory, "height") == [("Short", 300, 500), ("Tall", 500, None)]
    assert [item.text for item in memory.memories.list("ana", as_of=250)] == ["Blue", "Tall"]
    assert healthy(memory)


def test_the_same_value_of_both_is_one_from_its_first_day(memory: Memory, embedder: CountingEmbedder) -> None:
    first = memory.remember("visitor", "Porto", subject="home", valid_from=100, metadata={"a": 1, "b": 1})
    ours, theirs = memory.sessions.create("ana").id, memory.sessions.create("visitor").id
    memory.sessions.append(ours, "user", "Porto", id="m1")
    memory.sessions.append(theirs, "user", "Porto", id="m2")
    memory.remember("ana", "porto", subject="Home", valid_from=300, session_id=ours, message_ids=["m1"])
    memory.remember("visitor", "Porto", subject="home", message_ids=["m2"])
    assert memory.vectors is not None
    memory.vectors.flush()
    memory.users.merge("visitor", "ana")

    (item,) = memory.memories.list("ana", subject="home")
    assert (item.id, item.valid_from, item.valid_to) == (first.id, 100, None)
    assert (item.session_id, item.message_ids, item.metadata) == (ours, ("m2", "m1"), {"a": 1, "b": 1})
    assert memory.stats().vectors_missing == 0
    assert healthy(memory)


def test_an_end_that_only_one_of_both_planned_is_called_off(memory: Memory, clock: TurnableClock) -> None:
    item = memory.remember("ana", "Likes tea.")
    memory.memories.retire("ana", item.id, valid_to=clock() + 1_000)
    memory.remember("visitor", "likes tea")
    memory.users.merge("visitor", "ana")
    clock.turn(days=1)

    assert [item.text for item in memory.memories.list("ana")] == ["Likes tea."]
    assert healthy(memory)


def test_summaries_of_two_sessions_stay_two(memory: Memory) -> None:
    for user in ("ana", "visitor"):
        memory.remember(user, "Said hello", kind="summary", session_id=memory.sessions.create(user).id)
    memory.users.merge("visitor", "ana")

    assert len(memory.memories.list("ana")) == 2


def test_memories_that_name_many_messages_are_merged_and_lose_none(memory: Memory) -> None:
    for user in ("ana", "visitor"):
        session = memory.sessions.create(user).id
        ids = [f"{user}{number}" for number in range(600)]
        memory.sessions.append_many(session, [{"role": "user", "content": "tea", "id": each} for each in ids])
        memory.remember(user, "likes tea", message_ids=ids, metadata={user: "x" * 200_000})
    memory.users.merge("visitor", "ana")

    items = memory.memories.list("ana", history=True)
    assert sum(len(item.message_ids) for item in items) == 1_200
    assert {key for item in items for key in item.metadata} == {"ana", "visitor"}
    assert len(memory.memories.list("ana")) == 1


def test_the_same_memory_of_both_holds_once(memory: Memory) -> None:
    memory.remember("ana", "Likes tea.")
    memory.remember("visitor", "likes tea")
    memory.users.merge("visitor", "ana")

    assert len(memory.memories.list("ana")) == 1
    assert len(memory.recall("ana", "tea").hits) == 1
    assert healthy(memory)


def test_keys_of_the_merged_user_open_the_persons_data(two: Memory) -> None:
    secret = two.keys.create("user", "visitor").key
    two.users.merge("visitor", "ana")

    assert two.keys.check(secret).user_id == "ana"


def test_vectors_move_with_their_lines(two: Memory) -> None:
    assert two.vectors is not None
    two.vectors.flush()
    two.users.merge("visitor", "ana")

    assert two.stats().vectors_missing == 0


def test_an_anonymous_session_becomes_the_persons(memory: Memory) -> None:
    session = memory.sessions.create(id="s1")
    memory.sessions.append("s1", "user", "Who am I?")
    memory.users.save("ana")
    memory.users.merge(session.user_id, "ana")

    assert memory.sessions.get("s1").user_id == "ana"
    assert memory.recall("ana", "Who am I?").hits or memory.sessions.history("ana").items


def test_one_user_is_not_merged_with_itself(two: Memory) -> None:
    for other in ("visitor", "cookie-1"):
        with pytest.raises(InvalidInput):
            two.users.merge("visitor", other)
    assert len(two.users.list()) == 2


@pytest.mark.parametrize(("source", "target"), [("visitor", "nobody"), ("nobody", "visitor")])
def test_an_unknown_user_is_not_merged(two: Memory, source: str, target: str) -> None:
    with pytest.raises(UserNotFound):
        two.users.merge(source, target)
    assert two.users.get("visitor").name == "V"


def test_several_users_are_merged_one_after_another(memory: Memory) -> None:
    for number in range(5):
        say(memory, f"u{number}", "web", f"I am visitor number {number}")
        memory.remember(f"u{number}", f"town {number}", subject="home", valid_from=1_000 + number)
    for number in range(4):
        memory.users.merge(f"u{number}", f"u{number + 1}")

    assert len(memory.sessions.history("u4")) == 5
    assert len(memory.recall("u0", "visitor", 50).hits) == 5
    assert [item.text for item in memory.memories.list("u2")] == ["town 4"]
    assert healthy(memory)


def test_messages_that_both_imported_under_one_id_are_both_kept(memory: Memory) -> None:
    ours, theirs = memory.sessions.open("ana").id, memory.sessions.open("visitor").id
    memory.sessions.append(ours, "user", "A red boat", id="m1")
    memory.sessions.append(theirs, "user", "A blue boat", id="m1")
    memory.remember("visitor", "likes blue", message_ids=["m1"])
    memory.users.merge("visitor", "ana")

    (kept,), (renamed,) = memory.sessions.messages(ours), memory.sessions.messages(theirs)
    assert (kept.id, kept.content) == ("m1", "A red boat")
    assert (renamed.content, renamed.metadata) == ("A blue boat", {"id_before_merge": "m1"})
    assert renamed.id != "m1"
    assert memory.memories.list("ana").items[0].message_ids == (renamed.id,)
    assert {hit.source_id for hit in memory.recall("ana", "boat").hits} == {"m1", renamed.id}
    assert healthy(memory)


def test_memories_of_one_id_are_no_obstacle(memory: Memory) -> None:
    """A restore may bring back to a user what went to another by a merge."""
    first = memory.remember("a", "likes tea", subject="drink")
    memory.remember("a", "likes coffee", subject="drink")
    older = memory.backups.create().name
    memory.users.save("b")
    memory.users.merge("a", "b")
    newer = memory.backups.create().name
    memory.erase.user("b")
    memory.backups.restore(older)
    memory.backups.restore(newer)
    assert memory.memories.get("a", first.id).text == memory.memories.get("b", first.id).text

    memory.users.merge("a", "b")

    assert [each.text for each in memory.memories.list("b").items] == ["likes coffee"]
    assert [check for check in memory.doctor() if check.state == "bad"] == []
