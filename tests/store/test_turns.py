from __future__ import annotations

import threading

from ingat.store.turns import Job, Turns


def commit(batch: list[Job]) -> list[Job]:
    for job in batch:
        job.committed = True
    return []


def test_a_job_that_comes_at_the_moment_the_turn_is_freed_is_served() -> None:
    turns = Turns(commit)
    late = Job(lambda _: None)

    class Freed(dict[int, object]):
        def __delitem__(self, key: int) -> None:
            if not late.done and turns.waiting() == 0:
                turns._queue.append(late)  # it finds the turn taken, and so waits to be woken
            super().__delitem__(key)

    turns._holder = Freed()
    assert turns.take("first")
    turns.pass_on("first")
    assert late.gate.acquire(timeout=30)
    assert late.done
    turns.stop()


def test_only_one_helper_works_however_many_are_hired() -> None:
    at_work: set[int] = set()

    def serve(batch: list[Job]) -> list[Job]:
        at_work.add(threading.get_ident())
        return commit(batch)

    turns = Turns(serve)
    for _ in range(5):
        turns._hire()
    for _ in range(50):
        turns.wait(Job(lambda _: None))
    assert len(at_work) == 1
    turns.stop()


def test_the_helper_comes_back_after_it_was_stopped() -> None:
    turns = Turns(commit)
    for _ in range(3):
        job = Job(lambda _: None)
        turns.wait(job)
        assert job.failure() is None
        turns.stop()


def test_a_job_that_is_done_without_a_commit_is_a_failure() -> None:
    def breaks(batch: list[Job]) -> list[Job]:
        return []

    turns = Turns(breaks)
    job = Job(lambda _: None)
    turns.wait(job)
    error = job.failure()
    assert error is not None
    assert "Nothing of it was kept" in str(error)
    turns.stop()
