"""Readers: each read has one consistent view, and nested reads share it."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence
from threading import Condition, Lock, get_ident
from typing import Generic, Protocol, TypeVar

from ingat.store.contract import Tx
from ingat.store.refusals import refused_read

T = TypeVar("T")


class View(Tx, Protocol):
    """A transaction on a connection of its own, used for one read after another."""

    @property
    def stuck(self) -> bool:
        """Whether the connection cannot be used for another read."""
        ...

    def view(self, fn: Callable[[Tx], T]) -> T:
        """Run a function that only reads, all of it against the state of its first statement."""
        ...

    def close(self) -> None:
        """Let go of the connection."""
        ...


V = TypeVar("V", bound=View)


class Readers(Protocol):
    """How a store reads."""

    @property
    def views(self) -> Container[int]:
        """The threads that are inside a read."""
        ...

    def read(self, fn: Callable[[Tx], T]) -> T:
        """Run `fn` against one view of what is committed."""
        ...

    def close(self) -> None:
        """Wait for reads that run and refuse new ones."""
        ...

    def abandon(self) -> Sequence[object]:
        """Refuse new reads without touching the connections, and return what holds these."""
        ...


class PooledReaders(Generic[V]):
    """Reads on connections of their own, opened as needed up to a limit; more threads wait for one to be free."""

    def __init__(self, connect: Callable[[], V], limit: int) -> None:
        self.views: dict[int, V] = {}
        self._connect = connect
        self._limit = limit
        self._all: set[V] = set()
        self._idle: list[V] = []
        self._changing = Lock()
        self._freed = Condition(self._changing)
        self._waiting = 0
        self._closed = False

    def read(self, fn: Callable[[Tx], T]) -> T:
        """Run `fn` against one view of what is committed."""
        me = get_ident()
        outer = self.views.get(me)
        if outer is not None:
            return fn(outer)
        try:
            tx = self._take(me)
            value = tx.view(fn)
            self._give_back(me)
            return value
        except BaseException:
            self._settle(me)  # Ctrl-C may have come between any two steps
            raise

    def close(self) -> None:
        """Wait for reads that run, close every connection and refuse new reads."""
        with self._changing:
            if self._closed:
                return
            self._closed = True
            self._freed.notify_all()
            while self._all:
                if self._idle:
                    tx = self._idle.pop()
                    self._all.discard(tx)
                    tx.close()
                else:
                    self._wait()

    def abandon(self) -> Sequence[V]:
        """Refuse new reads without touching the connections, and return what holds these."""
        left = list(self._all)
        self._closed = True
        self._changing = Lock()
        self._freed = Condition(self._changing)
        return left

    def _take(self, me: int) -> V:
        """Let this thread have an idle connection, or one more, or wait for one."""
        with self._changing:
            while not self._idle and len(self._all) >= self._limit and not self._closed:
                self._wait()
            if self._closed:
                raise refused_read()
            if self._idle:
                tx = self._idle.pop()
            else:
                tx = self._connect()
                self._all.add(tx)
            self.views[me] = tx
            return tx

    def _give_back(self, me: int) -> None:
        with self._changing:
            tx = self.views.pop(me)
            if tx.stuck:
                self._drop(tx)
            else:
                self._idle.append(tx)
            if self._waiting:
                self._freed.notify()

    def _settle(self, me: int) -> None:
        """Give back what this thread has after its read was broken off, at whatever step."""
        with self._changing:
            self.views.pop(me, None)
            used = set(self.views.values())
            for tx in [each for each in self._all if each not in used and each.stuck]:
                self._drop(tx)
            self._idle = [each for each in self._all if each not in used]
            self._freed.notify()

    def _wait(self) -> None:
        self._waiting += 1
        try:
            self._freed.wait()
        finally:
            self._waiting -= 1

    def _drop(self, tx: V) -> None:
        """Let go of a connection that is stuck in its transaction; another is made in its place when it is needed."""
        self._all.discard(tx)
        tx.close()
