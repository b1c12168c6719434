"""Jobs: what is done by the clock, once however many processes there are."""

from __future__ import annotations

from collections.abc import Mapping

from ingat.core import clock
from ingat.core.errors import JobNotFound
from ingat.core.given import shown
from ingat.core.json import decode_object
from ingat.core.reports import Job
from ingat.lifecycle.slots import Slots, State, Work
from ingat.store.contract import Store

__all__ = ["Jobs", "Work"]


class Jobs:
    """The jobs of one store. The scheduler of a server runs them; see lifecycle.scheduler and lifecycle.slots."""

    def __init__(self, store: Store, works: Mapping[str, Work], now: clock.Clock) -> None:
        self.slots, self._now = Slots(store, works, now), now

    def list(self) -> list[Job]:
        """Return the state of every job.

        `running` says that a process is at it now. `last_error` is that of the last run, None when it went well;
        `last_result` is the report of the last run that went well, long lists cut. `next_at` is None when the job is
        stopped or no scheduler is there.
        """
        scheduled, now = self.slots.scheduled(), self._now()
        return [self._job(name, state, scheduled, now) for name, state in self.slots.states().items()]

    def start(self, job: str) -> Job:
        """Let the scheduler run a job, as it does unless the job was stopped; JobNotFound."""
        return self._enable(job, True)

    def stop(self, job: str) -> Job:
        """Let the scheduler run a job no longer; one that is running goes on to its end. It holds until `start`."""
        return self._enable(job, False)

    def run(self, job: str) -> Job:
        """Run a job now, whether or not it is due or stopped, and return its state.

        Conflict while it runs, in this process or another. An error of the job is recorded, and comes out too.
        """
        name = self._known(job)
        self.slots.run(self.slots.take_now(name))
        return self._get(name)

    def _enable(self, job: str, enabled: bool) -> Job:
        name = self._known(job)
        self.slots.enable(name, enabled)
        return self._get(name)

    def _get(self, name: str) -> Job:
        return next(job for job in self.list() if job.name == name)

    def _known(self, job: str) -> str:
        if not isinstance(job, str) or job not in self.slots.works:
            names = ", ".join(self.slots.works)
            raise JobNotFound(f"There is no job {shown(job)}; there are: {names}.", known=names)
        return job

    def _job(self, name: str, state: State, scheduled: bool, now: int) -> Job:
        row = state.row
        return Job(
            name=name,
            summary=self.slots.works[name].summary,
            enabled=row.enabled,
            running=state.running,
            every_ms=state.every_ms,
            last_started_at=row.last_started_at,
            last_finished_at=row.last_finished_at,
            next_at=max(state.due_at, now) if row.enabled and scheduled else None,
            last_error=row.last_error,
            last_result=decode_object(row.last_result),
            runs=row.runs,
            failures=row.failures,
        )
