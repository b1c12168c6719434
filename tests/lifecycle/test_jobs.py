"""Jobs: their state, their turns, and what becomes of a turn that was cut off."""

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

from ingat.core.errors import Conflict, InvalidInput, JobNotFound
from ingat.core.policy import RetentionPolicy
from ingat.core.reports import ExportReport
from ingat.lifecycle import slots as slots_module
from ingat.lifecycle.jobs import Jobs, Work
from ingat.lifecycle.slots import BEAT_MS, SILENT_MS, STALE_MS, Slots
from ingat.memory import Memory
from ingat.store.contract import Tx
from ingat.store.tables import jobs as table
from ingat.testing import TurnableClock
from tests.engine import same_store, store_url

HOUR = 3_600_000
REPORT = ExportReport(counts={"rows": 3}, size_bytes=7)
ELSEWHERE = "another machine:1/1/process"


def report() -> ExportReport:
    return REPORT


def jobs_of(memory: Memory, clock: TurnableClock, run: Callable[[], Any] = report, hours: float = 1) -> Jobs:
    """Return the jobs of a memory: one, `sweep`."""
    return Jobs(memory.store, {"sweep": Work("Sweep", run, lambda: round(hours * HOUR))}, clock)


def claim(memory: Memory, at: int, number: int = 1, by: str = ELSEWHERE) -> None:
    """Let a process of another machine take a turn."""
    memory.store.write(lambda tx: table.claim(tx, "sweep", number, by, at, 50))


def only(jobs: Jobs) -> Any:
    (job,) = jobs.list()
    return job


# -- state ---------------------------------------------------------------------------------------------------------


def test_the_jobs_of_a_memory_are_listed_enabled_and_never_run(memory: Memory) -> None:
    found = {job.name: job for job in memory.jobs.list()}

    assert {"expire", "retain"} <= found.keys()
    assert found["retain"].every_ms == 24 * HOUR
    for job in found.values():
        assert (job.enabled, job.running, job.runs, job.failures) == (True, False, 0, 0)
        assert (job.last_started_at, job.last_finished_at, job.last_error, job.next_at) == (None, None, None, None)
        assert job.summary


def test_a_changed_policy_changes_when_the_job_is_due(memory: Memory) -> None:
    memory.retention.set(cleanup_frequency_hours=1)

    assert {job.name: job.every_ms for job in memory.jobs.list()}["retain"] == HOUR


def test_stop_and_start_are_kept_and_may_be_repeated(memory: Memory, clock: TurnableClock) -> None:
    jobs = jobs_of(memory, clock)

    assert (jobs.stop("sweep").enabled, jobs.stop("sweep").enabled) == (False, False)
    assert not only(jobs_of(memory, clock)).enabled
    assert jobs.start("sweep").enabled
    assert only(jobs_of(memory, clock)).enabled


@pytest.mark.parametrize("name", ["nothing", "", 5, None])
@pytest.mark.parametrize("act", ["start", "stop", "run"])
def test_a_job_that_there_is_not_is_not_found(memory: Memory, act: str, name: Any) -> None:
    with pytest.raises(JobNotFound, match="there are: expire, retain"):
        getattr(memory.jobs, act)(name)


def test_a_run_by_hand_is_recorded_with_its_report(memory: Memory, clock: TurnableClock) -> None:
    began = clock()

    def slow() -> ExportReport:
        clock.turn(minutes=2)
        return REPORT

    job = jobs_of(memory, clock, slow).run("sweep")

    assert (job.last_started_at, job.last_finished_at) == (began, began + 120_000)
    assert (job.last_result, job.last_error, job.runs, job.failures) == (
        {"counts": {"rows": 3}, "size_bytes": 7},
        None,
        1,
        0,
    )


def test_a_stopped_job_can_be_run_by_hand(memory: Memory, clock: TurnableClock) -> None:
    jobs = jobs_of(memory, clock)
    jobs.stop("sweep")

    assert (jobs.run("sweep").runs, only(jobs).enabled) == (1, False)


@pytest.mark.parametrize(
    ("error", "told"),
    [(InvalidInput("It is wrong."), "invalid_input: It is wrong."), (KeyError("k"), "internal_error: KeyError at ")],
    ids=["ours", "other"],
)
def test_a_failure_by_hand_is_recorded_and_raised(
    memory: Memory, clock: TurnableClock, error: Exception, told: str
) -> None:
    def run() -> ExportReport:
        if not only(jobs).runs:
            return REPORT
        raise error

    jobs = jobs_of(memory, clock, run)
    jobs.run("sweep")

    with pytest.raises(type(error)):
        jobs.run("sweep")
    job = only(jobs)
    assert job.last_error.startswith(told)
    assert "'k'" not in job.last_error  # what an error that is not ours says may be secret
    assert (job.runs, job.failures, job.running) == (2, 1, False)
    assert job.last_result["size_bytes"] == 7


def test_a_run_that_goes_well_clears_the_error_of_the_one_before(memory: Memory, clock: TurnableClock) -> None:
    def run() -> ExportReport:
        if only(jobs).runs:
            return REPORT
        raise InvalidInput("It is wrong.")

    jobs = jobs_of(memory, clock, run)
    with pytest.raises(InvalidInput):
        jobs.run("sweep")

    assert (jobs.run("sweep").last_error, only(jobs).failures) == (None, 1)


def test_a_second_run_at_once_is_refused(tmp_path: Path, clock: TurnableClock) -> None:
    url, inside, go_on = store_url(tmp_path / "a.db"), threading.Event(), threading.Event()

    def run() -> ExportReport:
        inside.set()
        assert go_on.wait(30)
        return REPORT

    with (
        Memory(**same_store(url), embedder=None, now=clock) as memory,
        Memory(**same_store(url), embedder=None, now=clock) as other,
    ):
        thread = threading.Thread(target=jobs_of(memory, clock, run).run, args=("sweep",))
        thread.start()
        assert inside.wait(30)
        assert only(jobs_of(other, clock)).running
        for each in (memory, other):
            with pytest.raises(Conflict, match="is running already"):
                jobs_of(each, clock).run("sweep")
        go_on.set()
        thread.join()

        assert jobs_of(other, clock).run("sweep").runs == 2


def test_a_long_report_is_cut(memory: Memory, clock: TurnableClock) -> None:
    class Long(ExportReport, frozen=True, kw_only=True):
        names: tuple[str, ...]

    jobs = jobs_of(memory, clock, lambda: Long(counts={}, size_bytes=0, names=("y" * 5_000,) * 5_000))

    (name, *rest) = jobs.run("sweep").last_result["names"]
    assert (len(name), len(rest)) == (1_000, 19)


# -- turns ---------------------------------------------------------------------------------------------------------


def test_a_job_that_never_ran_is_due_at_once_and_then_after_its_interval(memory: Memory, clock: TurnableClock) -> None:
    slots = jobs_of(memory, clock).slots
    began = clock()

    turn = slots.take("sweep", began)
    assert turn is not None
    slots.run(turn)
    assert (slots.due(began), slots.take("sweep", began)) == ([], None)
    clock.turn(milliseconds=HOUR - 1)
    assert slots.due(began) == []
    clock.turn(milliseconds=1)
    assert slots.due(began) == ["sweep"]


def test_each_turn_is_taken_once(memory: Memory, clock: TurnableClock) -> None:
    began = clock()
    both = [jobs_of(memory, clock).slots for _ in range(2)]
    for _ in range(5):
        taken = [slots.take("sweep", began) for slots in both]
        assert [turn is None for turn in taken] == [False, True]
        assert taken[0] is not None
        both[0].run(taken[0])
        clock.turn(hours=1)


def test_a_process_that_begins_anew_need_not_wait(memory: Memory, clock: TurnableClock) -> None:
    jobs = jobs_of(memory, clock)
    jobs.run("sweep")
    clock.turn(minutes=1)

    assert jobs.slots.due(clock()) == ["sweep"]
    assert jobs.slots.due(clock() - 60_000) == []


def test_a_shorter_interval_acts_at_once(memory: Memory, clock: TurnableClock) -> None:
    jobs_of(memory, clock, hours=24).run("sweep")
    began = clock()
    clock.turn(hours=2)

    assert jobs_of(memory, clock, hours=24).slots.due(began) == []
    assert jobs_of(memory, clock, hours=1).slots.due(began) == ["sweep"]


def test_the_longest_interval_does_not_overflow(memory: Memory, clock: TurnableClock) -> None:
    longest = 24 * 366
    assert RetentionPolicy(cleanup_frequency_hours=longest).cleanup_frequency_hours == longest
    jobs = jobs_of(memory, clock, hours=longest)
    jobs.slots.beat("a scheduler")

    assert jobs.run("sweep").next_at == clock() + longest * HOUR


def test_a_stopped_job_is_not_due(memory: Memory, clock: TurnableClock) -> None:
    jobs = jobs_of(memory, clock)
    jobs.stop("sweep")

    assert (jobs.slots.due(clock()), jobs.slots.take("sweep", clock())) == ([], None)


def test_a_clock_that_was_wrong_delays_nothing_for_long(memory: Memory, clock: TurnableClock) -> None:
    clock.turn(days=3_650)
    jobs = jobs_of(memory, clock)
    jobs.run("sweep")
    clock.turn(days=-3_650)

    assert jobs.slots.due(0) == ["sweep"]


def test_old_turns_are_not_kept(memory: Memory, clock: TurnableClock) -> None:
    jobs = jobs_of(memory, clock)
    for _ in range(60):
        jobs.run("sweep")

    assert memory.store.read(lambda tx: table.count_slots(tx, "sweep")) == 51


# -- turns that are cut off ----------------------------------------------------------------------------------------


def test_a_process_of_another_machine_counts_as_dead_after_its_silence(memory: Memory, clock: TurnableClock) -> None:
    jobs, began = jobs_of(memory, clock), clock()
    claim(memory, clock())

    assert (only(jobs).running, jobs.slots.due(began)) == (True, [])
    clock.turn(milliseconds=STALE_MS)
    assert (only(jobs).running, jobs.slots.due(began)) == (False, ["sweep"])
    assert jobs.run("sweep").runs == 1


def test_a_process_that_says_so_goes_on(memory: Memory, clock: TurnableClock) -> None:
    claim(memory, clock())
    for _ in range(5):
        clock.turn(milliseconds=STALE_MS - 1)
        memory.store.write(lambda tx: table.renew(tx, "sweep", 1, ELSEWHERE, clock()))

    assert only(jobs_of(memory, clock)).running


def test_a_long_run_says_that_it_goes_on(memory: Memory, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots_module, "PULSE_S", 0.001)

    def run() -> ExportReport:
        moment = clock.turn(hours=1)
        for _ in range(10_000):
            if memory.store.read(lambda tx: table.slots(tx, "sweep", 1))[0].seen_at == moment:
                return REPORT
            threading.Event().wait(0.001)
        raise AssertionError("nothing was said")

    assert jobs_of(memory, clock, run).run("sweep").last_error is None


def test_a_turn_that_was_cut_off_is_made_up_for_once(memory: Memory, clock: TurnableClock) -> None:
    slots, began = jobs_of(memory, clock).slots, clock()
    claim(memory, clock())
    clock.turn(milliseconds=STALE_MS)
    assert slots.due(began) == ["sweep"]
    claim(memory, clock(), 2)
    clock.turn(milliseconds=STALE_MS)

    assert slots.due(began) == []
    clock.turn(hours=1)
    assert slots.due(began) == ["sweep"]


@pytest.fixture
def neighbour() -> Iterator[subprocess.Popen[bytes]]:
    """Another process of this machine, which lives until it is ended."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def told_by(jobs: Jobs, process: subprocess.Popen[bytes]) -> str:
    """Return how a turn of that process is signed."""
    machine = jobs.slots.take_now("sweep").by.partition("/")[0]
    return f"{machine}/{process.pid}.{slots_module._begun(process.pid)}/{'0' * 32}"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system does not say which processes live")
def test_a_process_that_lives_may_be_silent_while_another_holds_the_store(
    memory: Memory, clock: TurnableClock, neighbour: subprocess.Popen[bytes]
) -> None:
    jobs = jobs_of(memory, clock)
    claim(memory, clock(), 2, told_by(jobs, neighbour))
    clock.turn(milliseconds=SILENT_MS - 1)
    assert only(jobs).running
    clock.turn(milliseconds=1)
    assert not only(jobs).running


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system does not say which processes live")
def test_a_process_that_was_killed_is_dead_at_once_also_before_its_parent_asks(
    memory: Memory, clock: TurnableClock, neighbour: subprocess.Popen[bytes]
) -> None:
    jobs = jobs_of(memory, clock)
    claim(memory, clock(), 2, told_by(jobs, neighbour))
    neighbour.kill()
    os.waitid(os.P_PID, neighbour.pid, os.WEXITED | os.WNOWAIT)

    assert not only(jobs).running


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system does not say which processes live")
def test_a_later_process_with_the_same_number_is_another(
    memory: Memory, clock: TurnableClock, neighbour: subprocess.Popen[bytes]
) -> None:
    jobs = jobs_of(memory, clock)
    machine, number, process = told_by(jobs, neighbour).split("/")
    claim(memory, clock(), 2, f"{machine}/{number}0/{process}")

    assert not only(jobs).running


def test_an_earlier_process_with_our_number_is_dead(memory: Memory, clock: TurnableClock) -> None:
    jobs = jobs_of(memory, clock)
    turn = jobs.slots.take_now("sweep")
    claim(memory, clock(), 2, turn.by[:-32] + "0" * 32)

    assert not only(jobs).running


def test_a_store_that_closes_during_a_run_leaves_the_turn_to_be_made_up_for(
    tmp_path: Path, clock: TurnableClock, caplog: pytest.LogCaptureFixture
) -> None:
    url = store_url(tmp_path / "a.db")
    memory = Memory(**same_store(url), embedder=None, now=clock)

    def run() -> ExportReport:
        memory.store.close()
        return REPORT

    slots = jobs_of(memory, clock, run).slots
    with caplog.at_level(logging.INFO, "ingat.jobs"):
        slots.run(slots.take_now("sweep"))
    memory.close()

    assert "was cut off by the end of its process" in caplog.text
    clock.turn(milliseconds=STALE_MS)
    with Memory(**same_store(url), embedder=None, now=clock) as again:
        assert jobs_of(again, clock).slots.due(0) == ["sweep"]


# -- whether a scheduler is there ----------------------------------------------------------------------------------


def test_the_next_run_is_told_while_a_scheduler_is_there(memory: Memory, clock: TurnableClock) -> None:
    jobs = jobs_of(memory, clock)
    assert only(jobs).next_at is None

    jobs.slots.beat("one")
    assert only(jobs).next_at == clock()
    assert jobs.run("sweep").next_at == clock() + HOUR
    assert jobs.stop("sweep").next_at is None
    jobs.start("sweep")
    clock.turn(milliseconds=3 * BEAT_MS)
    assert only(jobs).next_at is None


def test_only_the_scheduler_that_spoke_last_can_leave(memory: Memory, clock: TurnableClock) -> None:
    slots = jobs_of(memory, clock).slots
    slots.beat("one")
    slots.beat("two")
    slots.leave("two")
    assert slots.scheduled()
    slots.leave("one")
    assert not slots.scheduled()
    slots.beat("two")
    assert slots.scheduled()


def test_a_scheduler_that_is_known_to_be_there_writes_nothing(memory: Memory, clock: TurnableClock) -> None:
    slots = jobs_of(memory, clock).slots
    slots.beat("one")
    writes: list[Callable[[Tx], Any]] = []
    slots = Slots(_Noting(memory, writes), {}, clock)  # type: ignore[arg-type]  # the part of a store that it uses

    slots.beat("two")
    assert writes == []
    clock.turn(milliseconds=BEAT_MS)
    slots.beat("two")
    assert len(writes) == 1


class _Noting:
    """A store that notes what is written."""

    def __init__(self, memory: Memory, writes: list[Callable[[Tx], Any]]) -> None:
        self.read, self._store, self._writes = memory.store.read, memory.store, writes

    def write(self, fn: Callable[[Tx], Any]) -> Any:
        self._writes.append(fn)
        return self._store.write(fn)
