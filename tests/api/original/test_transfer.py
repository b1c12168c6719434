"""Export and import in the wire format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ingat.api.original import transfer
from tests.api.original.wire import Wire, refused
from tests.api.server import running


def filled(wire: Wire) -> dict[str, Any]:
    """Fill a store with some of everything, and return its export."""
    session = wire.session("One", description="d", project_id="p", metadata={"a": 1})["id"]
    wire.say(session, "How are you?", timestamp="2026-01-01T00:00:00Z")
    wire.say(session, "Fine", role="assistant", metadata={"model": "m"})
    wire.do("archive_session", session_id=wire.session("Two")["id"])
    wire.do("save_snapshot", name="state", state_data={"columns": ["a"]}, is_auto_save=True)
    wire.do("add_log", message="done", level="warn", category="scanner", data={"n": 1}, session_id=session)
    wire.do("set_retention_policy", policy={"log_retention_days": 14})
    return exported(wire)


def exported(wire: Wire, **given: str) -> dict[str, Any]:
    return dict(json.loads(wire.read("export_all", **given)["data_json"]))


def test_an_export_has_the_form_of_the_format(alone: Wire) -> None:
    export = filled(alone)

    assert export.keys() == {
        "version",
        "exported_at",
        "logs",
        "sessions",
        "chat_messages",
        "snapshots",
        "retention_policy",
    }
    assert (export["version"], export["exported_at"][-1]) == ("1.0.0", "Z")
    assert export["retention_policy"]["log_retention_days"] == 14
    assert {each["name"] for each in export["sessions"]} == {"One", "Two"}
    (said,) = [rows for rows in export["chat_messages"].values() if rows]
    assert [each["content"] for each in said] == ["How are you?", "Fine"]
    assert export["chat_messages"].keys() == {each["id"] for each in export["sessions"]}
    assert [each["name"] for each in export["snapshots"]] == ["state"]
    assert [each["message"] for each in export["logs"]] == ["done"]


def test_an_import_into_an_empty_store_gives_the_same_export(alone: Wire, tmp_path: Path) -> None:
    """Difference 7: the original did not import the policy."""
    export = filled(alone)
    (tmp_path / "other").mkdir()
    with running(tmp_path / "other") as server:
        other = Wire(server)

        answer = other.do("import_all", data_json=json.dumps(export))

        assert answer["errors"] == []
        assert answer["imported"] == sum(answer["by_kind"].values()) > 0
        again = exported(other)
    for one in (export, again):
        del one["exported_at"]
        one["sessions"].sort(key=lambda each: each["id"])
    assert again == export


def test_the_sessions_of_one_user_are_exported_and_imported_together(alone: Wire, tmp_path: Path) -> None:
    for name in ("One", "Two"):
        alone.say(alone.do("create_session", name=name, user_id="628111")["session"]["id"], "My fan rattles")
    export = exported(alone)
    (tmp_path / "other").mkdir()
    with running(tmp_path / "other") as server:
        answer = Wire(server).do("import_all", data_json=json.dumps(export))
        names = {each.name for each in server.memory.sessions.list("628111")}

    assert (answer["errors"], names) == ([], {"One", "Two"})


def test_a_wrong_row_is_named_once(alone: Wire) -> None:
    answer = alone.post("import_all", data_json='{"version": "1.0.0", "sessions": [{"id": "a/b"}]}').json

    assert (answer["success"], answer["imported"]) == (False, 0)
    assert [error.count("sessions[0]") for error in answer["errors"]] == [1]


def test_a_second_import_changes_nothing(alone: Wire) -> None:
    """Difference 7: the original overwrote what had the same ids."""
    export = filled(alone)
    session = export["sessions"][0]["id"]
    alone.do("update_session", session_id=session, name="Changed since")

    answer = alone.do("import_all", data_json=json.dumps(export))

    assert answer["imported"] == 0
    assert alone.read("session", session_id=session)["session"]["name"] == "Changed since"
    assert len(alone.read("sessions")["sessions"]) == 2


def test_ids_made_elsewhere_survive_export_and_import(alone: Wire) -> None:
    memory = alone.server.memory
    session = memory.sessions.create(name="elsewhere")
    memory.sessions.append(session.id, "user", "hello")
    memory.snapshots.save("s", {})
    memory.logs.add("x")

    answer = alone.do("import_all", data_json=alone.read("export_all")["data_json"])

    assert answer["imported"] == 0
    assert answer["notes"] == []


@pytest.mark.parametrize(
    "text",
    [
        '{"foo": 1}',
        "[]",
        "{",
        "",
        '{"version": "9.0.0", "sessions": []}',
        '{"version": "1.0.0", "sessions": [{"id": 1}]}',
        '{"version": "1.0.0", "sessions": 1}',
        '{"version": "1.0.0", "snapshots": [{"id": "s", "name": "x"}]}',
        '{"version": "1.0.0", "sessions": [], "retention_policy": {"max_sessions": 0}}',
    ],
)
def test_what_is_no_export_imports_nothing(alone: Wire, text: str) -> None:
    """Difference 7: the original called all of these a success."""
    answer = alone.post("import_all", data_json=text)

    assert refused(answer)[0] == 200
    assert answer.json["imported"] == 0
    assert answer.json["errors"]
    assert alone.read("sessions")["sessions"] == []


def test_one_wrong_row_keeps_everything_out(alone: Wire) -> None:
    export = {
        "version": "1.0.0",
        "sessions": [{"id": "session_a", "name": "good"}],
        "chat_messages": {"session_a": [{"id": "msg_1", "role": "narrator", "content": "x"}]},
    }

    answer = alone.post("import_all", data_json=json.dumps(export))

    assert answer.json["success"] is False
    assert "chat_messages" in answer.json["errors"][0]
    assert alone.read("sessions")["sessions"] == []


def test_an_export_of_the_original_keeps_its_ids(alone: Wire) -> None:
    message = {"id": "msg_1_a", "session_id": "session_abc123", "role": "user", "content": "hi"}
    export = {
        "version": "1.0.0",
        "exported_at": "2025-12-28T00:00:00.000Z",
        "logs": [],
        "sessions": [{"id": "session_abc123", "name": "Old", "is_archived": False, "message_count": 1}],
        "chat_messages": {"session_abc123": [{**message, "timestamp": "2025-12-27T00:00:00.000Z"}]},
        "snapshots": [],
    }

    alone.do("import_all", data_json=json.dumps(export))

    assert alone.read("session", session_id="session_abc123")["session"]["name"] == "Old"
    (found,) = alone.read("messages", session_id="session_abc123")["messages"]
    assert (found["id"], found["timestamp"]) == ("msg_1_a", "2025-12-27T00:00:00.000Z")


def test_an_export_that_is_too_large_is_refused(alone: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "MOST_BYTES", 1_000)
    alone.say(alone.session()["id"], "x" * 1_000)

    answer = alone.get("export_all")

    assert refused(answer) == (200, "content_too_long")
    assert "/v1/export" in answer.json["error"]


def test_one_users_part_can_be_exported(alone: Wire) -> None:
    alone.say(alone.session("hers", user_id="ana")["id"], "x")
    alone.session("his", user_id="bob")
    alone.do("add_log", message="x")

    export = exported(alone, user_id="ana")

    assert [each["name"] for each in export["sessions"]] == ["hers"]
    assert export["logs"] == []
    assert "retention_policy" not in export


def test_an_export_of_a_users_sessions_gives_them_back_to_the_user(alone: Wire, tmp_path: Path) -> None:
    session = alone.session("hers", user_id="ana")["id"]
    alone.say(session, "x")
    alone.server.memory.sessions.close(session)
    export = alone.read("export_all")["data_json"]
    (tmp_path / "other").mkdir()
    with running(tmp_path / "other") as server:
        other = Wire(server)
        other.do("import_all", data_json=export)

        found = other.read("session", session_id=session)["session"]

    assert (found["user_id"], found["state"]) == ("ana", "closed")
