"""Foreign: run code that is not ours, and hand back what it returned or how it failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from ingat.core.errors import IngatError

T = TypeVar("T")


class Broke(NamedTuple):
    """How foreign code failed: the code of one of our errors, or the name of the exception's type.

    What the exception says is not kept: it may quote what people said, which belongs in no log.
    """

    code: str


def call(run: Callable[[], T]) -> T | Broke:
    """Return what `run` returns, or how it broke: whatever it raises stops nothing of ours.

    KeyboardInterrupt and SystemExit come out as they are.
    """
    try:
        return run()
    except Exception as error:
        return Broke(error.code if isinstance(error, IngatError) else type(error).__name__)
