"""The server keeps what its OpenAPI document says, whatever it is sent."""

from __future__ import annotations

import gzip
from typing import Any

import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ingat.api.openapi import openapi
from tests.api.server import Server

schema = schemathesis.openapi.from_dict(openapi())


@schemathesis.serializer("application/x-ndjson")
def as_lines(context: Any, value: Any) -> bytes:
    return str(value).encode()


@schemathesis.serializer("application/gzip")
def as_packed(context: Any, value: Any) -> bytes:
    return gzip.compress(str(value).encode(), mtime=0)


@schema.parametrize()
@settings(max_examples=12, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_any_request_gets_an_answer_of_the_document(case: schemathesis.Case[Any], server: Server) -> None:
    response = case.call(base_url=server.url, headers={"Authorization": f"Bearer {server.admin}"})

    case.validate_response(
        response,
        checks=[
            not_a_server_error,
            status_code_conformance,
            content_type_conformance,
            response_schema_conformance,
        ],
    )
