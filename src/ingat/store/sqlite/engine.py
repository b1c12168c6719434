"""The SQLite store: puts file, writer and readers together."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from ingat.core.errors import StoreCorrupt
from ingat.store.contract import Elsewhere, Scrubbed, Tx
from ingat.store.forks import abandon_in_child
from ingat.store.readers import PooledReaders, Readers
from ingat.store.refusals import check_outside, misplaced_read, refused_write
from ingat.store.sqlite.file import open_memory, open_reader, open_writer
from ingat.store.sqlite.readers import GuardedReaders
from ingat.store.sqlite.scrub import scrub
from ingat.store.sqlite.transaction import Transaction
from ingat.store.sqlite.writer import Writer

T = TypeVar("T")


class SQLiteStore:
    """A store in one SQLite file, or in memory when `path` is None.

    The file is in write-ahead mode: readers never wait for the writer. Several threads, tasks and processes may use
    one file at once; each process opens its own store, and one that was opened before `os.fork` is refused in the
    child. With `synchronous=NORMAL` a write survives the death of the process, with `FULL` also a power cut.

    In memory there is one connection, so a read waits for a write that runs; all else is the same, and everything is
    gone when the store is closed.

    Neither `read` nor `write` may be called inside `write`, nor `write` inside `read`: StoreClosed. A read inside a
    read sees the same view.
    """

    def __init__(self, path: Path | None, *, synchronous: str, busy_timeout_ms: int, readers: int) -> None:
        self.path = path.absolute() if path else None
        self.url = f"sqlite:///{self.path}" if self.path else ":memory:"
        self._readers: Readers
        guard = None
        if self.path is None:
            guard = threading.Lock()
            self._conn = open_memory()
            self._readers = GuardedReaders(self._conn, guard)
        else:
            file = self.path
            self._conn = open_writer(file, synchronous=synchronous, busy_timeout_ms=busy_timeout_ms)
            self._readers = PooledReaders(
                lambda: Transaction(open_reader(file, busy_timeout_ms=busy_timeout_ms), reading=True), readers
            )
        self._writer = Writer(self._conn, busy_timeout_ms=busy_timeout_ms, reading=self._readers.views, guard=guard)
        self._busy_timeout_ms = busy_timeout_ms
        self._of_parent_process = False
        abandon_in_child(self)

    def read(self, fn: Callable[[Tx], T]) -> T:
        """Run `fn` against one consistent view of all committed writes."""
        if self._writer.running == threading.get_ident():
            raise misplaced_read()
        return self._readers.read(fn)

    def write(self, fn: Callable[[Tx], T], *, alone: bool = False) -> T:
        """Run `fn` in a transaction of its own and return its value after the commit; a file has one writer anyway."""
        return self._writer.write(fn)

    async def awrite(self, fn: Callable[[Tx], T]) -> T:
        """Like `write`, awaiting the commit without holding a thread."""
        return await self._writer.awrite(fn)

    def check(self) -> list[str]:
        """Return what SQLite finds wrong with the file, and rows that refer to rows that are not there."""
        try:
            return self.read(_findings)
        except StoreCorrupt as error:
            return [error.message]

    def size_bytes(self) -> int:
        """Return the size of the file and of its write-ahead log."""
        if self.path is None:
            return self.read(_size_in_memory)
        log = self.path.with_name(self.path.name + "-wal")
        return self.path.stat().st_size + (log.stat().st_size if log.exists() else 0)

    def used_bytes(self) -> int:
        """Return the size of the pages that hold rows and indexes; free pages are left out."""
        return self.read(_used)

    def scrub(
        self,
        traces: Sequence[bytes],
        *,
        users: Sequence[str] | None = None,
        rewrite: bool = False,
        timeout_s: float = 10.0,
    ) -> Scrubbed:
        """Fold the log into the file until it is empty, write the file anew if asked to, and look for the traces.

        The file holds the rows of all users, so that `users` changes nothing. A store in memory has no file: nothing
        is looked through.
        """
        check_outside("scrub", "Nothing was changed", running=self._writer.running, reading=self._readers.views)
        if self._of_parent_process or self._writer.closed:
            raise refused_write()
        if self.path is None:
            return Scrubbed(0, (), busy=False)
        return scrub(self.path, traces, rewrite=rewrite, timeout_s=timeout_s, busy_timeout_ms=self._busy_timeout_ms)

    def elsewhere(self) -> tuple[Elsewhere, ...]:
        """Return nothing: SQLite keeps rows in the file and its write-ahead log only."""
        return ()

    def waiting(self) -> int:
        """Return how many writes of this process wait for their turn at this moment."""
        return self._writer.waiting()

    def close(self) -> None:
        """Finish the writes that wait and the reads that run, fold the log into the file and let go of it."""
        if self._of_parent_process:
            return
        check_outside("close", "The store stays open", running=self._writer.running, reading=self._readers.views)
        self._readers.close()
        self._writer.close(_fold_log)

    def abandon(self) -> list[object]:
        """Refuse everything from now on without touching the connections, and return what holds these."""
        self._of_parent_process = True
        self._writer.abandon()
        return [self._conn, *self._readers.abandon()]


def _findings(tx: Tx) -> list[str]:
    found = [str(row[0]) for row in tx.all("PRAGMA integrity_check") if row[0] != "ok"]
    for table, _, parent, _ in tx.all("PRAGMA foreign_key_check"):
        found.append(f"a row of {table!s} refers to a row of {parent!s} that is not there")
    return found


def _size_in_memory(tx: Tx) -> int:
    row = tx.one("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
    return int(row[0] or 0) if row else 0


def _used(tx: Tx) -> int:
    row = tx.one(
        "SELECT (page_count - freelist_count) * page_size"
        " FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
    )
    return int(row[0] or 0) if row else 0


def _fold_log(conn: sqlite3.Connection) -> None:
    try:
        conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error:
        pass  # the log stays beside the file and loses nothing; whoever opens the store next reads it
