"""A transaction on one PostgreSQL connection: what functions given to `read` and `write` work with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NoReturn, TypeVar, cast

import psycopg

from ingat.core.errors import StoreError
from ingat.store.contract import Row, Value
from ingat.store.postgres.errors import DRIVER_ERRORS, translate, words
from ingat.store.postgres.statements import numbered

T = TypeVar("T")


class Transaction:
    """The `Tx` of one connection, used for one transaction after another.

    `failure` holds what the driver raised first: from then on PostgreSQL takes no statement until the transaction, or
    the savepoint that it is in, has ended.
    """

    __slots__ = ("_cursor", "_reading", "conn", "failure")

    def __init__(self, conn: psycopg.Connection[Any], *, reading: bool) -> None:
        self.conn = conn
        self.failure: Exception | None = None
        self._reading = reading
        self._cursor = psycopg.RawCursor(conn)
        self._cursor.format = psycopg.pq.Format.BINARY

    def run(self, sql: str, args: Sequence[Value] = ()) -> int:
        """Run one statement and return the number of rows it changed."""
        return self._do(sql, args).rowcount

    def many(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        """Run one statement for each of the rows; they go to the server in one stream."""
        if self.failure is not None:
            self._refuse(self.failure)
        try:
            statement, count = numbered(sql)
            self._cursor.executemany(statement, _fitting(rows, count))
        except DRIVER_ERRORS as error:
            raise self._failed(error) from error

    def one(self, sql: str, args: Sequence[Value] = ()) -> Row | None:
        """Return a query's first row, or None."""
        return self._fetched(self._do(sql, args).fetchone)

    def all(self, sql: str, args: Sequence[Value] = ()) -> list[Row]:
        """Return all rows of a query."""
        return cast("list[Row]", self._fetched(self._do(sql, args).fetchall))

    def _do(self, sql: str, args: Sequence[Value]) -> psycopg.RawCursor[Any]:
        if self.failure is not None:
            self._refuse(self.failure)
        try:
            statement, count = numbered(sql)
            if len(args) != count:
                raise _misfit(len(args), count)
            return self._cursor.execute(statement, args)
        except DRIVER_ERRORS as error:
            raise self._failed(error) from error

    def _fetched(self, fetch: Callable[[], T]) -> T:
        try:
            return fetch()
        except DRIVER_ERRORS as error:
            raise self._failed(error) from error

    def _failed(self, error: Exception) -> StoreError:
        self.failure = error
        return translate(error, reading=self._reading)

    def _refuse(self, failure: Exception) -> NoReturn:
        raise StoreError(
            "The transaction was ended by an error before this statement. Nothing of it was kept.",
            driver=words(failure),
        )


def _fitting(rows: Iterable[Sequence[Value]], count: int) -> Iterator[Sequence[Value]]:
    for row in rows:
        if len(row) != count:
            raise _misfit(len(row), count)
        yield row


def _misfit(given: int, count: int) -> psycopg.ProgrammingError:
    """Return the error of the wrong number of values, of which the server would take too many."""
    return psycopg.ProgrammingError(f"{given} values were given to a statement with {count} place holders")
