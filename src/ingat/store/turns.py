"""Whose turn it is to write: handed from thread to thread in the order they came.

Nobody dispatches. Who finds the turn free takes it; who does not joins the queue. Whoever has the turn serves a batch
of the queue, answers it, and hands the turn to the head of the queue, who does the same. A helper thread takes the
turn for those who must not hold it: coroutines, and the main thread, which Ctrl-C can interrupt at any step.

The turn is a dict entry, because `setdefault` takes it and says whose it is in one step: after an interruption it
can still be found out who has it. Wake-ups may come twice and mean nothing by themselves: each looks whether the
turn is its own.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from queue import SimpleQueue
from typing import Any

from ingat.core.errors import StoreError

MAX_BATCH = 256
"""Jobs that are served in one turn, at most."""

_TURN = 0


class Job:
    """A function that waits for its turn, and its outcome.

    `leads` tells that the waiting thread may take the turn, `alone` that no other process may write meanwhile,
    `started` that the function was begun. A job is answered with its error; without one, with its value if it was
    committed.
    """

    __slots__ = (
        "alone",
        "committed",
        "context",
        "done",
        "error",
        "fn",
        "future",
        "gate",
        "leads",
        "loop",
        "started",
        "value",
    )

    def __init__(
        self, fn: Callable[[Any], Any], loop: asyncio.AbstractEventLoop | None = None, *, alone: bool = False
    ) -> None:
        self.fn, self.alone = fn, alone
        self.context = copy_context()
        self.loop = loop
        self.future: asyncio.Future[Any] | None = loop.create_future() if loop else None
        self.gate = threading.Lock()
        self.gate.acquire()
        self.leads = loop is None and threading.current_thread() is not threading.main_thread()
        self.done = self.committed = self.started = False
        self.value: Any = None
        self.error: BaseException | None = None

    def wake(self) -> None:
        """Let the waiting thread look again."""
        try:
            self.gate.release()
        except RuntimeError:
            pass  # it is awake already

    def failure(self) -> BaseException | None:
        """Return what the caller must be told instead of a value, or None."""
        if self.error is None and not self.committed:
            self.error = StoreError(
                "The write was interrupted before its commit. Nothing of it was kept; try it again."
            )
        return self.error


class Turns:
    """The turn and the queue for it.

    `serve` is called by one thread at a time with the jobs of a batch. It gives each its outcome and returns those
    from the batch's end that it did not start; they keep their place.
    """

    def __init__(self, serve: Callable[[list[Job]], list[Job]]) -> None:
        self._serve = serve
        self._holder: dict[int, object] = {}
        self._queue: deque[Job] = deque()
        self._calls: SimpleQueue[Job | None] = SimpleQueue()
        self._helper: threading.Thread | None = None
        self._employed = threading.Lock()

    def waiting(self) -> int:
        """Return how many jobs are in the queue."""
        return len(self._queue)

    def take(self, token: object) -> bool:
        """Take the turn under that token if nobody has it; who gets it must call `pass_on`."""
        return self._holder.setdefault(_TURN, token) is token

    def pass_on(self, token: object) -> None:
        """Give the turn to the head of the queue, or free it."""
        holder, queue = self._holder, self._queue
        while not queue:
            del holder[_TURN]
            if not queue or holder.setdefault(_TURN, token) is not token:
                return
        head = queue[0]  # only who has the turn takes jobs out
        holder[_TURN] = head
        self._nudge(head)

    def wait(self, job: Job) -> None:
        """Queue a job of this thread and return when it is done, serving others when its turn comes."""
        self._queue.append(job)
        if self.take(job) and not job.leads:
            self._call(job)
        while not job.done:
            if job.leads and self._holder.get(_TURN) is job:
                self._lead(job)
            else:
                job.gate.acquire()

    async def awaited(self, fn: Callable[[Any], Any]) -> Any:
        """Queue a job for the running loop and return its value when it is done, without holding a thread."""
        job = Job(fn, asyncio.get_running_loop())
        assert job.future is not None
        try:
            self._queue.append(job)
            if self.take(job):
                self._call(job)
        except BaseException:
            self.settle(threading.get_ident())
            raise
        return await job.future

    @contextmanager
    def last(self) -> Iterator[None]:
        """Wait until all who came before are answered, hold the turn inside the `with` block, and end the helper."""
        token = object()
        try:
            while not self.take(token):
                self.wait(Job(_nothing))
            yield
        finally:
            self.settle(token)
        self.stop()

    def settle(self, token: object) -> None:
        """Make sure, after an interruption under that token, that the turn is free or in the hands of one who knows."""
        if self.take(token):
            self.pass_on(token)
        else:
            holder = self._holder.get(_TURN)
            if isinstance(holder, Job):
                self._nudge(holder)

    def stop(self) -> None:
        """Let the helper thread end; it comes back when it is needed."""
        helper = self._helper
        if helper is not None and helper is not threading.current_thread():
            self._calls.put(None)
            helper.join()
            self._helper = None

    def _nudge(self, job: Job) -> None:
        if job.leads:
            job.wake()
        else:
            self._call(job)

    def _call(self, job: Job) -> None:
        self._calls.put(job)
        if not self._employed.locked():
            self._hire()

    def _hire(self) -> None:
        threading.Thread(target=self._help, name="ingat-writer", daemon=True).start()

    def _help(self) -> None:
        # Two could be hired, by two threads or because Ctrl-C came in the middle; only one may work
        if not self._employed.acquire(blocking=False):
            return
        try:
            self._helper = threading.current_thread()
            while (job := self._calls.get()) is not None:
                if self._holder.get(_TURN) is job:
                    self._lead(job)
        finally:
            self._employed.release()
        if not self._calls.empty():  # called when this one was about to leave
            self._hire()

    def _lead(self, token: Job) -> None:
        queue = self._queue
        batch = [queue.popleft() for _ in range(min(len(queue), MAX_BATCH))]
        unstarted: list[Job] = []
        try:
            unstarted = self._serve(batch)
        finally:
            if unstarted:
                queue.extendleft(reversed(unstarted))
                batch = batch[: -len(unstarted)]
            _answer(batch)
            self.pass_on(token)


def _nothing(_: Any) -> None:
    """Do nothing, in its turn: when it has returned, all who came before are answered."""


def _answer(batch: list[Job]) -> None:
    loops: dict[asyncio.AbstractEventLoop, list[Job]] = {}
    for job in batch:
        job.done = True
        if job.loop is None:
            job.wake()
        else:
            loops.setdefault(job.loop, []).append(job)
    for loop, jobs in loops.items():
        try:
            loop.call_soon_threadsafe(_deliver, jobs)
        except RuntimeError:
            pass  # the loop is closed and nobody awaits; what was committed stays so


def _deliver(jobs: list[Job]) -> None:
    for job in jobs:
        future = job.future
        if future is None or future.done():
            continue
        error = job.failure()
        if error is None:
            future.set_result(job.value)
        elif isinstance(error, StopIteration):  # a future cannot hold it
            future.set_exception(RuntimeError("the function raised StopIteration"))
        else:
            future.set_exception(error)
