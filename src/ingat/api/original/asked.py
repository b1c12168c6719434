"""What a request of the wire format asks: records by action, read strictly from a query or a body."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, cast

import msgspec
from msgspec import Meta, Struct

from ingat.api.arguments import LONGEST_NAME, decode, pairs
from ingat.api.original.dates import Moment, moment
from ingat.core.errors import InvalidInput, InvalidText
from ingat.core.limits import MAX_PAGE

Limit = Annotated[int, Meta(ge=0, description=f"rows at the most; 0, and more than {MAX_PAGE:,}, mean {MAX_PAGE:,}")]
Id = Annotated[str, Meta(min_length=1, max_length=300)]
UserId = Annotated[str, Meta(description="whose it is; only for keys that are bound to no user")]

_SHORT = re.compile(r" - at `\$\.?")


class Asked(Struct, kw_only=True, forbid_unknown_fields=True, tag_field="action"):
    """One request; the tag of its class is the action."""


class Queries:
    """Reads the requests of one method that stand in the query.

    `lenient`, for what changes nothing: an empty parameter counts as not given, and so does one of the format that the
    action has no use for. Clients of the format send both. `user_id` is not of the format: nobody may think it heeded.
    """

    def __init__(self, kinds: Iterable[type[Asked]], *, default: str | None, lenient: bool) -> None:
        self._kinds = {action_of(kind): kind for kind in kinds}
        self._default, self._lenient = default, lenient
        self._names = {name for kind in self._kinds.values() for name in kind.__struct_fields__} - {"user_id"}

    def read(self, raw: bytes, also: dict[str, str]) -> Asked:
        """Return what a query asks, or raise InvalidInput or InvalidText. `also` are other names of actions."""
        given: dict[str, str] = {}
        for name, text in pairs(raw) if raw else ():
            if name in given:
                raise InvalidInput(f"The parameter {name[:LONGEST_NAME]!r} is given twice.", field=name[:LONGEST_NAME])
            if not text and not self._lenient:
                raise InvalidInput(f"The parameter {name[:LONGEST_NAME]!r} is empty.", field=name[:LONGEST_NAME])
            if text:
                given[name] = text
        action = given.pop("action", self._default)
        if action is None:
            raise InvalidInput(f"The parameter action is missing; known: {', '.join(self._kinds)}.", field="action")
        kind = self._kinds.get(also.get(action, action))
        if kind is None:
            raise unknown(action, self._kinds)
        if self._lenient:
            useless = self._names.difference(kind.__struct_fields__)
            given = {name: text for name, text in given.items() if name not in useless}
        return _converted(given, kind)


class Bodies:
    """Reads the requests of one method that stand in a JSON body."""

    def __init__(self, kinds: Iterable[type[Asked]]) -> None:
        self._kinds = {action_of(kind): kind for kind in kinds}
        self._decoder = msgspec.json.Decoder(dict[str, Any])

    def opened(self, body: bytes) -> dict[str, Any]:
        """Return the object that a body holds, or raise InvalidInput or InvalidText."""
        given: dict[str, Any] = decode(self._decoder, body)
        return given

    def read(self, given: dict[str, Any], also: dict[str, str]) -> Asked:
        """Return what a body's object asks, or raise InvalidInput or InvalidText. `also` are other names of actions."""
        action = given.pop("action", None)
        if action is None:
            raise InvalidInput(f"The field action is missing; known: {', '.join(self._kinds)}.", field="action")
        kind = self._kinds.get(also.get(action, action)) if isinstance(action, str) else None
        if kind is None:
            raise unknown(str(action), self._kinds)
        return _converted(given, kind, strict=True)


def action_of(kind: type[Asked]) -> str:
    """Return the action that a kind of request asks for."""
    return cast(str, kind.__struct_config__.tag)


def unknown(action: str, known: Iterable[str]) -> InvalidInput:
    """Return the error for an action that does not exist."""
    return InvalidInput(
        f"There is no action {action[:LONGEST_NAME]!r}; known: {', '.join(known)}. Nothing was changed.", field="action"
    )


def _converted(given: dict[str, Any], kind: type[Asked], *, strict: bool = False) -> Asked:
    try:
        return msgspec.convert(given, kind, strict=strict, dec_hook=_hook)
    except msgspec.ValidationError as error:
        problem = str(error)
    except UnicodeError:
        raise InvalidText("A text in the request holds half of a surrogate pair.") from None
    missing = re.fullmatch(r"Object missing required field `(\w+)`", problem)
    if missing:
        raise InvalidInput(f"{missing.group(1)} is missing.", field=missing.group(1)) from None
    raise InvalidInput(f"The request cannot be used: {_SHORT.sub(' at `', problem)[:300]}. Nothing was changed.")


def _hook(kind: type, given: Any) -> Any:
    if kind is Moment:
        return moment(given)
    raise TypeError(f"No request holds a {kind.__name__}.")
