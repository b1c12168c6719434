"""The PostgreSQL store: puts connections, writer and readers together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, TypeVar

import psycopg

from ingat.core.errors import StoreBusy, StoreFull, StoreReadOnly
from ingat.store.contract import Elsewhere, Scrubbed, Tx
from ingat.store.forks import abandon_in_child
from ingat.store.postgres.address import parse_address
from ingat.store.postgres.connection import connect, is_made, make_schema
from ingat.store.postgres.errors import translate
from ingat.store.postgres.outside import elsewhere
from ingat.store.postgres.scrub import scrub
from ingat.store.postgres.sizes import count_now, findings, size, used
from ingat.store.postgres.views import PostgresView
from ingat.store.postgres.writer import Writer
from ingat.store.readers import PooledReaders
from ingat.store.refusals import check_outside, misplaced_read, refused_write

T = TypeVar("T")

LEAST_PATIENCE_S = 5.0
"""How long a server that is gone is waited for, at least."""


class PostgresStore:
    """A store in one schema of a PostgreSQL database, 15 or newer; the schema is made when it is not there.

    Reads run on connections of their own, at most `readers`, each against one snapshot. A process writes on one
    connection, in the order the writes came; writes of several processes run at once and have the outcome of one after
    another (SERIALIZABLE). Connections that the server ended are made anew: reads, and writes whose commit was not
    answered and did not take place, are then run again. A server that cannot be reached is waited for, for at most
    `busy_timeout_ms`, or 5 seconds where that is less. A store that was opened
    before `os.fork` is refused in the child.

    Neither `read` nor `write` may be called inside `write`, nor `write` inside `read`: StoreClosed. A read inside a
    read sees the same view.

    Raises InvalidSettings for a URL, a server or a database that cannot be used, StoreUnavailable when it cannot be
    reached.
    """

    def __init__(self, url: str, *, busy_timeout_ms: int, readers: int) -> None:
        self._address = parse_address(url)
        self.url = self._address.shown
        patience_s = max(busy_timeout_ms / 1_000, LEAST_PATIENCE_S)

        def connected(*, writing: bool = False) -> psycopg.Connection[Any]:
            return connect(self._address, busy_timeout_ms=busy_timeout_ms, writing=writing)

        first = connected(writing=True)
        try:
            make_schema(first, self._address)
        except BaseException:
            first.close()
            raise
        self._connect = connected
        self._readers = PooledReaders(lambda: PostgresView(connected, patience_s), readers)
        self._writer = Writer(
            first, lambda: connected(writing=True), patience_s=patience_s, reading=self._readers.views
        )
        self._of_parent_process = False
        abandon_in_child(self)

    def read(self, fn: Callable[[Tx], T]) -> T:
        """Run `fn` against one consistent view of all committed writes."""
        if self._writer.running == threading.get_ident():
            raise misplaced_read()
        return self._readers.read(fn)

    def write(self, fn: Callable[[Tx], T], *, alone: bool = False) -> T:
        """Run `fn` in a transaction of its own and return its value after the commit."""
        return self._writer.write(fn, alone=alone)

    async def awrite(self, fn: Callable[[Tx], T]) -> T:
        """Like `write`, awaiting the commit without holding a thread."""
        return await self._writer.awrite(fn)

    def check(self) -> list[str]:
        """Return indexes, constraints and tables that are not as they must be, and how many pages are damaged."""
        return self.read(findings)

    def size_bytes(self) -> int:
        """Return what the tables and indexes of the schema take on the server's disk."""
        return self.read(size)

    def used_bytes(self) -> int:
        """Return about what rows and indexes take: the size without the part that dead rows have of the tables.

        What this process wrote counts at once, what others wrote after some seconds.
        """
        with suppress(StoreReadOnly, StoreBusy, StoreFull):  # then its own rows count some seconds later, too
            self._writer.write(count_now)
        return self.read(used)

    def scrub(
        self,
        traces: Sequence[bytes],
        *,
        users: Sequence[str] | None = None,
        rewrite: bool = False,
        timeout_s: float = 10.0,
    ) -> Scrubbed:
        """Write the tables and partitions anew that may hold rows of these users, one by one; with `rewrite` all.

        Their files are looked through where the server lets this user read them.
        """
        check_outside("scrub", "Nothing was changed", running=self._writer.running, reading=self._readers.views)
        if self._of_parent_process or self._writer.closed:
            raise refused_write()
        whose = None if rewrite else users
        return scrub(self._connect, self._address.schema, traces, users=whose, timeout_s=timeout_s)

    def elsewhere(self) -> tuple[Elsewhere, ...]:
        """Return the write-ahead log, its archive and receivers, and other places of the server that rows go to."""
        if self._of_parent_process or self._writer.closed:
            raise refused_write()
        with self._connect() as conn:
            try:
                return elsewhere(conn, self._address.schema)
            except psycopg.Error as error:
                raise translate(error, reading=True) from error

    def waiting(self) -> int:
        """Return how many writes of this process wait for their turn at this moment."""
        return self._writer.waiting()

    def close(self) -> None:
        """Finish the writes that wait and the reads that run, and let go of every connection."""
        if self._of_parent_process:
            return
        check_outside("close", "The store stays open", running=self._writer.running, reading=self._readers.views)
        self._readers.close()
        self._writer.close()

    def abandon(self) -> list[object]:
        """Refuse everything from now on without touching the connections, and return what holds these."""
        self._of_parent_process = True
        return [*self._writer.abandon(), *self._readers.abandon()]


def is_there(url: str) -> bool:
    """Return whether the schema that the URL names was made before; errors as for PostgresStore."""
    address = parse_address(url)
    with connect(address, busy_timeout_ms=5_000) as conn:
        return is_made(conn, address)
