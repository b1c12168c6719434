"""The writer: one connection, transactions in turn, and group commit when several wait."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Container
from contextlib import AbstractContextManager, nullcontext
from threading import get_ident
from time import monotonic, sleep
from typing import Any, TypeVar

from ingat.core.errors import StoreBusy, StoreError
from ingat.store.contract import Tx
from ingat.store.refusals import misplaced_write, refused_write
from ingat.store.sqlite.errors import BUSY, primary_code, shared, translate
from ingat.store.sqlite.transaction import Transaction
from ingat.store.turns import Job, Turns

T = TypeVar("T")

_POLL_S = 0.001


class Writer:
    """Runs writing functions one after another, on the calling thread when nobody else writes.

    Functions that wait are run in one transaction, each under its own savepoint, and answered together after its
    commit: an error undoes its own function only. When SQLite ends the whole transaction (a full disk, an I/O error,
    OR ROLLBACK, a commit that fails), all that ran in it get an error and nothing of them is kept; those that had
    not started run in the next.

    The queue has no limit: callers wait for their answer, so it is as long as there are threads and tasks that write.

    `guard` is held around each transaction, for an engine whose readers share the connection. `reading` holds the
    threads that are inside a read, which may not write.
    """

    def __init__(
        self,
        conn: sqlite3.Connection,
        *,
        busy_timeout_ms: int,
        reading: Container[int],
        guard: AbstractContextManager[Any] | None = None,
    ) -> None:
        self._conn = conn
        self._execute = conn.execute
        self._tx = Transaction(conn, reading=False)
        self._busy_timeout_ms = busy_timeout_ms
        self._reading = reading
        self._guard = guard
        self._turns = Turns(self._serve)
        self._closing = self._closed = False
        self.running = 0
        """The thread that runs a function at this moment, or 0."""

    def write(self, fn: Callable[[Tx], T]) -> T:
        """Run `fn` in a transaction and return its value after the commit."""
        me = get_ident()
        if self._closing or self.running == me or me in self._reading:
            raise misplaced_write(running=self.running, reading=self._reading)
        turns = self._turns
        try:
            if turns.take(me):
                try:
                    return self._alone(fn, me)
                finally:
                    turns.pass_on(me)
            job = Job(fn)
            turns.wait(job)
            error = job.failure()
            if error is None:
                value: T = job.value
                return value
            try:
                raise error
            finally:
                del error, job  # else they keep each other alive through the traceback
        except BaseException:
            # Ctrl-C may have come between any two steps
            if self.running == me:
                self.running = 0
            turns.settle(me)
            raise

    async def awrite(self, fn: Callable[[Tx], T]) -> T:
        """Run `fn` in a transaction on another thread and return its value after the commit."""
        me = get_ident()
        if self._closing or self.running == me or me in self._reading:
            raise misplaced_write(running=self.running, reading=self._reading)
        value: T = await self._turns.awaited(fn)
        return value

    def waiting(self) -> int:
        """Return how many writes wait for their turn."""
        return self._turns.waiting()

    @property
    def closed(self) -> bool:
        """Whether nothing can be written any more."""
        return self._closing or self._closed

    def close(self, farewell: Callable[[sqlite3.Connection], None]) -> None:
        """Refuse new writes, finish those that wait, say farewell on the connection and close it."""
        self._closing = True
        with self._turns.last(), self._guard or nullcontext():
            if not self._closed:
                farewell(self._conn)
                self._closed = True
                self._conn.close()

    def abandon(self) -> None:
        """Refuse everything from now on without touching the connection."""
        self._closing = self._closed = True

    # -- what only the holder of the turn does ---------------------------------------------------------------------

    def _alone(self, fn: Callable[[Tx], T], me: int) -> T:
        if self._guard is None:
            return self._transact(fn, me)
        with self._guard:
            return self._transact(fn, me)

    def _transact(self, fn: Callable[[Tx], T], me: int) -> T:
        if self._closed:
            raise refused_write()
        execute, tx = self._execute, self._tx
        try:
            try:
                execute("BEGIN IMMEDIATE")
            except sqlite3.Error as error:
                self._begin_again(error)
            self.running = me
            value = fn(tx)
            execute("COMMIT")
            return value
        except sqlite3.Error as error:
            raise tx.lost or translate(error) from error
        finally:
            self.running = 0
            if self._conn.in_transaction:
                tx.roll_back()
            if tx.lost is not None:
                tx.renew()

    def _serve(self, batch: list[Job]) -> list[Job]:
        with self._guard or nullcontext():
            return self._commit_together(batch)

    def _commit_together(self, batch: list[Job]) -> list[Job]:
        """Run the jobs and commit once; return those that were not started because the transaction was lost."""
        started = 0
        tx = self._tx
        try:
            if self._closed:
                raise refused_write()
            self._begin()
            self.running = get_ident()
            for job in batch:
                started += 1
                if job.future is None or not job.future.cancelled():
                    self._run(job)
            self._execute("COMMIT")
            for job in batch:
                job.committed = True
        except (sqlite3.Error, StoreError) as error:
            started = started or len(batch)  # without a transaction, nobody's function can run
            cause = tx.lost or (error if isinstance(error, StoreError) else translate(error))
            for job in batch[:started]:
                if job.error is None:
                    job.error = cause if started == 1 else shared(cause)
        finally:
            self.running = 0
            if not self._closed and self._conn.in_transaction:
                tx.roll_back()
            if tx.lost is not None:
                tx.renew()
        return batch[started:]

    def _run(self, job: Job) -> None:
        """Run one function under its savepoint; raise only when the whole transaction is lost."""
        execute = self._execute
        execute("SAVEPOINT job")
        try:
            job.value = job.context.run(job.fn, self._tx)
        except BaseException as error:  # whatever it is, it is raised where the write was asked for
            job.error = translate(error) if isinstance(error, sqlite3.Error) else error
            if not self._conn.in_transaction:
                raise self._tx.lost or StoreError("The transaction was ended. Nothing of it was kept.") from error
            execute("ROLLBACK TO job")
        execute("RELEASE job")

    def _begin(self) -> None:
        try:
            self._execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            self._begin_again(error)

    def _begin_again(self, error: sqlite3.Error) -> None:
        """Begin a transaction that could not begin at once: wait for other processes, at most `busy_timeout`."""
        deadline = monotonic() + self._busy_timeout_ms / 1000
        while True:
            if self._conn.in_transaction:  # left by Ctrl-C, or by a ROLLBACK that failed
                self._execute("ROLLBACK")
            elif primary_code(error) not in BUSY:
                raise error
            elif monotonic() >= deadline:
                raise StoreBusy(
                    f"Another process held the store's lock for longer than {self._busy_timeout_ms} ms."
                    " Nothing of this write was kept; try it again.",
                    busy_timeout_ms=self._busy_timeout_ms,
                ) from error
            else:
                sleep(_POLL_S)
            try:
                self._execute("BEGIN IMMEDIATE")
                return
            except sqlite3.Error as again:
                error = again
