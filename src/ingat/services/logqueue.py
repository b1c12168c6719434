"""The queue of log entries: whoever logs goes on at once, and one thread writes behind them, in batches."""

from __future__ import annotations

import logging
import os
import threading
from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic

from ingat.core import clock
from ingat.core.errors import IngatError, StoreClosed, StoreConflict, StoreError
from ingat.core.logs import NewLog

CAPACITY = 10_000
"""Entries that may wait; when more come, those that wait longest are dropped."""
BATCH = 200
PAUSE_S = 0.1
"""Time between two batches: a flood of entries takes no more than 2,000 of them a second from the store's writer."""
LONGEST_PAUSE_S = 30.0
"""Time between two tries while the store takes nothing; it doubles up to this."""
CLOSING_S = 5.0
"""How long closing waits for what is queued."""
CHECK_S = 60.0
"""Time between two looks at whether there are more entries than the policy keeps."""
OVERFULL = 1.2

_log = logging.getLogger("ingat.logs")


class LogQueue:
    """Log entries on their way into one store, written by `write` (`Logs.add_many`) on a thread of its own.

    `put` never waits for the store and never raises; it may be called from any thread, a signal handler too. Memory is
    bounded: when `capacity` entries wait, the oldest are dropped, and an entry says how many. While the store cannot
    be written, entries are kept and tried again. Entries that wait are lost when the process is killed. A process made
    by fork opens a memory of its own: its copy of this queue takes nothing.
    """

    def __init__(
        self,
        write: Callable[[Sequence[NewLog]], object],
        now: clock.Clock,
        *,
        capacity: int = CAPACITY,
        batch: int = BATCH,
        pause_s: float = PAUSE_S,
    ) -> None:
        self.now = now
        self._write, self._capacity, self._batch, self._pause_s = write, capacity, batch, pause_s
        self._waiting: deque[NewLog] = deque()
        self._dropped = self._told = 0
        self._taken: list[NewLog] = []
        # reentrant, because a signal handler may log while this very thread holds it
        self._lock, self._wake = threading.RLock(), threading.Lock()
        self._wake.acquire()
        self._turn = threading.Condition()
        self._thread: threading.Thread | None = None
        self._hurried = self._asked = self._answered = self._tries = self._failures = 0
        self._writing = self._closing = self._asleep = self._ended = False
        self._pid = os.getpid()
        self._guard: tuple[Callable[[], int], Callable[[], int], Callable[[], object]] | None = None
        self._check_at = 0.0

    @property
    def dropped(self) -> int:
        """How many entries were dropped so far because too many waited or they could not be stored."""
        return self._dropped

    def watch(self, count: Callable[[], int], most: Callable[[], int], overfull: Callable[[], object]) -> None:
        """Call `overfull` after a write when `count()` is a fifth above `most()`; looked at once a minute at most.

        It is called on the thread of the queue, so that it must not wait for the queue.
        """
        self._guard = (count, most, overfull)

    def put(self, entry: NewLog) -> None:
        """Queue an entry; returns at once and never fails. A closed queue takes nothing."""
        if self._closing or os.getpid() != self._pid:
            return
        with self._lock:
            if len(self._waiting) >= self._capacity:
                self._waiting.popleft()
                self._dropped += 1
            self._waiting.append(entry)
            if self._thread is None:
                self._start()
        if self._asleep:
            self._rouse()

    def waiting(self) -> int:
        """Return how many entries wait to be written."""
        return len(self._waiting) + len(self._taken)

    def busy_here(self) -> bool:
        """Tell whether this very thread is writing entries: what is logged meanwhile comes from the writing itself."""
        return self._writing and threading.current_thread() is self._thread

    def flush(self, timeout_s: float | None = None) -> bool:
        """Wait until all that was queued is written; False when the store did not take it or the time ran out."""
        if os.getpid() != self._pid or threading.current_thread() is self._thread:
            return False
        with self._turn:
            self._hurried += 1
            self._asked += 1
            failures = self._failures
            self._rouse()
            try:
                self._turn.wait_for(lambda: self._is_idle() or self._failures != failures or self._ended, timeout_s)
                return self._is_idle()
            finally:
                self._hurried -= 1

    def close(self, timeout_s: float = CLOSING_S) -> None:
        """Take nothing more, write what waits within about `timeout_s` seconds, and stop; a second call does nothing.

        What the store does not take is given up, and a warning says how much that was.
        """
        if self._closing or os.getpid() != self._pid:
            return
        self._closing = True
        with self._lock:
            thread = self._thread
            if thread is None and self._waiting:
                self._start()
                thread = self._thread
        self._rouse()
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout_s)
        lost = self.waiting()
        if lost:
            self._dropped += lost
            self._waiting.clear()
            _log.warning("%d log entries were not stored", lost)

    def _is_idle(self) -> bool:
        return not self._owes() and not self._writing

    def _owes(self) -> bool:
        return bool(self._waiting or self._taken) or self._dropped != self._told

    def _start(self) -> None:
        """Start the thread; the lock is held. Where none can be started the entries wait for a later `put`."""
        thread = threading.Thread(target=self._work, name="ingat-logs", daemon=True)
        self._thread = thread
        try:
            thread.start()
        except RuntimeError:
            self._thread = None

    def _rouse(self) -> None:
        try:
            self._wake.release()
        except RuntimeError:
            pass  # it is awake, or has been told already

    def _work(self) -> None:
        try:
            while self._step():
                pass
            self._ended = True
            self._tell()
        except BaseException:
            # nobody may wait for a thread that has ended; the next entry starts another
            with self._lock:
                self._dropped += len(self._taken)
                self._taken = []
                self._thread = None
            self._tell(failed=True)
            raise

    def _step(self) -> bool:
        """Write one batch, or wait for one; False when the thread may end."""
        if not self._owes():
            self._tell()
            if self._closing:
                return False
            self._sleep()
            self._rest(self._pause_s)
            return True
        self._writing, self._answered = True, self._asked
        try:
            written = self._write_batch()
        finally:
            self._writing = False
        self._tell(failed=not written)
        if written:
            self._check()
            if self._waiting:
                self._rest(self._pause_s)
            return True
        if self._closing:
            return False
        self._rest(min(self._pause_s * 2 ** min(self._tries, 16), LONGEST_PAUSE_S), failed=True)
        return True

    def _sleep(self) -> None:
        """Wait for an entry, or for somebody who wants to see the queue empty or closed."""
        self._asleep = True
        try:
            if not self._owes() and not self._closing:  # looked at after the flag is up, which `put` sees
                self._wake.acquire()
        finally:
            self._asleep = False

    def _rest(self, pause_s: float, *, failed: bool = False) -> None:
        """Wait so that entries gather, unless somebody waits for them; entries do not end it.

        After a failure only who asks from then on ends it, so that the store is left alone.
        """
        until = monotonic() + pause_s
        while not self._closing and (left := until - monotonic()) > 0:
            if self._asked != self._answered if failed else self._hurried:
                return
            self._wake.acquire(timeout=left)

    def _write_batch(self) -> bool:
        """Write what was taken before, or the next entries; False when they have to be tried again."""
        if not self._taken:
            with self._lock:
                self._taken = [self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))]
        lost = self._dropped - self._told
        told = [NewLog(message=_dropped(lost), level="warn", category="logs", source=_log.name)] if lost else []
        try:
            self._write([*told, *self._taken])
        except StoreError as error:
            self._closing = self._closing or isinstance(error, StoreClosed)
            if not isinstance(error, StoreConflict):
                self._tries += 1
                if self._tries == 1:
                    _log.warning("Log entries not stored yet (%s): %s", error.code, error.message)
                return False
            self._write_each()
        except IngatError:
            self._write_each()
        else:
            self._told += lost
        if self._tries:
            _log.info("Log entries are stored again")
        self._tries, self._taken = 0, []
        return True

    def _write_each(self) -> None:
        """Write the entries one by one, without those that the store refuses for what they hold."""
        for entry in self._taken:
            try:
                self._write([entry])
            except IngatError:
                self._dropped += 1

    def _tell(self, *, failed: bool = False) -> None:
        with self._turn:
            self._failures += failed
            self._turn.notify_all()

    def _check(self) -> None:
        if self._guard is None or monotonic() < self._check_at:
            return
        self._check_at = monotonic() + CHECK_S
        count, most, overfull = self._guard
        try:
            if count() > most() * OVERFULL:
                overfull()
        except IngatError as error:
            _log.warning("Log entries not pruned (%s): %s", error.code, error.message)


def _dropped(number: int) -> str:
    return f"{number} log entries were dropped" if number != 1 else "1 log entry was dropped"
