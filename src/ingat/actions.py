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

from ingat.action import Action
from ingat.core.records import Attachment, NewMessage, Page
from ingat.descriptions import DESCRIPTIONS
from ingat.faces import SessionFace, UserFace
from ingat.lifecycle.backups import Backups
from ingat.lifecycle.erase import Eraser
from ingat.lifecycle.jobs import Jobs
from ingat.memory import Memory
from ingat.operator_actions import OPERATOR_ACTIONS
from ingat.services.artifacts import Artifacts
from ingat.services.audit import Audit
from ingat.services.keys import Keys
from ingat.services.logs import Logs
from ingat.services.memories import Memories
from ingat.services.operations import Operations
from ingat.services.retention import Retention
from ingat.services.snapshots import Snapshots
from ingat.talk_actions import TALK_ACTIONS

ACTIONS: tuple[Action, ...] = (*TALK_ACTIONS, *OPERATOR_ACTIONS)
"""Every action; what is called most often comes first."""

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
    "audit": Audit,
    "artifacts": Artifacts,
    "backups": Backups,
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
