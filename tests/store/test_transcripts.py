"""Compressed transcripts read like plain ones, take less room, and are never emptied before they are proven."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingat.core.errors import StoreCorrupt
from ingat.core.records import Message
from ingat.memory import Memory
from ingat.store.contract import Row, Tx
from ingat.store.tables import messages, transcripts
from ingat.testing import TurnableClock, open_memory

LINE = "The blue bicycle is at the station, and the old one is at home again. "


def filled(memory: Memory, lines: list[str], user: str = "ana") -> str:
    session = memory.sessions.create(user)
    memory.sessions.append_many(session.id, [{"role": "user", "content": line} for line in lines])
    return session.id


def pack(memory: Memory, session_id: str, most_bytes: int = 1 << 30) -> list[transcripts.Part]:
    """Compress everything that a session says, whatever it gains."""
    user = memory.sessions.get(session_id).user_id

    def work(tx: Tx) -> list[transcripts.Part]:
        done: list[transcripts.Part] = []
        after: int | None = 0
        while after is not None:
            parts, after = transcripts.next_parts(tx, user, session_id, after, most_bytes)
            transcripts.put(tx, user, session_id, parts)
            done += parts
        return done

    return memory.store.write(work)


def packed(memory: Memory, session_id: str) -> list[int]:
    rows = memory.store.read(
        lambda tx: tx.all("SELECT packed FROM message WHERE session_id = ? ORDER BY seq", (session_id,))
    )
    return [int(row[0] or 0) for row in rows]


def spoil(memory: Memory, sql: str, *args: Any) -> None:
    memory.store.write(lambda tx: tx.run(sql, args))


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=200)
metadata = st.dictionaries(texts, st.one_of(st.none(), st.booleans(), st.integers(-9, 9), texts), max_size=3)
attachments = st.lists(
    st.fixed_dictionaries({"kind": st.just("image"), "caption": texts, "metadata": metadata}), max_size=2
)
spoken = st.lists(
    st.fixed_dictionaries(
        {
            "role": st.sampled_from(["user", "assistant", "system", "tool"]),
            "content": texts.map(lambda text: f"x{text}"),
            "author": st.none() | st.just("Ana"),
            "metadata": metadata,
            "attachments": attachments,
        }
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=40)
@given(spoken, spoken, st.integers(1, 400))
def test_every_reader_returns_the_same_before_and_after(
    said: list[dict[str, Any]], more: list[dict[str, Any]], part_bytes: int
) -> None:
    with open_memory(embedder="none") as memory, pytest.MonkeyPatch.context() as patch:
        patch.setattr(transcripts, "PART_BYTES", part_bytes)
        one, two = memory.sessions.create("ana").id, memory.sessions.create("ana").id
        written = [*memory.sessions.append_many(one, said), *memory.sessions.append_many(two, more)]
        before = everything_read(memory, one, written)
        pack(memory, one)

        assert everything_read(memory, one, written) == before
        assert all(packed(memory, one))
        assert not any(packed(memory, two))


def everything_read(memory: Memory, session_id: str, written: list[Message]) -> list[Any]:
    last = written[-1].seq + 1
    read: list[Callable[[Tx], Any]] = [
        lambda tx: messages.page(tx, "ana", session_id, None, None),
        lambda tx: messages.page(tx, "ana", session_id, 3, 4),
        lambda tx: messages.get_many(tx, "ana", [each.id for each in written]),
        lambda tx: messages.last_of_user(tx, "ana", session_id, last),
        lambda tx: messages.of_user(tx, "ana"),
    ]
    found = [memory.store.read(each) for each in read]
    found.append(memory.sessions.history("ana").items)
    found.append(memory.context("ana", session_id).messages)
    found += [
        [replaced(hit) for hit in memory.recall("ana", each.content[:500] or "x", 3, explain=True).hits]
        for each in written[:2]
        if each.content.strip()
    ]
    return found


def replaced(hit: Any) -> tuple[Any, ...]:
    return hit.text, hit.source_id, hit.why, hit.score


def test_a_long_session_is_packed_in_parts_and_a_page_reads_few_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_memory(embedder="none") as memory:
        session_id = filled(memory, [f"{number} {LINE}" for number in range(3_000)])
        parts = pack(memory, session_id)
        read: list[int] = []
        original = transcripts._read

        def counted(tx: Tx, user_id: str, session_id: str, part: int) -> Any:
            read.append(part)
            return original(tx, user_id, session_id, part)

        monkeypatch.setattr(transcripts, "_read", counted)
        page = memory.sessions.messages(session_id, 50, 1_500)

    assert [message.seq for message in page] == list(range(1_450, 1_500))
    assert all(message.content == f"{message.seq - 1} {LINE}" for message in page)
    assert len(parts) >= 6
    assert len(read) <= 2


def test_no_part_is_larger_than_stated_unless_one_message_is(memory: Memory) -> None:
    session_id = filled(memory, ["a" * 30_000, "b" * 30_000, "c" * 200_000, "d" * 10, *["e"] * 1_200])
    parts = pack(memory, session_id)

    assert [len(part.seqs) for part in parts] == [2, 1, 500, 500, 201]
    assert parts[0].raw_bytes == 60_000
    assert memory.sessions.messages(session_id, 2, 4)[1].content == "c" * 200_000


def test_batches_together_are_the_whole_session(memory: Memory) -> None:
    session_id = filled(memory, [f"{number} {LINE * 20}" for number in range(200)])
    parts = pack(memory, session_id, most_bytes=1)

    assert [seq for part in parts for seq in part.seqs] == list(range(1, 201))
    assert sorted(set(packed(memory, session_id))) == list(range(1, len(parts) + 1))


def test_packing_twice_changes_nothing(memory: Memory) -> None:
    session_id = filled(memory, [LINE] * 10)
    assert len(pack(memory, session_id)) == 1
    assert pack(memory, session_id) == []


def test_every_column_of_a_message_is_kept_when_its_row_is_emptied(memory: Memory) -> None:
    """The rows are written anew: whoever adds a column must add it in `transcripts.put` too."""
    session_id = filled(memory, [LINE] * 10)

    def rows(tx: Tx) -> list[dict[str, Any]]:
        names = [str(row[1]) for row in tx.all("PRAGMA table_info(message)")]
        found = [dict(zip(names, row, strict=True)) for row in tx.all("SELECT * FROM message ORDER BY seq")]
        return [{name: each[name] for name in names if name not in ("content", "packed")} for each in found]

    memory.store.write(lambda tx: tx.run("UPDATE message SET author = 'Ana'"))
    before = memory.store.read(rows)
    pack(memory, session_id)

    assert memory.store.read(rows) == before


def test_rows_are_not_emptied_when_what_was_kept_differs(memory: Memory) -> None:
    session_id = filled(memory, ["one", "two"])
    wrong = transcripts.Part((1, 2), 6, zlib.compress(b'[[1,"one",null,null],[2,"TWO",null,null]]'))

    with pytest.raises(StoreCorrupt, match="Nothing was compressed"):
        memory.store.write(lambda tx: transcripts.put(tx, "ana", session_id, [wrong]))

    assert packed(memory, session_id) == [0, 0]
    assert [message.content for message in memory.sessions.messages(session_id)] == ["one", "two"]
    assert memory.store.read(lambda tx: tx.one("SELECT COUNT(*) FROM transcript_pack")) == (0,)


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM transcript_pack",
        "UPDATE transcript_pack SET body = x'00'",
        "UPDATE transcript_pack SET codec = 'lz9'",
        "UPDATE message SET seq = seq + 100",
    ],
    ids=["gone", "damaged", "unknown codec", "other messages"],
)
def test_a_part_that_cannot_be_read_is_named_and_found_by_the_doctor(memory: Memory, sql: str) -> None:
    session_id = filled(memory, ["one", "two"])
    pack(memory, session_id)
    spoil(memory, sql)

    with pytest.raises(StoreCorrupt, match="restore the newest backup"):
        memory.sessions.messages(session_id)
    found = {check.name: check for check in memory.doctor()}["compressed messages that cannot be read"]
    assert (found.value, found.state) == ("2 rows", "bad")


def test_the_doctor_finds_nothing_wrong_with_packed_sessions(memory: Memory) -> None:
    session_id = filled(memory, [LINE] * 700)
    pack(memory, session_id)
    assert memory.vectors is not None
    memory.vectors.flush()

    assert [check.name for check in memory.doctor() if check.state != "ok"] == []


def test_vectors_and_terms_are_made_anew_of_what_is_packed(memory: Memory) -> None:
    session_id = filled(memory, ["My dog Bruno is allergic to chicken.", "The piano is out of tune."])
    before = memory.recall("ana", "what is Bruno allergic to?").hits
    pack(memory, session_id)
    memory.reindex()

    after = memory.recall("ana", "what is Bruno allergic to?").hits
    assert [(hit.text, hit.score) for hit in after] == [(hit.text, hit.score) for hit in before]


def test_word_search_finds_packed_messages(memory: Memory) -> None:
    session_id = filled(memory, ["My dog Bruno", "A piano", "Bruno again"])
    written = memory.sessions.messages(session_id)
    pack(memory, session_id)

    assert list(memory.search("ana", "bruno")) == [written[2], written[0]]


def test_merged_users_keep_what_is_packed(memory: Memory, clock: TurnableClock) -> None:
    session_id = filled(memory, ["My dog Bruno", "A piano"], "visitor")
    memory.users.save("ana")
    said = [message.content for message in memory.sessions.messages(session_id)]
    pack(memory, session_id)
    memory.users.merge("visitor", "ana")

    assert [message.content for message in memory.sessions.messages(session_id)] == said
    assert memory.recall("ana", "Bruno").hits[0].text == "My dog Bruno"
    assert memory.store.check() == []


def test_a_message_that_a_merge_renames_is_taken_out_of_its_part(memory: Memory) -> None:
    mine, theirs = memory.sessions.create("visitor").id, memory.sessions.create("ana").id
    memory.sessions.append(mine, "user", "first", metadata={"a": 1}, id="m1")
    memory.sessions.append(mine, "user", "second", id="m2")
    memory.sessions.append(theirs, "user", "other", id="m1")
    pack(memory, mine)
    memory.users.merge("visitor", "ana")

    first, second = memory.sessions.messages(mine)
    assert (first.content, first.metadata) == ("first", {"a": 1, "id_before_merge": "m1"})
    assert second.content == "second"
    assert packed(memory, mine) == [0, 1]
    raw = memory.store.read(lambda tx: tx.one("SELECT body FROM transcript_pack"))
    assert raw is not None
    assert b"first" not in zlib.decompress(raw[0])  # type: ignore[arg-type]  # a BLOB


def test_a_part_of_one_message_goes_when_that_is_renamed(memory: Memory) -> None:
    mine, theirs = memory.sessions.create("visitor").id, memory.sessions.create("ana").id
    for each in (mine, theirs):
        memory.sessions.append(each, "user", "hello", id="m1")
    pack(memory, mine)
    memory.users.merge("visitor", "ana")

    assert memory.store.read(lambda tx: tx.one("SELECT COUNT(*) FROM transcript_pack")) == (0,)
    assert memory.sessions.messages(mine)[0].content == "hello"


class Explaining:
    """A transaction that notes how the engine would look for the rows."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self.plan = ""

    def all(self, sql: str, args: Any = ()) -> list[Row]:
        """Note the plan of a query, and run it."""
        self.plan = str(self._tx.all(f"EXPLAIN QUERY PLAN {sql}", args))
        return self._tx.all(sql, args)


def test_due_sessions_are_found_by_their_index(memory: Memory) -> None:
    def look(tx: Tx) -> str:
        explaining = Explaining(tx)
        transcripts.due(cast(Tx, explaining), 1, None, 10)
        return explaining.plan

    plan = memory.store.read(look)
    assert "session_unpacked" in plan
    assert "TEMP B-TREE" not in plan
