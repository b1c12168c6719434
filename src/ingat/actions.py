"""One table of actions that the HTTP interface, the command line and MCP read.

An action names a method of Memory; its arguments and their types are those of the method's signature.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from ingat.core.limits import MAX_BUDGET, MAX_PAGE, MAX_TIME_MS, MAX_TOP_K, MIN_BUDGET
from ingat.core.records import MESSAGE_ROLES, Attachment, NewMessage, Page
from ingat.core.texts import MAX_CONTENT_BYTES
from ingat.memory import Memory, SessionFace, UserFace
from ingat.services.keys import Keys
from ingat.services.memories import MAX_TEXT_BYTES, Memories
from ingat.services.recall.recaller import MAX_QUERY_BYTES

Kind = Literal["read", "write", "destroy"]
Scope = Literal["user", "session", "store", "keys"]


class Action(Struct, frozen=True, kw_only=True):
    """One thing that can be done.

    `name` is the method's dotted name below Memory. `http` is method and path; `created` says that it answers 201, and
    `kept` that it answers 200 when nothing was created, because it was there already or nothing was given.
    `command` is its words on the command line. `wrap` is the JSON key of the list that it returns. `scope` says whose
    it is: one `user`'s (a key bound to that user may do it), one `session`'s (a key bound to its user may), the whole
    `store`'s (admin and service keys), or about `keys` (admin keys). `guarded` names arguments that a key bound to a
    user may not give, `only` the one value that such a key may give for an argument. `many` is the action taken when
    the body is a list. `alone` says that it looks through the whole store: a server runs one of it at a time. `heavy`
    says that it may take long: a server runs a few of them at a time for each key.
    """

    name: str
    kind: Kind
    http: str
    command: str
    summary: str
    scope: Scope
    created: bool = False
    kept: bool = False
    wrap: str | None = None
    guarded: tuple[str, ...] = ()
    only: tuple[tuple[str, str], ...] = ()
    many: str | None = None
    alone: bool = False
    heavy: bool = False

    @property
    def verb(self) -> str:
        """The HTTP method."""
        return self.http.split(" ")[0]

    @property
    def path(self) -> str:
        """The HTTP path, with parameters in braces."""
        return self.http.split(" ")[1]

    @property
    def in_path(self) -> tuple[str, ...]:
        """The arguments that stand in the path."""
        return tuple(re.findall(r"{(\w+)}", self.path))


def _read(
    name: str, http: str, command: str, summary: str, scope: Scope, wrap: str | None = None, **more: Any
) -> Action:
    return Action(name=name, kind="read", http=http, command=command, summary=summary, scope=scope, wrap=wrap, **more)


def _write(name: str, http: str, command: str, summary: str, scope: Scope, **more: Any) -> Action:
    return Action(name=name, kind="write", http=http, command=command, summary=summary, scope=scope, **more)


ACTIONS: tuple[Action, ...] = (
    _write(
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
    _read(
        "sessions.messages",
        "GET /v1/sessions/{session_id}/messages",
        "messages list",
        "Show the newest messages of a session, oldest first",
        "session",
        "messages",
        heavy=True,
    ),
    _read(
        "recall", "POST /v1/users/{user_id}/recall", "recall", "Find the lines that fit a question", "user", heavy=True
    ),
    _read(
        "context",
        "POST /v1/users/{user_id}/context",
        "context",
        "Show what a model is given of a user, within the role's budget",
        "user",
        heavy=True,
    ),
    _write(
        "chat",
        "POST /v1/chat",
        "chat say",
        "Say something and get an answer from what is remembered",
        "user",
        heavy=True,
    ),
    _write(
        "users.save",
        "PUT /v1/users/{user_id}",
        "users save",
        "Create a user, or change what is given",
        "user",
        guarded=("role",),
    ),
    _write(
        "users.save",
        "POST /v1/users",
        "users save",
        "Create a user, or change what is given",
        "store",
        created=True,
        kept=True,
    ),
    _read("users.list", "GET /v1/users", "users list", "List users", "store", "users"),
    _read("users.get", "GET /v1/users/{user_id}", "users show", "Show one user", "user"),
    _write(
        "users.alias", "POST /v1/users/{user_id}/aliases", "users alias", "Let a user be known by one more id", "store"
    ),
    _write(
        "users.unalias",
        "DELETE /v1/users/{user_id}/aliases/{alias}",
        "users unalias",
        "Take an alias from a user",
        "store",
    ),
    _write("users.merge", "POST /v1/users/{target}/merge", "users merge", "Make two users one person", "store"),
    _write(
        "users.protect",
        "PUT /v1/users/{user_id}/protected",
        "users protect",
        "Protect a user from being erased, or no longer",
        "store",
    ),
    _read(
        "sessions.history",
        "GET /v1/users/{user_id}/messages",
        "messages history",
        "List a user's messages of all sessions, newest first",
        "user",
        "messages",
        heavy=True,
    ),
    _read(
        "search",
        "POST /v1/users/{user_id}/search",
        "messages search",
        "Find the messages that hold every word",
        "user",
        "messages",
        heavy=True,
    ),
    _read(
        "sessions.message",
        "GET /v1/users/{user_id}/messages/{message_id}",
        "messages show",
        "Show one message",
        "user",
    ),
    _write(
        "sessions.create",
        "POST /v1/sessions",
        "sessions create",
        "Create a session",
        "user",
        created=True,
        guarded=("id",),
    ),
    _write(
        "sessions.open",
        "POST /v1/sessions/open",
        "sessions open",
        "Return the active session of a channel, created when there is none",
        "user",
    ),
    _read("sessions.list", "GET /v1/sessions", "sessions list", "List sessions", "user", "sessions"),
    _read("sessions.get", "GET /v1/sessions/{session_id}", "sessions show", "Show one session", "session"),
    _write(
        "sessions.update",
        "PUT /v1/sessions/{session_id}",
        "sessions update",
        "Change what is given of a session",
        "session",
    ),
    _write("sessions.close", "POST /v1/sessions/{session_id}/close", "sessions close", "Close a session", "session"),
    _write(
        "sessions.reopen",
        "POST /v1/sessions/{session_id}/reopen",
        "sessions reopen",
        "Make a closed session active",
        "session",
    ),
    _write(
        "sessions.archive",
        "POST /v1/sessions/{session_id}/archive",
        "sessions archive",
        "Put a session away",
        "session",
    ),
    _write(
        "sessions.unarchive",
        "POST /v1/sessions/{session_id}/unarchive",
        "sessions unarchive",
        "Bring an archived session back, closed",
        "session",
    ),
    _read("memories.list", "GET /v1/users/{user_id}/memories", "memories list", "List memories", "user", "memories"),
    _write(
        "remember",
        "POST /v1/users/{user_id}/memories",
        "remember",
        "Keep a fact or note about a user",
        "user",
        created=True,
        kept=True,
    ),
    _read("memories.get", "GET /v1/users/{user_id}/memories/{memory_id}", "memories show", "Show one memory", "user"),
    _write(
        "memories.edit",
        "PUT /v1/users/{user_id}/memories/{memory_id}",
        "memories edit",
        "Correct a memory in place",
        "user",
    ),
    _write(
        "memories.supersede",
        "POST /v1/users/{user_id}/memories/{memory_id}/supersede",
        "memories supersede",
        "Put a newer value in a memory's place; the older stays in the history",
        "user",
        created=True,
    ),
    _write(
        "memories.retire",
        "POST /v1/users/{user_id}/memories/{memory_id}/retire",
        "memories retire",
        "End a memory without a newer value; it stays in the history",
        "user",
    ),
    _read("keys.list", "GET /v1/keys", "keys list", "List access keys, without their secrets", "keys", "keys"),
    _write("keys.create", "POST /v1/keys", "keys create", "Make an access key; it is shown once", "keys", created=True),
    _write("keys.revoke", "DELETE /v1/keys/{key_id}", "keys revoke", "Let a key open nothing any more", "keys"),
    _read("stats", "GET /v1/stats", "stats", "Show how much the store holds", "store"),
    _read("doctor", "GET /v1/doctor", "doctor", "Check rows, counters and index", "store", "checks", alone=True),
    _write("reindex", "POST /v1/reindex", "reindex", "Rebuild the recall index", "store", wrap="entries", alone=True),
)

_MESSAGE_ROLE = {"enum": list(MESSAGE_ROLES)}

DESCRIPTIONS: dict[str, Any] = {
    "sessions.append.role": Meta(description="user, assistant, system or tool", extra_json_schema=_MESSAGE_ROLE),
    "sessions.append.id": Meta(description="your own id of the message (for imports)"),
    "sessions.create.id": Meta(description="your own id of the session"),
    "users.save.role": Meta(description="client, godfather, admin or blocked, or a role of the settings"),
    "users.list.role": Meta(description="only users of this role"),
    "recall.role": Meta(
        description="only messages of this role: user, assistant, system or tool", extra_json_schema=_MESSAGE_ROLE
    ),
    "search.role": Meta(
        description="only messages of this role: user, assistant, system or tool", extra_json_schema=_MESSAGE_ROLE
    ),
    "user_id": Meta(min_length=1, max_length=256, description="id or alias of the user"),
    "session_id": Meta(min_length=1, max_length=256, description="id of the session"),
    "memory_id": Meta(min_length=1, max_length=256, description="id of the memory"),
    "message_id": Meta(min_length=1, max_length=256, description="id of the message"),
    "key_id": Meta(min_length=1, max_length=256, description="id of the key"),
    "limit": Meta(ge=1, le=MAX_PAGE, description="rows on a page"),
    "recall.top_k": Meta(ge=1, le=MAX_TOP_K, description="lines at the most"),
    "top_k": Meta(ge=0, le=MAX_TOP_K, description="lines at the most"),
    "budget": Meta(ge=MIN_BUDGET, le=MAX_BUDGET, description="tokens at the most, within the role's budget"),
    "since": Meta(ge=0, le=MAX_TIME_MS, description="from this time on, milliseconds UTC"),
    "until": Meta(ge=0, le=MAX_TIME_MS, description="before this time, milliseconds UTC"),
    "as_of": Meta(ge=0, le=MAX_TIME_MS, description="as it was at this time, milliseconds UTC"),
    "at": Meta(ge=0, le=MAX_TIME_MS, description="when it was said, milliseconds UTC (for imports)"),
    "valid_from": Meta(ge=0, le=MAX_TIME_MS, description="since when it holds, milliseconds UTC"),
    "valid_to": Meta(ge=0, le=MAX_TIME_MS, description="until when it held, milliseconds UTC"),
    "before": Meta(ge=0, description="only messages whose seq is below this"),
    "cursor": Meta(description="`next` of the page before"),
    "content": Meta(max_length=MAX_CONTENT_BYTES, description="what was said; 1 MiB of UTF-8 at the most"),
    "context.query": Meta(max_length=MAX_QUERY_BYTES, description="what to look for"),
    "query": Meta(min_length=1, max_length=MAX_QUERY_BYTES, description="what to look for"),
    "words": Meta(min_length=1, max_length=MAX_QUERY_BYTES, description="words that must all be there"),
    "chat.text": Meta(min_length=1, max_length=MAX_CONTENT_BYTES, description="the text"),
    "text": Meta(min_length=1, max_length=MAX_TEXT_BYTES, description="the text"),
    "alias": Meta(min_length=1, max_length=256, description="one more id: a JID, a phone number, a channel's id"),
    "source": Meta(min_length=1, max_length=256, description="the user that becomes part of the other"),
    "target": Meta(min_length=1, max_length=256, description="the user that stays"),
    "channel": Meta(min_length=1, max_length=256, description="where the conversation runs: one active session each"),
    "author": Meta(description="who said it"),
    "attachments": Meta(description="files, pictures and links; their captions are recallable"),
    "metadata": Meta(description="any JSON object; where something is changed, a null removes its key"),
    "flags": Meta(description="JSON object; merged, a null removes its key"),
    "slots": Meta(description="JSON object; merged, a null removes its key"),
    "explain": Meta(description="give the parts of each score and the near misses"),
    "kinds": Meta(description="only lines from these sources"),
    "exclude": Meta(description="ids of messages that are known already"),
    "subject": Meta(description="what the memory is about; a newer value of it closes the older one's validity"),
    "message_ids": Meta(description="the messages that it was learned from"),
    "history": Meta(description="those that have ended, too"),
    "search": Meta(description="part of a text, without regard to case"),
    "sort": Meta(description="what the rows are ordered by"),
    "descending": Meta(description="last first"),
    "protected": Meta(description="protected from being erased"),
    "project_id": Meta(description="your own id of a project"),
}
"""What is said of arguments, by action and name or by name alone, in the schema and on the command line."""

_HOMES: dict[str, type] = {"users": UserFace, "sessions": SessionFace, "memories": Memories, "keys": Keys}


class GivenAttachment(Attachment, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """An attachment as a caller gives it: a field that does not exist is refused instead of lost."""


_TYPES: dict[tuple[str, str], Any] = {
    ("sessions.append", "attachments"): tuple[GivenAttachment, ...],
    ("sessions.append_many", "messages"): list[NewMessage],
}
_NOT_JSON = frozenset({"self", "progress"})


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
