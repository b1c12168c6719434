"""Attempts: a batch of writing functions in one transaction, and what became of it."""

from __future__ import annotations

from enum import Enum
from threading import get_ident
from typing import Any

import psycopg

from ingat.core.errors import StoreError
from ingat.store.postgres.connection import MARK, TURN, on_standby
from ingat.store.postgres.errors import collided, lost, overran, translate
from ingat.store.postgres.transaction import Transaction
from ingat.store.turns import Job

# The lock comes before anything that takes a snapshot, so that who waited for it sees what the others wrote.
_BEGIN = "BEGIN ISOLATION LEVEL SERIALIZABLE; LOCK TABLE {turn} IN {mode} MODE; "
_TOGETHER = _BEGIN.format(turn=TURN, mode="ROW SHARE").encode()
_ALONE = _BEGIN.format(turn=TURN, mode="EXCLUSIVE").encode()
_KEEP = b"RELEASE SAVEPOINT job; "
_UNDO = b"ROLLBACK TO SAVEPOINT job; RELEASE SAVEPOINT job; "
_MARK = (
    f"INSERT INTO {MARK} AS mark (writer, number) VALUES ('%s', %d)"
    " ON CONFLICT (writer) DO UPDATE SET number = excluded.number, at = now(); COMMIT"
)
_ASK = (
    f"INSERT INTO {MARK} AS mark (writer, number) VALUES ($1, 0)"
    " ON CONFLICT (writer) DO UPDATE SET at = now() RETURNING number"
)
_FORGET = f"DELETE FROM {MARK} WHERE writer = $1 OR at < now() - INTERVAL '1 day'"
"""Takes away, too, what writers left that were killed."""


class Outcome(Enum):
    """What became of a transaction."""

    COMMITTED = "committed"
    FAILED = "failed"
    """An error undid it; running it again would not help."""
    COLLIDED = "collided"
    """The server undid it because of another's; it may be run again."""
    LOST = "lost"
    """The connection was lost and nothing was committed; it may be run again on another."""
    UNKNOWN = "unknown"
    """The connection was lost while the commit ran."""


class Attempt:
    """One transaction on a connection, with the jobs that are run in it.

    It marks its commit with the writer's name and a number that the writer never uses again, so that it can be found
    out afterwards whether it took place. What separates the jobs goes to the server together with what comes next.
    """

    def __init__(self, conn: psycopg.Connection[Any], batch: list[Job], *, writer: str, number: int) -> None:
        self._conn, self._batch = conn, batch
        self._tx = Transaction(conn, reading=False)
        self._failure: Exception | None = None
        self._mark = (_MARK % (writer, number)).encode()
        self._next = b""
        """What the server is told before the next thing."""
        self.thread = 0
        """The thread that runs a function at this moment, or 0."""

    def run(self, *, alone: bool) -> Outcome:
        """Run the jobs and commit."""
        self._next = _ALONE if alone else _TOGETHER
        jobs = []
        for job in self._batch:
            job.error = None
            if job.future is None or not job.future.cancelled() or job.started:
                jobs.append(job)
        if not jobs:
            return Outcome.COMMITTED  # of nothing
        try:
            self.thread = get_ident()
            for job in jobs:
                self._run(job, single=len(jobs) == 1)
                if self._failure is not None:
                    return self._ended(self._failure)
        except psycopg.Error as error:
            return self._ended(error)
        finally:
            self.thread = 0
        if len(jobs) == 1 and jobs[0].error is not None:
            self._rolled_back()
            return Outcome.COMMITTED  # of nothing: its error is its answer
        return self._commit()

    def error(self) -> StoreError:
        """Return what the caller is told of an attempt that failed."""
        failure = self._failure or psycopg.OperationalError("the connection was lost")
        return translate(failure, standby=on_standby(self._conn))

    def _tell(self, what: bytes) -> None:
        told, self._next = self._next + what, b""
        psycopg.RawCursor(self._conn).execute(told, prepare=False)

    def _run(self, job: Job, *, single: bool) -> None:
        """Run one function; an error undoes what it did, and is its answer, unless the whole transaction is gone."""
        self._tell(b"" if single else b"SAVEPOINT job")
        job.started = True
        self._tx.failure = None
        try:
            job.value = job.context.run(job.fn, self._tx)
            if self._tx.failure is not None:  # swallowed by the function, but not by the server
                raise translate(self._tx.failure)
        except BaseException as error:  # whatever it is, it is raised where the write was asked for
            cause: Exception | None = self._tx.failure
            if cause is not None and (collided(cause) or lost(cause)):
                self._failure = cause
            job.error = translate(error) if isinstance(error, psycopg.Error) else error
        if not single:
            self._next = _KEEP if job.error is None else _UNDO

    def _commit(self) -> Outcome:
        try:
            self._tell(self._mark)
        except psycopg.Error as error:
            self._failure = error
            if lost(error) or self._conn.closed:
                return Outcome.UNKNOWN
            return self._ended(error)
        return Outcome.COMMITTED

    def _ended(self, error: Exception) -> Outcome:
        self._failure = error
        if overran(error):
            self._conn.close()
            return Outcome.FAILED
        if self._conn.closed or lost(error) or not self._rolled_back():
            return Outcome.LOST
        return Outcome.COLLIDED if collided(error) else Outcome.FAILED

    def _rolled_back(self) -> bool:
        try:
            self._conn.execute(b"ROLLBACK")
        except psycopg.Error:
            self._conn.close()  # made anew before the next attempt
            return False
        return True


def fate(conn: psycopg.Connection[Any], *, writer: str, number: int) -> Outcome | None:
    """Return whether a commit that was not answered took place: COMMITTED or LOST; None while it cannot be told.

    Asking changes the writer's mark. It so waits for a transaction that still runs, and one whose commit reaches the
    server only later fails there: what is told stays true, also when a crash lets the server use a number of its own
    for a second transaction.
    """
    try:
        row = conn.execute(_ASK, (writer,)).fetchone()
    except psycopg.Error:
        return None  # asked again, on another connection
    return Outcome.COMMITTED if row is not None and row[0] == number else Outcome.LOST


def forget(conn: psycopg.Connection[Any], *, writer: str) -> None:
    """Take the writer's mark away; where that fails, another writer does it on another day."""
    try:
        conn.execute(_FORGET, (writer,))
    except psycopg.Error:
        conn.close()
