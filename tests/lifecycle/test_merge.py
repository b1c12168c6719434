"""Two users who turn out to be one person become one, and nothing is lost."""

from __future__ import annotations

import pytest

from ingat.core.errors import InvalidInput, UserNotFound
from ingat.memory import Memory
from ingat.testing import TurnableClock


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


def test_of_two_active_sessions_of_a_channel_the_persons_stays(two: Memory) -> None:
    kept = two.sessions.open("ana", "web").id
    closed = two.sessions.open("visitor", "web").id
    mail = two.sessions.open("visitor", "mail").id
    two.users.merge("visitor", "ana")

    assert two.sessions.open("visitor", "web").id == kept
    assert two.sessions.get(closed).state == "closed"
    assert two.sessions.open("ana", "mail").id == mail


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
