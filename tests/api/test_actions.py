"""Every action, once, as the table says it."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest

from ingat.action import Action
from ingat.actions import ACTIONS
from tests.api.server import Answer, Server

Bodies = dict[str, Any]

BODIES: Bodies = {
    "sessions.append": {"role": "user", "content": "the fan is loud"},
    "recall": {"query": "what is loud?"},
    "context": {"query": "what is loud?"},
    "chat": {"user_id": "{user_id}", "text": "what was loud?"},
    "users.save": {"name": "Budi"},
    "POST users.save": {"user_id": "new {user_id}", "name": "Budi"},
    "users.alias": {"alias": "also {user_id}"},
    "users.merge": {"source": "{other}"},
    "users.protect": {"protected": True},
    "search": {"words": "fan"},
    "sessions.create": {"user_id": "{user_id}"},
    "sessions.open": {"user_id": "{user_id}", "channel": "web"},
    "sessions.update": {"name": "first"},
    "remember": {"text": "likes tea", "subject": "drink"},
    "memories.edit": {"text": "likes green tea"},
    "memories.supersede": {"text": "likes coffee"},
    "memories.retire": {},
    "import_from": {"format": "ingat-export", "version": 1, "users": []},
    "restore": {"628999": {"history": [{"role": "user", "content": "The fan rattles"}]}},
    "logs.add": {"message": "Scanner executed", "level": "warn", "category": "scanner", "data": {"n": 1}},
    "backups.create": {"reason": "before the move"},
    "backups.prune": {"dry_run": True},
    "keys.create": {"role": "user", "user_id": "{user_id}"},
    "reindex": {"user_id": "{user_id}"},
    "audit.prune": {"before": 1},
    "purge": {"reason": "asked in writing"},
    "snapshots.save": {"name": "desk", "state": {"x": 1}},
    "snapshots.import_json": {"snapshot": {"name": "desk", "state_data": {"x": 1}}},
    "artifacts.save": b"a,b\n1,2\n",
}

QUERIES = {
    "restore": "users=628999&prefer=backup&dry_run=true",
    "artifacts.save": "name=desk.csv&kind=dataset&media_type=text/csv&metrics=%7B%22rows%22:1%7D",
    "erase.messages": "since=0&until=1",
    "erase.everything": "reason=none&dry_run=true",
}
"""Arguments that stand in the query because the body is a file."""
MEDIA_TYPES = {"artifacts.read": "text/csv"}
"""What a file is that an action answers with, where it is no JSON."""


@pytest.fixture
def values(server: Server, new_user: Callable[[], str]) -> dict[str, str]:
    """The ids of things that are there, by the names that they have in addresses."""
    user, other = new_user(), new_user()
    session = server.memory.sessions.create(user).id
    if_closed = server.memory.sessions.create(user).id
    server.memory.sessions.close(if_closed)
    operation = server.memory.erase.session(server.memory.sessions.create(other).id)
    return {
        "user_id": user,
        "other": other,
        "target": user,
        "session_id": session,
        "closed": if_closed,
        "message_id": server.memory.sessions.append(session, "user", "my fan rattles").id,
        "memory_id": server.memory.remember(user, "likes water", subject="drink").id,
        "alias": server.memory.users.alias(user, f"alias of {user}").aliases[0],
        "key_id": server.memory.keys.create("service").id,
        "snapshot_id": server.memory.snapshots.save("desk", {}, user_id=user).id,
        "job": "measure",
        "other_id": server.memory.snapshots.save("desk", {}, user_id=user).id,
        "operation_id": operation.id,
        "name": operation.restore_point or "",
        "artifact_id": server.memory.artifacts.save(
            BytesIO(b"a,b\n"), name="desk.csv", user_id=user, media_type="text/csv"
        ).id,
    }


def _do(server: Server, action: Action, values: dict[str, str]) -> Answer:
    if action.name in ("sessions.reopen", "sessions.unarchive"):
        values = {**values, "session_id": values["closed"]}
    if action.name == "sessions.unarchive":
        server.memory.sessions.archive(values["closed"])
    if action.name == "redo":
        server.memory.undo(values["operation_id"])
    path = action.path.format(**{name: text.replace(" ", "%20") for name, text in values.items()})
    body = BODIES.get(f"{action.verb} {action.name}", BODIES.get(action.name))
    if isinstance(body, dict):
        body = {k: v.format(**values) if isinstance(v, str) else v for k, v in body.items()}
    if action.name in QUERIES:
        path += f"?{QUERIES[action.name]}"
    return server.ask(action.verb, path, body, key=server.admin)


@pytest.mark.parametrize("action", ACTIONS, ids=[f"{each.verb} {each.name}" for each in ACTIONS])
def test_an_action_answers_with_its_status(server: Server, values: dict[str, str], action: Action) -> None:
    answer = _do(server, action, values)

    assert answer.status == (201 if action.created else 200)
    assert answer.headers["content-type"] == MEDIA_TYPES.get(action.name, "application/json")


@pytest.mark.parametrize("action", ACTIONS, ids=[f"{each.verb} {each.name}" for each in ACTIONS])
def test_an_action_refuses_arguments_that_it_does_not_have(
    server: Server, values: dict[str, str], action: Action
) -> None:
    path = action.path.format(**{name: text.replace(" ", "%20") for name, text in values.items()})
    answer = (
        server.ask(action.verb, f"{path}?colour=red", key=server.admin)
        if action.verb in ("GET", "DELETE") or action.streams == "in"
        else server.ask(action.verb, path, {"colour": "red"}, key=server.admin)
    )

    assert (answer.status, answer.code) == (400, "invalid_input")
    assert answer.json["error"]["details"] == {"field": "colour"}


@pytest.mark.parametrize("action", ACTIONS, ids=[f"{each.verb} {each.name}" for each in ACTIONS])
def test_an_action_needs_a_key(server: Server, values: dict[str, str], action: Action) -> None:
    path = action.path.format(**{name: text.replace(" ", "%20") for name, text in values.items()})
    answer = server.ask(action.verb, path, b"not even JSON", key=None)

    assert (answer.status, answer.code) == (401, "unauthorized")


def test_a_user_who_is_there_is_not_created_again(server: Server, user: str) -> None:
    created = server.ask("POST", "/v1/users", {"user_id": f"new {user}"})
    again = server.ask("POST", "/v1/users", {"user_id": f"new {user}", "name": "Budi"})

    assert (created.status, again.status) == (201, 200)
    assert again.json["name"] == "Budi"


def test_a_memory_said_again_is_not_created_again(server: Server, user: str) -> None:
    first, again = (server.ask("POST", f"/v1/users/{user}/memories", {"text": "likes tea"}) for _ in range(2))

    assert (first.status, again.status) == (201, 200)
    assert first.json["id"] == again.json["id"]


def test_a_list_answers_with_an_object_that_names_it(server: Server, session: str) -> None:
    server.memory.sessions.append_many(session, [{"role": "user", "content": str(n)} for n in range(3)])

    answer = server.ask("GET", f"/v1/sessions/{session}/messages?limit=2")

    assert [each["content"] for each in answer.json["messages"]] == ["1", "2"]


def test_pages_follow_each_other_by_cursor(server: Server, user: str) -> None:
    made = [server.memory.sessions.create(user).id for _ in range(5)]
    seen: list[str] = []
    cursor = ""
    while True:
        page = server.ask("GET", f"/v1/sessions?user_id={user}&limit=2&sort=created_at&descending=false{cursor}").json
        seen += [each["id"] for each in page["sessions"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"

    assert sorted(seen) == sorted(made)


def test_what_is_left_out_of_a_change_stays(server: Server, user: str) -> None:
    server.ask("PUT", f"/v1/users/{user}", {"name": "Budi", "product": "F57A", "slots": {"a": 1, "b": 2}})

    changed = server.ask("PUT", f"/v1/users/{user}", {"product": None, "slots": {"a": None}}).json

    assert (changed["name"], changed["product"], changed["slots"]) == ("Budi", None, {"b": 2})


def test_recall_finds_what_was_appended_over_http(server: Server, session: str, user: str) -> None:
    server.ask("POST", f"/v1/sessions/{session}/messages", {"role": "user", "content": "my parrot is called Kiko"})

    answer = server.ask("POST", f"/v1/users/{user}/recall", {"query": "what is the parrot called?", "explain": True})

    assert answer.json["hits"][0]["text"] == "my parrot is called Kiko"
    assert answer.json["hits"][0]["parts"]


def test_head_answers_like_get_without_a_body(server: Server, user: str) -> None:
    got, head = server.ask("GET", f"/v1/users/{user}"), server.ask("HEAD", f"/v1/users/{user}")

    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(got.body))


def test_a_session_named_like_an_address_can_be_read(server: Server, user: str) -> None:
    server.memory.sessions.create(user, id="open")

    assert server.ask("GET", "/v1/sessions/open").json["user_id"] == user


def test_an_empty_body_stands_for_no_arguments(server: Server, session: str) -> None:
    assert server.ask("POST", f"/v1/sessions/{session}/close", b"").json["state"] == "closed"
