"""Scrub: what was deleted leaves the files too: the write-ahead log is emptied, and the bytes are looked through."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep

from ingat.store.contract import Scrubbed
from ingat.store.searching import Search
from ingat.store.sqlite.errors import BUSY, primary_code, translate, translate_os
from ingat.store.sqlite.file import open_scrubber

_PIECE_BYTES = 4 << 20
_POLL_MS = 10
_POLL_S = 0.05
_lock = threading.Lock()
_opened: dict[tuple[int, int], int] = {}
"""Files that were looked through, by device and inode, as descriptors.

They are never closed: closing one would drop the locks that SQLite's connections of this process have on the file.
"""


def scrub(path: Path, traces: Sequence[bytes], *, rewrite: bool, timeout_s: float, busy_timeout_ms: int) -> Scrubbed:
    """Empty the log of the store at `path`, write its file anew with `rewrite`, and look for the traces in both.

    Deleted rows are overwritten with zeros as they go (`secure_delete`), in pages that the log holds until it is
    emptied. Readers of an older state hold that up, at the most for `timeout_s`. Errors: StoreFull where VACUUM has
    no room, StoreBusy where another process writes for too long; the rows are as they were.
    """
    deadline = monotonic() + timeout_s
    with closing(open_scrubber(path, busy_timeout_ms=busy_timeout_ms)) as conn:
        try:
            if rewrite:
                conn.execute("VACUUM")
            # it keeps writers waiting while it waits for readers, so it asks again and again instead
            conn.execute(f"PRAGMA busy_timeout={_POLL_MS}")
            emptied = _empty_log(conn, deadline)
        except sqlite3.Error as error:
            raise translate(error) from error
    search = Search(traces)
    try:
        search.look(_pieces(_descriptor(path)))
        search.look(_pieces_of_log(path.with_name(path.name + "-wal")))
    except OSError as error:
        raise translate_os(error, path) from error
    return Scrubbed(search.size_bytes, search.found, busy=not emptied, anew=rewrite)


def _empty_log(conn: sqlite3.Connection, deadline: float) -> bool:
    """Fold the log into the file and cut it to nothing; False when a reader or writer was in the way all the time."""
    while True:
        try:
            busy = conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.OperationalError as error:
            if primary_code(error) not in BUSY:
                raise
            busy = 1
        if not busy or monotonic() >= deadline:
            return not busy
        sleep(_POLL_S)


def _pieces(descriptor: int) -> Iterator[bytes]:
    place = 0
    while True:
        with _lock:  # one descriptor for all threads, where there is no pread
            os.lseek(descriptor, place, os.SEEK_SET)
            piece = os.read(descriptor, _PIECE_BYTES)
        if not piece:
            return
        yield piece
        place += len(piece)


def _pieces_of_log(log: Path) -> Iterator[bytes]:
    """Read the log, on which nobody holds locks, so that it can be closed again."""
    try:
        file = log.open("rb")
    except FileNotFoundError:
        return
    with file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


def _descriptor(path: Path) -> int:
    with _lock:
        about = path.stat()
        key = (about.st_dev, about.st_ino)
        if key not in _opened:
            _opened[key] = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))
        return _opened[key]
