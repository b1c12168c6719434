"""JSON objects that people bring: checked, encoded and decoded in one place."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from ingat.core.errors import ContentTooLong, InvalidInput, InvalidText

MAX_JSON_BYTES = 256 << 10
MAX_JSON_DEPTH = 64
"""Objects and lists inside each other; what is deeper could be written and then not be read from a deep stack."""

_NO_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*"|[^\[\]{}"]+')
_decoder = msgspec.json.Decoder(dict[str, Any])


def encode_object(value: Any, what: str, max_bytes: int = MAX_JSON_BYTES) -> str:
    """Return a JSON object as text.

    Raises InvalidInput for anything that is no object of JSON values or is nested too deeply, InvalidText for half a
    surrogate pair, ContentTooLong above `max_bytes`.
    """
    if not isinstance(value, dict):
        raise InvalidInput(f"The {what} must be a JSON object.", given=type(value).__name__)
    if not value:
        return "{}"
    try:
        raw = msgspec.json.encode(value)
        text = raw.decode()
    except UnicodeError:
        raise InvalidText(f"The {what} hold half of a surrogate pair.") from None
    except (TypeError, ValueError, RecursionError, OverflowError, msgspec.MsgspecError) as error:
        raise InvalidInput(f"The {what} must hold JSON values only: {error}.") from None
    if len(raw) > max_bytes:
        raise ContentTooLong(
            f"The {what} take {len(raw)} bytes; the limit is {max_bytes}.", size_bytes=len(raw), max_bytes=max_bytes
        )
    if raw.count(b"{") + raw.count(b"[") > MAX_JSON_DEPTH and _depth(text) > MAX_JSON_DEPTH:
        raise InvalidInput(f"The {what} are nested too deeply; {MAX_JSON_DEPTH} levels are the most.")
    return text


def decode_object(text: Any) -> dict[str, Any]:
    """Return the object that `encode_object` wrote; an empty one for NULL."""
    if text is None or text == "{}":
        return {}
    return _decoder.decode(text)


def _depth(text: str) -> int:
    deepest = depth = 0
    for bracket in _NO_BRACKET.sub("", text):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest
