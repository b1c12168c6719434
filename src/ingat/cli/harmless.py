"""Harmless: texts that others gave, as a terminal may show them."""

from __future__ import annotations

import re

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202d\u202e]")


def printable(text: str) -> str:
    """Return a text without what could steer a terminal or turn its letters round; line ends and tabs stay."""
    return _CONTROLS.sub("\ufffd", text)
