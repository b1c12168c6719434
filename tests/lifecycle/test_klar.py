"""Backups of klar: read as rows, and written in its shape."""

from __future__ import annotations

import copy
import io
import json
import random
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingat.core.backups import RestoreReport
from ingat.core.errors import InvalidFile
from ingat.core.ids import new_id
from ingat.core.records import MemoryItem, Message, User
from ingat.core.tokens import count_tokens
from ingat.lifecycle.klar import is_klar, records_of
from ingat.lifecycle.klar_outgoing import write_klar
from ingat.lifecycle.klar_shape import CLEAN_KEYS
from ingat.lifecycle.lines import Record, StoredSession
from ingat.lifecycle.put import prepare, put
from ingat.memory import Memory
from ingat.testing import TurnableClock, open_memory

RECORD: dict[str, Any] = {
    "user_id": "628111",
    "session_token": "0123456789abcdef",
    "name": "Budi Santoso",
    "gender": "male",
    "is_company": False,
    "product": "F57A",
    "serial": "F57A, F90A",
    "address": None,
    "summary_context": ["Pelanggan punya F57A", "AC dipasang 2019"],
    "history": [
        {"role": "user", "text": "eac saya rusak", "ts": "2025-11-21T07:21:45Z"},
        {"role": "bot", "text": "Selamat datang!", "ts": "2025-11-21T07:21:46Z", "meta": {"intent": "mati"}},
        {"role": "user", "text": "halo", "ts": "2025-11-21T07:21:47Z"},
        {"role": "user", "text": "halo", "ts": "2025-11-21T07:21:47Z"},
    ],
    "last_answer": "halo",
    "flags": {"active_intent": "bunyi", "sop_pending": True, "queued_complaints": ["bau"], "spam_total": 0},
    "slots": {"company": None},
    "created_at": "2025-11-21T07:21:45Z",
    "updated_at": "2025-11-21T07:21:47Z",
    "last_step": {"n": 1},
}
EMPTY: dict[str, Any] = {
    **dict.fromkeys(CLEAN_KEYS),
    "user_id": "test_happy_male",
    "summary_context": [],
    "history": [],
    "flags": {},
    "slots": {},
    "created_at": "2025-11-21T07:21:45Z",
    "updated_at": "2025-11-21T07:21:45Z",
}
STORE = {"628111": RECORD, "test_happy_male": EMPTY}
SINGLE = {"user_id": "628111", "backup_timestamp": "2025-11-25T13:38:00Z", "record": RECORD}


def record(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(RECORD), **changes}


def rows_of(document: Any, notes: list[str] | None = None) -> list[Record]:
    return [row for _, row in records_of(document, count_tokens, 1_736_154_000_000, notes)]


def only(kind: type[Any], document: Any) -> list[Any]:
    return [row for row in rows_of(document) if isinstance(row, kind)]


def restored(memory: Memory, document: Any) -> None:
    memory.store.write(lambda tx: put(tx, [prepare(row) for row in rows_of(document)]))


def written(memory: Memory, user_id: str | None = None) -> bytes:
    pieces = io.BytesIO()
    memory.store.read(lambda tx: write_klar(tx, user_id, pieces.write))
    return pieces.getvalue()


def clean(document: dict[str, Any]) -> dict[str, Any]:
    return {user_id: {field: each.get(field) for field in CLEAN_KEYS} for user_id, each in document.items()}


@pytest.mark.parametrize("document", [STORE, SINGLE, {}, {"a": {"history": []}}, {"a": {"name": "A", "product": "B"}}])
def test_backups_are_told_by_their_content(document: dict[str, Any]) -> None:
    assert is_klar(document)


@pytest.mark.parametrize(
    "document",
    [
        [],
        None,
        "x",
        {"a": None},
        {"format": "ingat-export", "users": [{"user_id": "a"}]},
        {"version": "1.0.0", "sessions": [], "chat_messages": {"s": []}, "logs": []},
        {"version": "1.0", "conversations": {"628": {"phoneNumber": "628", "messages": []}}, "stats": {"n": 1}},
        {"chat_history": {"1": {"session_id": "s", "messages": []}}},
    ],
)
def test_other_files_are_not_taken_for_backups(document: Any) -> None:
    assert not is_klar(document)


def test_both_shapes_give_the_same_rows() -> None:
    assert rows_of({"628111": RECORD}) == rows_of(SINGLE)


def test_users_named_like_the_fields_of_the_other_shape_are_users() -> None:
    found = only(User, {"user_id": record(), "record": record()})
    assert [each.user_id for each in found] == ["user_id", "record"]


def test_a_record_becomes_a_user_with_every_field() -> None:
    (user,) = only(User, SINGLE)
    assert (user.user_id, user.name, user.gender, user.product, user.address) == (
        "628111",
        "Budi Santoso",
        "male",
        "F57A",
        None,
    )
    assert user.flags == RECORD["flags"]
    assert user.slots == RECORD["slots"]
    assert user.metadata == {
        "session_token": "0123456789abcdef",
        "is_company": False,
        "serial": "F57A, F90A",
        "last_answer": "halo",
        "last_step": {"n": 1},
    }
    assert (user.created_at, user.updated_at) == (1_763_709_705_000, 1_763_709_707_000)


def test_the_history_becomes_one_session_in_its_order() -> None:
    (session,) = only(StoredSession, SINGLE)
    messages = only(Message, SINGLE)
    assert [(each.role, each.content, each.seq) for each in messages] == [
        ("user", "eac saya rusak", 1),
        ("assistant", "Selamat datang!", 2),
        ("user", "halo", 3),
        ("user", "halo", 4),
    ]
    assert messages[1].metadata == {"intent": "mati"}
    assert len({each.id for each in messages}) == 4
    assert (session.message_count, session.last_seq, session.tokens) == (
        4,
        4,
        sum(count_tokens(each.content) for each in messages),
    )
    assert (session.created_at, session.active_at) == (messages[0].at, messages[-1].at)


def test_the_context_becomes_notes() -> None:
    assert [(each.kind, each.text) for each in only(MemoryItem, SINGLE)] == [
        ("note", "Pelanggan punya F57A"),
        ("note", "AC dipasang 2019"),
    ]


def test_rows_come_in_the_order_in_which_they_can_be_put() -> None:
    kinds = [kind for kind, _ in records_of(STORE, len, 0)]
    assert kinds == ["user"] * 2 + ["session"] + ["message"] * 4 + ["memory"] * 2


def test_a_line_has_the_same_id_in_every_backup_that_holds_it() -> None:
    later = record(history=[*RECORD["history"][1:], {"role": "bot", "text": "Baik", "ts": "2025-11-21T08:00:00Z"}])
    before, after = (only(Message, {"628111": each}) for each in (RECORD, later))
    assert [each.id for each in after[:-1]] == [each.id for each in before[1:]]


def test_what_has_no_time_is_the_same_each_time() -> None:
    timeless = record(history=[{"role": "user", "text": "a"}, {"role": "bot", "text": "a"}], created_at=None)
    first, second = ([row for _, row in records_of({"x": timeless}, len, now)] for now in (1, 2))
    assert [each.id for each in first if isinstance(each, Message)] == [
        each.id for each in second if isinstance(each, Message)
    ]


def test_a_jid_becomes_the_bare_number() -> None:
    assert only(User, {"628111@s.whatsapp.net": record()})[0].user_id == "628111"


def test_fields_that_are_null_or_absent_are_nothing() -> None:
    null = dict.fromkeys(RECORD)
    for each in (null, {"user_id": "x"}):
        (user, *rest) = rows_of({"x": each})
        assert isinstance(user, User)
        assert (user.name, user.flags, user.slots, rest) == (None, {}, {}, [])


def test_texts_that_are_no_texts_are_kept() -> None:
    (user,) = only(User, {"x": record(product=["F57A", "F90A"], serial=57)})
    assert (user.product, user.metadata["product"], user.metadata["serial"]) == (None, ["F57A", "F90A"], 57)


def test_lines_without_text_are_left_out_and_told() -> None:
    notes: list[str] = []
    lines = [{"role": "bot", "text": " "}, {"role": "user", "text": None}, {"role": "user", "text": "ya", "id": 7}]
    (message,) = [each for each in rows_of({"x": record(history=lines)}, notes) if isinstance(each, Message)]
    assert (message.content, message.metadata) == ("ya", {"id": 7})
    assert notes == [f"'x'.history[{n}] has no text and was left out." for n in (0, 1)]


def test_all_errors_are_listed_and_nothing_is_read() -> None:
    document = {
        "../../evil": record(),
        "a" * 10_000: record(),
        "b": record(flags=[1]),
        "c": record(history=[{"role": "boss", "text": "x"}, 3, {"role": "user", "text": 5}]),
        "d": record(created_at="soon"),
        "e": None,
        "f": record(summary_context=[1]),
        "628111": record(),
        "628111@c.us": record(),
    }
    with pytest.raises(InvalidFile) as caught:
        records_of(document, len, 0)
    found = caught.value.details["errors"]
    assert [each.split(":")[0] for each in found] == [
        "'../../evil'",
        f"'{'a' * 64}'",
        "'b'",
        "'c'.history[0]",
        "'c'.history[1]",
        "'c'.history[2]",
        "'d'",
        "'e'",
        "'f'.summary_context[0]",
        "'628111@c.us'",
        *["'628111@c.us'"] * (len(found) - 10),
    ]
    assert "Nothing was restored" in caught.value.message


def test_what_is_no_backup_is_refused() -> None:
    with pytest.raises(InvalidFile, match="no backup of klar"):
        records_of({"users": []}, len, 0)


def test_a_store_of_klar_comes_out_as_it_went_in(memory: Memory) -> None:
    restored(memory, STORE)
    found = json.loads(written(memory))
    assert clean(found) == clean(STORE)
    assert found["628111"]["is_company"] is False
    assert found["628111"]["last_step"] == {"n": 1}
    assert "ingat" not in found["628111"]
    assert list(found["628111"])[: len(RECORD)] == list(RECORD)


def test_it_is_written_in_klars_own_layout(memory: Memory) -> None:
    restored(memory, STORE)
    found = written(memory)
    assert found == json.dumps(json.loads(found), indent=2, ensure_ascii=False).encode()
    assert written(memory, "628111").startswith(b'{\n  "628111": {\n    "user_id": "628111",\n')


def test_nobody_is_two_bytes(memory: Memory) -> None:
    assert written(memory) == b"{}"


def test_what_was_said_since_comes_with_it(memory: Memory) -> None:
    restored(memory, STORE)
    (session,) = memory.sessions.list("628111")
    memory.sessions.append(session.id, "user", "masih rusak", author="Budi")
    (found,) = json.loads(written(memory, "628111")).values()
    assert [line["text"] for line in found["history"][-2:]] == ["halo", "masih rusak"]
    assert found["last_answer"] == "masih rusak"


def test_rows_of_ours_come_back_with_their_ids(full: Memory, other: Memory) -> None:
    full.store.write(lambda tx: tx.run("UPDATE user_profile SET role = 'admin' WHERE user_id = 'ben'"))
    restored(full, STORE)
    (session,) = full.sessions.list("628111")
    full.sessions.append(session.id, "assistant", "Baik", id=new_id())
    full.sessions.close(session.id)
    document = json.loads(written(full))
    restored(other, document)
    assert json.loads(written(other)) == document
    for user_id in ("ana", "ben", "628111"):
        assert other.users.get(user_id) == full.users.get(user_id)
        assert list(other.memories.list(user_id, history=True)) == list(full.memories.list(user_id, history=True))
        for one in full.sessions.list(user_id):
            assert other.sessions.get(one.id) == one
            assert list(other.sessions.messages(one.id, limit=None)) == list(full.sessions.messages(one.id, limit=None))


def test_sessions_are_told_in_the_order_of_time(memory: Memory, clock: TurnableClock) -> None:
    one, two = (memory.sessions.create("ana", channel=each) for each in ("a", "b"))
    chance = random.Random(7)
    for number in range(150):
        clock.turn(seconds=1)
        memory.sessions.append(chance.choice((one, two)).id, "user", str(number))
    (found,) = json.loads(written(memory)).values()
    assert [line["text"] for line in found["history"]] == [str(number) for number in range(150)]


def test_a_later_backup_says_the_owner_itself() -> None:
    stolen = record(
        ingat={"sessions": [{"id": "s", "user_id": "other", "created_at": 1, "updated_at": 1, "active_at": 1}]}
    )
    assert {each.user_id for each in only(StoredSession, {"628111": stolen})} == {"628111"}


def bring(memory: Memory, document: Any, **options: Any) -> RestoreReport:
    return memory.restore(io.BytesIO(b"\xef\xbb\xbf" + json.dumps(document).encode()), **options)


def test_overlapping_backups_are_joined(memory: Memory) -> None:
    line = {"role": "bot", "text": "Baik", "ts": "2025-11-21T08:00:00Z"}
    bring(memory, {"628111": RECORD})
    bring(memory, {"628111": record(history=[*RECORD["history"][2:], line])})
    (session,) = memory.sessions.list("628111")
    assert [each.content for each in memory.sessions.messages(session.id, limit=None)] == [
        *[each["text"] for each in RECORD["history"]],
        "Baik",
    ]


def test_restoring_twice_adds_nothing(memory: Memory) -> None:
    bring(memory, STORE)
    report = bring(memory, STORE)
    assert not any(report.added.values())
    assert not any(report.replaced.values())
    assert not any(report.kept.values())


def test_one_user_of_a_backup_can_be_restored(memory: Memory) -> None:
    bring(memory, STORE, users=["628111@c.us"])
    assert [each.user_id for each in memory.users.list()] == ["628111"]


def test_what_we_wrote_adds_nothing_to_those_who_are_there(full: Memory) -> None:
    report = bring(full, json.loads(written(full)))
    assert not any({**report.added, **report.replaced, **report.kept}.values())


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)
SAID = TEXT.filter(str.strip)
JSON = st.dictionaries(
    TEXT, st.none() | st.booleans() | st.integers(-9, 9) | TEXT | st.lists(TEXT, max_size=2), max_size=3
)
SECOND = st.integers(1_700_000_000, 1_700_000_009).map(
    lambda at: datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
)
LINES = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "bot"]), "text": SAID, "ts": SECOND},
    optional={"meta": JSON.filter(bool)},
)
RECORDS = st.fixed_dictionaries(
    {
        "session_token": st.none() | TEXT,
        "name": st.none() | TEXT,
        "gender": st.none() | st.sampled_from(["male", "female", "unknown"]),
        "product": st.none() | TEXT,
        "serial": st.none() | TEXT,
        "address": st.none() | TEXT,
        "summary_context": st.lists(SAID, max_size=4, unique=True),
        "history": st.lists(LINES, max_size=8),
        "last_answer": st.none() | TEXT,
        "flags": JSON,
        "slots": JSON,
        "created_at": SECOND,
        "updated_at": SECOND,
    },
    optional={"is_company": st.none() | st.booleans(), "last_step": JSON},
)


@settings(max_examples=40)
@given(st.dictionaries(st.integers(10_000, 99_999).map(str), RECORDS, max_size=3))
def test_whatever_klar_wrote_comes_out_as_it_went_in(records: dict[str, dict[str, Any]]) -> None:
    document = {user_id: {"user_id": user_id, **each} for user_id, each in records.items()}
    with open_memory() as memory:
        restored(memory, document)
        found = json.loads(written(memory))
        assert clean(found) == clean(document)
        assert rows_of(found) == rows_of(dict(sorted(document.items())))
