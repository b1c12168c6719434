"""The wire format in the OpenAPI document."""

from __future__ import annotations

from typing import Any, NamedTuple, get_type_hints

import msgspec

from ingat.api.original.answers import Refusal
from ingat.api.original.dates import Moment
from ingat.api.original.table import CALLS, PATH, Call

Schema = dict[str, Any]

TAG = "original"
_BODY_ONLY = (408, 413)
_WRITES_ONLY = (507,)
_NEVER = (404, 405, 409)
"""Statuses that other addresses answer with: here these are refusals, with 200."""
_SUMMARIES = {
    "GET": "Read in the wire format: logs, sessions, messages, snapshots, policy, statistics, exports",
    "POST": "Change in the wire format: the body names the action",
    "DELETE": "Delete in the wire format: logs, a session or a snapshot",
}
_EXAMPLE = {
    "action": "create_session",
    "name": "My Trading Strategy Session",
    "description": "Testing LC D2 scanner",
    "project_id": "project-123",
}


class Described(NamedTuple):
    """What stands in the document of this format: its addresses, and the records that they use."""

    paths: Schema
    components: Schema


def described(reasons: dict[int, str], retry_after: dict[int, Schema], ref_template: str) -> Described:
    """Return the format's part of the document; `reasons` are the statuses of errors with their meaning."""
    asked = [call.asked for calls in CALLS.values() for call in calls]
    answers = [_answer_of(call) for calls in CALLS.values() for call in calls]
    kinds: list[type] = list(dict.fromkeys([*asked, *answers, Refusal]))
    refs, components = msgspec.json.schema_components(kinds, ref_template=ref_template, schema_hook=_hook)
    ref_of = dict(zip(kinds, refs, strict=True))
    operations = {}
    for verb, calls in CALLS.items():
        records = [components[call.asked.__name__] for call in calls]
        # the refusal last: a reader of the document is shown the answers first
        done = list(dict.fromkeys(_answer_of(call) for call in calls))
        operation: Schema = {
            "operationId": f"{TAG}.{verb.lower()}",
            "summary": _SUMMARIES[verb],
            "description": _prose(calls),
            "tags": [TAG],
            "parameters": [],
            "responses": _responses(verb, [ref_of[kind] for kind in (*done, Refusal)], reasons, retry_after, ref_of),
        }
        if verb == "POST":
            schema = {"oneOf": [ref_of[call.asked] for call in calls], "discriminator": {"propertyName": "action"}}
            content = {"application/json": {"schema": schema, "example": _EXAMPLE}}
            operation["requestBody"] = {"required": True, "content": content}
        else:
            operation["parameters"] = _parameters(verb, records)
        operations[verb.lower()] = operation
    in_bodies = {call.asked for call in CALLS["POST"]}
    for kind in asked:
        if kind not in in_bodies:  # its fields are parameters
            components.pop(kind.__name__, None)
    return Described({PATH: operations}, components)


def _answer_of(call: Call) -> type:
    answer: type = get_type_hints(call.do)["return"]
    return answer


def _hook(kind: type) -> Schema:
    if kind is Moment:
        return {"type": ["string", "integer"], "description": "ISO 8601, or milliseconds UTC"}
    raise TypeError(f"No request holds a {kind.__name__}.")


def _parameters(verb: str, records: list[Schema]) -> list[Schema]:
    actions = [action for record in records for action in record["properties"]["action"]["enum"]]
    first: Schema = {"type": "string", "enum": actions}
    if verb == "GET":
        first["default"] = actions[0]
    found: list[Schema] = [{"name": "action", "in": "query", "required": verb == "DELETE", "schema": first}]
    fields: dict[str, Schema] = {}
    for record in records:
        fields |= {name: schema for name, schema in record["properties"].items() if name != "action"}
    for name, schema in fields.items():
        takers = [r["properties"]["action"]["enum"][0] for r in records if name in r["properties"]]
        inner = next((part for part in schema.get("anyOf", []) if part != {"type": "null"}), schema)
        inner = {key: value for key, value in inner.items() if key != "default" or value is not None}
        if "enum" in inner:
            inner = {"type": "string", **inner}
        said = f"for {', '.join(takers)}"
        found.append({"name": name, "in": "query", "required": False, "schema": inner, "description": said})
    return found


def _responses(
    verb: str, refs: list[Schema], reasons: dict[int, str], retry_after: dict[int, Schema], ref_of: dict[type, Schema]
) -> Schema:
    found: Schema = {
        "200": {
            "description": "Done; or refused, which `success` says.",
            "content": {"application/json": {"schema": {"anyOf": refs}}},
        }
    }
    refused = {"application/json": {"schema": ref_of[Refusal]}}
    if verb == "GET":
        found["404"] = {"description": "There is no such snapshot (export_snapshot).", "content": refused}
    for status, why in reasons.items():
        left_out = (
            status in _NEVER or (verb != "POST" and status in _BODY_ONLY) or (verb == "GET" and status in _WRITES_ONLY)
        )
        if left_out or (status == 501 and verb != "GET"):
            continue
        found[str(status)] = {"description": why, "content": refused}
        if status in retry_after:
            found[str(status)]["headers"] = {"Retry-After": retry_after[status]}
    return found


def _prose(calls: tuple[Call, ...]) -> str:
    lines = [f"`{call.action}`: {(call.asked.__doc__ or '').strip()}" for call in calls]
    rules = (
        "Errors have the form `{success: false, error, code}`. What the memory refuses is answered with 200 and"
        " `success` false. Dates are ISO 8601 in UTC. See docs/api-memory.md."
    )
    needs = [call.action for call in calls if call.access.scope == "store"]
    return "\n\n".join([*lines, f"An admin or service key is needed for {', '.join(needs)}.", rules])
