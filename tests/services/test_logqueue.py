"""The queue of log entries: it never holds up who logs, and tells what it could not keep."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Sequence

import pytest

from ingat.core.errors import InvalidInput, StoreBusy, StoreClosed, StoreFull
from ingat.core.logs import NewLog
from ingat.memory import Memory
from ingat.services.logqueue import LogQueue
from ingat.testing import TurnableClock

WAIT_S = 20.0


class Writing:
    """Takes what a queue writes; can be made to wait, or to fail."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.failures: list[Exception] = []
        self.begun, self.may_go_on = threading.Event(), threading.Event()
        self.may_go_on.set()

    def __call__(self, entries: Sequence[NewLog]) -> None:
        self.begun.set()
        assert self.may_go_on.wait(WAIT_S)
        if self.failures:
            raise self.failures.pop(0)
        if any(entry.message == "bad" for entry in entries):
            raise InvalidInput("It is bad.")
        self.batches.append([entry.message for entry in entries])

    @property
    def messages(self) -> list[str]:
        return [message for batch in self.batches for message in batch]


@pytest.fixture
def writing() -> Writing:
    return Writing()


@pytest.fixture
def make(writing: Writing, clock: TurnableClock, request: pytest.FixtureRequest) -> Callable[..., LogQueue]:
    """Makes queues that write to `writing`, and closes them."""

    def made(capacity: int = 100, batch: int = 10) -> LogQueue:
        queue = LogQueue(writing, clock, capacity=capacity, batch=batch, pause_s=0.001)

        def end() -> None:
            writing.may_go_on.set()
            queue.close(WAIT_S)

        request.addfinalizer(end)
        return queue

    return made


def _put(queue: LogQueue, *messages: object) -> None:
    for message in messages:
        queue.put(NewLog(message=str(message)))


def test_entries_are_written_in_their_order_and_in_batches(make: Callable[..., LogQueue], writing: Writing) -> None:
    queue = make()
    _put(queue, *range(35))

    assert queue.flush(WAIT_S)
    assert writing.messages == [str(n) for n in range(35)]
    assert max(map(len, writing.batches)) <= 10


def test_who_logs_never_waits_for_the_store(make: Callable[..., LogQueue], writing: Writing) -> None:
    queue = make()
    writing.may_go_on.clear()
    _put(queue, *range(50))
    assert writing.begun.wait(WAIT_S)
    _put(queue, *range(50, 80))

    assert queue.waiting() == 80
    assert writing.messages == []


def test_when_too_many_wait_the_oldest_go_and_an_entry_says_how_many(
    make: Callable[..., LogQueue], writing: Writing
) -> None:
    queue = make(capacity=20)
    writing.may_go_on.clear()
    _put(queue, "first")
    assert writing.begun.wait(WAIT_S)
    _put(queue, *range(100))
    writing.may_go_on.set()

    assert queue.flush(WAIT_S)
    assert writing.messages == ["first", "80 log entries were dropped", *(str(n) for n in range(80, 100))]
    assert queue.dropped == 80


@pytest.mark.parametrize("error", [StoreBusy("busy"), StoreFull("full")], ids=["busy", "full"])
def test_what_the_store_does_not_take_is_kept_and_tried_again(
    make: Callable[..., LogQueue], writing: Writing, error: Exception
) -> None:
    queue = make()
    writing.failures = [error, error]
    _put(queue, "kept")
    while not queue.flush(WAIT_S):
        pass

    assert writing.messages == ["kept"]
    assert queue.dropped == 0


def test_a_store_that_takes_nothing_is_told_of_once_and_so_is_that_it_does_again(
    make: Callable[..., LogQueue], writing: Writing, caplog: pytest.LogCaptureFixture
) -> None:
    queue = make()
    writing.failures = [StoreFull("full")] * 3
    with caplog.at_level(logging.INFO, "ingat.logs"):
        for message in ("kept", "more"):
            _put(queue, message)
            while not queue.flush(WAIT_S):
                pass

    assert caplog.messages == ["Log entries not stored yet (store_full): full", "Log entries are stored again"]


def test_flush_says_when_the_store_does_not_take_it(make: Callable[..., LogQueue], writing: Writing) -> None:
    queue = make()
    writing.failures = [StoreFull("full")] * 1_000
    _put(queue, "kept")

    assert queue.flush(WAIT_S) is False
    writing.failures = []


def test_memory_stays_bounded_while_the_store_takes_nothing(make: Callable[..., LogQueue], writing: Writing) -> None:
    queue = make(capacity=20)
    writing.failures = [StoreFull("full")] * 10_000
    for _ in range(20):
        _put(queue, *range(100))
        queue.flush(WAIT_S)

    assert queue.waiting() <= 20 + 10
    writing.failures = []


def test_an_entry_that_is_refused_for_what_it_holds_takes_no_other_along(
    make: Callable[..., LogQueue], writing: Writing
) -> None:
    queue = make()
    _put(queue, "a", "bad", "b")

    assert queue.flush(WAIT_S)
    assert writing.messages == ["a", "b", "1 log entry was dropped"]


def test_closing_writes_what_waits_and_takes_nothing_more(make: Callable[..., LogQueue], writing: Writing) -> None:
    queue = make(capacity=1_000)
    _put(queue, *range(500))
    queue.close(WAIT_S)
    _put(queue, "too late")
    queue.close()

    assert writing.messages == [str(n) for n in range(500)]


def test_closing_says_what_the_store_did_not_take(
    make: Callable[..., LogQueue], writing: Writing, caplog: pytest.LogCaptureFixture
) -> None:
    queue = make()
    writing.failures = [StoreBusy("busy")] * 1_000
    _put(queue, "a", "b")
    with caplog.at_level(logging.WARNING, "ingat.logs"):
        queue.close(WAIT_S)

    assert "2 log entries were not stored" in caplog.messages


def test_a_closed_store_ends_it(make: Callable[..., LogQueue], writing: Writing) -> None:
    queue = make()
    writing.failures = [StoreClosed("closed")]
    _put(queue, "a")
    queue.flush(WAIT_S)
    _put(queue, "b")

    assert queue.flush(WAIT_S) is False
    assert writing.messages == []


def test_entries_of_many_threads_are_all_written(make: Callable[..., LogQueue], writing: Writing) -> None:
    queue = make(capacity=10_000, batch=100)
    threads = [threading.Thread(target=_put, args=(queue, *[f"{n}-{i}" for i in range(200)])) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert queue.flush(WAIT_S)
    assert sorted(writing.messages) == sorted(f"{n}-{i}" for n in range(8) for i in range(200))


def test_a_signal_handler_may_log(make: Callable[..., LogQueue], writing: Writing) -> None:
    queue = make(capacity=10_000)
    before = signal.signal(signal.SIGALRM, lambda number, frame: _put(queue, "from the signal"))
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        _put(queue, *range(5_000))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    assert queue.flush(WAIT_S)
    assert [each for each in writing.messages if each != "from the signal"] == [str(n) for n in range(5_000)]


def test_a_fork_of_the_process_writes_nothing(make: Callable[..., LogQueue], writing: Writing) -> None:
    queue = make()
    _put(queue, "parent")
    assert queue.flush(WAIT_S)
    queue._pid += 1  # as the copy in a child sees it: the process has another number
    _put(queue, "child")

    assert queue.flush(WAIT_S) is False
    queue._pid = os.getpid()
    assert queue.flush(WAIT_S)
    assert writing.messages == ["parent"]


@pytest.mark.parametrize(("count", "called"), [(12, False), (13, True)])
def test_too_many_entries_are_told_of(
    make: Callable[..., LogQueue], writing: Writing, count: int, called: bool
) -> None:
    queue, told = make(), threading.Event()
    queue.watch(lambda: count, lambda: 10, told.set)
    _put(queue, "one")
    assert queue.flush(WAIT_S)
    queue.close(WAIT_S)

    assert told.is_set() is called


def test_too_many_entries_are_told_of_once_a_minute(make: Callable[..., LogQueue], writing: Writing) -> None:
    queue, looks = make(), list[int]()
    queue.watch(lambda: looks.append(1) or 0, lambda: 10, lambda: None)  # type: ignore[func-returns-value]
    for n in range(5):
        _put(queue, n)
        assert queue.flush(WAIT_S)
    queue.close(WAIT_S)

    assert len(looks) == 1


def test_a_memory_writes_what_waits_when_it_is_closed(memory: Memory) -> None:
    memory.log_queue.put(NewLog(message="last words", at=5))
    assert memory.log_queue.flush(WAIT_S)

    assert [(entry.message, entry.at) for entry in memory.logs.list().items] == [("last words", 5)]
