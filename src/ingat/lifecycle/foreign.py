"""Foreign: run code that is not ours, for a bounded time, and hand back what it returned or how it failed."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from ingat.core.errors import IngatError

T = TypeVar("T")


class Broke(NamedTuple):
    """How foreign code failed: the code of one of our errors, or the name of the exception's type.

    `TimeoutError` when it took too long, `busy` when an earlier call is still at it. What the exception says is not
    kept: it may quote what people said, which belongs in no log.
    """

    code: str


class _Call(Generic[T]):
    """One call on a thread of its own; `found` is there when it is `done`."""

    def __init__(self, run: Callable[[], T]) -> None:
        self._run, self.done = run, threading.Event()
        self.found: T | Broke = Broke("RuntimeError")

    def __call__(self) -> None:
        try:
            self.found = self._run()
        except BaseException as error:  # also an order to exit: it ends this thread, and is not one to us
            self.found = Broke(error.code if isinstance(error, IngatError) else type(error).__name__)
        finally:
            self.done.set()


class Foreign:
    """Runs foreign code on threads of its own, one call at a time, and waits for none longer than it is told to.

    A call that does not return cannot be ended: as long as it goes on, no other is made, so that there is never more
    than one of them.
    """

    def __init__(self, name: str) -> None:
        self._name, self._lock = name, threading.Lock()
        self._last: threading.Event | None = None

    def call(self, run: Callable[[], T], patience_s: float) -> T | Broke:
        """Return what `run` returns, or how it broke: whatever it raises, and however long it takes, stops nothing."""
        call = _Call(run)
        with self._lock:
            if self._last is not None and not self._last.is_set():
                return Broke("busy")
            context = contextvars.copy_context()
            thread = threading.Thread(target=lambda: context.run(call), name=self._name, daemon=True)
            try:
                thread.start()
            except RuntimeError:
                return Broke("RuntimeError")
            self._last = call.done
        if not call.done.wait(patience_s):
            return Broke(TimeoutError.__name__)
        return call.found
