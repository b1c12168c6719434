"""The reader's view of the OpenAPI document."""

from __future__ import annotations

from typing import Any

import pytest

from ingat.api.openapi import openapi
from ingat.core import errors
from ingat.web.reference import Part, Prose, kind_of, over_http, prose, reference


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


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("plain", (Part("plain", False),)),
        ("`at` is a time", (Part("at", True), Part(" is a time", False))),
        ("those of `a` and `b`", (Part("those of ", False), Part("a", True), Part(" and ", False), Part("b", True))),
        ("one ` alone", (Part("one ` alone", False),)),
        ("", ()),
    ],
)
def test_what_stands_between_backticks_is_code(text: str, parts: Prose) -> None:
    assert prose(text) == parts


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Raises UserBlocked.", "Errors: `user_blocked` (403)."),
        ("Return the user, or raise UserNotFound.", "Return the user, or answer with `user_not_found` (404)."),
        ("UnknownRole or a StoreError; then", "`unknown_role` or an error of the store (5xx); then"),
        ("None clears a text; `page.next` goes on.", "null clears a text; `next` goes on."),
        ("A Conflicting NoneSuch raised", "A Conflicting NoneSuch raised"),
    ],
)
def test_what_is_python_is_said_in_words_of_http(text: str, said: str) -> None:
    assert over_http(text, {"user_blocked": "403", "user_not_found": "404"}) == said


def test_no_description_names_a_class_of_errors() -> None:
    found = reference(openapi())
    shown = [part for group in found.groups.values() for each in group for text in each.description for part in text]
    shown += [part for record in found.records for part in record.description]
    names = {name for name, kind in vars(errors).items() if isinstance(kind, type)}

    assert [part.text for part in shown if names & set(part.text.replace(",", " ").replace(".", " ").split())] == []
    assert [part.text for part in shown if not part.code and ("`" in part.text or "raise" in part.text.lower())] == []


def test_the_codes_of_an_append_have_their_statuses() -> None:
    (append,) = [
        each for group in reference(openapi()).groups.values() for each in group if each.id == "sessions.append"
    ]
    said = "".join(part.text for text in append.description for part in text)

    assert "session_not_found (404), session_closed (409)" in said
    assert "unknown_role (400)" in said
    assert "user_blocked (403)" in said
