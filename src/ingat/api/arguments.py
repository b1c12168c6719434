"""Arguments: what a request gives an action, from its path, its query and its body, strictly."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, get_args, get_origin
from urllib.parse import parse_qsl

import msgspec
from msgspec import UNSET, Struct
from starlette.types import Receive, Scope

from ingat.action import Action
from ingat.actions import arguments_of
from ingat.api.request import read_body
from ingat.core.errors import InvalidInput, InvalidLimit, InvalidText
from ingat.core.limits import MAX_PAGE, check_limit

Given = dict[str, Any]

LONGEST_NAME = 64
"""Characters of an argument's name that an error repeats."""

_WITHOUT_BODY = ("GET", "DELETE")
_FLAGS = {"true": True, "1": True, "false": False, "0": False}
_objects = msgspec.json.Decoder(dict[str, Any])
_HALF_PAIR = re.compile(rb"\\u[dD][89a-fA-F]")
_PLACE = re.compile(r" - at `(?:key in )?\$\.?([^`]*)`")
_FIELD = re.compile(r"unknown field `(.*)`(?: - at `|$)|field `([^`]*)`", re.DOTALL)


class Arguments:
    """Reads the arguments of one action from requests. `list_name` is the argument that a list in the body becomes."""

    def __init__(self, action: Action, max_bytes: int) -> None:
        self._in_path, self._max_bytes, self._destroys = action.in_path, max_bytes, action.verb == "DELETE"
        fields = [f for f in msgspec.structs.fields(arguments_of(action.name)) if f.name not in action.in_path]
        self._query: dict[str, Callable[[str, str], Any]] = {}
        self._required: tuple[str, ...] = ()
        self._decoder: msgspec.json.Decoder[Struct] | None = None
        self.list_name = ""
        if action.verb in _WITHOUT_BODY or action.streams == "in":
            self._query = {field.name: _reader(field.type) for field in fields}
            self._required = tuple(field.name for field in fields if field.required)
        else:
            body = _body_type(action.name, fields)
            self._decoder = msgspec.json.Decoder(body)
            self._empty = None if any(field.required for field in fields) else b"{}"
            self._many = _Many(action.many, body) if action.many else None
            self.list_name = self._many.name if self._many else ""

    async def read(self, scope: Scope, receive: Receive) -> tuple[Given, bool]:
        """Return the arguments by name, and whether they are those of the action for lists.

        Raises InvalidInput, InvalidLimit, InvalidText or RequestTooLarge.
        """
        given: Given = dict(scope["path_params"]) if self._in_path else {}
        if self._decoder is None:
            given.update(self._of_query(scope["query_string"]))
            if self._destroys and (await read_body(scope, receive, self._max_bytes)).strip() not in (b"", b"{}"):
                # a `dry_run` that is passed over would delete
                raise InvalidInput("Arguments of this action stand in the query; the body must be empty.")
            return given, False
        if scope["query_string"]:
            name = scope["query_string"].split(b"=")[0][:LONGEST_NAME].decode("latin-1")
            raise InvalidInput(f"Arguments of this action stand in the body; the query has {name!r}.", field=name)
        body = await read_body(scope, receive, self._max_bytes)
        if self._many is not None and body.lstrip(b" \t\r\n")[:1] == b"[":
            given.update(self._many.read(body))
            return given, True
        record = decode(self._decoder, body if body or self._empty is None else self._empty)
        for name in record.__struct_fields__:
            value = getattr(record, name)
            if value is not UNSET:
                given[name] = value
        return given, False

    def _of_query(self, raw: bytes) -> Given:
        given: Given = {}
        if raw:
            for name, text in pairs(raw):
                if name not in self._query:
                    raise InvalidInput(f"There is no argument {name[:LONGEST_NAME]!r}.", field=name[:LONGEST_NAME])
                value = self._query[name](name, text)
                if name in given and not isinstance(value, list):
                    raise InvalidInput(f"The argument {name!r} is given twice.", field=name)
                given[name] = given[name] + value if name in given else value
        for name in self._required:
            if name not in given:
                raise InvalidInput(f"The argument {name!r} is missing.", field=name)
        return given


class _Many:
    """Reads a list of bodies for the action that takes them all at once."""

    def __init__(self, name: str, body: type[Struct]) -> None:
        (field,) = [f for f in msgspec.structs.fields(arguments_of(name)) if get_args(f.type)]
        self.name, self._item = field.name, get_args(field.type)[0]
        self._decoder = msgspec.json.Decoder(list[body])  # type: ignore[valid-type]  # a type made at run time

    def read(self, body: bytes) -> Given:
        return {self.name: [self._convert(record) for record in decode(self._decoder, body)]}

    def _convert(self, record: Struct) -> Any:
        values = {name: getattr(record, name) for name in record.__struct_fields__}
        return self._item(**{name: value for name, value in values.items() if value is not None})


def decode(decoder: msgspec.json.Decoder[Any], body: bytes) -> Any:
    """Return what a JSON body says, or raise InvalidInput or InvalidText naming what is wrong."""
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as error:
        _refuse(str(error))
    except msgspec.DecodeError as error:
        if not body:
            raise InvalidInput("The body is empty; a JSON object is needed.") from None
        if _HALF_PAIR.search(body) and _readable(body):
            raise InvalidText("A text in the body holds half of a surrogate pair.") from None
        raise InvalidInput(f"The body is not JSON: {error}.") from None
    except UnicodeDecodeError:
        raise InvalidText("The body is not UTF-8.") from None
    except RecursionError:
        raise InvalidInput("The body is nested too deeply.") from None


def _refuse(problem: str) -> NoReturn:
    place = _PLACE.search(problem)
    within = place.group(1) if place else ""
    named = _FIELD.search(problem)
    if named:
        name = named.group(1) or named.group(2) or ""
        problem = problem.replace(name, name[:LONGEST_NAME]) if name else problem
        within = f"{within}.{name[:LONGEST_NAME]}" if within else name[:LONGEST_NAME]
    details = {"field": within[:256]} if within else {}
    raise InvalidInput(f"The body cannot be used: {problem}.", **details) from None


def _readable(body: bytes) -> bool:
    """Tell whether a more tolerant reader takes it: then half of a pair was all that was wrong."""
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


def _body_type(name: str, fields: list[msgspec.structs.FieldInfo]) -> type[Struct]:
    members: list[Any] = [
        (field.name, field.type)
        if field.required
        else (field.name, field.type, field.default if field.default is not msgspec.NODEFAULT else UNSET)
        for field in fields
    ]
    title = "".join(part.capitalize() for part in re.split(r"[._]", name)) + "Body"
    return msgspec.defstruct(title, members, kw_only=True, forbid_unknown_fields=True)


def pairs(raw: bytes) -> list[tuple[str, str]]:
    """Return the names and texts of a query, or raise InvalidText or InvalidInput."""
    try:
        return parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=100)
    except UnicodeDecodeError:
        raise InvalidText("The query is not UTF-8.") from None
    except ValueError:
        raise InvalidInput("The query has more than 100 arguments.") from None


def _reader(kind: Any) -> Callable[[str, str], Any]:
    if get_origin(kind) in (list, Sequence):
        return _several
    parts = [part for part in get_args(kind) if part is not type(None)] or [kind]
    if any(get_origin(part) is dict for part in parts):
        return _object
    if int in parts:
        return _number
    return _flag if bool in parts else _text


def _number(name: str, text: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        kind = InvalidLimit if name == "limit" else InvalidInput
        raise kind(f"The argument {name!r} must be a whole number.", field=name)
    value = int(text)
    return check_limit(value, "limit", 1, MAX_PAGE) if name == "limit" else value


def _object(name: str, text: str) -> dict[str, Any]:
    try:
        return _objects.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise InvalidInput(f"The argument {name!r} must be a JSON object.", field=name) from None


def _flag(name: str, text: str) -> bool:
    if text not in _FLAGS:
        raise InvalidInput(f"The argument {name!r} must be true or false.", field=name)
    return _FLAGS[text]


def _several(name: str, text: str) -> list[str]:
    """Return one value of an argument that may be repeated."""
    return [text]


def _text(name: str, text: str) -> str:
    return text
