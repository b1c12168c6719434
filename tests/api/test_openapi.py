"""The OpenAPI document is valid, complete and true."""

from __future__ import annotations

from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from ingat.actions import ACTIONS
from ingat.api.openapi import openapi
from tests.api.server import Server

DOCUMENT = openapi()


def _operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method.upper(), operation)
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    ]


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
    [(path, operation) for path, _, operation in _operations() if "requestBody" in operation],
    ids=[operation["operationId"] for _, _, operation in _operations() if "requestBody" in operation],
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
