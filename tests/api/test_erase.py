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
    assert server.ask("DELETE", f"/v1/sessions/{session}?force=true").status == 400
    assert server.ask("DELETE", f"/v1/sessions/{session}?force=true&reason=asked").status == 200


def test_a_dry_run_deletes_nothing(server: Server, session: str) -> None:
    answer = server.ask("DELETE", f"/v1/sessions/{session}?dry_run=true")

    assert (answer.json["id"], answer.json["counts"]) == ("", {"session": 1})
    assert server.ask("GET", f"/v1/sessions/{session}").status == 200


def test_without_a_restore_point_nothing_is_deleted(
    server: Server, session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RestorePointFailed("The disk is full. Nothing was deleted.")

    monkeypatch.setattr(server.memory._points, "write", fail)
    answer = server.ask("DELETE", f"/v1/sessions/{session}")

    assert (answer.status, answer.code) == (503, "restore_point_failed")
    assert server.ask("GET", f"/v1/sessions/{session}").status == 200


def test_a_search_left_blank_clears_no_log(server: Server) -> None:
    server.memory.logs.add("something happened")

    assert server.ask("DELETE", "/v1/logs?search=").code == "invalid_input"
    assert server.memory.logs.stats().total > 0


@pytest.mark.parametrize("body", [{"dry_run": True}, {"reason": "why"}, [], b"dry_run=true"], ids=str)
def test_arguments_in_the_body_are_not_passed_over(server: Server, session: str, user: str, body: Any) -> None:
    answer = server.ask("DELETE", f"/v1/users/{user}", body)

    assert (answer.status, answer.code) == (400, "invalid_input")
    assert server.ask("GET", f"/v1/users/{user}").status == 200
    assert server.ask("DELETE", f"/v1/users/{user}?dry_run=true", {}).json["dry_run"]


def test_a_user_key_deletes_its_users_snapshots_only(server: Server, user: str, new_user: Callable[[], str]) -> None:
    mine, other = (server.memory.snapshots.save("desk", {}, user_id=each).id for each in (user, new_user()))
    key = server.user_key(user)

    assert server.ask("DELETE", f"/v1/snapshots/{mine}?user_id={user}", key=key).status == 200
    assert server.ask("DELETE", f"/v1/snapshots/{other}?user_id={user}", key=key).code == "snapshot_not_found"
    assert server.memory.snapshots.get(other).id == other


# -- people, and parts of what they said ---------------------------------------------------------------------------


def test_a_user_goes_by_an_alias_and_comes_back(server: Server, session: str, user: str) -> None:
    server.memory.sessions.append(session, "user", "my fan rattles")
    alias = server.memory.users.alias(user, f"alias of {user}").aliases[0]
    before = server.ask("GET", f"/v1/users/{user}").json

    answer = server.ask("DELETE", f"/v1/users/{alias.replace(' ', '%20')}?reason=asked+for")

    assert (answer.status, answer.json["scope"], answer.json["target"]) == (200, "user", user)
    assert (answer.json["counts"]["user"], answer.json["counts"]["message"]) == (1, 1)
    assert server.ask("GET", f"/v1/users/{user}").code == "user_not_found"
    assert server.ask("POST", f"/v1/operations/{answer.json['id']}/undo", {}).status == 200
    assert server.ask("GET", f"/v1/users/{user}").json == before


@pytest.mark.parametrize("address", ["/v1/users/ghost", "/v1/sessions/ghost/messages?since=0"])
def test_what_is_not_there_is_not_found(server: Server, address: str) -> None:
    assert server.ask("DELETE", address).status == 404


def test_a_user_with_an_open_case_is_refused_and_told_why(server: Server, user: str) -> None:
    server.memory.users.save(user, flags={"active_intent": "repair"})

    refused = server.ask("DELETE", f"/v1/users/{user}?reason=cleanup")
    plan = server.ask("DELETE", f"/v1/users/{user}?dry_run=true")
    blank = server.ask("DELETE", f"/v1/users/{user}?force=true&reason=+")

    assert (refused.status, refused.code) == (409, "protected_user")
    assert refused.json["error"]["details"]["protected_by"] == ["flags.active_intent"]
    assert (plan.status, plan.json["protected_by"], plan.json["counts"]) == (200, ["flags.active_intent"], {"user": 1})
    assert (blank.status, blank.code) == (400, "invalid_input")
    assert server.ask("GET", f"/v1/users/{user}").status == 200
    assert server.ask("DELETE", f"/v1/users/{user}?force=true&reason=asked+for").status == 200


def test_messages_are_named_by_repeating_the_argument(server: Server, session: str) -> None:
    ids = [server.memory.sessions.append(session, "user", f"line {number}").id for number in range(3)]

    answer = server.ask("DELETE", f"/v1/sessions/{session}/messages?message_ids={ids[0]}&message_ids={ids[2]}")

    assert (answer.status, answer.json["counts"]) == (200, {"message": 2})
    assert [message.id for message in server.memory.sessions.messages(session)] == [ids[1]]
    assert server.ask("DELETE", f"/v1/sessions/{session}/messages").code == "invalid_input"
    gone = server.ask("DELETE", f"/v1/sessions/{session}/messages?message_ids={ids[0]}")
    assert (gone.status, gone.code) == (404, "message_not_found")


def test_a_memory_goes_by_its_address(server: Server, user: str) -> None:
    item = server.memory.remember(user, "likes tea")

    assert server.ask("DELETE", f"/v1/users/{user}/memories/{item.id}").json["counts"] == {"memory": 1}
    assert server.ask("DELETE", f"/v1/users/{user}/memories/{item.id}").code == "memory_not_found"


def test_a_person_may_erase_a_memory_of_their_own_and_of_nobody_else(
    server: Server, user: str, new_user: Callable[[], str]
) -> None:
    mine, other = server.memory.remember(user, "likes tea"), new_user()
    theirs = server.memory.remember(other, "likes tea")
    key = server.user_key(user)

    assert server.ask("DELETE", f"/v1/users/{other}/memories/{theirs.id}", key=key).status == 403
    assert server.ask("DELETE", f"/v1/users/{user}/memories/{mine.id}", key=key).status == 200
    assert server.ask("DELETE", f"/v1/users/{user}", key=key).status == 403
    assert server.ask("DELETE", "/v1/everything?reason=x", key=key).status == 403


def test_everything_needs_a_reason(server: Server, user: str) -> None:
    answer = server.ask("DELETE", "/v1/everything")

    assert (answer.status, answer.code) == (400, "invalid_input")
    plan = server.ask("DELETE", "/v1/everything?reason=to+see&dry_run=true").json
    assert plan["counts"]["user"] >= 1
    assert server.ask("GET", f"/v1/users/{user}").status == 200
