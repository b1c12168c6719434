"""Messages: kept in order, all or none, and refused whole when something is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ingat.core.errors import (
    Conflict,
    ContentTooLong,
    IngatError,
    InvalidInput,
    InvalidLimit,
    MessageNotFound,
    SessionArchived,
    SessionClosed,
    SessionNotFound,
    StoreConflict,
    UserBlocked,
)
from ingat.core.records import Attachment, NewMessage, Page
from ingat.core.texts import MAX_CONTENT_BYTES
from ingat.memory import Memory
from ingat.services.recall.pages import kind_of
from ingat.store.tables.paging import decode_cursor, encode_cursor
from ingat.testing import TurnableClock


@pytest.fixture
def session_id(memory: Memory) -> str:
    return memory.sessions.open("ana", "web").id


def contents(memory: Memory, session_id: str) -> list[str]:
    return [message.content for message in memory.sessions.messages(session_id, None)]


def refused(memory: Memory, session_id: str, act: Callable[[], object]) -> str:
    """Return the code of the error, after making sure that nothing was changed."""
    assert memory.vectors is not None
    memory.vectors.flush()
    before = memory.sessions.get(session_id), contents(memory, session_id), memory.stats().messages
    with pytest.raises(IngatError) as caught:
        act()
    assert (memory.sessions.get(session_id), contents(memory, session_id), memory.stats().messages) == before
    return caught.value.code


# -- appending -----------------------------------------------------------------------------------------------------


def test_a_message_is_kept_as_it_was_said(memory: Memory, session_id: str, clock: TurnableClock) -> None:
    clock.turn(minutes=1)
    attachment = Attachment(kind="image", url="dog.jpg", caption="Bruno", size_bytes=5, metadata={"w": 1})
    said = memory.sessions.append(
        session_id, "user", " Hi!\n\t👋 ", author="Ana", attachments=[attachment], metadata={"mood": "good"}
    )

    assert memory.sessions.messages(session_id) == [said]
    assert memory.sessions.message("ana", said.id) == said
    assert (said.content, said.author, said.seq, said.at) == (" Hi!\n\t👋 ", "Ana", 1, clock())
    assert (said.attachments, said.metadata) == ((attachment,), {"mood": "good"})


def test_messages_are_in_the_order_in_which_they_came_not_of_their_times(memory: Memory, session_id: str) -> None:
    for content, at in (("first", 5_000), ("second", 1_000), ("third", 3_000)):
        memory.sessions.append(session_id, "user", content, at=at)

    assert contents(memory, session_id) == ["first", "second", "third"]


def test_a_session_counts_its_messages(memory: Memory, session_id: str, clock: TurnableClock) -> None:
    memory.sessions.append(session_id, "user", "one")
    clock.turn(minutes=3)
    memory.sessions.append_many(session_id, [{"role": "assistant", "content": "two"}] * 2)
    session = memory.sessions.get(session_id)

    assert (session.message_count, session.last_message_at) == (3, clock())


def test_many_messages_stand_next_to_each_other(memory: Memory, session_id: str) -> None:
    written = memory.sessions.append_many(
        session_id,
        [NewMessage(role="user", content="q"), {"role": "assistant", "content": "a", "metadata": {"n": 1}}],
    )

    assert [(message.seq, message.role, message.content) for message in written] == [
        (1, "user", "q"),
        (2, "assistant", "a"),
    ]
    assert memory.sessions.messages(session_id) == written


def test_no_messages_are_no_change(memory: Memory, session_id: str) -> None:
    assert memory.sessions.append_many(session_id, []) == []
    with pytest.raises(SessionNotFound):
        memory.sessions.append_many("nothing", [])


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"role": "bot", "content": "x"}, "unknown_role"),
        ({"role": "user", "content": ""}, "empty_content"),
        ({"role": "user", "content": "x" * (MAX_CONTENT_BYTES + 1)}, "content_too_long"),
        ({"role": "user", "content": "x\x00"}, "invalid_text"),
        ({"role": "user", "content": "\ud800"}, "invalid_text"),
        ({"role": "user", "content": "x", "author": "\udfff"}, "invalid_text"),
        ({"role": "user", "content": "x", "id": "../../evil"}, "invalid_id"),
        ({"role": "user", "content": "x", "at": -1}, "invalid_input"),
        ({"role": "user", "content": "x", "metadata": {"a": "\ud800"}}, "invalid_text"),
        ({"role": "user", "content": "x", "metadata": {"a": "y" * 300_000}}, "content_too_long"),
        ({"role": "user", "content": "x", "attachments": [{"size_bytes": "big"}]}, "invalid_input"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_wrong_message_keeps_all_out(memory: Memory, session_id: str, wrong: dict[str, Any], code: str) -> None:
    memory.sessions.append(session_id, "user", "before")
    many = [{"role": "user", "content": "fine"}, NewMessage(**wrong), {"role": "user", "content": "fine"}]

    assert refused(memory, session_id, lambda: memory.sessions.append_many(session_id, many)) == code  # type: ignore[arg-type]
    assert refused(memory, session_id, lambda: memory.sessions.append(session_id, **wrong)) == code
    assert memory.sessions.append(session_id, "user", "after").seq == 2


def test_an_id_that_is_taken_keeps_all_out(memory: Memory, session_id: str) -> None:
    memory.sessions.append(session_id, "user", "harbour", id="m1")
    many = [NewMessage(role="user", content="zebra", id=each) for each in ("m2", "m1")]

    assert refused(memory, session_id, lambda: memory.sessions.append_many(session_id, many)) == StoreConflict.code
    assert [hit.text for hit in memory.recall("ana", "zebra").hits] == []


def test_too_many_messages_at_once_are_refused(memory: Memory, session_id: str) -> None:
    many = [NewMessage(role="user", content="x")] * 10_001

    assert refused(memory, session_id, lambda: memory.sessions.append_many(session_id, many)) == InvalidLimit.code


def test_a_message_of_the_greatest_length_is_kept(memory: Memory, session_id: str) -> None:
    memory.sessions.append(session_id, "user", "é" * (MAX_CONTENT_BYTES // 2))

    assert len(contents(memory, session_id)[0].encode()) == MAX_CONTENT_BYTES
    with pytest.raises(ContentTooLong):
        memory.sessions.append(session_id, "user", "é" * (MAX_CONTENT_BYTES // 2) + "x")


def test_an_unknown_session_takes_nothing(memory: Memory) -> None:
    with pytest.raises(SessionNotFound):
        memory.sessions.append("nothing", "user", "hello")

    assert memory.stats().messages.total == 0


def test_a_closed_session_takes_nothing(memory: Memory, session_id: str) -> None:
    memory.sessions.close(session_id)

    assert refused(memory, session_id, lambda: memory.sessions.append(session_id, "user", "x")) == SessionClosed.code


def test_an_archived_session_takes_nothing(memory: Memory, session_id: str) -> None:
    memory.sessions.archive(session_id)

    assert refused(memory, session_id, lambda: memory.sessions.append(session_id, "user", "x")) == SessionArchived.code


def test_a_blocked_user_says_nothing(memory: Memory, session_id: str) -> None:
    memory.users.save("ana", role="blocked")

    assert refused(memory, session_id, lambda: memory.sessions.append(session_id, "user", "x")) == UserBlocked.code


# -- reading -------------------------------------------------------------------------------------------------------


@pytest.fixture
def ten(memory: Memory, session_id: str) -> Memory:
    memory.sessions.append_many(session_id, [{"role": "user", "content": f"m{n}"} for n in range(1, 11)])
    return memory


def test_a_page_holds_the_newest_oldest_first(ten: Memory, session_id: str) -> None:
    assert [message.seq for message in ten.sessions.messages(session_id, 3)] == [8, 9, 10]


def test_pages_go_back_before_a_message(ten: Memory, session_id: str) -> None:
    assert [message.seq for message in ten.sessions.messages(session_id, 3, before=8)] == [5, 6, 7]
    assert ten.sessions.messages(session_id, 3, before=1) == []


def test_all_messages_are_read_at_once_when_asked_for(ten: Memory, session_id: str) -> None:
    assert len(ten.sessions.messages(session_id, None)) == 10


@pytest.mark.parametrize("limit", [0, -1, 2**40, 10**30, True, "5"])
def test_a_wrong_limit_is_refused(ten: Memory, session_id: str, limit: Any) -> None:
    with pytest.raises(InvalidLimit):
        ten.sessions.messages(session_id, limit)


@pytest.mark.parametrize("before", [-1, 10**30, 1.5])
def test_a_wrong_place_is_refused(ten: Memory, session_id: str, before: Any) -> None:
    with pytest.raises(InvalidLimit):
        ten.sessions.messages(session_id, 5, before)


def test_the_history_goes_through_all_sessions_newest_first(ten: Memory) -> None:
    other = ten.sessions.open("ana", "mail").id
    ten.sessions.append(other, "user", "by mail")
    ten.sessions.append(ten.sessions.open("budi").id, "user", "not ana")
    ten.remember("ana", "A fact is no message")
    found: list[str] = []
    cursor = None
    while True:
        page = ten.sessions.history("ana", 4, cursor)
        found += [message.content for message in page]
        cursor = page.next
        if cursor is None:
            break

    assert found == ["by mail", *(f"m{n}" for n in range(10, 0, -1))]


def test_the_history_stays_whole_while_more_is_said(ten: Memory, session_id: str) -> None:
    first = ten.sessions.history("ana", 4)
    ten.sessions.append(session_id, "user", "m11")
    second = ten.sessions.history("ana", 4, first.next)

    assert [message.content for message in second] == ["m6", "m5", "m4", "m3"]


def test_the_history_is_by_the_time_of_saying_whoever_was_merged(memory: Memory, clock: TurnableClock) -> None:
    for user in ("ana", "visitor", "ana"):
        memory.sessions.append(memory.sessions.open(user).id, "user", f"{user} {clock()}")
        clock.turn(hours=1)
    expected = [message.id for user in ("ana", "visitor") for message in memory.sessions.history(user)]
    first = memory.sessions.history("visitor", 1)
    memory.users.merge("visitor", "ana")

    assert [message.id for message in memory.sessions.history("ana")] == sorted(expected, reverse=True)
    assert first.next is None


def test_a_page_of_history_goes_on_after_a_merge_and_a_new_index(ten: Memory) -> None:
    first = ten.sessions.history("ana", 4)
    ten.users.save("visitor")
    ten.users.merge("ana", "visitor")
    ten.reindex()
    second = ten.sessions.history("ana", 4, first.next)

    assert [message.content for message in second] == ["m6", "m5", "m4", "m3"]


def test_the_history_does_not_rest_on_the_index(ten: Memory) -> None:
    ten.store.write(lambda tx: tx.run("DELETE FROM recall_entry"))

    assert len(ten.sessions.history("ana")) == 10


def test_a_list_takes_only_cursors_that_it_gave_in_this_order(ten: Memory) -> None:
    ten.users.save("budi")
    ten.sessions.open("ana", "mail")
    ten.remember("ana", "A")
    ten.remember("ana", "B")
    lists: dict[str, Callable[[str | None], Page[Any]]] = {
        "users": lambda cursor: ten.users.list(1, cursor=cursor),
        "users by name": lambda cursor: ten.users.list(1, cursor=cursor, sort="name"),
        "users down": lambda cursor: ten.users.list(1, cursor=cursor, descending=True),
        "sessions": lambda cursor: ten.sessions.list(limit=1, cursor=cursor),
        "sessions made": lambda cursor: ten.sessions.list(limit=1, cursor=cursor, sort="created_at"),
        "memories": lambda cursor: ten.memories.list("ana", limit=1, cursor=cursor),
        "memories valid": lambda cursor: ten.memories.list("ana", limit=1, cursor=cursor, sort="valid_from"),
        "history": lambda cursor: ten.sessions.history("ana", 1, cursor),
        "newest": lambda cursor: ten.search("ana", "harbour", limit=1, cursor=cursor),
    }
    ten.sessions.append(ten.sessions.open("ana", "web").id, "user", "The harbour")
    ten.sessions.append(ten.sessions.open("ana", "web").id, "user", "The harbour again")
    cursors = {name: page(None).next for name, page in lists.items()}

    for name, page in lists.items():
        assert len(page(cursors[name])) == 1
        for other, cursor in cursors.items():
            assert cursor is not None
            if other != name:
                with pytest.raises(InvalidInput, match="cursor"):
                    page(cursor)


def test_a_message_is_only_shown_to_its_user(ten: Memory, session_id: str) -> None:
    message = ten.sessions.messages(session_id, 1)[0]
    ten.users.save("budi")

    for other in ("budi", "nobody"):
        with pytest.raises(MessageNotFound):
            ten.sessions.message(other, message.id)


# -- searching by words -----------------------------------------------------------------------------------------


@pytest.fixture
def said(memory: Memory, clock: TurnableClock) -> Memory:
    web, mail = (memory.sessions.open("ana", channel).id for channel in ("web", "mail"))
    for session, role, author, text in (
        (web, "user", "Ana", "The red boat is in the harbour"),
        (web, "assistant", None, "Boats in red are rare"),
        (mail, "user", "Ana", "My boat, my red boat, and again the red boat"),
        (mail, "user", "Rui", "A blue boat"),
    ):
        memory.sessions.append(session, role, text, author=author)
        clock.turn(hours=1)
    return memory


def words(memory: Memory, text: str, **how: Any) -> list[str]:
    return [message.content.split()[0] for message in memory.search("ana", text, **how)]


def test_a_search_wants_every_word_or_its_inflection(said: Memory) -> None:
    assert words(said, "red boats") == ["My", "Boats", "The"]


def test_a_search_is_sorted_as_asked_for(said: Memory) -> None:
    assert words(said, "red boat", sort="oldest") == ["The", "Boats", "My"]
    assert words(said, "red boat", sort="relevance")[0] == "My"


def test_a_search_is_filtered(said: Memory, clock: TurnableClock) -> None:
    hour = 3_600_000
    web = said.sessions.open("ana", "web").id

    assert words(said, "boat", role="assistant") == ["Boats"]
    assert words(said, "boat", author="Rui") == ["A"]
    assert words(said, "boat", session_id=web) == ["Boats", "The"]
    assert words(said, "boat", since=clock() - 3 * hour, until=clock() - hour) == ["My", "Boats"]


def test_a_search_goes_page_by_page(said: Memory) -> None:
    first = said.search("ana", "boat", limit=3)
    second = said.search("ana", "boat", limit=3, cursor=first.next)

    assert ([len(first), len(second)], second.next) == ([3, 1], None)
    assert len({message.id for message in (*first, *second)}) == 4


@pytest.mark.parametrize("sort", ["newest", "oldest"])
def test_pages_of_a_search_never_repeat_a_line_while_more_is_said(
    memory: Memory, clock: TurnableClock, session_id: str, sort: Any
) -> None:
    for number in range(6):
        memory.sessions.append(session_id, "user", f"piano {number}")
        clock.turn(hours=number % 2)  # some are said in the same moment
    found: list[str] = []
    cursor = None
    for _ in range(20):
        page = memory.search("ana", "piano", sort=sort, limit=2, cursor=cursor)
        found += [message.content for message in page]
        if page.next is None:
            break
        cursor = page.next
        if len(found) == 2:
            memory.sessions.append(session_id, "user", "piano new")
    old = [f"piano {number}" for number in range(6)]

    assert found == (old[::-1] if sort == "newest" else [*old, "piano new"])


def test_pages_by_relevance_are_refused_once_the_lines_have_changed(said: Memory) -> None:
    first = said.search("ana", "boat", sort="relevance", limit=3)
    second = said.search("ana", "boat", sort="relevance", limit=3, cursor=first.next)
    assert len({message.id for message in (*first, *second)}) == 4
    said.sessions.append(said.sessions.open("ana", "web").id, "user", "Another boat")

    with pytest.raises(Conflict):
        said.search("ana", "boat", sort="relevance", limit=3, cursor=first.next)


@pytest.mark.parametrize(("value", "row_id"), [("x", "1"), (None, "1"), (5, "x"), (5, "-1")])
def test_a_cursor_that_was_tampered_with_is_refused(said: Memory, value: Any, row_id: str) -> None:
    with pytest.raises(InvalidInput):
        said.search("ana", "boat", cursor=encode_cursor(kind_of("newest"), value, row_id))


def test_a_place_before_the_first_line_is_no_page(said: Memory) -> None:
    first = decode_cursor(said.search("ana", "boat", sort="relevance", limit=1).next)
    assert first is not None
    cursor = encode_cursor(first.kind, -3, first.id)

    assert said.search("ana", "boat", sort="relevance", cursor=cursor).items == ()


def test_a_search_finds_no_memories_and_nobody_elses_lines(said: Memory) -> None:
    said.remember("ana", "Ana has a red boat")
    said.sessions.append(said.sessions.open("budi").id, "user", "My red boat")

    assert len(words(said, "red boat")) == 3
    assert said.search("nobody", "boat").items == ()


def test_a_search_of_nothing_is_refused(said: Memory) -> None:
    with pytest.raises(IngatError) as caught:
        said.search("ana", "  ")
    assert caught.value.code == "empty_content"


@pytest.mark.parametrize("how", [{"sort": "best"}, {"role": "bot"}, {"cursor": "x"}, {"since": -1}], ids=str)
def test_a_wrong_search_is_refused(said: Memory, how: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        said.search("ana", "boat", **how)


def test_a_caption_is_recalled_and_searched(memory: Memory, session_id: str) -> None:
    memory.sessions.append(
        session_id, "user", "", attachments=[{"kind": "image", "caption": "A lighthouse on a cliff"}]
    )

    assert memory.recall("ana", "lighthouse").hits[0].text.strip() == "A lighthouse on a cliff"
    assert len(memory.search("ana", "lighthouse cliff")) == 1


def test_captions_count_towards_the_size_of_a_message(memory: Memory) -> None:
    session = memory.sessions.open("ana")

    with pytest.raises(ContentTooLong):
        memory.sessions.append(session.id, "user", "Look", attachments=[{"caption": "x" * 600_000}] * 2)

    assert memory.sessions.messages(session.id) == []


@pytest.mark.parametrize("wrong", [5, "cat.jpg", {"kind": "image"}])
def test_attachments_that_are_no_list_are_refused(memory: Memory, wrong: Any) -> None:
    session = memory.sessions.open("ana")

    with pytest.raises(InvalidInput):
        memory.sessions.append(session.id, "user", "Look", attachments=wrong)


@pytest.mark.parametrize("wrong", [5, "hello", {"role": "user"}])
def test_messages_that_are_no_list_are_refused(memory: Memory, wrong: Any) -> None:
    session = memory.sessions.open("ana")

    with pytest.raises(InvalidInput):
        memory.sessions.append_many(session.id, wrong)
