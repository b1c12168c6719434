"""Open a store of an earlier version, and stop at a point that the test chooses, to be killed there.

Arguments: the store's URL, its data directory, and where to stop: `applying` (the tables are changed, the copy is not
written), `copying` (a part of it is), `between` (the copy is written and read back, nothing is committed), `told`
(all is committed), or `go`: print `ready`, wait for a line, and go through. Prints `stopped` where it stops, and
`opened` when it was not killed.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from typing import Any

from ingat.lifecycle import migration
from ingat.memory import Memory
from ingat.store.tables import audit


def stop(*_: Any, **__: Any) -> None:
    os.write(1, b"stopped\n")
    threading.Event().wait()


def stop_in(name: str, lines: Any) -> None:
    """Stop when the function of `lifecycle.migration` is called; with `lines` when its third line is asked for."""
    real = getattr(migration, name)

    def stopping(*arguments: Any, **named: Any) -> Iterator[Any]:
        for number, each in enumerate(real(*arguments, **named)):
            if number == lines:
                stop()
            yield each

    setattr(migration, name, stop if lines is None else stopping)


def main(url: str, data: str, where: str) -> None:
    if where == "applying":
        stop_in("manifest_of", None)
    elif where == "copying":
        stop_in("outgoing", 2)
    elif where == "between":
        audit.append = stop
    elif where == "told":
        stop_in("_tell", None)
    else:
        os.write(1, b"ready\n")
        sys.stdin.readline()
    Memory(url, data=data, embedder=None, busy_timeout_ms=60_000).close()
    os.write(1, b"opened\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
