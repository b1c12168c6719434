"""The scheduler: runs what is due, once for all processes, and goes on whatever a job does."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import ingat.store
from ingat.core import clock
from ingat.core.actor import current_actor
from ingat.core.errors import InvalidInput, StoreBusy
from ingat.core.reports import ExportReport, Job
from ingat.lifecycle.jobs import Jobs, Work
from ingat.lifecycle.scheduler import Scheduler
from ingat.memory import Memory
from tests.engine import same_store, store_at

PROGRAM = Path(__file__).with_name("programs") / "scheduling.py"
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(ingat.store.__file__).parents[2])}
REPORT = ExportReport(counts={}, size_bytes=0)
LONG = 10**9
WAIT_S = 30


class Sweeps:
    """A job that counts its runs, and lets the test wait for them."""

    def __init__(self, act: Callable[[], object] | None = None) -> None:
        self._act, self._counted = act, threading.Condition()
        self.count = 0

    def __call__(self) -> ExportReport:
        with self._counted:
            self.count += 1
            self._counted.notify_all()
        if self._act is not None:
            self._act()
        return REPORT

    def reach(self, count: int) -> None:
        """Wait until there were so many runs."""
        with self._counted:
            assert self._counted.wait_for(lambda: self.count >= count, WAIT_S)


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Memory]:
    with Memory(**store_at(tmp_path / "a.db"), embedder=None) as opened:
        yield opened


@pytest.fixture
def started() -> Iterator[Callable[..., Scheduler]]:
    """Starts schedulers, and stops them at the end of the test."""
    made: list[Scheduler] = []

    def start(jobs: Jobs, **more: Any) -> Scheduler:
        made.append(Scheduler(jobs, look_every_s=0.01, **more))
        made[-1].start()
        return made[-1]

    yield start
    for scheduler in made:
        scheduler.stop()


def jobs_of(memory: Memory, every_ms: int | Callable[[], int] = LONG, **runs: Callable[[], ExportReport]) -> Jobs:
    interval = every_ms if callable(every_ms) else lambda: every_ms
    return Jobs(memory.store, {name: Work(name, run, interval) for name, run in runs.items()}, clock.now)


def reach(jobs: Jobs, name: str, when: Callable[[Job], bool]) -> Job:
    """Wait until the state of a job is as it should be."""
    for _ in range(WAIT_S * 100):
        job = next(each for each in jobs.list() if each.name == name)
        if when(job):
            return job
        threading.Event().wait(0.01)
    raise AssertionError(job)


Start = Callable[..., Scheduler]


def test_every_job_is_run_at_the_start_and_then_waits_for_its_interval(memory: Memory, started: Start) -> None:
    one, two, often = Sweeps(), Sweeps(), Sweeps()
    jobs = jobs_of(memory, one=one, two=two)
    started(jobs)
    started(jobs_of(memory, 20, often=often))

    one.reach(1)
    two.reach(1)
    often.reach(5)
    assert (one.count, two.count) == (1, 1)
    assert reach(jobs, "one", lambda job: job.runs == 1).next_at is not None


def test_what_a_job_does_is_done_by_the_scheduler(memory: Memory, started: Start) -> None:
    actors: list[str] = []
    sweep = Sweeps(lambda: actors.append(current_actor()))
    jobs = jobs_of(memory, sweep=sweep)
    started(jobs)

    reach(jobs, "sweep", lambda job: job.runs == 1)
    jobs.run("sweep")
    assert actors == ["scheduler", "python"]


@pytest.mark.parametrize("error", [InvalidInput("It is wrong."), ZeroDivisionError("by zero")], ids=["ours", "other"])
def test_a_job_that_fails_is_recorded_and_logged_and_runs_again(
    memory: Memory, started: Start, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    def fail() -> None:
        raise error

    sweep, other = Sweeps(fail), Sweeps()
    jobs = jobs_of(memory, 20, sweep=sweep, other=other)
    with caplog.at_level(logging.ERROR, "ingat.jobs"):
        scheduler = started(jobs)
        sweep.reach(3)
        other.reach(3)
        scheduler.stop()

    job = reach(jobs, "sweep", lambda job: not job.running)
    assert job.failures == job.runs >= 3
    told = "invalid_input: It is wrong." if isinstance(error, InvalidInput) else "internal_error: ZeroDivisionError at "
    assert (job.last_error or "").startswith(told)
    assert "Job sweep failed" in caplog.text


def test_a_changed_interval_acts_without_a_restart(memory: Memory, started: Start) -> None:
    every, sweep = [LONG], Sweeps()
    jobs = jobs_of(memory, lambda: every[0], sweep=sweep)
    started(jobs)
    reach(jobs, "sweep", lambda job: job.runs == 1)

    every[0] = 20
    sweep.reach(4)


def test_another_process_stops_and_starts_a_job(memory: Memory, started: Start) -> None:
    sweep = Sweeps()
    with Memory(**same_store(memory.store.url), embedder=None) as other:
        elsewhere = jobs_of(other, 20, sweep=Sweeps())
        started(jobs_of(memory, 20, sweep=sweep))
        sweep.reach(2)
        elsewhere.stop("sweep")
        stopped = reach(elsewhere, "sweep", lambda job: not job.running).runs
        elsewhere.start("sweep")
        sweep.reach(stopped + 1)


def test_a_job_that_was_stopped_is_not_run_at_the_start(memory: Memory, started: Start) -> None:
    sweep, other = Sweeps(), Sweeps()
    jobs = jobs_of(memory, 20, sweep=sweep, other=other)
    jobs.stop("sweep")
    started(jobs)

    other.reach(3)
    assert sweep.count == 0


def test_a_run_that_takes_longer_than_its_interval_is_not_run_beside_itself(memory: Memory, started: Start) -> None:
    go_on, other = threading.Event(), Sweeps()
    sweep = Sweeps(lambda: go_on.wait(WAIT_S))
    started(jobs_of(memory, 20, sweep=sweep, other=other))

    other.reach(5)
    assert sweep.count == 1
    go_on.set()
    sweep.reach(2)


def test_stop_waits_for_the_job_that_runs(memory: Memory, started: Start) -> None:
    inside, ends = threading.Event(), threading.Event()

    def work() -> None:
        inside.set()
        assert ends.wait(WAIT_S)

    jobs = jobs_of(memory, sweep=Sweeps(work))
    scheduler = started(jobs)
    assert inside.wait(WAIT_S)
    assert not scheduler.stop(timeout_s=0.01)
    assert jobs.list()[0].running
    ends.set()
    assert scheduler.stop()
    job = jobs.list()[0]
    assert (job.running, job.runs, job.next_at) == (False, 1, None)


def test_a_scheduler_that_was_stopped_begins_nothing_more(memory: Memory, started: Start) -> None:
    sweep = Sweeps()
    scheduler = started(jobs_of(memory, 20, sweep=sweep))
    sweep.reach(1)
    scheduler.stop()
    counted, other = sweep.count, Sweeps()
    scheduler.start()
    started(jobs_of(memory, 20, other=other))

    other.reach(5)
    assert sweep.count == counted


def test_a_store_that_cannot_be_asked_is_told_once_and_asked_again(
    memory: Memory, started: Start, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, sweep = threading.Semaphore(0), Sweeps()
    jobs = jobs_of(memory, sweep=sweep)
    due = jobs.slots.due

    def busy(began: int) -> list[str]:
        asked.release()
        raise StoreBusy("Another process holds the lock.")

    with caplog.at_level(logging.INFO, "ingat.jobs"):
        monkeypatch.setattr(jobs.slots, "due", busy)
        started(jobs)
        for _ in range(5):
            assert asked.acquire(timeout=WAIT_S)
        monkeypatch.setattr(jobs.slots, "due", due)
        sweep.reach(1)

    assert caplog.text.count("Jobs are not run (store_busy)") == 1
    assert caplog.text.count("Jobs are run again") == 1


def test_a_store_that_closes_first_ends_the_scheduler_quietly(
    tmp_path: Path, started: Start, caplog: pytest.LogCaptureFixture
) -> None:
    memory, sweep = Memory(**store_at(tmp_path / "b.db"), embedder=None), Sweeps()
    with caplog.at_level(logging.WARNING):
        scheduler = started(jobs_of(memory, 20, sweep=sweep))
        sweep.reach(1)
        memory.close()
        assert scheduler.stop()

    assert caplog.text == ""


# -- several processes ---------------------------------------------------------------------------------------------


def _start(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(PROGRAM), *map(str, arguments)],
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_four_processes_run_each_turn_once(memory: Memory) -> None:
    processes = [_start(memory.store.url, clock.now() - 1, 100, 10) for _ in range(4)]
    printed: list[int] = []
    for process in processes:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        printed += [int(line) for line in out.split()]

    job = jobs_of(memory, 100, sweep=Sweeps()).list()[0]
    assert sorted(printed) == list(range(1, len(printed) + 1))
    assert job.runs == len(printed) >= 10
    assert job.failures == 0


def test_processes_that_began_together_run_the_first_turn_once(memory: Memory) -> None:
    began = clock.now()
    jobs_of(memory, sweep=Sweeps()).run("sweep")
    with Memory(**same_store(memory.store.url), embedder=None) as other:
        jobs, sweep = jobs_of(other, sweep=Sweeps()), Sweeps()
        assert jobs.slots.due(began) == []
        assert jobs_of(other, sweep=sweep).slots.due(clock.now() + 1) == ["sweep"]


NEVER_ENDS = """
import threading
from ingat.core import clock
from ingat.lifecycle.jobs import Jobs, Work
from ingat.lifecycle.scheduler import Scheduler
from ingat.memory import Memory

with Memory(":memory:", embedder=None) as memory:
    inside = threading.Event()
    run = lambda: (inside.set(), threading.Event().wait())
    scheduler = Scheduler(Jobs(memory.store, {"sweep": Work("Sweep", run, lambda: 1000)}, clock.now))
    scheduler.start()
    inside.wait()
    print(scheduler.stop(0.01))
"""


def test_a_job_that_never_ends_does_not_keep_its_process_from_ending() -> None:
    process = subprocess.run(
        [sys.executable, "-c", NEVER_ENDS], env=ENVIRONMENT, capture_output=True, text=True, timeout=60
    )

    assert (process.returncode, process.stdout) == (0, "False\n")


def test_a_killed_process_holds_up_nothing(memory: Memory, started: Start) -> None:
    process = _start(memory.store.url, clock.now(), LONG, 0)
    assert process.stdout is not None
    assert process.stdout.readline() == "1\n"
    sweep = Sweeps()
    jobs = jobs_of(memory, sweep=sweep)
    assert jobs.list()[0].running
    process.kill()
    process.communicate()

    assert not jobs.list()[0].running
    started(jobs)
    reach(jobs, "sweep", lambda job: job.runs == 1)
    assert sweep.count == 1
