"""Run one job by the clock, and print its turn's number at each run, until it has had so many turns.

Arguments: the store's URL, when the schedulers began (milliseconds UTC), the interval (milliseconds), the turns (0: the
first one never ends).
"""

from __future__ import annotations

import os
import sys
import threading

from ingat.core import clock
from ingat.core.reports import ExportReport
from ingat.lifecycle.jobs import Jobs, Work
from ingat.lifecycle.scheduler import Scheduler
from ingat.memory import Memory
from ingat.store.tables import jobs as table


def main(url: str, began: str, every_ms: str, turns: str) -> None:
    ended = threading.Event()
    with Memory(url, embedder=None, busy_timeout_ms=60_000) as memory:

        def run() -> ExportReport:
            number = memory.store.read(lambda tx: table.slots(tx, "sweep", 1))[0].number
            os.write(1, f"{number}\n".encode())
            if not int(turns):
                threading.Event().wait()
            return ExportReport(counts={}, size_bytes=number)

        jobs = Jobs(memory.store, {"sweep": Work("Sweep", run, lambda: int(every_ms))}, clock.now)
        scheduler = Scheduler(jobs, began=int(began), look_every_s=0.02)
        scheduler.start()
        while not ended.wait(0.02):
            if int(turns) and jobs.list()[0].runs >= int(turns):
                break
        scheduler.stop()


main(*sys.argv[1:])
