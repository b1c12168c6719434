"""Apply the retention policy at a given moment, printing a line after each transaction and one at the end.

Arguments: the store's URL, the moment in milliseconds UTC.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from ingat.lifecycle import compress, prune, retain
from ingat.memory import Memory

retain.BATCH, prune.LOGS_A_POINT, prune.LOGS_A_WRITE, compress.BATCH_BYTES = 4, 60, 25, 1


def main(url: str, moment: str) -> None:
    memory = Memory(url, embedder=None, busy_timeout_ms=60_000, now=lambda: int(moment))
    write = memory.store.write

    def told(fn: Any) -> Any:
        value = write(fn)
        os.write(1, b"step\n")
        return value

    setattr(memory.store, "write", told)  # noqa: B010  # a method is no variable for mypy
    report = memory.retain()
    assert report.failed == (), report.failed
    os.write(1, f"done {report.sessions_archived} {report.logs_deleted} {report.compressed_from_bytes}\n".encode())
    memory.close()


main(*sys.argv[1:])
