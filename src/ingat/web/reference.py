"""The API reference: the OpenAPI document as a reader wants it."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

Schema = dict[str, Any]


class Field(NamedTuple):
    """One argument or one field of a record."""

    name: str
    place: str
    kind: str
    required: bool
    description: str


class Operation(NamedTuple):
    """One action at its address."""

    id: str
    method: str
    path: str
    summary: str
    description: tuple[str, ...]
    fields: tuple[Field, ...]
    answer: str
    done: str
    errors: tuple[str, ...]
    body: str
    open: bool


class Record(NamedTuple):
    """What is answered or sent."""

    name: str
    description: str
    fields: tuple[Field, ...]


class Reference(NamedTuple):
    """All of it: operations by tag, and records."""

    version: str
    groups: dict[str, tuple[Operation, ...]]
    records: tuple[Record, ...]
    errors: tuple[tuple[str, str], ...]


def reference(document: Schema) -> Reference:
    """Return the reader's view of an OpenAPI document."""
    operations = [
        (operation["tags"][0], _operation(path, method, operation))
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    groups = {
        tag["name"]: tuple(operation for name, operation in operations if name == tag["name"])
        for tag in document["tags"]
    }
    components = document["components"]
    records = tuple(
        Record(name, schema.get("description", ""), _fields(schema, "field"))
        for name, schema in components["schemas"].items()
    )
    errors = tuple(
        (name.removeprefix("Error"), response["description"]) for name, response in components["responses"].items()
    )
    return Reference(document["info"]["version"], groups, records, errors)


def _operation(path: str, method: str, operation: Schema) -> Operation:
    fields = [
        Field(each["name"], each["in"], kind_of(each["schema"]), each["required"], _said_of(each))
        for each in operation.get("parameters", [])
    ]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    schema = content.get("schema", {})
    fields += _fields(schema.get("oneOf", [schema])[0], "body")
    done = next(status for status in operation["responses"] if status.startswith("2"))
    answer = operation["responses"][done]["content"]["application/json"]["schema"]
    return Operation(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        description=tuple(part for part in operation.get("description", "").split("\n\n") if part),
        fields=tuple(fields),
        answer=kind_of(answer),
        done=done,
        errors=tuple(status for status in operation["responses"] if status != done),
        body=json.dumps(content["example"], ensure_ascii=False) if content.get("example") else "",
        open=operation.get("security") == [],
    )


def _fields(schema: Schema, place: str) -> tuple[Field, ...]:
    required = schema.get("required", [])
    return tuple(
        Field(name, place, kind_of(each), name in required, _said_of(each))
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


def _said_of(schema: Schema) -> str:
    """Return the description of a value, wherever in its schema it stands."""
    inner = schema.get("schema", schema)
    places = [schema, inner, *inner.get("anyOf", [])]
    return next((str(each["description"]) for each in places if "description" in each), "")
