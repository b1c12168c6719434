"""Rows of a move: copied table by table in pages, what is there already compared first, and all compared in the end."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple, Protocol, TypeVar

from ingat.core.errors import StoreCorrupt, StoreError
from ingat.store.contract import Row, Store, Tx
from ingat.store.tables import moving
from ingat.store.tables.catalog import SETTING, TABLES, Table, dependents

MOVED = tuple(table for table in TABLES if table != SETTING)
"""The tables that are copied in pages; the settings follow in one piece at the end."""
AGAIN = "What was moved so far stays in the target; the source is unchanged. Run the same move again to go on."

T = TypeVar("T")
Tell = Callable[[int], None]
"""Is told how many rows are done; may raise, which ends the work."""


class Moved(NamedTuple):
    """A table that was moved: its rows, how many of them were not there before, and the SHA-256 of all."""

    rows: int
    copied: int
    sha256: str


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...

    def hexdigest(self) -> str: ...


def copy_rows(tx: Tx, target: Store, source_id: str, tell: Tell) -> dict[str, Moved]:
    """Copy every table of a transaction into the target, each page in a transaction of its own.

    What the target holds of a table is compared with the source first: where it is the same the copy goes on behind
    it, else the table is emptied, with those that refer to it, and copied from its start. Raises what the stores raise.
    """
    moved, done = dict[str, Moved](), 0
    for table in MOVED:
        moved[table.name] = _copy_table(tx, target, source_id, table, _above(done, tell))
        done += moved[table.name].rows
    return moved


def check_rows(target: Store, moved: dict[str, Moved], tell: Tell) -> None:
    """Compare every table of the target with what was read from the source; StoreCorrupt where one differs."""
    done = 0
    for table in MOVED:
        rows, _, sha256 = moved[table.name]
        found = read_target(target, partial(_summed, table, _above(done, tell)))
        if found != (rows, sha256):
            raise StoreCorrupt(
                f"The table {table.name} of the target does not hold what was copied into it: {found[0]:,} rows instead"
                f" of {rows:,}, or others. The source is unchanged. See that nobody else writes to the target, and run"
                " the same move again: it copies this table anew.",
                table=table.name,
                rows=found[0],
                expected=rows,
            )
        done += rows


def finish_target(target: Store, source_id: str, settings: list[Row], log_number: int) -> Moved:
    """Give the target its settings, which takes its mark away; StoreCorrupt when they read back otherwise."""
    digest = hashlib.sha256()
    moved = Moved(_add(digest, settings), len(settings), digest.hexdigest())

    def finish(tx: Tx) -> None:
        moving.finish(tx, source_id, settings, log_number)
        if _summed(SETTING, _nobody, tx) != (moved.rows, moved.sha256):
            raise StoreCorrupt("The settings of the source did not read back as they were written.")

    write_target(target, finish)
    return moved


def write_target(target: Store, fn: Callable[[Tx], bool | None]) -> bool:
    """Write to the target, and return what the function does; errors say how to go on."""
    with _resumable(target):
        return bool(target.write(fn))


def read_target(target: Store, fn: Callable[[Tx], T]) -> T:
    """Read from the target; errors say how to go on."""
    with _resumable(target):
        return target.read(fn)


@contextmanager
def _resumable(target: Store) -> Iterator[None]:
    """Let errors say that they are of the target, and how to go on."""
    try:
        yield
    except StoreError as error:
        raise type(error)(f"The target {target.url}: {error.message} {AGAIN}", **error.details) from error


def _copy_table(tx: Tx, target: Store, source_id: str, table: Table, tell: Tell) -> Moved:
    known = read_target(target, partial(_known, tx, table, tell))
    if known is None:
        tell(0)  # before what was told of is taken out again
        for each in (*dependents(table), table):
            while write_target(target, partial(moving.empty, table=each, source_id=source_id)):
                pass
        known = hashlib.sha256(), None, 0
    digest, after, before = known
    rows = before
    while page := moving.page(tx, table, after):
        write_target(target, partial(moving.insert, table=table, rows=page))
        after = moving.key_of(table, page[-1])
        rows += _add(digest, page)
        tell(rows)
    return Moved(rows, rows - before, digest.hexdigest())


def _known(tx: Tx, table: Table, tell: Tell, view: Tx) -> tuple[_Hash, moving.Key | None, int] | None:
    """Return the sum, the last key and the number of the rows in the target; None when the source begins otherwise."""
    digest, after, rows = hashlib.sha256(), None, 0
    for page in moving.pages(view, table):
        last = moving.key_of(table, page[-1])
        if moving.between(tx, table, after, last, len(page) + 1) != page:
            return None
        after = last
        rows += _add(digest, page)
        tell(rows)
    return digest, after, rows


def _summed(table: Table, tell: Tell, view: Tx) -> tuple[int, str]:
    digest, rows = hashlib.sha256(), 0
    for page in moving.pages(view, table):
        rows += _add(digest, page)
        tell(rows)
    return rows, digest.hexdigest()


def _nobody(rows: int) -> None:
    """Tell nobody."""


def _above(before: int, tell: Tell) -> Tell:
    """Return what tells of the rows of one table, those of the tables before it included."""
    return lambda rows: tell(before + rows)


def _add(digest: _Hash, page: list[Row]) -> int:
    for row in page:
        digest.update(moving.encode(row))
    return len(page)
