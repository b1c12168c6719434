"""Log entries: checked, without secrets, filtered by all that is given, newest first, in pages."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from ingat.core.errors import ContentTooLong, IngatError, InvalidId, InvalidInput, InvalidLimit, StoreConflict
from ingat.core.logs import LogEntry, LogFilters, NewLog
from ingat.memory import Memory
from ingat.store.tables import logs as table
from ingat.testing import TurnableClock, open_memory
from tests.engine import same_store, store_at, store_url


def _messages(memory: Memory, **filters: Any) -> list[str]:
    return [entry.message for entry in memory.logs.list(**filters).items]


@pytest.fixture
def filled(memory: Memory, clock: TurnableClock) -> Memory:
    """Twelve entries, a minute apart: every level with the categories chat, scanner and test."""
    for category in ("chat", "scanner", "test"):
        for level in ("debug", "info", "warn", "error"):
            clock.turn(minutes=1)
            memory.logs.add(f"{category} {level}", level=level, category=category, source=f"{category}er")
    return memory


def test_entries_may_be_given_as_mappings(memory: Memory) -> None:
    assert memory.logs.add_many([{"message": "one", "level": "warn"}, NewLog(message="two")]) == 2
    assert [(entry.message, entry.level) for entry in memory.logs.list()] == [("two", "info"), ("one", "warn")]


@pytest.mark.parametrize(
    "wrong", [{"level": "warn"}, {"message": "x", "nothing": 1}, {"message": "x", "level": "loud"}, "x"]
)
def test_a_mapping_that_is_no_entry_is_named_by_its_place(memory: Memory, wrong: Any) -> None:
    with pytest.raises(InvalidInput) as refused:
        memory.logs.add_many([{"message": "fine"}, wrong])

    assert refused.value.details == {"index": 1}
    assert memory.logs.stats().total == 0


def test_an_entry_comes_back_as_it_was_given(memory: Memory, clock: TurnableClock) -> None:
    entry = memory.logs.add(
        "Scanner executed", level="warn", category="scanner", source="system", data={"n": 1}, user_id="ana", at=7
    )

    assert (entry.message, entry.level, entry.category, entry.source) == (
        "Scanner executed",
        "warn",
        "scanner",
        "system",
    )
    assert (entry.data, entry.user_id, entry.session_id, entry.at, entry.seq) == ({"n": 1}, "ana", None, 7, 1)
    assert memory.logs.list().items == (entry,)


def test_what_is_left_out_has_the_defaults_of_the_original(memory: Memory, clock: TurnableClock) -> None:
    entry = memory.logs.add("hello")

    assert (entry.level, entry.category, entry.source, entry.data, entry.at) == ("info", "general", "api", {}, clock())


# B4.2, defect 1: the original took the limit before it sorted, and so gave the oldest
def test_a_limit_gives_the_newest_newest_first(filled: Memory) -> None:
    assert _messages(filled, limit=2) == ["test error", "test warn"]


# B4.2, defect 2: the original joined filters with OR
def test_filters_are_all_to_be_met(filled: Memory) -> None:
    assert _messages(filled, level="error", category="chat") == ["chat error"]
    assert _messages(filled, level="error", category="chat", source="tester") == []


def test_a_least_level_takes_the_graver_ones_too(filled: Memory) -> None:
    assert _messages(filled, min_level="warn") == [
        f"{category} {level}" for category in ("test", "scanner", "chat") for level in ("error", "warn")
    ]
    assert len(_messages(filled, min_level="debug")) == 12
    assert _messages(filled, min_level="warn", level="info") == []
    assert _messages(filled, min_level="warn", level="error", category="test") == ["test error"]


def test_since_is_included_and_until_is_not(filled: Memory) -> None:
    at = {entry.message: entry.at for entry in filled.logs.list().items}

    assert _messages(filled, since=at["test warn"]) == ["test error", "test warn"]
    assert _messages(filled, until=at["chat warn"]) == ["chat info", "chat debug"]


@pytest.mark.parametrize("words", ["SCANNER w", "nner War"])
def test_text_is_found_in_messages_without_regard_to_case(filled: Memory, words: str) -> None:
    assert _messages(filled, search=words) == ["scanner warn"]


@pytest.mark.parametrize("words", ["100%", "a_b", "Ärger", "log17"])
def test_text_is_found_as_it_is_written_also_in_data(memory: Memory, words: str) -> None:
    memory.logs.add("100% of a_b: Ärger", data={"log_id": "log17"})
    memory.logs.add("1000 of axb: aerger")

    assert _messages(memory, search=words) == ["100% of a_b: Ärger"]


def test_entries_are_found_by_user_alias_and_session(memory: Memory) -> None:
    memory.users.save("ana")
    memory.users.alias("ana", "+62 811 222")
    session = memory.sessions.create("ana").id
    memory.logs.add("by alias", user_id="62811222")
    memory.logs.add("by session", session_id=session)
    memory.logs.add("other", user_id="budi")

    assert _messages(memory, user_id="ana") == ["by session", "by alias"]
    assert _messages(memory, user_id="+62811222") == ["by session", "by alias"]
    assert _messages(memory, session_id=session) == ["by session"]


def test_a_merge_takes_the_entries_along(memory: Memory) -> None:
    memory.users.save("ana")
    memory.users.save("budi")
    memory.logs.add("about ana", user_id="ana")
    memory.users.merge("ana", "budi")

    assert _messages(memory, user_id="budi") == ["about ana"]


@pytest.mark.parametrize("filters", [{}, {"min_level": "info"}, {"category": "chat", "min_level": "info"}], ids=str)
def test_pages_follow_each_other_without_gap_or_double(memory: Memory, filters: dict[str, Any]) -> None:
    memory.logs.add_many(
        [NewLog(message=str(n), at=n // 7, level=("info", "warn", "error")[n % 3], category="chat") for n in range(50)]
    )
    seen, cursor = [], None
    while True:
        page = memory.logs.list(limit=6, cursor=cursor, **filters)
        seen += [entry.message for entry in page.items]
        if (cursor := page.next) is None:
            break
        memory.logs.add("newer", level="error", category="chat")

    assert seen == [str(n) for n in reversed(range(50))]


@pytest.mark.parametrize("filters", [{"search": "needle"}, {"category": "rare", "level": "info"}], ids=str)
def test_what_is_rare_is_found_page_by_page(
    memory: Memory, monkeypatch: pytest.MonkeyPatch, filters: dict[str, Any]
) -> None:
    monkeypatch.setattr(table, "SCAN", 10)
    memory.logs.add("needle", category="rare", source="x", level="info")
    memory.logs.add_many([NewLog(message="hay", category="rare", level="warn") for _ in range(35)])
    memory.logs.add_many([NewLog(message="hay", category="hay", level="info") for _ in range(35)])
    found: list[LogEntry] = []
    pages, cursor = 0, None
    while True:
        page = memory.logs.list(cursor=cursor, **filters)
        found += page.items
        pages += 1
        if (cursor := page.next) is None:
            break

    assert [entry.message for entry in found] == ["needle"]
    assert pages > 1


@pytest.mark.parametrize(
    "bad",
    [
        {"level": "loud"},
        {"min_level": "fatal"},
        {"since": -1},
        {"until": 1.5},
        {"cursor": "nonsense"},
        {"user_id": ""},
        {"session_id": "a/b"},
        {"category": 7},
        {"limit": 0},
        {"limit": 1_001},
    ],
    ids=str,
)
def test_a_wrong_filter_is_refused(memory: Memory, bad: dict[str, Any]) -> None:
    with pytest.raises(IngatError):
        memory.logs.list(**bad)


def test_the_cursor_of_another_list_is_refused(memory: Memory) -> None:
    for name in ("a", "b", "c"):
        memory.users.save(name)
    cursor = memory.users.list(limit=1).next

    with pytest.raises(InvalidInput):
        memory.logs.list(cursor=cursor)


@pytest.mark.parametrize(
    "bad",
    [
        {"level": "loud"},
        {"level": None},
        {"level": ["info"]},
        {"message": ""},
        {"message": "  \n"},
        {"message": "x" * (16 << 10) + "y"},
        {"message": "\ud800"},
        {"message": 7},
        {"category": ""},
        {"category": "c" * 257},
        {"source": " "},
        {"source": ["a"]},
        {"data": {"a": object()}},
        {"data": [1]},
        {"data": {"a": "x" * (64 << 10)}},
        {"user_id": "a\nb"},
        {"session_id": ""},
        {"at": -1},
        {"at": "now"},
    ],
    ids=range(19),
)
def test_a_wrong_entry_is_refused_and_nothing_is_kept(memory: Memory, bad: dict[str, Any]) -> None:
    with pytest.raises(IngatError):
        memory.logs.add(**{"message": "fine", **bad})
    with pytest.raises(IngatError):
        memory.logs.add_many([NewLog(message="fine"), NewLog(**{"message": "fine", **bad})])

    assert memory.logs.list().items == ()
    assert memory.logs.stats().total == 0


def test_too_much_at_once_is_refused(memory: Memory) -> None:
    with pytest.raises(InvalidLimit):
        memory.logs.add_many([NewLog(message="x")] * 10_001)
    with pytest.raises(ContentTooLong):
        memory.logs.add("x", data={"n": list(range(30_000))})
    with pytest.raises(InvalidId):
        memory.logs.add("x", user_id="..")


def test_secrets_never_reach_the_table(tmp_path: Path) -> None:
    with open_memory(**store_at(tmp_path / "store.db")) as memory:
        key = memory.keys.create("admin").key
        memory.logs.add(
            f"opened with {key}", data={"password": "hunter2", "list": [f"?key={key}", {"token": "hunter2"}]}
        )
        memory.logs.add_many([NewLog(message="Bearer hunter2hunter2", data={"password": {"hunter2"}})])
        found = str(memory.logs.list())

    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
    assert key not in found
    assert key.encode() not in stored
    assert b"Bearer hunter2" not in stored


def test_a_secret_inside_a_set_is_found(memory: Memory) -> None:
    key = memory.keys.create("admin").key
    entry = memory.logs.add("with a set", data={"seen": {key}})

    assert key not in str(entry)


def test_what_comes_after_an_entry_is_in_the_order_of_storing(memory: Memory) -> None:
    first = memory.logs.add("first", at=1_000)
    memory.logs.add("second", at=10)
    memory.logs.add("third", at=500)

    assert [entry.message for entry in memory.logs.after(first.seq)] == ["second", "third"]
    assert [entry.message for entry in memory.logs.after(0, 1)] == ["first"]
    assert memory.logs.last_seq() == 3
    assert memory.logs.after(memory.logs.last_seq()) == []


def test_a_number_is_never_used_twice(memory: Memory) -> None:
    last = memory.logs.add("gone soon").seq
    memory.store.write(lambda tx: table.delete(tx, [last]))

    assert memory.logs.add("next").seq > last


def test_an_empty_log_has_statistics(memory: Memory) -> None:
    stats = memory.logs.stats()

    assert (stats.total, stats.by_category, stats.oldest_at, memory.logs.last_seq()) == (0, {}, None, 0)
    assert stats.by_level == {"debug": 0, "info": 0, "warn": 0, "error": 0}


def test_statistics_count_by_level_and_category(filled: Memory, clock: TurnableClock) -> None:
    filled.logs.add("one more", category="chat")
    stats = filled.logs.stats()

    assert (stats.total, stats.newest_at) == (13, clock())
    assert stats.by_level == {"debug": 3, "info": 4, "warn": 3, "error": 3}
    assert stats.by_category == {"chat": 5, "scanner": 4, "test": 4}


def test_statistics_follow_what_is_deleted_and_put_back(filled: Memory) -> None:
    chat = filled.logs.list(category="chat").items

    assert filled.store.write(lambda tx: table.delete(tx, [*(each.seq for each in chat), 999])) == 4
    assert filled.logs.stats().by_category == {"scanner": 4, "test": 4}

    assert filled.store.write(lambda tx: table.put_back(tx, chat)) == 4
    assert filled.store.write(lambda tx: table.put_back(tx, chat)) == 0
    assert filled.logs.stats().by_category == {"chat": 4, "scanner": 4, "test": 4}
    assert filled.logs.list(category="chat").items == chat


def test_entries_of_another_store_get_numbers_of_their_own(filled: Memory) -> None:
    with open_memory() as other:
        other.logs.add("was first here")
        other.store.write(lambda tx: table.put_back(tx, filled.logs.list(limit=2).items[::-1], keep_seq=False))

        assert [entry.message for entry in other.logs.after(0)] == ["was first here", "test warn", "test error"]


def test_a_damaged_write_leaves_the_counts_as_they_were(filled: Memory) -> None:
    taken = filled.logs.list(limit=1).items[0]
    row = table.NewRow(taken.id, 1, "info", "chat", "x", "x", None, None, None)

    with pytest.raises(StoreConflict):
        filled.store.write(lambda tx: table.insert_many(tx, [row._replace(id="fresh"), row]))
    assert filled.logs.stats().total == 12


def test_the_oldest_are_found_by_time_and_by_number(filled: Memory) -> None:
    entries = filled.logs.list().items
    border = entries[3]

    by_time = filled.store.read(lambda tx: table.oldest(tx, 5, before=border.at))
    place = filled.store.read(lambda tx: table.beyond(tx, 4))
    by_number = filled.store.read(lambda tx: table.oldest(tx, 100, through=place))

    assert by_time == list(reversed(entries))[:5]
    assert [entry.seq for entry in by_number] == list(range(1, 9))
    assert filled.store.read(lambda tx: table.beyond(tx, 12)) is None


def test_all_that_matches_can_be_gone_through_while_more_comes(filled: Memory) -> None:
    wanted, found, after = LogFilters(min_level="info"), list[int](), cast("table.Position | None", None)
    while True:
        some = filled.store.read(partial(table.matching, filters=wanted, limit=4, after=after))
        found += [entry.seq for entry in some.entries]
        if (after := some.next) is None:
            break
        filled.logs.add("newer")

    assert len(found) == len(set(found)) == 9


def test_several_processes_worth_of_writers_lose_nothing(tmp_path: Path) -> None:
    url = store_url(tmp_path / "store.db")
    with open_memory(**same_store(url)) as one, open_memory(**same_store(url)) as two:

        def write(memory: Memory) -> None:
            for _ in range(20):
                memory.logs.add_many([NewLog(message="x", category="a"), NewLog(message="y", category="b")])

        threads = [threading.Thread(target=write, args=(memory,)) for memory in (one, two, one, two)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert one.logs.stats().by_category == {"a": 80, "b": 80}
        assert [entry.seq for entry in two.logs.after(0, 1_000)] == list(range(1, 161))
