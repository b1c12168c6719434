"""The reader's view of the OpenAPI document."""

from __future__ import annotations

from typing import Any

import pytest

from ingat.api.openapi import openapi
from ingat.web.reference import kind_of, reference


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "string"}, "string"),
        ({"$ref": "#/components/schemas/Message"}, "Message"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "integer or null"),
        ({"type": "array", "items": {"$ref": "#/components/schemas/Hit"}}, "list of Hit"),
        ({"enum": ["a", "b"]}, "a, b"),
        ({}, "any"),
    ],
)
def test_a_schema_is_said_in_a_few_words(schema: dict[str, Any], words: str) -> None:
    assert kind_of(schema) == words


def test_every_operation_is_in_one_group() -> None:
    document = openapi()
    shown = [each.id for group in reference(document).groups.values() for each in group]

    assert sorted(shown) == sorted(
        operation["operationId"] for methods in document["paths"].values() for operation in methods.values()
    )


def test_arguments_say_where_they_stand() -> None:
    groups = reference(openapi()).groups
    (append,) = [each for group in groups.values() for each in group if each.id == "sessions.append"]

    assert {(field.name, field.place, field.required) for field in append.fields} >= {
        ("session_id", "path", True),
        ("role", "body", True),
        ("content", "body", False),
    }
