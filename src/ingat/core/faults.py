"""Faults: what a log may tell of an exception, which is its type, where it was raised, and what caused it.

Neither what an exception says nor the values of variables are told: both may quote what people said, or hold a key.
"""

from __future__ import annotations

import traceback
from typing import Any

from ingat.core.errors import IngatError

MAX_FRAMES = 20
"""Frames of an exception, the innermost."""
MAX_CAUSES = 6


def frames(error: BaseException, most: int = MAX_FRAMES) -> list[str]:
    """Return where an exception was raised, the innermost call last: `file:line function`."""
    found = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in found[-most:]]


def facts(error: BaseException) -> dict[str, Any]:
    """Return type, frames, the code of one of our errors, and the types of the causes, as far as there are any."""
    found: dict[str, Any] = {"type": type(error).__qualname__, "frames": frames(error)}
    if isinstance(error, IngatError):
        found["code"] = error.code
    causes: list[str] = []
    cause = error.__cause__ or error.__context__
    while cause is not None and len(causes) < MAX_CAUSES:
        causes.append(type(cause).__qualname__)
        cause = cause.__cause__ or cause.__context__
    return {**found, "causes": causes} if causes else found
