"""Given: whether what a caller gave is what is needed: several names, or a file that is opened for bytes."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Mapping
from typing import Any

from ingat.core.errors import InvalidInput

MOST_SHOWN = 64


def check_several(given: Any, name: str) -> tuple[Any, ...]:
    """Return what is to be a list as a tuple; InvalidInput for one bare text, which would be taken for its letters."""
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        example = f"{name}=[{given!r}]"[:80] if isinstance(given, str) else f"{name}=[…]"
        raise InvalidInput(
            f"`{name}` is a list, also where there is one only: {example}. Nothing was changed.",
            field=name,
            given=type(given).__name__,
        )
    return tuple(given)


def shown(given: Any) -> str:
    """Return how a message quotes what was given for a word: a text, cut to 64 characters, and of all else its type."""
    return repr(given[:MOST_SHOWN]) if isinstance(given, str) else f"<{type(given).__name__}>"


def check_binary(given: Any) -> None:
    """Raise InvalidInput unless it is a file that bytes can be read from."""
    if isinstance(given, str | bytes | bytearray | os.PathLike) or not hasattr(given, "read"):
        raise InvalidInput(
            f"A file that is opened for bytes is needed, not {type(given).__name__}: open(path, 'rb'), or io.BytesIO."
            " Nothing was changed.",
            given=type(given).__name__,
        )
    if isinstance(given, io.TextIOBase):
        raise InvalidInput(
            "The file must be opened for bytes, not for text: open(path, 'rb'). Nothing was changed.",
            given=type(given).__name__,
        )
