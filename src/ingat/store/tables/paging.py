"""Keyset paging: an opaque cursor names its list and the last row of a page, by its sort value and id."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, NamedTuple

import msgspec

from ingat.core.errors import InvalidInput
from ingat.store.contract import Value

_Stored = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_decoder = msgspec.json.Decoder(tuple[str, str | _Stored | None, str])


class Cursor(NamedTuple):
    """Where a page of the list `kind` ended."""

    kind: str
    value: str | int | None
    id: str


def listing(name: str, sort: str, descending: bool) -> str:
    """Return the kind of the cursors of a list in one order: that of another list or order does not fit it."""
    return f"{name} {sort} {'down' if descending else 'up'}"


def encode_cursor(kind: str, value: Value, row_id: str) -> str:
    """Return the cursor that continues a list after the row with this sort value and id."""
    return base64.urlsafe_b64encode(msgspec.json.encode([kind, value, row_id])).decode().rstrip("=")


def decode_cursor(text: str | None, kind: str | None = None) -> Cursor | None:
    """Return what a cursor says, None for None, or raise InvalidInput; `kind`: only a cursor of that list."""
    if text is None:
        return None
    if not isinstance(text, str):
        raise InvalidInput("The cursor must be text.", given=type(text).__name__)
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        cursor = Cursor(*_decoder.decode(raw))
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise _foreign(text) from None
    if kind is not None and cursor.kind != kind:
        raise _foreign(text)
    return cursor


def _foreign(text: str) -> InvalidInput:
    return InvalidInput(
        "The cursor is not one that this list gave in this order; start again without it.", given=text[:64]
    )


def keyset(
    kind: str, column: str, id_column: str, descending: bool, cursor: Cursor | None
) -> tuple[str, list[Value], str]:
    """Return (condition, arguments, ORDER BY) for the page after the cursor; column may not be NULL.

    Raises InvalidInput for a cursor of another `kind`.
    """
    if cursor is not None and cursor.kind != kind:
        raise _foreign(cursor.kind)
    direction = "DESC" if descending else "ASC"
    order = f"ORDER BY {column} {direction}, {id_column} {direction}"
    if column == id_column:
        order = f"ORDER BY {id_column} {direction}"
    if cursor is None:
        return "1 = 1", [], order
    sign = "<" if descending else ">"
    if column == id_column:
        return f"{id_column} {sign} ?", [cursor.id], order
    return f"({column}, {id_column}) {sign} (?, ?)", [cursor.value, cursor.id], order


LIKE = "LIKE ? ESCAPE '\\'"
"""Compares with a pattern from `like_pattern`."""


def like_pattern(text: str, *, as_written: bool = False) -> str:
    """Return the LIKE pattern for lower-cased values that hold the text anywhere; `as_written`: not lower-cased."""
    given = text if as_written else text.lower()
    return "%" + given.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
