"""The store's file: made for its owner only, recognised before anything is written to it, and connected to."""

from __future__ import annotations

import os
import sqlite3
import threading
from pathlib import Path
from time import monotonic, sleep

from ingat.core.errors import StoreCorrupt, StoreError, StoreReadOnly, StoreUnavailable
from ingat.store.contract import Value
from ingat.store.sqlite.errors import BUSY, primary_code, translate, translate_os

APPLICATION_ID = 0x494E4754
"""The letters INGT in the file's header: how a store is told from somebody else's database."""

CHECKPOINT_PAGES = 4_000
"""Pages (16 MiB) of write-ahead log between two checkpoints: each is two fsyncs, and a page written again meanwhile
is copied once."""
STATEMENTS = 512
"""Prepared statements that each connection keeps."""

_LOOKS = 4
"""How often a file is looked at before it is called damaged."""
_LOOK_MS = 5_000
_POLL_MS = 10
_SMALLEST_DATABASE = 512
_opening = threading.Lock()


def open_writer(path: Path, *, synchronous: str, busy_timeout_ms: int) -> sqlite3.Connection:
    """Return the writing connection to the store at an absolute path, making the file and its folder when missing.

    The file is readable and writable for its owner only. A file that is not a store of ours is refused before a byte
    of it is changed. Waits at most `busy_timeout_ms` for others that open the same store.

    Errors: StoreReadOnly, StoreCorrupt, StoreUnavailable, StoreFull, StoreBusy.
    """
    with _opening:  # making the file and connecting to it are one step for the threads of this process
        _make_ready(path)
        try:
            conn = _connect(path, timeout_ms=busy_timeout_ms)
        except sqlite3.Error as error:
            raise translate(error) from error
        try:
            _claim(conn, path)
            _switch_to_wal(conn, path, busy_timeout_ms)
            conn.execute(f"PRAGMA synchronous={synchronous}")
            prepare_writer(conn)
            # The writer polls for the lock itself, in short steps: SQLite's own waiting grows to 100 ms and starves
            # beside a process that writes without a pause.
            conn.execute(f"PRAGMA busy_timeout={min(busy_timeout_ms, _POLL_MS)}")
        except sqlite3.Error as error:
            conn.close()
            raise translate(error) from error
        except BaseException:
            conn.close()
            raise
    return conn


def prepare_writer(conn: sqlite3.Connection) -> None:
    """Set what every writing connection needs: references are checked, and deleted rows are overwritten with zeros."""
    conn.execute("PRAGMA foreign_keys=ON")
    conn.execute("PRAGMA secure_delete=ON")
    conn.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")


def open_reader(path: Path, *, busy_timeout_ms: int) -> sqlite3.Connection:
    """Return a connection to an open store that cannot write."""
    try:
        conn = _connect(path, timeout_ms=busy_timeout_ms)
        conn.execute("PRAGMA query_only=ON")
    except sqlite3.Error as error:
        raise translate(error, reading=True) from error
    return conn


def open_scrubber(path: Path, *, busy_timeout_ms: int) -> sqlite3.Connection:
    """Return a writing connection to an open store, for what no transaction can hold: emptying the log, VACUUM."""
    try:
        conn = _connect(path, timeout_ms=busy_timeout_ms)
        prepare_writer(conn)
    except sqlite3.Error as error:
        raise translate(error) from error
    return conn


def open_memory() -> sqlite3.Connection:
    """Return a connection to a new database that lives only in this connection."""
    conn = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False, cached_statements=STATEMENTS)
    prepare_writer(conn)
    return _with_lower(conn)


def _connect(path: Path, *, timeout_ms: int, options: str = "mode=rw") -> sqlite3.Connection:
    conn = sqlite3.connect(
        f"{path.as_uri()}?{options}",
        uri=True,
        timeout=timeout_ms / 1000,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=STATEMENTS,
    )
    return _with_lower(conn)


def _with_lower(conn: sqlite3.Connection) -> sqlite3.Connection:
    """Give the connection a LOWER that knows every alphabet: SQLite's own knows ASCII only."""
    conn.create_function("lower", 1, _lower, deterministic=True)
    return conn


def _lower(value: Value) -> Value:
    return value.lower() if isinstance(value, str) else value


def _make_ready(path: Path) -> None:
    folder = path.parent
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            pass
        size = path.stat().st_size
    except OSError as error:
        raise translate_os(error, path) from error
    if not path.is_file():
        raise StoreUnavailable(f"{path} is not a file. Nothing was changed; name a file.", path=str(path))
    for place in (path, folder):
        if not os.access(place, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
            raise StoreReadOnly(
                f"The store {path} cannot be written, because {place} is read-only. Nothing was changed; change its"
                " permissions, or name another place.",
                path=str(path),
            )
    if 0 < size < _SMALLEST_DATABASE:  # SQLite takes a file of one byte for an empty one
        raise StoreCorrupt(f"{path} is not a database. It was left as it is; name another file.", path=str(path))
    if size:
        _recognise(path)


def _recognise(path: Path) -> None:
    """Refuse a file that is not a store of ours, without touching it.

    Looks through SQLite, not with `open`: closing a file that another connection of this process has open would drop
    its locks. `immutable` takes no lock and makes no file beside it. The mark is in the file itself, never only in
    its write-ahead log, because it was written before that mode was switched on.
    """
    log = path.with_name(path.name + "-wal")
    mark, tables = _look(path, log)
    unmarked = mark == 0 and (tables > 0 or (log.exists() and log.stat().st_size > 0))
    if unmarked or mark not in (0, APPLICATION_ID):
        raise _foreign(path)


def _look(path: Path, log: Path) -> tuple[int, int]:
    """Return the mark of a file, and how many tables it has when there is none.

    Another process may be writing its log into the file at this very moment, the first page before those that it
    counts. What looks damaged is therefore looked at again: while there is a log under SQLite's own locks, otherwise
    as before, because whoever wrote has ended. A file that is damaged looks so each time.
    """
    for look in range(_LOOKS):
        locked = look > 0 and log.exists()
        try:
            return _marked(path, "mode=ro" if locked else "mode=ro&immutable=1", _LOOK_MS if locked else 0)
        except sqlite3.DatabaseError as error:
            failure = translate(error, reading=True)
            damaged = type(failure)(f"{path}: {failure.message}", path=str(path), **failure.details)
            damaged.__cause__ = error
    raise damaged


def _marked(path: Path, options: str, timeout_ms: int) -> tuple[int, int]:
    conn = _connect(path, timeout_ms=timeout_ms, options=options)
    try:
        mark = conn.execute("PRAGMA application_id").fetchone()[0]
        tables = conn.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] if mark == 0 else 0
    finally:
        conn.close()
    return mark, tables


def _foreign(path: Path) -> StoreError:
    return StoreCorrupt(
        f"{path} is a database of another program. It was left as it is; name another file.", path=str(path)
    )


def _claim(conn: sqlite3.Connection, path: Path) -> None:
    """Mark an empty database as ours; several processes may do so at once."""
    if conn.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID:
        return
    conn.execute("BEGIN IMMEDIATE")
    try:
        mark = conn.execute("PRAGMA application_id").fetchone()[0]
        tables = conn.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if mark == 0 and tables == 0:
            conn.execute(f"PRAGMA application_id={APPLICATION_ID}")
        elif mark != APPLICATION_ID:
            raise _foreign(path)
        conn.execute("COMMIT")
    finally:
        if conn.in_transaction:
            conn.execute("ROLLBACK")


def _switch_to_wal(conn: sqlite3.Connection, path: Path, busy_timeout_ms: int) -> None:
    deadline = monotonic() + busy_timeout_ms / 1000
    while True:
        try:
            mode = conn.execute("PRAGMA journal_mode=WAL").fetchone()[0]
            break
        except sqlite3.OperationalError as error:
            # SQLite does not wait here: two that switch at once are told "busy"
            if primary_code(error) not in BUSY or monotonic() >= deadline:
                raise
            sleep(_POLL_MS / 1000)
    if mode != "wal":
        raise StoreUnavailable(
            f"The folder of {path} does not allow a write-ahead log (SQLite answers {mode!r}). Nothing was changed;"
            " put the store on a local disk.",
            path=str(path),
        )
