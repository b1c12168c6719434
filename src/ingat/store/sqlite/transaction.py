"""A transaction on one SQLite connection: what functions given to `read` and `write` work with."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn, TypeVar, cast

from ingat.core.errors import StoreError
from ingat.store.contract import Row, Value
from ingat.store.sqlite.errors import REFUSED_VALUES, shared, translate

T = TypeVar("T")

_DRIVER_ERRORS = (sqlite3.Error, *REFUSED_VALUES)


class Transaction:
    """The `Tx` of one connection, used for one transaction after another.

    `lost` holds the error that made SQLite end the whole transaction (a full disk, an I/O error, OR ROLLBACK). From
    then on every statement is refused until `renew`, because it would be committed on its own.
    """

    __slots__ = ("_execute", "_executemany", "_reading", "conn", "lost")

    def __init__(self, conn: sqlite3.Connection, *, reading: bool) -> None:
        self.conn = conn
        self.lost: StoreError | None = None
        self._reading = reading
        self._execute: Callable[..., sqlite3.Cursor] = conn.execute
        self._executemany: Callable[..., sqlite3.Cursor] = conn.executemany

    def run(self, sql: str, args: Sequence[Value] = ()) -> int:
        """Run one statement and return the number of rows it changed."""
        try:
            return self._execute(sql, args).rowcount
        except _DRIVER_ERRORS as error:
            raise self._failed(error) from error

    def many(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        """Run one statement for each of the rows."""
        try:
            self._executemany(sql, rows)
        except _DRIVER_ERRORS as error:
            raise self._failed(error) from error

    def one(self, sql: str, args: Sequence[Value] = ()) -> Row | None:
        """Return a query's first row, or None."""
        try:
            return cast("Row | None", self._execute(sql, args).fetchone())
        except _DRIVER_ERRORS as error:
            raise self._failed(error) from error

    def all(self, sql: str, args: Sequence[Value] = ()) -> list[Row]:
        """Return all rows of a query."""
        try:
            return self._execute(sql, args).fetchall()
        except _DRIVER_ERRORS as error:
            raise self._failed(error) from error

    def view(self, fn: Callable[[Transaction], T]) -> T:
        """Run a function that only reads, all of it against the state of its first statement."""
        execute = self.conn.execute
        try:
            execute("BEGIN")
            value = fn(self)
            execute("COMMIT")
            return value
        except sqlite3.Error as error:
            raise self.lost or translate(error, reading=True) from error
        finally:
            if self.conn.in_transaction:
                self.roll_back()
            if self.lost is not None:
                self.renew()

    @property
    def stuck(self) -> bool:
        """Whether not even ROLLBACK ended the last transaction."""
        return self.conn.in_transaction

    def close(self) -> None:
        """Let go of the connection."""
        self.conn.close()

    def roll_back(self) -> None:
        """End the transaction without keeping anything."""
        try:
            self.conn.execute("ROLLBACK")
        except sqlite3.Error:
            pass  # the connection is still in its transaction, which whoever uses it next looks for

    def renew(self) -> None:
        """Take statements again after a transaction was lost."""
        self.lost = None
        self._execute = self.conn.execute
        self._executemany = self.conn.executemany

    def _failed(self, error: Exception) -> StoreError:
        failure = translate(error, reading=self._reading)
        if not self.conn.in_transaction:
            self.lost = failure
            self._execute = self._executemany = self._refuse
        return failure

    def _refuse(self, *_: Any) -> NoReturn:
        raise shared(self.lost or StoreError("The transaction has ended. Nothing of it was kept."))
