"""Deleting over HTTP: who did it is the key, and the way back is an address."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ingat.core.errors import RestorePointFailed
from tests.api.server import Server


def test_an_operation_names_the_key_and_the_reason(server: Server, session: str) -> None:
    admin = server.memory.keys.check(server.admin)

    answer = server.ask("DELETE", f"/v1/sessions/{session}?reason=asked+for", key=server.admin)

    assert (answer.status, answer.json["actor"], answer.json["reason"]) == (200, f"key:{admin.id}", "asked for")
    assert server.ask("GET", f"/v1/operations/{answer.json['id']}").json == answer.json
    assert server.ask("GET", "/v1/operations?limit=1").json["operations"] == [answer.json]


def test_what_was_deleted_comes_back_once(server: Server, session: str) -> None:
    server.memory.sessions.append(session, "user", "my fan rattles")
    before = server.ask("GET", f"/v1/sessions/{session}").json
    operation = server.ask("DELETE", f"/v1/sessions/{session}").json["id"]
    gone = server.ask("GET", f"/v1/sessions/{session}")

    undone = server.ask("POST", f"/v1/operations/{operation}/undo", {})
    again = server.ask("POST", f"/v1/operations/{operation}/undo", {})

    assert gone.code == "session_not_found"
    assert undone.json["undone_by"] == undone.json["actor"]
    assert server.ask("GET", f"/v1/sessions/{session}").json == before
    assert (again.status, again.code) == (409, "conflict")
    assert again.json["error"]["details"]["undone_at"] == undone.json["undone_at"]


def test_a_protected_user_is_refused_unless_forced(server: Server, session: str, user: str) -> None:
    server.memory.users.protect(user)

    refused = server.ask("DELETE", f"/v1/sessions/{session}")

    assert (refused.status, refused.code) == (409, "protected_user")
    assert server.ask("DELETE", f"/v1/sessions/{session}?force=true").status == 200


def test_a_dry_run_deletes_nothing(server: Server, session: str) -> None:
    answer = server.ask("DELETE", f"/v1/sessions/{session}?dry_run=true")

    assert (answer.json["id"], answer.json["counts"]) == ("", {"session": 1})
    assert server.ask("GET", f"/v1/sessions/{session}").status == 200


def test_without_a_restore_point_nothing_is_deleted(
    server: Server, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise RestorePointFailed("The disk is full. Nothing was deleted.")

    monkeypatch.setattr(server.memory._points, "write", fail)
    answer = server.ask("DELETE", f"/v1/sessions/{session}")

    assert (answer.status, answer.code) == (503, "restore_point_failed")
    assert server.ask("GET", f"/v1/sessions/{session}").status == 200


def test_a_search_left_blank_clears_no_log(server: Server) -> None:
    server.memory.logs.add("something happened")

    assert server.ask("DELETE", "/v1/logs?search=").code == "invalid_input"
    assert server.memory.logs.stats().total > 0


def test_a_user_key_deletes_its_users_snapshots_only(server: Server, user: str, new_user: Callable[[], str]) -> None:
    mine, other = (server.memory.snapshots.save("desk", {}, user_id=each).id for each in (user, new_user()))
    key = server.user_key(user)

    assert server.ask("DELETE", f"/v1/snapshots/{mine}?user_id={user}", key=key).status == 200
    assert server.ask("DELETE", f"/v1/snapshots/{other}?user_id={user}", key=key).code == "snapshot_not_found"
    assert server.memory.snapshots.get(other).id == other
