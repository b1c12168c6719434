"""The API reference: the OpenAPI document as a reader wants it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from ingat.core import errors

Schema = dict[str, Any]

_CODES = {
    name: kind.code
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.IngatError) and kind is not errors.IngatError
}
_ANY_OF_STORE = re.compile(r"\ba StoreError\b")
_ERROR = re.compile(rf"\b(?:{'|'.join(sorted(_CODES, key=len, reverse=True))})\b")
_IN_PYTHON = (("`page.next`", "`next`"), ("None", "null"), ("Raises", "Errors:"), ("raise", "answer with"))


class Part(NamedTuple):
    """A piece of a sentence; `code` says that it stood between backticks."""

    text: str
    code: bool


Prose = tuple[Part, ...]


class Field(NamedTuple):
    """One argument or one field of a record."""

    name: str
    place: str
    kind: str
    required: bool
    description: Prose


class Operation(NamedTuple):
    """One action at its address."""

    id: str
    method: str
    path: str
    summary: str
    description: tuple[Prose, ...]
    fields: tuple[Field, ...]
    answer: str
    done: str
    errors: tuple[str, ...]
    body: str
    query: str
    open: bool


class Record(NamedTuple):
    """What is answered or sent."""

    name: str
    description: Prose
    fields: tuple[Field, ...]


class Reference(NamedTuple):
    """All of it: operations by tag, and records."""

    version: str
    groups: dict[str, tuple[Operation, ...]]
    records: tuple[Record, ...]
    errors: tuple[tuple[str, Prose], ...]


def reference(document: Schema) -> Reference:
    """Return the reader's view of an OpenAPI document."""
    statuses = _statuses(document["components"]["responses"])
    operations = [
        (operation["tags"][0], _operation(path, method, operation, statuses))
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    groups = {
        tag["name"]: tuple(operation for name, operation in operations if name == tag["name"])
        for tag in document["tags"]
    }
    components = document["components"]
    records = tuple(
        Record(name, prose(over_http(schema.get("description", ""), statuses)), _fields(schema, "field"))
        for name, schema in components["schemas"].items()
    )
    reasons = tuple(
        (name.removeprefix("Error"), prose(response["description"]))
        for name, response in components["responses"].items()
    )
    return Reference(document["info"]["version"], groups, records, reasons)


def prose(text: str) -> Prose:
    """Return a text in pieces, those between backticks marked as code."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:  # one backtick has no other
        return (Part(text, False),)
    return tuple(Part(piece, index % 2 == 1) for index, piece in enumerate(pieces) if piece)


def over_http(text: str, statuses: Mapping[str, str]) -> str:
    """Return what a method says of itself in the words of HTTP: codes with their status for classes of errors."""
    for python, http in _IN_PYTHON:
        text = re.sub(rf"(?<!\w){re.escape(python)}(?!\w)", http, text)
    text = _ANY_OF_STORE.sub("an error of the store (5xx)", text)

    def said(found: re.Match[str]) -> str:
        code = _CODES[found[0]]
        return f"`{code}` ({statuses[code]})" if code in statuses else f"`{code}`"

    return _ERROR.sub(said, text)


def _statuses(responses: Schema) -> dict[str, str]:
    """Return the HTTP status of each code that the document's answers name."""
    return {
        code: name.removeprefix("Error")
        for name, response in responses.items()
        for code in re.findall(r"\b[a-z]+(?:_[a-z]+)*\b", response["description"].rpartition(": ")[2].partition(".")[0])
    }


def _operation(path: str, method: str, operation: Schema, statuses: Mapping[str, str]) -> Operation:
    fields = [
        Field(each["name"], each["in"], kind_of(_schema_of(each)), each["required"], prose(_said_of(each)))
        for each in operation.get("parameters", [])
    ]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = content.get("schema", {})
    fields += _fields(schema.get("oneOf", [schema])[0], "body")
    done = next(status for status in operation["responses"] if status.startswith("2"))
    answer = next(iter(operation["responses"][done]["content"].values()))["schema"]
    return Operation(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        description=tuple(
            prose(over_http(part, statuses)) for part in operation.get("description", "").split("\n\n") if part
        ),
        fields=tuple(fields),
        answer=kind_of(answer),
        done=done,
        errors=tuple(status for status in operation["responses"] if status != done),
        body=json.dumps(content["example"], ensure_ascii=False) if content.get("example") else "",
        query=urlencode(
            [
                (each["name"], json.dumps(each["example"]) if isinstance(each["example"], bool) else each["example"])
                for each in operation.get("parameters", [])
                if each["in"] == "query" and "example" in each
            ]
        ),
        open=operation.get("security") == [],
    )


def _fields(schema: Schema, place: str) -> tuple[Field, ...]:
    required = schema.get("required", [])
    return tuple(
        Field(name, place, kind_of(each), name in required, prose(_said_of(each)))
        for name, each in schema.get("properties", {}).items()
    )


def kind_of(schema: Schema) -> str:
    """Return a schema in a few words, such as `list of Message or null`."""
    if "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[-1])
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " or ".join(dict.fromkeys(kind_of(part) for part in schema[key]))
    if "enum" in schema:
        return ", ".join(str(each) for each in schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    if schema.get("type") == "array":
        return f"list of {kind_of(schema.get('items', {}))}"
    return str(schema.get("type", "any"))


def _schema_of(parameter: Schema) -> Schema:
    """Return the schema of a parameter; one whose text is JSON has it below its content."""
    found: Schema = parameter["schema"] if "schema" in parameter else parameter["content"]["application/json"]["schema"]
    return found


def _said_of(schema: Schema) -> str:
    """Return the description of a value, wherever in its schema it stands."""
    inner = schema.get("schema", schema)
    places = [schema, inner, *inner.get("anyOf", [])]
    return next((str(each["description"]) for each in places if "description" in each), "")
