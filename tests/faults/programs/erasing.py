"""Erase, and stop at a point that the test chooses, to be killed there.

Arguments: the store's URL, what to erase, and where to stop: `before` (the restore point is verified, nothing is
deleted), `within` (the rows are deleted, the transaction is not committed), `between` (a part of the log entries, or of
the users, is deleted and committed). Prints `stopped` there, and `done` when it was not killed.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Any

from ingat.core.reports import Operation
from ingat.lifecycle import scope_people, scopes
from ingat.lifecycle.cut import Cut
from ingat.lifecycle.restorepoints import RestorePoints
from ingat.memory import Memory


def stop() -> None:
    os.write(1, b"stopped\n")
    threading.Event().wait()


def after(method: Callable[..., Any]) -> Callable[..., Any]:
    def then(*arguments: Any, **named: Any) -> Any:
        value = method(*arguments, **named)
        stop()
        return value

    return then


def before(method: Callable[..., Any]) -> Callable[..., Any]:
    def then(*arguments: Any, **named: Any) -> Any:
        stop()
        return method(*arguments, **named)

    return then


def second(method: Callable[..., Any]) -> Callable[..., Any]:
    """Stop at the second call: everything begins by calling it for its first part."""
    calls: list[int] = []

    def then(*arguments: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == 2:
            stop()
        return method(*arguments, **named)

    return then


def erase(memory: Memory, what: str) -> Operation:
    if what == "session":
        return memory.erase.session("talk")
    if what == "messages":
        return memory.erase.messages("talk", since=0)
    if what == "user":
        return memory.erase.user("ana")
    if what == "everything":
        return memory.erase.everything(reason="a new beginning")
    return memory.erase.logs()


def main(url: str, what: str, where: str) -> None:
    scope_people.USERS_AT_ONCE = 1
    if where == "before":
        RestorePoints.verify = after(RestorePoints.verify)  # type: ignore[method-assign]
    elif where == "within":
        Cut.also = after(Cut.also)  # type: ignore[method-assign]
    elif where == "between":
        looks = scope_people.EverythingRows if what == "everything" else scopes.LogRows
        looks.rest = second(looks.rest) if what == "everything" else before(looks.rest)  # type: ignore[method-assign]
    with Memory(url, embedder=None) as memory:
        erase(memory, what)
    os.write(1, b"done\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
