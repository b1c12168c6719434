"""Views: reads, each against one consistent state, on connections that are made anew when the server ended them."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep
from typing import Any, TypeVar

import psycopg

from ingat.core.errors import StoreUnavailable
from ingat.store.contract import Tx
from ingat.store.postgres.errors import lost, translate
from ingat.store.postgres.transaction import Transaction

T = TypeVar("T")

_BEGIN = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
PAUSES_S = (0.0, 0.02, 0.05, 0.1, 0.25)
"""How long is waited before a server is tried again; the last for all later times."""
MOST_BEGINNINGS = 4
"""Connections on which one read is begun, each of which is lost at once."""


class PostgresView(Transaction):
    """The transaction of one read after another. The connection is made at the first, and when it was lost.

    A connection that the server ended meanwhile is found before the function is begun, which is run once: it may fill
    files with what it reads. A server that cannot be reached is waited for, for at most `patience_s`.
    """

    __slots__ = ("_connect", "_connected", "_patience_s")

    def __init__(self, connect: Callable[[], psycopg.Connection[Any]], patience_s: float) -> None:
        self._connect, self._patience_s = connect, patience_s
        self._connected = False

    @property
    def stuck(self) -> bool:
        """Never: a connection that is of no use is replaced at the next read."""
        return False

    def view(self, fn: Callable[[Tx], T]) -> T:
        """Run a function that only reads, all of it against the state of its first statement."""
        try:
            self._begin()
            conn = self.conn
            try:
                value = fn(self)
                conn.execute(b"COMMIT")
                return value
            except psycopg.Error as error:
                self.failure = error
                raise translate(error, reading=True) from error
        finally:
            if self._connected and self._inside:
                _roll_back(self.conn)

    def close(self) -> None:
        """Let go of the connection."""
        if self._connected:
            self.conn.close()

    @property
    def _inside(self) -> bool:
        """Whether the connection is in a transaction, or a statement runs on it."""
        return not self.conn.closed and self.conn.info.transaction_status != psycopg.pq.TransactionStatus.IDLE

    def _begin(self) -> None:
        for left in reversed(range(MOST_BEGINNINGS)):
            if not self._connected or self.conn.closed or self._inside:  # Ctrl-C may have left it so
                self._made_anew()
            self.failure = None
            try:
                self.conn.execute(_BEGIN)
                return
            except psycopg.Error as error:
                was_lost = self.conn.closed or lost(error)
                self.conn.close()
                if not left or not was_lost:
                    raise translate(error, reading=True) from error

    def _made_anew(self) -> None:
        """Connect, waiting for a server that starts again; StoreUnavailable when it takes too long."""
        self.close()
        deadline, tries = monotonic() + self._patience_s, 0
        while True:
            try:
                super().__init__(self._connect(), reading=True)
            except StoreUnavailable:
                if monotonic() >= deadline:
                    raise
            else:
                self._connected = True
                return
            sleep(PAUSES_S[min(tries, len(PAUSES_S) - 1)])
            tries += 1


def _roll_back(conn: psycopg.Connection[Any]) -> None:
    try:
        conn.execute(b"ROLLBACK")
    except psycopg.Error:
        conn.close()  # replaced at the next use
