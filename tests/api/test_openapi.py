"""The OpenAPI document is valid, complete and true."""

from __future__ import annotations

import re
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from ingat.actions import ACTIONS
from ingat.api.openapi import REASONS, openapi
from ingat.api.status import status_of
from ingat.core import errors
from tests.api.server import Server

DOCUMENT = openapi()


def _operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method.upper(), operation)
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    ]


def _in_json(operation: dict[str, Any]) -> bool:
    return "application/json" in operation["requestBody"]["content"]


def _validator(schema: dict[str, Any]) -> OAS31Validator:
    return OAS31Validator({**schema, "components": DOCUMENT["components"]})


def test_the_document_is_valid() -> None:
    assert [error.message for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []


def test_every_action_is_in_it() -> None:
    assert {(each.path, each.verb) for each in ACTIONS} <= {(path, verb) for path, verb, _ in _operations()}


def test_operations_have_names_of_their_own() -> None:
    names = [operation["operationId"] for _, _, operation in _operations()]

    assert len(names) == len(set(names))


def test_only_health_answers_without_a_key() -> None:
    assert DOCUMENT["security"] == [{"key": []}]
    assert [path for path, _, operation in _operations() if "security" in operation] == ["/healthz", "/readyz"]


@pytest.mark.parametrize(
    ("path", "operation"),
    [(path, operation) for path, _, operation in _operations() if "requestBody" in operation and _in_json(operation)],
    ids=[each["operationId"] for _, _, each in _operations() if "requestBody" in each and _in_json(each)],
)
def test_every_body_has_an_example_that_fits_its_schema(path: str, operation: dict[str, Any]) -> None:
    content = operation["requestBody"]["content"]["application/json"]

    assert [error.message for error in _validator(content["schema"]).iter_errors(content["example"])] == []


def test_every_field_of_a_body_may_be_left_out_or_is_required() -> None:
    operation = DOCUMENT["paths"]["/v1/users/{user_id}/recall"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]

    assert schema["required"] == ["query"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["top_k"]["anyOf"][0]["maximum"] == 1_000
    assert schema["properties"]["top_k"]["anyOf"][0]["minimum"] == 1


@pytest.mark.parametrize(
    ("path", "body", "name", "wrong"),
    [
        ("/v1/users/{user_id}/recall", {"query": "x"}, "top_k", 0),
        ("/v1/users/{user_id}/recall", {"query": "x"}, "role", "narrator"),
        ("/v1/users/{user_id}/recall", {}, "query", "x" * 65_537),
        ("/v1/users/{user_id}/context", {}, "top_k", -1),
        ("/v1/users/{user_id}/search", {}, "words", "x" * 65_537),
        ("/v1/users/{user_id}/search", {"words": "x"}, "role", "narrator"),
        ("/v1/users/{user_id}/memories", {}, "text", "x" * 65_537),
        ("/v1/sessions/{session_id}/messages", {"role": "user"}, "content", "x" * ((1 << 20) + 1)),
        ("/v1/sessions/{session_id}/messages", {"content": "x"}, "role", "narrator"),
    ],
)
def test_what_the_schema_refuses_the_server_refuses(
    server: Server, user: str, session: str, path: str, body: dict[str, Any], name: str, wrong: Any
) -> None:
    schema = DOCUMENT["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    answer = server.ask("POST", path.format(user_id=user, session_id=session), {**body, name: wrong})

    assert not _validator(schema).is_valid({**body, name: wrong})
    assert answer.status == 400


def test_a_context_may_do_without_recall(server: Server, user: str) -> None:
    schema = DOCUMENT["paths"]["/v1/users/{user_id}/context"]["post"]["requestBody"]["content"]["application/json"]

    assert _validator(schema["schema"]).is_valid({"top_k": 0})
    assert server.ask("POST", f"/v1/users/{user}/context", {"top_k": 0}).status == 200


def test_what_may_be_there_already_may_answer_200() -> None:
    both = {name["operationId"] for _, _, name in _operations() if {"200", "201"} <= name["responses"].keys()}

    assert both == {"sessions.append", "users.save.post", "remember"}


def test_every_code_stands_at_its_status() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.IngatError)]
    told = {
        code
        for kind in kinds
        for code, status in [(kind.code, status_of(kind("x")))]
        if not re.search(rf"\b{code}\b", REASONS[status])
    }

    assert told == {"error", "not_found", "invalid_settings", "invalid_file"}


def test_a_time_to_come_back_is_promised_where_it_is_sent() -> None:
    headers = {name: each["headers"] for name, each in DOCUMENT["components"]["responses"].items() if "headers" in each}

    assert headers.keys() == {"Error429", "Error503"}
    assert headers["Error429"]["Retry-After"]["required"] is True
    assert headers["Error503"]["Retry-After"]["description"] == "seconds; comes with store_busy only"


def test_what_is_answered_fits_its_schema(server: Server, session: str, user: str) -> None:
    server.memory.remember(user, "likes tea", subject="drink")
    transcript, message = f"/v1/sessions/{session}/messages", {"role": "user", "content": "x"}
    asked: list[tuple[str, str, str, Any]] = [
        ("/v1/sessions/{session_id}/messages", "POST", transcript, message),
        ("/v1/sessions/{session_id}/messages", "POST", transcript, [message, message]),
        ("/v1/sessions/{session_id}/messages", "GET", transcript, None),
        ("/v1/users/{user_id}/recall", "POST", f"/v1/users/{user}/recall", {"query": "tea", "explain": True}),
        ("/v1/users/{user_id}/context", "POST", f"/v1/users/{user}/context", {"session_id": session}),
        ("/v1/users/{user_id}/memories", "GET", f"/v1/users/{user}/memories", None),
        ("/v1/users/{user_id}", "GET", f"/v1/users/{user}", None),
        ("/v1/sessions", "GET", "/v1/sessions", None),
        ("/v1/stats", "GET", "/v1/stats", None),
        ("/v1/doctor", "GET", "/v1/doctor", None),
        ("/v1/chat", "POST", "/v1/chat", {"user_id": user, "text": "what do I drink?"}),
        ("/healthz", "GET", "/healthz", None),
    ]
    for path, method, address, body in asked:
        answer = server.ask(method, address, body)
        responses = DOCUMENT["paths"][path][method.lower()]["responses"]
        schema = responses[str(answer.status)]["content"]["application/json"]["schema"]

        assert [error.message for error in _validator(schema).iter_errors(answer.json)] == [], path


def test_errors_fit_their_schema(server: Server) -> None:
    schema = DOCUMENT["components"]["schemas"]["ErrorAnswer"]

    _validator(schema).validate(server.ask("GET", "/v1/users?limit=0").json)


def test_it_is_served_to_who_has_a_key(server: Server) -> None:
    assert server.ask("GET", "/schema/openapi.json").json == DOCUMENT
    assert server.ask("GET", "/schema/openapi.json", key=None).code == "unauthorized"
