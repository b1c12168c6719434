"""Scheduler: runs the jobs of a store by the clock, in the background of one process."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ingat.core import clock
from ingat.core.actor import acting_as
from ingat.core.errors import IngatError, StoreClosed
from ingat.core.ids import new_id
from ingat.lifecycle.jobs import Jobs

if TYPE_CHECKING:
    from apscheduler.schedulers.background import BackgroundScheduler

LOOK_EVERY_S = 2.0
"""How often the store is asked which jobs are due; a changed policy, start or stop acts within that time."""
STOP_WITHIN_S = 10.0

_log = logging.getLogger("ingat.jobs")


class Scheduler:
    """Runs the jobs of `memory.jobs` until it is stopped.

    Any number of schedulers, in any number of processes, may go by one store: each turn of a job is taken by one of
    them. Every job is run when the scheduler starts, unless it has run since `began` (milliseconds UTC, by default
    now): processes that are started together give one moment. After that it runs at its interval. A job that fails is
    recorded and logged, and runs again at its next turn.
    """

    def __init__(self, jobs: Jobs, *, began: int | None = None, look_every_s: float = LOOK_EVERY_S) -> None:
        self._slots, self._look_every_s = jobs.slots, look_every_s
        self._began = self._slots.now() if began is None else began
        self._id = new_id()
        self._behind: BackgroundScheduler | None = None
        self._running: set[str] = set()
        self._ended = threading.Condition()
        self._stopping = False
        self._problem: str | None = None

    def start(self) -> None:
        """Begin, in threads of its own; what is due is run at once. A second call does nothing."""
        if self._behind is not None or self._stopping:
            return
        from apscheduler.executors.pool import ThreadPoolExecutor
        from apscheduler.schedulers.background import BackgroundScheduler

        # what they say of each look is for nobody; their errors are
        for name in ("apscheduler.scheduler.ingat", "apscheduler.executors.ingat"):
            logging.getLogger(name).setLevel(logging.ERROR)
        self._behind = BackgroundScheduler(
            logger=logging.getLogger("apscheduler.scheduler.ingat"),
            timezone=UTC,
            executors={"ingat": ThreadPoolExecutor(1)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        )
        self._behind.add_job(
            self._look, "interval", seconds=self._look_every_s, next_run_time=_soon(), executor="ingat"
        )
        self._behind.start()

    def stop(self, timeout_s: float = STOP_WITHIN_S) -> bool:
        """Begin no more jobs, wait for those that run, and return whether all have ended.

        One that has not goes on until the store is closed or the process ends, which it does not hold up; its turn
        counts as cut off and is made up for.
        """
        with self._ended:
            self._stopping = True
            behind, self._behind = self._behind, None
        if behind is not None:
            behind.shutdown(wait=False)
        with self._ended:
            done = self._ended.wait_for(lambda: not self._running, timeout_s)
        if not done:
            _log.warning("Jobs still at work after %g s: %s", timeout_s, ", ".join(sorted(self._running)))
        if behind is not None:
            self._say_leave()
        return done

    def _look(self) -> None:
        """Begin what is due."""
        try:
            self._slots.beat(self._id)
            due = self._slots.due(self._began)
        except StoreClosed:
            return
        except IngatError as error:
            self._report(error)
            return
        if self._problem is not None:
            self._problem = None
            _log.info("Jobs are run again")
        for job in due:
            with self._ended:
                if self._stopping or job in self._running:
                    continue
                self._running.add(job)
            self._begin(job)

    def _begin(self, job: str) -> None:
        """Run a job on a thread that holds up the end of the process no longer than `stop` waits."""
        try:
            threading.Thread(target=self._run, args=(job,), name=f"ingat-job-{job}", daemon=True).start()
        except RuntimeError as error:  # the system has no thread left; the next look tries again
            _log.warning("Job %s is not run: %s", job, error)
            with self._ended:
                self._running.discard(job)

    def _run(self, job: str) -> None:
        try:
            with acting_as("scheduler"):
                turn = self._slots.take(job, self._began)
                if turn is not None:
                    self._slots.run(turn)
        except StoreClosed:
            _log.info("Job %s ended with its store", job)
        except IngatError as error:
            _log.error("Job %s failed (%s): %s", job, error.code, error.message)
        except BaseException as error:
            if not isinstance(error, Exception):
                raise
            _log.error("Job %s failed (internal_error)", job, exc_info=True)
        finally:
            with self._ended:
                self._running.discard(job)
                self._ended.notify_all()

    def _report(self, error: IngatError) -> None:
        """Log that the store cannot be asked, once for each kind of trouble."""
        if error.code != self._problem:
            self._problem = error.code
            _log.warning("Jobs are not run (%s): %s", error.code, error.message)

    def _say_leave(self) -> None:
        try:
            self._slots.leave(self._id)
        except StoreClosed:
            return
        except IngatError as error:
            _log.warning("The end of the scheduler was not recorded (%s): %s", error.code, error.message)


def _soon() -> datetime:
    return datetime.fromtimestamp(clock.now() / 1_000, UTC) - timedelta(seconds=1)
