"""Who may do what: keys, their roles, and the one user that a key may be bound to."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest

from ingat.action import Action
from ingat.actions import ACTIONS, arguments_of
from ingat.aio import AsyncMemory
from ingat.api.access import WRONG_KEYS_PER_MINUTE, Access
from ingat.core.errors import RateLimited, Unauthorized
from tests.api.server import Server
from tests.api.test_actions import BODIES, QUERIES

OF_PERSONS = [each for each in ACTIONS if each.scope in ("user", "session")]
OF_STORE = [each for each in ACTIONS if each.scope == "store"]
OF_KEYS = [each for each in ACTIONS if each.scope == "keys"]


def _names(actions: list[Action]) -> list[str]:
    return [f"{each.verb} {each.name}" for each in actions]


def _ask(server: Server, action: Action, key: str, values: dict[str, str]) -> tuple[int, str]:
    body = BODIES.get(f"{action.verb} {action.name}", BODIES.get(action.name))
    if isinstance(body, dict):
        body = {k: v.format(**values) if isinstance(v, str) else v for k, v in body.items()}
    path = action.path.format(**values)
    left_out = "user_id" in arguments_of(action.name).__struct_fields__ and "user_id" not in action.in_path
    queries = [QUERIES[action.name]] if action.name in QUERIES else []
    in_query = action.verb in ("GET", "DELETE") or action.streams == "in"
    if left_out and action.scope == "user" and in_query:
        queries.append(f"user_id={values['user_id']}")
    elif left_out and action.scope == "user":
        body = {**(body or {}), "user_id": values["user_id"]}
    answer = server.ask(action.verb, f"{path}?{'&'.join(queries)}" if queries else path, body, key=key)
    return answer.status, answer.code if answer.status >= 400 else ""


def _values(server: Server, user: str, session: str) -> dict[str, str]:
    return {
        "user_id": user,
        "session_id": session,
        "other": user,
        "target": user,
        "alias": "x",
        "key_id": "x",
        "operation_id": "x",
        "name": "x",
        "job": "retain",
        "artifact_id": server.memory.artifacts.save(BytesIO(b"a,b"), name="a.csv", user_id=user).id,
        "snapshot_id": server.memory.snapshots.save("desk", {}, user_id=user).id,
        "other_id": server.memory.snapshots.save("desk", {}, user_id=user).id,
        "message_id": server.memory.sessions.append(session, "user", "my fan rattles").id,
        "memory_id": server.memory.remember(user, "likes water").id,
    }


@pytest.mark.parametrize("action", OF_PERSONS, ids=_names(OF_PERSONS))
def test_a_user_key_does_nothing_for_another_user(
    server: Server, new_user: Callable[[], str], session: str, user: str, action: Action
) -> None:
    values = _values(server, user, session)

    assert _ask(server, action, server.user_key(new_user()), values) == (403, "forbidden")


@pytest.mark.parametrize("action", OF_PERSONS, ids=_names(OF_PERSONS))
def test_a_user_key_does_all_that_concerns_its_user(server: Server, session: str, user: str, action: Action) -> None:
    values = _values(server, user, session)
    if action.name == "sessions.reopen":
        server.memory.sessions.close(session)
    if action.name == "sessions.unarchive":
        server.memory.sessions.archive(session)

    status, code = _ask(server, action, server.user_key(user), values)

    assert (status, code) == (201 if action.created else 200, "")


@pytest.mark.parametrize("action", OF_STORE, ids=_names(OF_STORE))
def test_what_concerns_the_whole_store_needs_another_key(
    server: Server, session: str, user: str, action: Action
) -> None:
    assert _ask(server, action, server.user_key(user), _values(server, user, session)) == (403, "forbidden")


@pytest.mark.parametrize("action", OF_KEYS, ids=_names(OF_KEYS))
def test_keys_are_the_admins_alone(server: Server, session: str, user: str, action: Action) -> None:
    values = _values(server, user, session)

    for key in (server.service, server.user_key(user)):
        assert _ask(server, action, key, values) == (403, "forbidden")


def test_a_session_of_another_and_one_that_is_missing_look_the_same(
    server: Server, new_user: Callable[[], str], session: str
) -> None:
    key = server.user_key(new_user())

    other = server.ask("GET", f"/v1/sessions/{session}", key=key)
    missing = server.ask("GET", "/v1/sessions/nothing", key=key)

    assert other.status == 403
    assert (other.status, other.body) == (missing.status, missing.body)


def test_an_alias_of_the_user_opens_as_the_id_does(server: Server, user: str) -> None:
    server.memory.users.alias(user, f"+62 811 {abs(hash(user)) % 10**6:06}")
    alias = server.memory.users.get(user).aliases[0]

    assert server.ask("GET", f"/v1/users/{alias}", key=server.user_key(user)).json["user_id"] == user


def test_a_key_for_an_alias_opens_what_is_the_users(server: Server, user: str, session: str) -> None:
    key = server.user_key(f"later alias of {user}")
    server.memory.users.alias(user, f"later alias of {user}")

    assert server.ask("GET", f"/v1/users/{user}", key=key).status == 200
    assert server.ask("GET", f"/v1/sessions/{session}", key=key).status == 200


def test_a_list_without_a_user_shows_a_user_key_its_own(
    server: Server, session: str, user: str, new_user: Callable[[], str]
) -> None:
    server.memory.sessions.create(new_user())

    listed = server.ask("GET", "/v1/sessions?limit=1000", key=server.user_key(user)).json["sessions"]

    assert [each["id"] for each in listed] == [session]


def test_a_session_made_without_a_user_is_the_key_users(server: Server, user: str) -> None:
    assert server.ask("POST", "/v1/sessions", {}, key=server.user_key(user)).json["user_id"] == user


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/v1/users/{user}", {"role": "admin"}),
        ("POST", "/v1/sessions", {"id": "a-session-of-another"}),
    ],
)
def test_guarded_arguments_are_not_for_user_keys(
    server: Server, user: str, method: str, path: str, body: dict[str, Any]
) -> None:
    answer = server.ask(method, path.format(user=user), body, key=server.user_key(user))

    assert (answer.status, answer.code) == (403, "forbidden")
    assert server.memory.users.get(user).role == "client"


def test_a_user_key_does_not_override_protection(server: Server, user: str) -> None:
    memory_id = server.memory.remember(user, "prefers tea").id
    server.memory.users.protect(user)
    path = f"/v1/users/{user}/memories/{memory_id}?reason=mine"

    forced = server.ask("DELETE", f"{path}&force=true", key=server.user_key(user))

    assert (forced.status, forced.code) == (403, "forbidden")
    assert server.ask("DELETE", f"{path}&force=false", key=server.user_key(user)).code == "protected_user"
    assert server.ask("DELETE", f"{path}&force=true").status == 200


@pytest.mark.parametrize(
    "given", [{"role": "system"}, {"role": "assistant"}, {"role": "tool"}, {"id": "m"}, {"at": 1}, {"at": 0}]
)
def test_a_user_key_speaks_for_its_user_alone(server: Server, user: str, session: str, given: dict[str, Any]) -> None:
    said = {"role": "user", "content": "hello"}
    for body in ({**said, **given}, [said, {**said, **given}]):
        answer = server.ask("POST", f"/v1/sessions/{session}/messages", body, key=server.user_key(user))

        assert (answer.status, answer.code) == (403, "forbidden")
    assert server.memory.sessions.messages(session) == []


def test_a_user_key_appends_a_list(server: Server, user: str, session: str) -> None:
    body = [{"role": "user", "content": "hello", "author": "Budi"}] * 2

    assert server.ask("POST", f"/v1/sessions/{session}/messages", body, key=server.user_key(user)).status == 201


async def _tried(memory: AsyncMemory, secrets: list[str]) -> Counter[str]:
    access = Access(memory, rate_limit_per_minute=0)

    async def one(secret: str) -> str:
        try:
            return (await access.sign_in({"type": "http", "client": ("192.0.2.1", 1)}, secret)).role
        except (Unauthorized, RateLimited) as error:
            return error.code

    return Counter(await asyncio.gather(*(one(secret) for secret in secrets)))


def test_wrong_keys_that_come_at_once_are_limited_too() -> None:
    async def main() -> Counter[str]:
        async with AsyncMemory(":memory:", embedder=None) as memory:
            return await _tried(memory, [f"wrong {n}" for n in range(2_000)])

    assert asyncio.run(main()) == {"unauthorized": WRONG_KEYS_PER_MINUTE, "rate_limited": 2_000 - WRONG_KEYS_PER_MINUTE}


def test_right_keys_among_wrong_ones_are_let_in() -> None:
    async def main() -> Counter[str]:
        async with AsyncMemory(":memory:", embedder=None) as memory:
            right = (await memory.keys.create("service")).key
            return await _tried(memory, [f"wrong {n}" for n in range(100)] + [right] * 100)

    assert asyncio.run(main())["service"] == 100


def test_another_users_lines_are_not_recalled_through_a_foreign_session(
    server: Server, session: str, new_user: Callable[[], str]
) -> None:
    server.memory.sessions.append(session, "user", "the safe opens with 4711")
    stranger = new_user()

    answer = server.ask(
        "POST",
        f"/v1/users/{stranger}/recall",
        {"query": "what opens the safe?", "session_id": session},
        key=server.user_key(stranger),
    )

    assert answer.json["hits"] == []


@pytest.mark.parametrize(
    "given",
    ["Bearer wrong", "Bearer ", "Bearer", "Basic YTpi", "wrong", "Bearer \xff", "Bearer ingat_" + "x" * 43],
)
def test_a_wrong_key_is_refused(server: Server, given: str) -> None:
    answer = server.ask("GET", "/v1/users", key=None, headers={"Authorization": given})

    assert (answer.status, answer.code) == (401, "unauthorized")
    assert answer.headers["www-authenticate"] == 'Bearer realm="ingat"'


def test_the_word_bearer_is_known_in_any_case(server: Server) -> None:
    headers = {"Authorization": f"bEARER  {server.service}"}

    assert server.ask("GET", "/v1/users", key=None, headers=headers).status == 200


def test_who_has_no_key_learns_nothing_of_addresses(server: Server) -> None:
    for method, path in (("GET", "/v1/nothing"), ("PATCH", "/v1/users"), ("GET", "/.env"), ("GET", "/schema/x")):
        assert server.ask(method, path, key=None).code == "unauthorized"


def test_a_key_revoked_over_http_opens_nothing_more(server: Server) -> None:
    made = server.ask("POST", "/v1/keys", {"role": "service", "name": "bot"}, key=server.admin).json
    assert server.ask("GET", "/v1/users", key=made["key"]).status == 200

    server.ask("DELETE", f"/v1/keys/{made['id']}", key=server.admin)

    assert server.ask("GET", "/v1/users", key=made["key"]).code == "unauthorized"


def test_keys_are_listed_without_their_secrets(server: Server) -> None:
    made = server.ask("POST", "/v1/keys", {"role": "admin"}, key=server.admin).json

    listed = server.ask("GET", "/v1/keys", key=server.admin)

    assert made["id"] in [each["id"] for each in listed.json["keys"]]
    assert made["key"].encode() not in listed.body


def test_a_merged_users_key_opens_the_joined_user_at_once(server: Server, new_user: Callable[[], str]) -> None:
    source, target = new_user(), new_user()
    key = server.user_key(source)
    assert server.ask("GET", f"/v1/users/{target}", key=key).status == 403

    server.ask("POST", f"/v1/users/{target}/merge", {"source": source})

    assert server.ask("GET", f"/v1/users/{target}", key=key).status == 200
