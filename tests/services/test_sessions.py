"""Sessions: opened by channel, created, changed, closed, archived and brought back."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ingat.core.errors import (
    Conflict,
    InvalidId,
    InvalidInput,
    InvalidLimit,
    SessionArchived,
    SessionExists,
    SessionNotFound,
    UserBlocked,
)
from ingat.memory import Memory
from ingat.testing import TurnableClock, open_memory
from tests.engine import store_at


def ids(memory: Memory, user_id: str | None = None, **how: object) -> list[str]:
    """Return the ids of all sessions, page by page of two."""
    found: list[str] = []
    cursor = None
    while True:
        page = memory.sessions.list(user_id, limit=2, cursor=cursor, **how)  # type: ignore[arg-type]
        found += [session.id for session in page]
        cursor = page.next
        if cursor is None:
            return found


# -- opening -------------------------------------------------------------------------------------------------------


def test_opening_a_channel_gets_its_session_or_makes_one(memory: Memory) -> None:
    first = memory.sessions.open("ana", "web", name="Hello")

    assert (first.user_id, first.channel, first.name, first.state) == ("ana", "web", "Hello", "active")
    assert memory.sessions.open("ana", "web", name="Other") == first


def test_channels_and_users_have_their_own_sessions(memory: Memory) -> None:
    opened = {memory.sessions.open(user, channel).id for user in ("ana", "budi") for channel in ("web", "mail")}

    assert len(opened) == 4


def test_opening_under_an_alias_gets_the_same_session(memory: Memory) -> None:
    first = memory.sessions.open("ana", "web")
    memory.users.alias("ana", "+1 555 0100")

    assert memory.sessions.open("+1-555-0100", "web") == first


def test_opening_after_a_close_makes_a_new_session(memory: Memory) -> None:
    first = memory.sessions.open("ana")
    memory.sessions.close(first.id)

    assert memory.sessions.open("ana").id != first.id


def test_sixteen_who_open_at_once_get_one_session(tmp_path: Path) -> None:
    with open_memory(**store_at(tmp_path / "store.db")) as memory:
        barrier = threading.Barrier(16)
        opened: list[str] = []

        def run() -> None:
            barrier.wait()
            opened.append(memory.sessions.open("ana", "web").id)

        threads = [threading.Thread(target=run) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(opened) == 16
        assert len(set(opened)) == 1
        assert len(memory.sessions.list("ana")) == 1


def test_a_blocked_user_opens_nothing(memory: Memory) -> None:
    memory.sessions.open("noor", "old")
    memory.users.save("noor", role="blocked")

    for channel in ("old", "new"):
        with pytest.raises(UserBlocked) as caught:
            memory.sessions.open("noor", channel)
        assert caught.value.code == "user_blocked"
    with pytest.raises(UserBlocked):
        memory.sessions.create("noor")
    assert len(memory.sessions.list("noor")) == 1


@pytest.mark.parametrize("wrong", ["", "..", "a/b", "a\nb", "x" * 257, "\ud800"], ids=ascii)
def test_a_wrong_channel_or_user_creates_nothing(memory: Memory, wrong: str) -> None:
    calls: list[Callable[[], object]] = [
        lambda: memory.sessions.open("ana", wrong),
        lambda: memory.sessions.open(wrong),
    ]
    for call in calls:
        with pytest.raises(InvalidId):
            call()

    assert len(memory.users.list()) == 0


# -- creating ------------------------------------------------------------------------------------------------------


def test_a_session_without_a_person_has_a_user_of_its_own(memory: Memory) -> None:
    session = memory.sessions.create(id="visit-1")

    assert session.user_id == "anonymous:visit-1"
    assert memory.users.get("anonymous:visit-1").role == "client"


def test_a_created_session_keeps_what_it_is_given(memory: Memory, clock: TurnableClock) -> None:
    session = memory.sessions.create(
        "ana", id="s1", name="N", description="D", project_id="P", channel="C", metadata={"a": 1}, at=5
    )

    assert memory.sessions.get("s1") == session
    assert (session.name, session.description, session.project_id, session.channel) == ("N", "D", "P", "C")
    assert (session.metadata, session.created_at, session.updated_at) == ({"a": 1}, 5, clock())
    assert (session.message_count, session.last_message_at) == (0, None)


def test_an_id_belongs_to_one_session_of_the_whole_store(memory: Memory) -> None:
    memory.sessions.create("ana", id="s1")

    with pytest.raises(SessionExists) as caught:
        memory.sessions.create("budi", id="s1")
    assert caught.value.details == {"session_id": "s1"}
    assert memory.sessions.get("s1").user_id == "ana"
    assert len(memory.users.list()) == 1


def test_a_channel_has_one_active_session(memory: Memory) -> None:
    first = memory.sessions.create("ana", channel="web")

    with pytest.raises(Conflict) as caught:
        memory.sessions.create("ana", channel="web")
    assert (caught.value.code, caught.value.details) == ("conflict", {"session_id": first.id})


def test_a_session_without_a_person_has_an_id_that_fits_into_its_users(memory: Memory) -> None:
    assert memory.sessions.create(id="x" * 246).user_id == f"anonymous:{'x' * 246}"
    with pytest.raises(InvalidId):
        memory.sessions.create(id="x" * 247)
    assert len(memory.users.list()) == 1


# -- changing ------------------------------------------------------------------------------------------------------


def test_an_update_leaves_what_it_is_not_given(memory: Memory) -> None:
    memory.sessions.create("ana", id="s1", name="N", description="D", metadata={"a": 1, "b": 2})
    session = memory.sessions.update("s1", description="E", metadata={"b": None, "c": 3})

    assert (session.name, session.description, session.metadata) == ("N", "E", {"a": 1, "c": 3})


def test_none_clears_a_text_of_a_session(memory: Memory) -> None:
    memory.sessions.create("ana", id="s1", name="N", project_id="P")

    assert memory.sessions.update("s1", name=None).name is None
    assert memory.sessions.get("s1").project_id == "P"


def test_an_update_of_nothing_changes_nothing(memory: Memory, clock: TurnableClock) -> None:
    before = memory.sessions.create("ana", id="s1")
    clock.turn(hours=1)

    assert memory.sessions.update("s1") == before


@pytest.mark.parametrize("act", ["get", "update", "close", "archive", "unarchive", "reopen", "messages"])
def test_an_unknown_session_is_told(memory: Memory, act: str) -> None:
    with pytest.raises(SessionNotFound) as caught:
        getattr(memory.sessions, act)("nothing")

    assert caught.value.details == {"session_id": "nothing"}


# -- listing -------------------------------------------------------------------------------------------------------


@pytest.fixture
def many(memory: Memory, clock: TurnableClock) -> Memory:
    for number, user in enumerate(["ana", "budi", "ana", "ana", "budi"], 1):
        memory.sessions.create(
            user, id=f"s{number}", name=f"Talk {number}", channel=f"c{number}", project_id="p" if number < 3 else None
        )
        clock.turn(minutes=1)
    memory.sessions.append("s1", "user", "hello again")
    memory.sessions.close("s3")
    memory.sessions.archive("s4")
    return memory


def test_sessions_are_listed_by_activity_newest_first(many: Memory) -> None:
    assert ids(many) == ["s1", "s5", "s4", "s3", "s2"]


def test_sessions_are_listed_in_the_order_asked_for(many: Memory) -> None:
    assert ids(many, sort="created_at", descending=False) == ["s1", "s2", "s3", "s4", "s5"]


@pytest.mark.parametrize(
    ("how", "found"),
    [
        ({"user_id": "ana"}, ["s1", "s4", "s3"]),
        ({"state": "active"}, ["s1", "s5", "s2"]),
        ({"state": "closed"}, ["s3"]),
        ({"state": "archived"}, ["s4"]),
        ({"channel": "c2"}, ["s2"]),
        ({"project_id": "p"}, ["s1", "s2"]),
        ({"search": "TALK 5"}, ["s5"]),
        ({"user_id": "budi", "state": "active", "search": "2"}, ["s2"]),
        ({"user_id": "nobody"}, []),
    ],
    ids=str,
)
def test_sessions_are_filtered(many: Memory, how: dict[str, str], found: list[str]) -> None:
    assert ids(many, **how) == found


def test_pages_of_sessions_stay_whole_while_others_are_made(many: Memory) -> None:
    first = many.sessions.list(limit=2, sort="created_at", descending=False)
    many.sessions.create("ana", id="s6", at=0)
    rest = many.sessions.list(limit=9, sort="created_at", descending=False, cursor=first.next)

    assert [session.id for session in (*first, *rest)] == ["s1", "s2", "s3", "s4", "s5"]


@pytest.mark.parametrize("limit", [0, -3, 1_001])
def test_a_wrong_page_size_is_refused(memory: Memory, limit: int) -> None:
    with pytest.raises(InvalidLimit):
        memory.sessions.list(limit=limit)


@pytest.mark.parametrize(
    "how", [{"state": "open"}, {"sort": "name"}, {"cursor": "?"}, {"search": "\x00"}, {"channel": "\ud800"}], ids=ascii
)
def test_a_wrong_filter_is_refused(memory: Memory, how: dict[str, str]) -> None:
    with pytest.raises(InvalidInput):
        memory.sessions.list(**how)  # type: ignore[arg-type]


# -- states --------------------------------------------------------------------------------------------------------


def test_a_closed_session_can_be_read(memory: Memory, clock: TurnableClock) -> None:
    session = memory.sessions.open("ana")
    memory.sessions.append(session.id, "user", "hello")
    clock.turn(minutes=5)
    closed = memory.sessions.close(session.id)

    assert (closed.state, closed.closed_at) == ("closed", clock())
    assert [message.content for message in memory.sessions.messages(session.id)] == ["hello"]


def test_closing_twice_keeps_the_first_time(memory: Memory, clock: TurnableClock) -> None:
    session = memory.sessions.open("ana")
    first = memory.sessions.close(session.id)
    clock.turn(minutes=5)

    assert memory.sessions.close(session.id) == first


def test_archiving_an_active_session_closes_it(memory: Memory, clock: TurnableClock) -> None:
    session = memory.sessions.archive(memory.sessions.open("ana").id)

    assert (session.state, session.closed_at, session.archived_at) == ("archived", clock(), clock())


def test_an_unarchived_session_is_closed(memory: Memory) -> None:
    session = memory.sessions.open("ana")
    memory.sessions.archive(session.id)
    back = memory.sessions.unarchive(session.id)

    assert (back.state, back.archived_at) == ("closed", None)
    assert memory.sessions.unarchive(session.id) == back


def test_a_reopened_session_takes_messages_again(memory: Memory) -> None:
    session = memory.sessions.open("ana")
    memory.sessions.close(session.id)
    back = memory.sessions.reopen(session.id)

    assert (back.state, back.closed_at) == ("active", None)
    assert memory.sessions.append(session.id, "user", "hello").seq == 1


def test_a_session_is_not_reopened_beside_another_of_its_channel(memory: Memory) -> None:
    old = memory.sessions.open("ana", "web")
    memory.sessions.close(old.id)
    new = memory.sessions.open("ana", "web")

    with pytest.raises(Conflict) as caught:
        memory.sessions.reopen(old.id)
    assert caught.value.details == {"session_id": new.id}
    assert memory.sessions.get(old.id).state == "closed"


@pytest.mark.parametrize("act", ["close", "reopen"])
def test_an_archived_session_is_first_unarchived(memory: Memory, act: str) -> None:
    session = memory.sessions.archive(memory.sessions.open("ana").id)

    with pytest.raises(SessionArchived):
        getattr(memory.sessions, act)(session.id)
    assert memory.sessions.get(session.id) == session


def test_an_active_session_cannot_be_unarchived(memory: Memory) -> None:
    session = memory.sessions.open("ana")

    with pytest.raises(Conflict) as caught:
        memory.sessions.unarchive(session.id)
    assert caught.value.code == "conflict"
    assert "active" in caught.value.message


def test_an_older_message_does_not_make_a_live_session_look_idle(memory: Memory, clock: TurnableClock) -> None:
    session = memory.sessions.open("ana")
    memory.sessions.append(session.id, "user", "Now")
    memory.sessions.append(session.id, "user", "Long ago", at=5)

    assert memory.sessions.get(session.id).last_message_at == clock()


def test_the_first_message_of_an_import_dates_the_session(memory: Memory) -> None:
    session = memory.sessions.open("ana")
    memory.sessions.append(session.id, "user", "Long ago", at=5)

    assert memory.sessions.get(session.id).last_message_at == 5


def test_too_long_an_id_of_a_session_without_a_user_is_said_to_be_the_sessions(memory: Memory) -> None:
    with pytest.raises(InvalidId, match="session without a user"):
        memory.sessions.create(id="s" * 250)
