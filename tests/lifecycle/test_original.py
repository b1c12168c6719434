"""The export of the program whose memory service had no users."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from ingat.core.errors import InvalidFile
from ingat.core.reports import ImportReport
from ingat.memory import Memory

DAY = "2025-01-05"


SESSION = "session_1736070000000_a1b2c3d4e"
THE_SESSION = {
    "id": SESSION,
    "name": "Scanner",
    "description": "tuning",
    "project_id": "p1",
    "created_at": f"{DAY}T09:00:00.000Z",
    "updated_at": f"{DAY}T10:00:00.000Z",
    "last_activity": f"{DAY}T09:30:00.000Z",
    "message_count": 2,
    "metadata": {"tags": ["x"]},
    "is_archived": False,
    "colour": "red",
}
QUESTION = {
    "id": "msg_1_aaaaaaaaa",
    "session_id": SESSION,
    "role": "user",
    "content": "The scanner finds no gaps",
    "timestamp": f"{DAY}T09:10:00.000Z",
    "metadata": {"description": "d"},
}
ANSWER = {**QUESTION, "id": "msg_2_bbbbbbbbb", "role": "assistant", "content": "Lower the minimum price"}
SECOND_LOG = {
    "id": "log_2_x",
    "timestamp": f"{DAY}T09:20:00.000Z",
    "level": "warning",
    "category": "scanner",
    "message": "second",
    "source": "api",
}
FIRST_LOG = {
    **SECOND_LOG,
    "id": "log_1_x",
    "timestamp": f"{DAY}T09:00:00.000Z",
    "level": "verbose",
    "message": "first",
    "data": [1],
}
SNAPSHOT = {
    "id": "snap_1_x",
    "name": "A",
    "created_at": f"{DAY}T09:00:00.000Z",
    "state_data": {"parameters": {"min_close_price": 10.0}},
    "is_auto_save": True,
    "version": "1.0.0",
}
POLICY = {
    "log_retention_days": 3,
    "max_log_entries": 500,
    "session_retention_days": 30,
    "max_sessions": 100,
    "auto_archive_sessions": True,
    "cleanup_frequency_hours": 24,
}


def document(**changes: Any) -> dict[str, Any]:
    return {
        "version": "1.0.0",
        "exported_at": f"{DAY}T12:00:00.000Z",
        "logs": [dict(SECOND_LOG), dict(FIRST_LOG)],
        "sessions": [dict(THE_SESSION)],
        "chat_messages": {SESSION: [dict(QUESTION), dict(ANSWER)]},
        "snapshots": [dict(SNAPSHOT)],
        "retention_policy": dict(POLICY),
        **changes,
    }


def take(memory: Memory, given: Any) -> ImportReport:
    return memory.import_from(io.BytesIO(json.dumps(given).encode()))


def test_everything_of_it_comes_in(memory: Memory) -> None:
    report = take(memory, document())

    assert report.errors == ()
    assert report.notes == ()
    assert {name: number for name, number in report.imported.items() if number} == {
        "users": 1,
        "sessions": 1,
        "messages": 2,
        "snapshots": 1,
        "logs": 2,
        "retention_policies": 1,
    }
    session = memory.sessions.get(SESSION)
    assert (session.user_id, session.name, session.state) == (f"anonymous:{SESSION}", "Scanner", "active")
    assert session.metadata == {"tags": ["x"], "colour": "red"}
    assert session.message_count == 2
    assert [each.content for each in memory.sessions.messages(SESSION)] == [
        "The scanner finds no gaps",
        "Lower the minimum price",
    ]
    assert memory.recall(session.user_id, "scanner gaps").hits[0].source_id == "msg_1_aaaaaaaaa"
    assert memory.retention.get().log_retention_days == 3
    assert memory.snapshots.get("snap_1_x").state == {"parameters": {"min_close_price": 10.0}}


def test_logs_come_in_the_order_of_their_times_with_levels_that_there_are(memory: Memory) -> None:
    take(memory, document())

    second, first = memory.logs.list().items
    assert (first.message, first.level, first.data) == ("first", "info", {"level": "verbose", "value": [1]})
    assert (second.message, second.level) == ("second", "warn")


def test_a_second_import_adds_nothing(memory: Memory) -> None:
    take(memory, document())
    again = take(memory, document())

    assert not any(again.imported.values())
    assert again.renamed == ()


def test_an_archived_session_stays_archived(memory: Memory) -> None:
    given = document()
    given["sessions"][0]["is_archived"] = True
    take(memory, given)

    assert memory.sessions.get(SESSION).state == "archived"


def test_messages_of_a_session_that_is_not_there_get_one_and_are_told_of(memory: Memory) -> None:
    report = take(memory, document(sessions=[]))

    assert memory.sessions.get(SESSION).state == "closed"
    assert memory.sessions.get(SESSION).message_count == 2
    assert [SESSION in note for note in report.notes] == [True]


def test_an_empty_message_is_left_out_and_told_of(memory: Memory) -> None:
    given = document()
    given["chat_messages"][SESSION][0]["content"] = "  "
    report = take(memory, given)

    assert report.imported["messages"] == 1
    assert "no text" in report.notes[0]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"retention_policy": {"log_retention_days": -1, "max_sessions": 0}}, "invalid_settings"),
        ({"snapshots": [{"id": "snap_1", "name": "A", "created_at": f"{DAY}T09:00:00Z"}]}, "invalid_input"),
        ({"sessions": [{"id": "../x"}]}, "invalid_id"),
        ({"sessions": [{"id": "x", "created_at": "yesterday"}]}, "invalid_input"),
        ({"sessions": [{"id": "x"}, {"id": "x"}]}, "invalid_input"),
        ({"sessions": ["x"]}, "invalid_input"),
        ({"chat_messages": {"x": [{"id": "m", "role": "banana", "content": "hi"}]}}, "invalid_input"),
        ({"logs": [{"id": "l", "message": 3}]}, "invalid_input"),
    ],
    ids=["policy", "snapshot", "id", "time", "twice", "text", "role", "log"],
)
def test_what_is_wrong_keeps_all_of_it_out(memory: Memory, change: dict[str, Any], code: str) -> None:
    report = take(memory, document(**change))

    assert code in {error.code for error in report.errors}
    assert memory.stats().messages.total == 0
    assert memory.retention.history().items == ()


@pytest.mark.parametrize(
    "given",
    [
        {"foo": 1},
        {},
        document(version="2.0.0"),
        document(version=1),
        document(sessions={}),
        document(chat_messages=[]),
        document(chat_messages={"x": 1}),
    ],
    ids=["foo", "empty", "newer", "number", "sessions", "messages", "message"],
)
def test_what_is_no_such_export_is_refused(memory: Memory, given: Any) -> None:
    with pytest.raises(InvalidFile):
        take(memory, given)
