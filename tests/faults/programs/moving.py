"""Move a store in small pages, and be killed when something was told so many times.

Arguments: the URLs of source and target, the target's folder, how many times (0: never killed), and the source's
folder where that is not beside it.
"""

from __future__ import annotations

import os
import signal
import sys

from ingat.lifecycle.move import Step, move
from ingat.store.tables import moving

moving.PAGE_ROWS, moving.PAGE_BYTES = 9, 3_000


def main(source: str, target: str, folder: str, times: str, source_data: str | None = None) -> None:
    told = 0

    def tell(step: Step, done: int, total: int) -> None:
        nonlocal told
        told += 1
        os.write(1, f"{step} {done}\n".encode())
        if told == int(times):
            os.kill(os.getpid(), signal.SIGKILL)

    report = move(source, target, source_data=source_data, target_data=folder, progress=tell, busy_timeout_ms=60_000)
    os.write(1, f"done {report.rows_copied}\n".encode())


main(*sys.argv[1:])
