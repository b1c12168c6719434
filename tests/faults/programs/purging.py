"""Purge a person, and stop at a point that the test chooses, to be killed there.

Arguments: the store's URL, the person, and where to stop: `begun` (the ledger has them), `part` (a part of the rows is
gone), `rows` (all of them), `copy` (the first copy is clean), `copies` (all are), `entered` (the audit trail has it).
With `no` it stops nowhere. Prints `stopped` there, and `done` with what the certificate says when it was not killed.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Any

from ingat.lifecycle.purge import Purger
from ingat.lifecycle.purge_copies import Copies
from ingat.lifecycle.purge_rows import Rows
from ingat.memory import Memory

POINTS: dict[str, tuple[type, str]] = {
    "begun": (Purger, "_begin"),
    "part": (Rows, "_drain"),
    "rows": (Rows, "remove"),
    "copy": (Copies, "_clean"),
    "copies": (Copies, "clean"),
    "entered": (Purger, "_enter"),
}


def stop() -> None:
    os.write(1, b"stopped\n")
    threading.Event().wait()


def after(method: Callable[..., Any]) -> Callable[..., Any]:
    def then(*arguments: Any, **named: Any) -> Any:
        value = method(*arguments, **named)
        stop()
        return value

    return then


def main(url: str, person: str, where: str) -> None:
    if where == "entered":
        Purger._finish = lambda *_: stop()  # type: ignore[method-assign,assignment]
    elif where != "no":
        owner, name = POINTS[where]
        setattr(owner, name, after(getattr(owner, name)))
    with Memory(url, embedder=None) as memory:
        certificate = memory.purge(person, reason="asked")
    os.write(1, f"done {certificate.complete}\n".encode())


main(*sys.argv[1:])
