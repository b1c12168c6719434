"""Readers: each read has one consistent view, and nested reads share it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import AbstractContextManager
from queue import Empty, SimpleQueue
from threading import Lock, get_ident
from typing import Any, Protocol, TypeVar

from ingat.core.errors import StoreClosed
from ingat.store.contract import Tx
from ingat.store.sqlite.transaction import Transaction

T = TypeVar("T")


class Readers(Protocol):
    """How a store reads. `views` holds the transaction of each thread that is inside a read."""

    views: dict[int, Transaction]

    def read(self, fn: Callable[[Tx], T]) -> T:
        """Run `fn` against one view of what is committed."""
        ...

    def close(self) -> None:
        """Wait for reads that run and refuse new ones."""
        ...

    def abandon(self) -> list[sqlite3.Connection]:
        """Refuse new reads without touching the connections, and return these."""
        ...


class PooledReaders:
    """Reads on connections of their own, opened as needed up to a limit; more threads wait for one to be free."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], limit: int) -> None:
        self.views: dict[int, Transaction] = {}
        self._connect = connect
        self._limit = limit
        self._idle: SimpleQueue[Transaction | None] = SimpleQueue()
        self._all: set[sqlite3.Connection] = set()
        self._changing = Lock()
        self._closed = False

    def read(self, fn: Callable[[Tx], T]) -> T:
        """Run `fn` against one view of what is committed."""
        me = get_ident()
        outer = self.views.get(me)
        if outer is not None:
            return fn(outer)
        try:
            tx = self._idle.get_nowait()
        except Empty:
            tx = self._another()
        if tx is None:
            self._idle.put(None)
            raise _closed()
        self.views[me] = tx
        try:
            return tx.view(fn)
        finally:
            del self.views[me]
            if tx.conn.in_transaction:  # not even ROLLBACK worked
                self._drop(tx)
            else:
                self._idle.put(tx)

    def close(self) -> None:
        """Wait for reads that run, close every connection and refuse new reads."""
        with self._changing:
            if self._closed:
                return
            self._closed = True
        while self._all:
            tx = self._idle.get()
            if tx is not None:
                self._all.discard(tx.conn)
                tx.conn.close()
        self._idle.put(None)

    def abandon(self) -> list[sqlite3.Connection]:
        """Refuse new reads without touching the connections, and return these."""
        connections = list(self._all)
        self._closed = True
        self._changing = Lock()
        self._idle = SimpleQueue()
        self._idle.put(None)
        return connections

    def _another(self) -> Transaction | None:
        with self._changing:
            if self._closed:
                raise _closed()
            if len(self._all) < self._limit:
                conn = self._connect()
                self._all.add(conn)
                return Transaction(conn, reading=True)
        return self._idle.get()

    def _drop(self, tx: Transaction) -> None:
        """Replace a connection that is stuck in its transaction, so that the pool does not shrink."""
        tx.conn.close()
        with self._changing:
            self._all.discard(tx.conn)
            if self._closed:
                self._idle.put(None)  # close() waits for this connection
            else:
                fresh = self._connect()
                self._all.add(fresh)
                self._idle.put(Transaction(fresh, reading=True))


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
            raise _closed()
        with self._guard:
            if self._closed:
                raise _closed()
            tx = self._tx
            self.views[me] = tx
            try:
                tx.conn.execute("PRAGMA query_only=ON")
                return tx.view(fn)
            finally:
                tx.conn.execute("PRAGMA query_only=OFF")
                del self.views[me]

    def close(self) -> None:
        """Refuse new reads."""
        with self._guard:
            self._closed = True

    def abandon(self) -> list[sqlite3.Connection]:
        """Refuse new reads; the connection is the writer's."""
        self._closed = True
        return []


def _closed() -> StoreClosed:
    return StoreClosed(
        "The store is closed, or was opened before this process was forked. Nothing was read; open it again."
    )
