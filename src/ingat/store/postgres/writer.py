"""The writer: one connection a process, transactions in turn, run again when another process's made them void."""

from __future__ import annotations

from collections.abc import Callable, Container
from threading import get_ident
from time import monotonic, sleep
from typing import Any, TypeVar

import psycopg

from ingat.core.errors import IngatError, InvalidSettings, StoreUnavailable
from ingat.core.ids import new_id
from ingat.store.contract import OUTCOME, UNKNOWN, Tx
from ingat.store.postgres.attempt import Attempt, Outcome, fate, forget
from ingat.store.postgres.views import PAUSES_S
from ingat.store.refusals import misplaced_write, refused_write
from ingat.store.turns import Job, Turns

T = TypeVar("T")

TOGETHER = 2
"""Attempts beside other processes' writers; the next is made while no other process writes."""
MOST_ATTEMPTS = 8
"""Attempts before one is told why it does not succeed: somebody who is no writer of ours is in the way."""


class Writer:
    """Runs writing functions in the order they came, those that wait in one serialisable transaction.

    Each has a savepoint of its own: an error undoes its own function only. When the server undoes the transaction
    because of another process's, or the connection is lost before the commit was sent, all are run again from their
    start. When it is lost while the commit runs, the server is asked afterwards whether it took place; where it cannot
    be asked, StoreUnavailable says so, and nothing is repeated. Nothing is acknowledged before the commit.

    Functions never run on the main thread, which Ctrl-C can interrupt at any step, and may then have begun unseen: the
    turn's helper runs them. `reading` holds the threads that are inside a read, which may not write.

    It begins on `conn`, which is its own from then on, and goes on with what `connect` returns when that is lost.
    """

    def __init__(
        self,
        conn: psycopg.Connection[Any],
        connect: Callable[[], psycopg.Connection[Any]],
        *,
        patience_s: float,
        reading: Container[int],
    ) -> None:
        self._connect, self._patience_s, self._reading = connect, patience_s, reading
        self._conn = conn
        self._name, self._number = new_id(), 0
        """How this writer marks its commits; no number is used twice."""
        self._lost_at: float | None = None
        """Since when the server cannot be reached, on the monotonic clock."""
        self._refused: StoreUnavailable | InvalidSettings | None = None
        self._turns = Turns(self._serve)
        self._closing = self._closed = False
        self._attempt: Attempt | None = None

    @property
    def running(self) -> int:
        """The thread that runs a function at this moment, or 0."""
        attempt = self._attempt
        return attempt.thread if attempt is not None else 0

    def write(self, fn: Callable[[Tx], T], *, alone: bool = False) -> T:
        """Run `fn` in a transaction and return its value after the commit."""
        me = get_ident()
        if self._closing or self.running == me or me in self._reading:
            raise misplaced_write(running=self.running, reading=self._reading)
        job = Job(fn, alone=alone)
        try:
            self._turns.wait(job)
        except BaseException:
            self._turns.settle(me)  # Ctrl-C may have come between any two steps
            raise
        error = job.failure()
        if error is None:
            value: T = job.value
            return value
        try:
            raise error
        finally:
            del error, job  # else they keep each other alive through the traceback

    async def awrite(self, fn: Callable[[Tx], T]) -> T:
        """Run `fn` in a transaction on another thread and return its value after the commit."""
        me = get_ident()
        if self._closing or self.running == me or me in self._reading:
            raise misplaced_write(running=self.running, reading=self._reading)
        value: T = await self._turns.awaited(fn)
        return value

    def waiting(self) -> int:
        """Return how many writes wait for their turn at this moment."""
        return self._turns.waiting()

    @property
    def closed(self) -> bool:
        """Whether nothing can be written any more."""
        return self._closing or self._closed

    def close(self) -> None:
        """Refuse new writes, finish those that wait and close the connection."""
        self._closing = True
        with self._turns.last():
            if not self._closed:
                self._closed = True
                forget(self._conn, writer=self._name)
                self._conn.close()

    def abandon(self) -> list[object]:
        """Refuse everything from now on without touching the connection, and return it."""
        self._closing = self._closed = True
        return [self._conn]

    # -- what only the holder of the turn does ---------------------------------------------------------------------

    def _serve(self, batch: list[Job]) -> list[Job]:
        failure = self._committed(batch)
        if failure is not None:
            for job in batch:
                if job.error is None:
                    job.error = failure if len(batch) == 1 else type(failure)(failure.message, **failure.details)
        return []

    def _committed(self, batch: list[Job]) -> IngatError | None:
        """Run the jobs until they are committed; return why they are not, None when they are."""
        alone, collisions, attempts = any(job.alone for job in batch), 0, 0
        while not self._closed:
            if self._conn.closed and not self._reconnected():
                return self._gone()
            self._number += 1
            attempt = self._attempt = Attempt(self._conn, batch, writer=self._name, number=self._number)
            try:
                outcome = attempt.run(alone=alone or collisions >= TOGETHER)
            finally:
                self._attempt = None
            if outcome is Outcome.UNKNOWN:
                outcome = self._asked()
            if outcome is Outcome.COMMITTED:
                for job in batch:
                    job.committed = True
                return None
            if outcome is Outcome.UNKNOWN:
                return _unknown(self._refused)
            attempts += 1
            if outcome is Outcome.FAILED or attempts == MOST_ATTEMPTS:
                return attempt.error()
            if outcome is Outcome.COLLIDED:
                collisions += 1
            else:
                self._conn.close()  # also one that is half alive
        return refused_write()

    def _reconnected(self) -> bool:
        """Connect anew, waiting for a server that starts again; False when it takes too long.

        Who finds it gone for longer than `patience_s` tries once, so that nobody waits for those before them, too.
        """
        tries = 0
        if self._lost_at is None:
            self._lost_at = monotonic()
        while True:
            self._conn.close()
            try:
                self._conn = self._connect()
            except (StoreUnavailable, InvalidSettings) as error:
                self._refused = error
            else:
                self._lost_at = None
                return True
            if monotonic() >= self._lost_at + self._patience_s:
                return False
            sleep(PAUSES_S[min(tries, len(PAUSES_S) - 1)])
            tries += 1

    def _asked(self) -> Outcome:
        """Ask the server what became of the last transaction, whose commit was not answered."""
        deadline = monotonic() + self._patience_s
        while self._reconnected():
            found = fate(self._conn, writer=self._name, number=self._number)
            if found is not None:
                return found
            if monotonic() >= deadline:
                break
            sleep(PAUSES_S[-1])
        return Outcome.UNKNOWN

    def _gone(self) -> IngatError:
        """Return what is told when the server cannot be reached for too long."""
        refused = self._refused
        return refused_write() if refused is None else type(refused)(refused.message, **refused.details)


def _unknown(refused: IngatError | None) -> StoreUnavailable:
    driver = refused.details.get("driver") if refused is not None else None
    return StoreUnavailable(
        "The connection to the database was lost while this write was being committed, and the server cannot be asked"
        " whether it was. It is kept as a whole or not at all; look whether it is there before you try again.",
        **({"driver": driver} if driver else {}),
        **{OUTCOME: UNKNOWN},
    )
