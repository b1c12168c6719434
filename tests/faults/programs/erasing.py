"""Erase, and stop at a point that the test chooses, to be killed there.

Arguments: the store's URL, what to erase (`session` or `logs`), and where to stop: `before` (the restore point is
verified, nothing is deleted), `within` (the rows are deleted, the transaction is not committed), `between` (a part of
the log entries is deleted and committed). Prints `stopped` there, and `done` when it was not killed.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Any

from ingat.lifecycle import scopes
from ingat.lifecycle.restorepoints import RestorePoints
from ingat.memory import Memory


def stop() -> None:
    os.write(1, b"stopped\n")
    threading.Event().wait()


def after(method: Callable[..., Any]) -> Callable[..., Any]:
    def then(*arguments: Any) -> Any:
        value = method(*arguments)
        stop()
        return value

    return then


def before(method: Callable[..., Any]) -> Callable[..., Any]:
    def then(*arguments: Any) -> Any:
        stop()
        return method(*arguments)

    return then


def main(url: str, what: str, where: str) -> None:
    rows = scopes.SessionRows if what == "session" else scopes.LogRows
    if where == "before":
        RestorePoints.verify = after(RestorePoints.verify)  # type: ignore[method-assign]
    elif where == "within":
        rows.delete = after(rows.delete)  # type: ignore[method-assign]
    elif where == "between":
        scopes.LogRows.rest = before(scopes.LogRows.rest)  # type: ignore[method-assign]
    with Memory(url, embedder=None) as memory:
        if what == "session":
            memory.erase.session("talk")
        else:
            memory.erase.logs()
    os.write(1, b"done\n")


main(*sys.argv[1:])
