"""Reads of a database that lives in memory: on the writer's own connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from threading import get_ident
from typing import Any, TypeVar

from ingat.store.contract import Tx
from ingat.store.refusals import refused_read
from ingat.store.sqlite.transaction import Transaction

T = TypeVar("T")


class GuardedReaders:
    """Reads on the writer's own connection, between its transactions: for a database that lives in memory."""

    def __init__(self, conn: sqlite3.Connection, guard: AbstractContextManager[Any]) -> None:
        self.views: dict[int, Transaction] = {}
        self._tx = Transaction(conn, reading=True)
        self._guard = guard
        self._closed = False

    def read(self, fn: Callable[[Tx], T]) -> T:
        """Run `fn` against what is committed; waits for a write that runs."""
        me = get_ident()
        outer = self.views.get(me)
        if outer is not None:
            return fn(outer)
        if self._closed:
            raise refused_read()
        with self._guard:
            if self._closed:
                raise refused_read()
            tx = self._tx
            try:
                self.views[me] = tx
                tx.conn.execute("PRAGMA query_only=ON")
                value = tx.view(fn)
                self._left(me)
                return value
            except BaseException:
                self._left(me)  # Ctrl-C may have come between any two steps
                raise

    def close(self) -> None:
        """Refuse new reads."""
        with self._guard:
            self._closed = True

    def abandon(self) -> Sequence[Transaction]:
        """Refuse new reads; the connection is the writer's."""
        self._closed = True
        return []

    def _left(self, me: int) -> None:
        self._tx.conn.execute("PRAGMA query_only=OFF")
        self.views.pop(me, None)
