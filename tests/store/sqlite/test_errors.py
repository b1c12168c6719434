from __future__ import annotations

import errno
import sqlite3
from pathlib import Path

import pytest

from ingat.core.errors import (
    StoreBusy,
    StoreConflict,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreReadOnly,
    StoreUnavailable,
)
from ingat.store.sqlite.errors import shared, translate, translate_os


def driver_error(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("as SQLite says it")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (sqlite3.SQLITE_FULL, StoreFull),
        (sqlite3.SQLITE_IOERR_SHMSIZE, StoreFull),
        (sqlite3.SQLITE_BUSY, StoreBusy),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, StoreBusy),
        (sqlite3.SQLITE_LOCKED, StoreBusy),
        (sqlite3.SQLITE_PROTOCOL, StoreBusy),
        (sqlite3.SQLITE_CONSTRAINT_UNIQUE, StoreConflict),
        (sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY, StoreConflict),
        (sqlite3.SQLITE_READONLY, StoreReadOnly),
        (sqlite3.SQLITE_READONLY_DBMOVED, StoreReadOnly),
        (sqlite3.SQLITE_PERM, StoreReadOnly),
        (sqlite3.SQLITE_CANTOPEN, StoreUnavailable),
        (sqlite3.SQLITE_NOTADB, StoreCorrupt),
        (sqlite3.SQLITE_CORRUPT, StoreCorrupt),
        (sqlite3.SQLITE_CORRUPT_INDEX, StoreCorrupt),
        (sqlite3.SQLITE_IOERR_READ, StoreError),
        (sqlite3.SQLITE_ERROR, StoreError),
        (sqlite3.SQLITE_TOOBIG, StoreError),
    ],
)
def test_each_code_has_its_error(code: int, expected: type[StoreError]) -> None:
    error = translate(driver_error(code))
    assert type(error) is expected
    assert error.details["driver"] == "as SQLite says it"


def test_an_error_without_a_code_is_a_store_error() -> None:
    assert type(translate(sqlite3.ProgrammingError("wrong number of bindings"))) is StoreError


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.EACCES, StoreReadOnly),
        (errno.EROFS, StoreReadOnly),
        (errno.ENOSPC, StoreFull),
        (errno.EDQUOT, StoreFull),
        (errno.ENOTDIR, StoreUnavailable),
        (errno.ENAMETOOLONG, StoreUnavailable),
    ],
)
def test_each_answer_of_the_operating_system_has_its_error(number: int, expected: type[StoreError]) -> None:
    assert type(translate_os(OSError(number, "said so"), Path("store.db"))) is expected


def test_a_neighbours_conflict_is_not_told_as_ones_own() -> None:
    assert type(shared(StoreConflict("theirs"))) is StoreError
    assert type(shared(StoreFull("for all"))) is StoreFull
