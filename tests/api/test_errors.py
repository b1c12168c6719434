"""Everything that is wrong gets one form of answer, with its code and its status."""

from __future__ import annotations

import inspect
from typing import Any
from urllib.parse import quote

import pytest

from ingat.api.status import status_of
from ingat.core import errors
from tests.api.server import Server

CLASSES = [each for each in vars(errors).values() if inspect.isclass(each) and issubclass(each, errors.IngatError)]


@pytest.mark.parametrize("kind", CLASSES, ids=[each.code for each in CLASSES])
def test_every_error_has_an_error_status(kind: type[errors.IngatError]) -> None:
    assert 400 <= status_of(kind("it went wrong")) < 600


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.InvalidId, 400),
        (errors.InvalidLimit, 400),
        (errors.Unauthorized, 401),
        (errors.UserBlocked, 403),
        (errors.SessionNotFound, 404),
        (errors.MethodNotAllowed, 405),
        (errors.SessionClosed, 409),
        (errors.AliasTaken, 409),
        (errors.RequestTooLarge, 413),
        (errors.HostNotAllowed, 421),
        (errors.RateLimited, 429),
        (errors.InternalError, 500),
        (errors.StoreError, 500),
        (errors.StoreBusy, 503),
        (errors.StoreReadOnly, 503),
        (errors.StoreUnavailable, 503),
        (errors.RequestTimeout, 504),
        (errors.StoreFull, 507),
    ],
)
def test_an_error_has_its_status(kind: type[errors.IngatError], status: int) -> None:
    assert status_of(kind("it went wrong")) == status


def test_a_request_that_never_arrived_is_the_clients_time_out() -> None:
    assert status_of(errors.RequestTimeout("too slow", begun=False)) == 408


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "invalid_input"),
        (b"{", "invalid_input"),
        (b"null", "invalid_input"),
        (b"[]", "invalid_input"),
        (b'"text"', "invalid_input"),
        (b'{"user_id": "x"} more', "invalid_input"),
        (b'{"user_id": NaN}', "invalid_input"),
        (b'{"user_id": "x", "slots": {"a": NaN}}', "invalid_input"),
        (b'{"user_id": "x", "slots": {"a": Infinity}}', "invalid_input"),
        (b'{"user_id": "x", "slots": {"a": 1e999}}', "invalid_input"),
        (b'{"user_id": 5}', "invalid_input"),
        (b'{"user_id": null}', "invalid_input"),
        (b'{"name": "x"}', "invalid_input"),
        (b'{"user_id": "x", "slots": [1]}', "invalid_input"),
        (b'{"user_id": "x", "slots": ' + b'{"a":' * 5_000 + b"1" + b"}" * 5_001, "invalid_input"),
        (b'{"user_id": "x", "slots": ' + b'{"a":' * 5_000, "invalid_input"),
        (b'{"user_id": "\xff"}', "invalid_text"),
        (b'{"user_id": "x", "name": "\\ud800"}', "invalid_text"),
        (b'{"user_id": "x", "name": "\\udfff."}', "invalid_text"),
        (b'{"user_id": "x", "name": "\\u0000"}', "invalid_text"),
        (b'{"user_id": ""}', "invalid_id"),
        (b'{"user_id": "a/b"}', "invalid_id"),
        (b'{"user_id": "a..b"}', "invalid_id"),
        (b'{"user_id": "a\\nb"}', "invalid_id"),
        (b'{"user_id": "' + b"a" * 257 + b'"}', "invalid_id"),
        (b'{"user_id": "x", "role": "king"}', "unknown_role"),
    ],
)
def test_a_wrong_body_gets_its_code_and_changes_nothing(server: Server, body: bytes, code: str) -> None:
    before = server.memory.stats().users.total

    answer = server.ask("POST", "/v1/users", body)

    assert (answer.status, answer.code) == (400, code)
    assert server.memory.stats().users.total == before


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=0", "invalid_limit"),
        ("limit=1001", "invalid_limit"),
        ("limit=-5", "invalid_limit"),
        ("limit=ten", "invalid_limit"),
        ("limit=", "invalid_limit"),
        ("limit=9999999999999999999999", "invalid_limit"),
        ("limit=5&limit=6", "invalid_input"),
        ("colour=red", "invalid_input"),
        ("descending=perhaps", "invalid_input"),
        ("sort=colour", "invalid_input"),
        ("cursor=nonsense", "invalid_input"),
        ("search=%FF", "invalid_text"),
        ("search=%00", "invalid_text"),
        ("&".join(f"a{n}=1" for n in range(101)), "invalid_input"),
    ],
)
def test_a_wrong_query_gets_its_code(server: Server, query: str, code: str) -> None:
    answer = server.ask("GET", f"/v1/users?{query}")

    assert (answer.status, answer.code) == (400, code)


@pytest.mark.parametrize("limit", ["0", "1001", "null", "-1", "1e3"])
def test_a_page_of_messages_has_at_most_1000(server: Server, session: str, limit: str) -> None:
    answer = server.ask("GET", f"/v1/sessions/{session}/messages?limit={limit}")

    assert (answer.status, answer.code) == (400, "invalid_limit")


@pytest.mark.parametrize(
    "name", ["..", "%2E%2E", "a%2Fb", "a%00b", "%0A", "a%5Cb", "%20", "a" * 257, "%FF", "%C3%28", "%ED%A0%80"]
)
def test_an_id_in_the_address_is_checked(server: Server, name: str) -> None:
    for method, path, body in (
        ("GET", f"/v1/users/{name}", None),
        ("PUT", f"/v1/users/{name}", {"name": "x"}),
        ("POST", f"/v1/sessions/{name}/messages", {"role": "user", "content": "x"}),
    ):
        answer = server.ask(method, path, body)

        assert (answer.status, answer.code) == (400, "invalid_id")


@pytest.mark.parametrize(
    ("method", "path", "body", "code"),
    [
        ("GET", "/v1/users/nobody", None, "user_not_found"),
        ("GET", "/v1/sessions/nothing", None, "session_not_found"),
        ("GET", "/v1/sessions/nothing/messages", None, "session_not_found"),
        ("POST", "/v1/sessions/nothing/messages", {"role": "user", "content": "x"}, "session_not_found"),
        ("POST", "/v1/users/nobody/context", {"session_id": "nothing"}, "session_not_found"),
        ("GET", "/v1/users/nobody/messages/nothing", None, "message_not_found"),
        ("GET", "/v1/users/nobody/memories/nothing", None, "memory_not_found"),
        ("DELETE", "/v1/keys/nothing", None, "key_not_found"),
        ("GET", "/v1/nothing", None, "not_found"),
        ("GET", "/v1/users/", None, "not_found"),
        ("GET", "//v1/users", None, "not_found"),
    ],
)
def test_what_is_not_there_answers_404(server: Server, method: str, path: str, body: Any, code: str) -> None:
    answer = server.ask(method, path, body, key=server.admin)

    assert (answer.status, answer.code) == (404, code)


def test_another_method_answers_405_and_names_the_right_ones(server: Server) -> None:
    answer = server.ask("PATCH", "/v1/users")

    assert (answer.status, answer.code) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "GET, HEAD, POST"


def test_arguments_of_a_body_do_not_stand_in_the_query(server: Server, user: str) -> None:
    answer = server.ask("POST", f"/v1/users/{user}/recall?top_k=3", {"query": "x"})

    assert (answer.status, answer.code) == (400, "invalid_input")


@pytest.mark.parametrize("name", ["x" * 20_000, "`" * 20_000, "` - at `$" * 2_000])
def test_a_long_name_is_not_repeated_whole(server: Server, user: str, name: str) -> None:
    for method, path, body in (
        ("GET", f"/v1/users?{quote(name)}=1", None),
        ("POST", f"/v1/users/{user}/recall?{quote(name)}", {"query": "x"}),
        ("POST", f"/v1/users/{user}/recall", {"query": "x", name: 1}),
        ("POST", "/v1/sessions/s/messages", [{"role": "user", "content": "x", name: 1}]),
    ):
        answer = server.ask(method, path, body)

        assert (answer.status, answer.code) == (400, "invalid_input")
        assert len(answer.body) < 512
        assert len(answer.json["error"]["details"]["field"]) <= 80


def test_what_stands_in_the_address_does_not_stand_in_the_body(server: Server, user: str) -> None:
    answer = server.ask("PUT", f"/v1/users/{user}", {"user_id": "another"})

    assert (answer.code, answer.json["error"]["details"]) == ("invalid_input", {"field": "user_id"})


@pytest.mark.parametrize(
    ("code", "make"),
    [
        ("alias_taken", ("POST", "/v1/users/{a}/aliases", {"alias": "{b}"})),
        ("conflict", ("POST", "/v1/users/{a}/memories/{memory}/retire", {"valid_to": 1})),
        ("session_exists", ("POST", "/v1/sessions", {"user_id": "{a}", "id": "{session}"})),
        ("store_conflict", ("POST", "/v1/sessions/{session}/messages", {"role": "user", "content": "x", "id": "m"})),
    ],
)
def test_what_does_not_fit_the_state_answers_409(
    server: Server, new_user: Any, code: str, make: tuple[str, str, dict[str, str]]
) -> None:
    a, b = new_user(), new_user()
    session = server.memory.sessions.create(a).id
    server.memory.sessions.append(session, "user", "x", id="m")
    names = {"a": a, "b": b, "session": session, "memory": server.memory.remember(a, "x").id}
    method, path, body = make

    answer = server.ask(
        method,
        path.format(**names),
        {k: v.format(**names) if isinstance(v, str) else v for k, v in body.items()},
    )

    assert (answer.status, answer.code) == (409, code)
