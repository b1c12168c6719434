"""One table of actions that the HTTP interface, the command line and MCP read.

An action names a method of Memory; its arguments and their types are those of the method's signature.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from ingat.action import Action, destroy, read, write
from ingat.core.records import Attachment, NewMessage, Page
from ingat.descriptions import DESCRIPTIONS
from ingat.faces import SessionFace, UserFace
from ingat.lifecycle.erase import Eraser
from ingat.lifecycle.jobs import Jobs
from ingat.memory import Memory
from ingat.services.keys import Keys
from ingat.services.logs import Logs
from ingat.services.memories import Memories
from ingat.services.operations import Operations
from ingat.services.retention import Retention
from ingat.services.snapshots import Snapshots

ACTIONS: tuple[Action, ...] = (
    write(
        "sessions.append",
        "POST /v1/sessions/{session_id}/messages",
        "messages append",
        "Add one message, or a list of them, to the end of a session",
        "session",
        created=True,
        kept=True,
        guarded=("at", "id"),
        only=(("role", "user"),),
        many="sessions.append_many",
    ),
    read(
        "sessions.messages",
        "GET /v1/sessions/{session_id}/messages",
        "messages list",
        "Show the newest messages of a session, oldest first",
        "session",
        "messages",
        heavy=True,
    ),
    read(
        "recall", "POST /v1/users/{user_id}/recall", "recall", "Find the lines that fit a question", "user", heavy=True
    ),
    read(
        "context",
        "POST /v1/users/{user_id}/context",
        "context",
        "Show what a model is given of a user, within the role's budget",
        "user",
        heavy=True,
    ),
    write(
        "chat",
        "POST /v1/chat",
        "chat say",
        "Say something and get an answer from what is remembered",
        "user",
        heavy=True,
    ),
    write(
        "users.save",
        "PUT /v1/users/{user_id}",
        "users save",
        "Create a user, or change what is given",
        "user",
        guarded=("role",),
    ),
    write(
        "users.save",
        "POST /v1/users",
        "users save",
        "Create a user, or change what is given",
        "store",
        created=True,
        kept=True,
    ),
    read("users.list", "GET /v1/users", "users list", "List users", "store", "users"),
    read("users.get", "GET /v1/users/{user_id}", "users show", "Show one user", "user"),
    write(
        "users.alias", "POST /v1/users/{user_id}/aliases", "users alias", "Let a user be known by one more id", "store"
    ),
    write(
        "users.unalias",
        "DELETE /v1/users/{user_id}/aliases/{alias}",
        "users unalias",
        "Take an alias from a user",
        "store",
    ),
    write("users.merge", "POST /v1/users/{target}/merge", "users merge", "Make two users one person", "store"),
    write(
        "users.protect",
        "PUT /v1/users/{user_id}/protected",
        "users protect",
        "Protect a user from being erased, or no longer",
        "store",
    ),
    read(
        "sessions.history",
        "GET /v1/users/{user_id}/messages",
        "messages history",
        "List a user's messages of all sessions, newest first",
        "user",
        "messages",
        heavy=True,
    ),
    read(
        "search",
        "POST /v1/users/{user_id}/search",
        "messages search",
        "Find the messages that hold every word",
        "user",
        "messages",
        heavy=True,
    ),
    read(
        "sessions.message",
        "GET /v1/users/{user_id}/messages/{message_id}",
        "messages show",
        "Show one message",
        "user",
    ),
    write(
        "sessions.create",
        "POST /v1/sessions",
        "sessions create",
        "Create a session",
        "user",
        created=True,
        guarded=("id",),
    ),
    write(
        "sessions.open",
        "POST /v1/sessions/open",
        "sessions open",
        "Return the active session of a channel, created when there is none",
        "user",
    ),
    read("sessions.list", "GET /v1/sessions", "sessions list", "List sessions", "user", "sessions"),
    read("sessions.get", "GET /v1/sessions/{session_id}", "sessions show", "Show one session", "session"),
    write(
        "sessions.update",
        "PUT /v1/sessions/{session_id}",
        "sessions update",
        "Change what is given of a session",
        "session",
    ),
    write("sessions.close", "POST /v1/sessions/{session_id}/close", "sessions close", "Close a session", "session"),
    write(
        "sessions.reopen",
        "POST /v1/sessions/{session_id}/reopen",
        "sessions reopen",
        "Make a closed session active",
        "session",
    ),
    write(
        "sessions.archive",
        "POST /v1/sessions/{session_id}/archive",
        "sessions archive",
        "Put a session away",
        "session",
    ),
    write(
        "sessions.unarchive",
        "POST /v1/sessions/{session_id}/unarchive",
        "sessions unarchive",
        "Bring an archived session back, closed",
        "session",
    ),
    read("memories.list", "GET /v1/users/{user_id}/memories", "memories list", "List memories", "user", "memories"),
    write(
        "remember",
        "POST /v1/users/{user_id}/memories",
        "remember",
        "Keep a fact or note about a user",
        "user",
        created=True,
        kept=True,
    ),
    read("memories.get", "GET /v1/users/{user_id}/memories/{memory_id}", "memories show", "Show one memory", "user"),
    write(
        "memories.edit",
        "PUT /v1/users/{user_id}/memories/{memory_id}",
        "memories edit",
        "Correct a memory in place",
        "user",
    ),
    write(
        "memories.supersede",
        "POST /v1/users/{user_id}/memories/{memory_id}/supersede",
        "memories supersede",
        "Put a newer value in a memory's place; the older stays in the history",
        "user",
        created=True,
    ),
    write(
        "memories.retire",
        "POST /v1/users/{user_id}/memories/{memory_id}/retire",
        "memories retire",
        "End a memory without a newer value; it stays in the history",
        "user",
    ),
    write(
        "sessions.reset",
        "POST /v1/sessions/{session_id}/reset",
        "sessions reset",
        "Close a session, to be remembered as a summary, and open a new one of its channel",
        "session",
        created=True,
    ),
    write("logs.add", "POST /v1/logs", "logs add", "Store a log entry", "store", created=True),
    read("logs.list", "GET /v1/logs", "logs list", "List log entries, newest first", "store", "logs", heavy=True),
    read("logs.stats", "GET /v1/logs/stats", "logs stats", "Count log entries by level and category", "store"),
    write(
        "snapshots.save",
        "POST /v1/snapshots",
        "snapshots save",
        "Keep application state under a name, as its next version",
        "user",
        created=True,
        guarded=("id",),
    ),
    read("snapshots.list", "GET /v1/snapshots", "snapshots list", "List snapshots, newest first", "user", "snapshots"),
    read("snapshots.get", "GET /v1/snapshots/{snapshot_id}", "snapshots show", "Show one snapshot", "user"),
    write(
        "snapshots.load",
        "POST /v1/snapshots/{snapshot_id}/load",
        "snapshots load",
        "Return a snapshot's state and give it to the hooks that take it over",
        "user",
    ),
    read(
        "snapshots.compare",
        "GET /v1/snapshots/{snapshot_id}/compare/{other_id}",
        "snapshots compare",
        "Show what changed from one snapshot to another",
        "user",
        heavy=True,
    ),
    read(
        "snapshots.export_json",
        "GET /v1/snapshots/{snapshot_id}/export",
        "snapshots export",
        "Return a snapshot as portable JSON",
        "user",
    ),
    write(
        "snapshots.import_json",
        "POST /v1/snapshots/import",
        "snapshots import",
        "Keep a snapshot that was exported",
        "user",
        created=True,
    ),
    read("retention.get", "GET /v1/retention", "retention show", "Show the retention policy", "store"),
    write("retention.set", "PUT /v1/retention", "retention set", "Change the retention policy", "store"),
    read(
        "retention.history",
        "GET /v1/retention/history",
        "retention history",
        "List the policies that were set, newest first",
        "store",
        "policies",
    ),
    write(
        "expire",
        "POST /v1/expire",
        "expire",
        "Close idle sessions and remember a summary of each",
        "store",
        alone=True,
    ),
    destroy(
        "retain",
        "POST /v1/retain",
        "retain",
        "Apply the retention policy: archive, compress, prune",
        "store",
        alone=True,
    ),
    read("jobs.list", "GET /v1/jobs", "jobs list", "Show the scheduler's jobs", "store", "jobs"),
    write("jobs.start", "POST /v1/jobs/{job}/start", "jobs start", "Let the scheduler run a job", "store"),
    write("jobs.stop", "POST /v1/jobs/{job}/stop", "jobs stop", "Let the scheduler run a job no longer", "store"),
    write("jobs.run", "POST /v1/jobs/{job}/run", "jobs run", "Run a job now", "store", heavy=True),
    destroy(
        "erase.session",
        "DELETE /v1/sessions/{session_id}",
        "erase session",
        "Delete a session with its messages, after a restore point",
        "store",
        heavy=True,
    ),
    destroy(
        "erase.logs",
        "DELETE /v1/logs",
        "erase logs",
        "Delete the log entries that fit every filter, after a restore point",
        "store",
        heavy=True,
    ),
    destroy(
        "erase.snapshot",
        "DELETE /v1/snapshots/{snapshot_id}",
        "erase snapshot",
        "Delete a snapshot, after a restore point",
        "user",
        heavy=True,
    ),
    read(
        "operations.list",
        "GET /v1/operations",
        "operations list",
        "List what was deleted, by whom and why, newest first",
        "store",
        "operations",
    ),
    read("operations.get", "GET /v1/operations/{operation_id}", "operations show", "Show one operation", "store"),
    write(
        "undo",
        "POST /v1/operations/{operation_id}/undo",
        "undo",
        "Bring back what an operation took away",
        "store",
        heavy=True,
    ),
    read(
        "export",
        "GET /v1/export",
        "export",
        "Write everything, or one user's part, as portable JSON",
        "user",
        heavy=True,
        streams="out",
    ),
    write(
        "import_from",
        "POST /v1/import",
        "import ingat",
        "Check an export as a whole, then merge it",
        "store",
        heavy=True,
        streams="in",
    ),
    read("keys.list", "GET /v1/keys", "keys list", "List access keys, without their secrets", "keys", "keys"),
    write("keys.create", "POST /v1/keys", "keys create", "Make an access key; it is shown once", "keys", created=True),
    write("keys.revoke", "DELETE /v1/keys/{key_id}", "keys revoke", "Let a key open nothing any more", "keys"),
    read("stats", "GET /v1/stats", "stats", "Show how much the store holds", "store"),
    read("doctor", "GET /v1/doctor", "doctor", "Check rows, counters and index", "store", "checks", alone=True),
    write("reindex", "POST /v1/reindex", "reindex", "Rebuild the recall index", "store", wrap="entries", alone=True),
)

_HOMES: dict[str, type] = {
    "users": UserFace,
    "sessions": SessionFace,
    "memories": Memories,
    "keys": Keys,
    "logs": Logs,
    "snapshots": Snapshots,
    "retention": Retention,
    "operations": Operations,
    "erase": Eraser,
    "jobs": Jobs,
}


class GivenAttachment(Attachment, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """An attachment as a caller gives it: a field that does not exist is refused instead of lost."""


_TYPES: dict[tuple[str, str], Any] = {
    ("sessions.append", "attachments"): tuple[GivenAttachment, ...],
    ("sessions.append_many", "messages"): list[NewMessage],
}
_NOT_JSON = frozenset({"self", "progress", "write", "source_file"})


def method_of(name: str) -> Callable[..., Any]:
    """Return the method of Memory or of one of its parts that an action names (not bound)."""
    home, _, last = name.rpartition(".")
    method: Callable[..., Any] = getattr(_HOMES[home] if home else Memory, last)
    return method


@cache
def arguments_of(name: str, *, described: bool = False) -> type[Struct]:
    """Return the record of an action's arguments, one field a parameter; what has no default is required.

    With `described` the fields carry bounds and descriptions for a schema; without, the method itself refuses what is
    out of bounds, with its own error code.
    """
    method = method_of(name)
    hints = get_type_hints(method)
    fields: list[Any] = []
    for parameter in inspect.signature(method).parameters.values():
        if parameter.name in _NOT_JSON:
            continue
        kind = _TYPES.get((name, parameter.name), hints[parameter.name])
        meta = DESCRIPTIONS.get(f"{name}.{parameter.name}", DESCRIPTIONS.get(parameter.name))
        if described and meta is not None:
            kind = _described(kind, meta)
        if parameter.default is inspect.Parameter.empty:
            fields.append((parameter.name, kind))
        else:
            fields.append((parameter.name, kind, parameter.default))
    title = "".join(part.capitalize() for part in re.split(r"[._]", name)) + "Arguments"
    return msgspec.defstruct(title, fields, kw_only=True, forbid_unknown_fields=True)


def given_of(arguments: Struct) -> dict[str, Any]:
    """Return the arguments that were given or have a default, by name."""
    values = {field: getattr(arguments, field) for field in arguments.__struct_fields__}
    return {field: value for field, value in values.items() if value is not UNSET}


@cache
def result_of(action: Action) -> Any:
    """Return the type of what an action answers as JSON: the record itself, or an object whose key names the list."""
    kind = get_type_hints(method_of(action.name))["return"]
    if action.wrap is None:
        return kind
    title = "".join(part.capitalize() for part in re.split(r"[._]", action.name)) + "Answer"
    if get_origin(kind) is Page:
        fields: list[Any] = [(action.wrap, list[get_args(kind)[0]]), ("next", str | None)]  # type: ignore[misc]  # a type made at run time
    else:
        fields = [(action.wrap, kind)]
    return msgspec.defstruct(title, fields, kw_only=True)


def wrapped(action: Action, value: Any) -> Any:
    """Return what an action answers as JSON, made of what its method returned."""
    if action.wrap is None:
        return value
    if isinstance(value, Page):
        return {action.wrap: value.items, "next": value.next}
    return {action.wrap: value}


def _described(kind: Any, meta: Meta) -> Any:
    """Return the type with bounds on the part of a union that they fit."""
    parts = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    bounded = [part for part in parts if part not in (type(None), UnsetType)]
    if len(bounded) != 1:
        return kind
    described: Any = Annotated[bounded[0], meta]
    for part in parts:
        if part is not bounded[0]:
            described = described | part
    return described
