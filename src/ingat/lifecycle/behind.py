"""Behind: one thread that does what nobody is to wait for, started when there is something to do."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

MOST_WAITING = 10_000
CLOSING_S = 5.0
"""How long closing waits for what is left to do."""

_log = logging.getLogger("ingat.sessions")


class Behind:
    """Does `work` for each id that is added, one after another, on a thread of its own.

    What waits is held in memory and is bounded: it is for work that can be seen to be missing and be done later too.
    """

    def __init__(self, work: Callable[[str], object], name: str) -> None:
        self._work, self._name = work, name
        self._waiting: dict[str, None] = {}
        self._wake, self._idle = threading.Condition(), threading.Event()
        self._idle.set()
        self._thread: threading.Thread | None = None
        self._closing = False

    def add(self, each: str) -> None:
        """Queue one id; returns at once and never fails. One that waits already is not queued again."""
        with self._wake:
            if self._closing or len(self._waiting) >= MOST_WAITING:
                return
            self._waiting[each] = None
            self._idle.clear()
            if self._thread is None:
                thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                try:
                    thread.start()
                except RuntimeError as error:
                    _log.warning("Left for a later pass, because no thread can be started: %s", error)
                    self._waiting.clear()
                    self._idle.set()
                    return
                self._thread = thread
            self._wake.notify()

    def flush(self, timeout_s: float | None = None) -> bool:
        """Wait until all that was added is done or failed; False when the time ran out."""
        return self._idle.wait(timeout_s)

    def close(self, timeout_s: float = CLOSING_S) -> None:
        """Take nothing more, finish what waits within `timeout_s` seconds, and forget the rest.

        A second call does nothing.
        """
        with self._wake:
            self._closing = True
            thread, self._thread = self._thread, None
            self._wake.notify()
        if thread is not None:
            thread.join(timeout_s)
            with self._wake:
                self._waiting.clear()

    def _run(self) -> None:
        try:
            self._run_on()
        except BaseException:
            # work that ends its thread: nobody may wait for it, and the next add starts another
            with self._wake:
                self._waiting.clear()
                self._thread = None
                self._idle.set()
            raise

    def _run_on(self) -> None:
        while True:
            with self._wake:
                while not self._waiting:
                    self._idle.set()
                    if self._closing:
                        return
                    self._wake.wait()
                each = next(iter(self._waiting))
                del self._waiting[each]
            self._work(each)
