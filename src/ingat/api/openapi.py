"""The OpenAPI 3.1 document, made of the table of actions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from ingat import __version__
from ingat.action import Action
from ingat.actions import ACTIONS, arguments_of, method_of, result_of
from ingat.api.answer import ErrorAnswer
from ingat.api.examples import EXAMPLES, ID_EXAMPLES
from ingat.api.original import schema as original

Schema = dict[str, Any]

REASONS = {
    400: "A value is wrong: invalid_input, invalid_id, invalid_text, invalid_limit, empty_content, content_too_long, "
    "unknown_role. Nothing was changed.",
    401: "No access key was given, or it is unknown or revoked: unauthorized.",
    403: "The access key does not allow this, or the user is blocked: forbidden, user_blocked.",
    404: "It is not there: user_not_found, session_not_found, message_not_found, memory_not_found, key_not_found, "
    "operation_not_found, restore_point_missing, snapshot_not_found, artifact_not_found, "
    "backup_not_found, job_not_found.",
    405: "The address takes other methods: method_not_allowed.",
    408: "The request did not arrive in time; nothing was begun: request_timeout.",
    409: "It does not fit the present state: conflict, alias_taken, session_exists, session_closed, session_archived, "
    "protected_user, store_conflict, backup_locked, secret_missing. Nothing was changed.",
    413: "The request body is too large: request_too_large.",
    421: "The server does not answer for that host name: host_not_allowed.",
    429: "The key has used up its requests for now, too many of its requests wait, or it is wrong and too many such "
    "came from the address; Retry-After says when to come back: rate_limited.",
    500: "The server made a mistake: internal_error, store_error; or a hook of its program did: hook_failed.",
    501: "It needs an optional dependency that is not installed: missing_extra.",
    503: "The store cannot be used at the moment, or an embedder or tokenizer that is needed: store_busy, "
    "store_read_only, store_unavailable, store_corrupt, store_newer, store_closed, memory_off, embedder_unavailable, "
    "tokenizer_unavailable, restore_point_failed.",
    504: "It took too long; a change that had begun may have been made: request_timeout.",
    507: "The disk is full; nothing of this request was kept: store_full.",
}
"""Why an action answers with an error, by HTTP status."""

_WRITES_ONLY = (409, 507)
_WRITING_READS = ("search", "export", "artifacts.read", "backups.diff")
"""Actions that change nothing and write nevertheless: into the index, or into a temporary file."""
_BODY_ONLY = (408, 413)
_WITH_MODELS = ("recall", "search", "context", "chat", "reindex")
"""Actions that load an embedder, a tokenizer or what answers, which may need an optional dependency."""
_RETRY_AFTER: dict[int, Schema] = {
    429: {"description": "seconds", "required": True, "schema": {"type": "integer"}},
    503: {"description": "seconds; comes with store_busy only", "schema": {"type": "integer"}},
}
_REF = "#/components/schemas/{name}"


def openapi(actions: Iterable[Action] = ACTIONS) -> Schema:
    """Return the OpenAPI document of these actions as JSON values."""
    actions = tuple(actions)
    answers = {id(kind): kind for kind in (result_of(action) for action in actions)}
    arguments = {action.name: arguments_of(action.name, described=True) for action in actions}
    kinds = [ErrorAnswer, *answers.values(), *arguments.values()]
    refs, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    answer_of = dict(zip(answers, refs[1:], strict=False))
    fields_of = {name: components.pop(kind.__name__) for name, kind in arguments.items()}
    paths: Schema = {}
    names: set[str] = set()
    for action in actions:
        operation = _operation(action, fields_of[action.name], answer_of[id(result_of(action))])
        if action.name in names:
            operation["operationId"] += f".{action.verb.lower()}"
        names.add(action.name)
        paths.setdefault(action.path, {})[action.verb.lower()] = operation
    memory = original.described(REASONS, _RETRY_AFTER, _REF)
    paths.update(memory.paths)
    components |= memory.components
    paths.update(_open_paths())
    document = {
        "openapi": "3.1.0",
        "info": {
            "title": "Ingat",
            "version": __version__,
            "summary": "The memory of a chatbot: users, sessions, messages, recall and context.",
            "description": "Times are integer milliseconds UTC. Every error has the body "
            '`{"error": {"code", "message", "details"}}`; codes are stable. Besides what is '
            "listed here there are the live log feed `/v1/logs/stream` (server-sent events) and the JavaScript module "
            "`/client.js`; the documentation describes them.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"key": []}],
        "tags": [{"name": name} for name in (*dict.fromkeys(map(_tag, actions)), original.TAG, "health")],
        "paths": paths,
        "components": {
            "schemas": components,
            "responses": {f"Error{status}": _error_response(status, why) for status, why in REASONS.items()},
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "An access key of `ingat keys create`."}
            },
        },
    }
    # plain JSON values: defaults come as tuples
    return msgspec.json.decode(msgspec.json.encode(document), type=dict[str, Any])


def _operation(action: Action, fields: Schema, answer: Schema) -> Schema:
    properties: Schema = fields["properties"]
    required = [name for name in fields["required"] if name not in action.in_path]
    rest = {name: schema for name, schema in properties.items() if name not in action.in_path}
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": _path_schema(properties[name]),
            "example": ID_EXAMPLES[name],
        }
        for name in action.in_path
    ]
    if action.many:
        (name,) = arguments_of(action.many).__struct_fields__[1:]
        several = {"type": "object", "properties": {name: {"type": "array", "items": answer}}, "required": [name]}
        answer = {"oneOf": [answer, several], "description": f"for a list in the body an object with `{name}`"}
    content = _content_of(action) if action.streams == "out" else {"application/json": {"schema": answer}}
    responses: Schema = {"201" if action.created else "200": {"description": "Done.", "content": content}}
    if action.kept:
        responses["200"] = {"description": "Done; nothing was created by it.", "content": content}
    responses |= {str(status): {"$ref": f"#/components/responses/Error{status}"} for status in _statuses(action)}
    operation: Schema = {
        "operationId": action.name,
        "summary": action.summary,
        "description": _prose(action),
        "tags": [_tag(action)],
        "x-ingat-kind": action.kind,
        "x-ingat-scope": action.scope,
        "parameters": parameters,
        "responses": responses,
    }
    if action.verb in ("GET", "DELETE") or action.streams == "in":
        shown = EXAMPLES.get(action.name, {}) if action.streams is None else {}
        parameters += [
            _query_parameter(name, schema, name in required) | ({"example": shown[name]} if name in shown else {})
            for name, schema in rest.items()
        ]
    elif rest:
        operation["requestBody"] = _body(action, rest, required)
    if action.streams == "in":
        operation["requestBody"] = {"required": True, "content": _content_of(action, EXAMPLES.get(action.name))}
    return operation


def _statuses(action: Action) -> list[int]:
    has_body = action.verb in ("POST", "PUT")
    return [
        status
        for status in REASONS
        if not (
            (status in _WRITES_ONLY and not _writes(action))
            or (status == 501 and action.name not in _WITH_MODELS)
            or (status in _BODY_ONLY and not has_body)
            or status == 405
        )
    ]


def _content_of(action: Action, example: Schema | None = None) -> Schema:
    """Return what the file is that an action takes or gives: the bytes of an artifact, or an export."""
    if action.name.startswith("artifacts."):
        kind = "*/*" if action.streams == "out" else "application/octet-stream"
        return {kind: {"schema": {"type": "string", "description": "the bytes as they are"}}}
    content = _file_content(example)
    if action.name == "restore":
        content["application/gzip"] = {"schema": {"type": "string", "description": "a backup or a restore point"}}
    return content


def _file_content(example: Schema | None = None) -> Schema:
    """Return what a file holds that is sent or taken."""
    one = {"type": "object", "description": "an export as one JSON object; docs/export.md has the fields"}
    lines = {"type": "string", "description": "an export as JSON lines: a header, the rows, an end with a checksum"}
    content: Schema = {"application/json": {"schema": one}, "application/x-ndjson": {"schema": lines}}
    if example is not None:
        content["application/json"]["example"] = example
    return content


def _writes(action: Action) -> bool:
    return action.kind != "read" or action.alone or action.name in _WRITING_READS


def _body(action: Action, properties: Schema, required: list[str]) -> Schema:
    schema: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        schema["required"] = required
    example = EXAMPLES.get(f"{action.verb} {action.name}", EXAMPLES.get(action.name))
    content: Schema = {"schema": schema}
    if action.many:
        content["schema"] = {"oneOf": [schema, {"type": "array", "items": schema, "maxItems": 10_000}]}
        content["schema"]["description"] = "one, or a list that is kept whole or not at all"
    if example is not None:
        content["example"] = example
    return {"required": bool(required), "content": {"application/json": content}}


def _query_parameter(name: str, schema: Schema, required: bool) -> Schema:
    # in a query what is left out stands for null
    parts = [part for part in schema.get("anyOf", [schema]) if part != {"type": "null"}]
    inner = {key: value for key, value in {**schema, **parts[0]}.items() if key not in ("anyOf", "description")}
    if inner.get("default", 0) is None:
        del inner["default"]
    if "enum" in inner:
        inner = {"type": "string", **inner}
    parameter: Schema = {"name": name, "in": "query", "required": required, "schema": inner}
    description = parts[0].get("description") or schema.get("description")
    if inner.get("type") == "object":
        parameter["content"] = {"application/json": {"schema": parameter.pop("schema")}}
    return {**parameter, "description": description} if description else parameter


def _path_schema(schema: Schema) -> Schema:
    """Return the schema of what stands in a path, where nothing may be left out."""
    named = next((part for part in schema.get("anyOf", ()) if part.get("type") != "null"), schema)
    shown = {name: value for name, value in {**schema, **named}.items() if name not in ("anyOf", "default")}
    return {"type": "string", "minLength": 1, "maxLength": 256, **shown}


def _prose(action: Action) -> str:
    """Return what the method says of itself, as far as it concerns callers over HTTP."""
    text = re.sub(r" See [\w.]+\.$", "", " ".join((method_of(action.name).__doc__ or action.summary).split()))
    needs = {
        "user": "any key; one bound to a user, for that user",
        "session": "any key; one bound to a user, for that user's sessions",
        "store": "an admin or service key",
        "keys": "an admin key",
    }
    guarded = f" A key bound to a user may not give {', '.join(action.guarded)}." if action.guarded else ""
    guarded += "".join(f" It may give {name} as `{value}` only." for name, value in action.only)
    return f"{text}\n\nNeeds {needs[action.scope]}.{guarded}"


def _tag(action: Action) -> str:
    return action.path.split("/")[2] if "." not in action.name else action.name.split(".")[0]


def _error_response(status: int, why: str) -> Schema:
    code = why.split(": ")[-1].split(",")[0].split(".")[0].strip()
    response: Schema = {
        "description": why,
        "content": {
            "application/json": {
                "schema": {"$ref": _REF.format(name="ErrorAnswer")},
                "example": {"error": {"code": code, "message": why.split(":")[0] + ".", "details": {}}},
            }
        },
    }
    if status in _RETRY_AFTER:
        response["headers"] = {"Retry-After": _RETRY_AFTER[status]}
    return response


def _open_paths() -> Schema:
    def get(name: str, summary: str, word: str, failures: tuple[int, ...]) -> Schema:
        schema = {"type": "object", "properties": {"status": {"const": word}}, "required": ["status"]}
        responses: Schema = {"200": {"description": "Yes.", "content": {"application/json": {"schema": schema}}}}
        responses |= {str(status): {"$ref": f"#/components/responses/Error{status}"} for status in failures}
        return {
            "get": {"operationId": name, "summary": summary, "tags": ["health"], "security": [], "responses": responses}
        }

    metrics = {
        "operationId": "metrics",
        "summary": "Return what this process counts and times, for Prometheus",
        "description": "Counters and histograms of the process that answers, by its pid, and the numbers of the store."
        "\n\nNeeds an admin or service key.",
        "tags": ["health"],
        "responses": {
            "200": {
                "description": "The text format of Prometheus.",
                "content": {"text/plain": {"schema": {"type": "string"}}},
            },
            **{
                str(status): {"$ref": f"#/components/responses/Error{status}"}
                for status in (401, 403, 421, 429, 500, 503, 504)
            },
        },
    }
    return {
        "/metrics": {"get": metrics},
        "/healthz": get("healthz", "Tell whether the process lives", "ok", (421,)),
        "/readyz": get("readyz", "Tell whether the store can be read and takes writes", "ready", (421, 500, 503, 507)),
    }
