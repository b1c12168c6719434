"""Move: a whole store into another one, on the same or the other engine, row by row the same.

The source is held by one writing transaction in which nothing is written and which is undone in the end: others may
read it meanwhile, and nobody can change it. The target is marked until its last row is compared, so that nobody takes
half a copy for a store.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from threading import Event
from typing import Literal, NamedTuple

from ingat.core import clock
from ingat.core.errors import InvalidSettings
from ingat.core.reports import MoveReport, TableMoved
from ingat.core.settings import data_directory
from ingat.core.urls import without_password
from ingat.lifecycle.move_files import Followed, check_free, copy_files, size_of
from ingat.lifecycle.move_rows import MOVED, Moved, check_rows, copy_rows, finish_target
from ingat.lifecycle.move_stores import (
    check_apart,
    check_names,
    is_made,
    is_marked,
    make_target,
    mark_target,
    open_source,
    open_target,
    store_id,
)
from ingat.store.contract import Store, Tx
from ingat.store.open import is_there
from ingat.store.tables import moving
from ingat.store.tables.catalog import SETTING, TABLES

Step = Literal["rows", "files", "check"]
Progress = Callable[[Step, int, int], None]
"""Is told what is going on, and how many rows or files of how many are done."""


def move(
    source: str,
    target: str,
    *,
    source_data: str | None = None,
    target_data: str | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
    busy_timeout_ms: int = 5_000,
    now: clock.Clock = clock.now,
) -> MoveReport:
    """Move the store that one URL names into the one that another names, and return what was moved.

    The target is made when it is not there; it must be empty, or the target of the same move that did not come to its
    end, which then goes on. Each page of rows is a transaction of its own. In the end every table is compared with the
    source by number and SHA-256, and only then does the target become a store. The source stays as it is; while this
    runs others can read it and nobody can write to it. Files that belong to the store follow from the data directory
    `source_data` to `target_data`, each by default `<store file>.data`; where both are one they stay. A dry run counts,
    and changes nothing. `progress` may be called on another thread; what it raises ends the move.

    After any error, a kill or Ctrl-C the same call goes on where it ended. Raises InvalidSettings, Conflict (the target
    is not empty, both are one store, the source is of an older version), StoreUnavailable, StoreNewer, StoreBusy,
    StoreFull, StoreReadOnly, StoreCorrupt (what was copied reads back otherwise).
    """
    check_names(source, target)
    with closing(open_source(source, busy_timeout_ms)) as origin:
        folders = _folders(data_directory(source, source_data), data_directory(target, target_data))
        url, begun = _checked(origin, target, folders, busy_timeout_ms)
        if dry_run:
            return _counted(origin, url, folders, resumed=begun)
        with closing(make_target(target, busy_timeout_ms, now, origin.read(store_id))) as copy:
            return _Move(origin, copy, folders, progress or _nobody, resumed=begun).run()


class _Folders(NamedTuple):
    """The data directories of both stores, and what is to follow from one to the other: nothing where both are one."""

    source: Path
    target: Path
    found: Followed


def _folders(source: Path | None, target: Path | None) -> _Folders:
    if source is None or target is None:
        raise InvalidSettings("A store without a data directory cannot be moved. Nothing was changed; name one.")
    source, target = source.resolve(), target.resolve()
    return _Folders(source, target, Followed(0, 0) if source == target else size_of(source))


class _Done(Exception):
    """Ends the transaction on the source without keeping anything of it."""

    def __init__(self, report: MoveReport) -> None:
        super().__init__()
        self.report = report


class _Stopped(Exception):
    """Ends the work on another thread after Ctrl-C."""


class _Move:
    """One move between two open stores."""

    def __init__(self, source: Store, target: Store, folders: _Folders, progress: Progress, *, resumed: bool) -> None:
        self._source, self._target, self._folders, self._progress = source, target, folders, progress
        self._resumed = resumed
        self._source_id = check_apart(source, target)
        self._stopping = Event()
        self._held: Tx | None = None
        self._finished: MoveReport | None = None

    def run(self) -> MoveReport:
        """Move everything and return the report."""
        try:
            self._source.write(self._all, alone=True)
        except _Done as done:
            return done.report
        except BaseException:
            self._stopping.set()
            self._source.close()  # waits for what still runs on another thread
            raise
        raise AssertionError("a move ends with its report")

    def _all(self, tx: Tx) -> None:
        """Copy, compare and finish, while nobody can write to the source; may be run again from its start."""
        if self._finished is not None:  # the target is a store by now, whatever became of this transaction
            raise _Done(self._finished)
        self._held, log_number = tx, moving.last_log_number(tx)
        mark_target(self._target, self._source_id)
        total = sum(moving.count(tx, table) for table in MOVED)
        self._tell("rows", 0, total)
        moved = copy_rows(tx, self._target, self._source_id, lambda rows: self._tell("rows", rows, total))
        followed = self._follow()
        self._tell("check", 0, total)
        check_rows(self._target, moved, lambda rows: self._tell("check", rows, total))
        settings = [row for page in moving.pages(tx, SETTING) for row in page]
        finished = finish_target(self._target, self._source_id, settings, log_number)
        self._finished = self._report({SETTING.name: finished, **moved}, followed)
        raise _Done(self._finished)

    def _follow(self) -> Followed:
        folders, total = self._folders, self._folders.found.files
        if folders.source == folders.target:
            return Followed(0, 0)
        self._tell("files", 0, total)
        return copy_files(folders.source, folders.target, lambda files: self._tell("files", files, total))

    def _tell(self, step: Step, done: int, total: int) -> None:
        if self._stopping.is_set():
            raise _Stopped
        if self._held is not None:
            moving.touch(self._held)
        self._progress(step, done, max(total, done))

    def _report(self, moved: dict[str, Moved], followed: Followed) -> MoveReport:
        return MoveReport(
            source=self._source.url,
            target=self._target.url,
            tables=tuple(TableMoved(name=name, rows=each.rows, sha256=each.sha256) for name, each in moved.items()),
            rows=sum(each.rows for each in moved.values()),
            rows_copied=sum(each.copied for each in moved.values()),
            data_source=str(self._folders.source),
            data=str(self._folders.target),
            files=followed.files,
            size_bytes=followed.size_bytes,
            resumed=self._resumed,
        )


def _checked(origin: Store, target: str, folders: _Folders, busy_timeout_ms: int) -> tuple[str, bool]:
    """Raise what a move would be refused with, before anything is made.

    Return the target's URL without a password, and whether it is the unfinished target of this move.
    """
    url, begun = without_password(target), False
    origin.read(partial(_check_artifacts, folders=folders))
    if is_there(target):
        with closing(open_target(target, busy_timeout_ms)) as copy:
            url = copy.url
            if is_made(copy):
                begun = copy.read(partial(is_marked, target=copy, source_id=check_apart(origin, copy)))
    if not begun:
        _check_free(folders)
    return url, begun


def _counted(origin: Store, url: str, folders: _Folders, *, resumed: bool) -> MoveReport:
    """Return what a move would do."""
    tables = origin.read(
        lambda tx: tuple(TableMoved(name=table.name, rows=moving.count(tx, table)) for table in TABLES)
    )
    return MoveReport(
        source=origin.url,
        target=url,
        tables=tables,
        rows=sum(each.rows for each in tables),
        data_source=str(folders.source),
        data=str(folders.target),
        files=folders.found.files,
        size_bytes=folders.found.size_bytes,
        resumed=resumed,
        dry_run=True,
    )


def _check_free(folders: _Folders) -> None:
    if folders.source != folders.target:
        check_free(folders.source, folders.target)


def _check_artifacts(tx: Tx, folders: _Folders) -> None:
    if folders.source != folders.target and not folders.found.artifacts and moving.has_artifacts(tx):
        raise InvalidSettings(
            f"The store has artifacts, and none of their files is in its data directory ({folders.source}). Nothing was"
            " changed; name that folder: `source_data` in Python, --data-from on the command line.",
            folder=str(folders.source),
        )


def _nobody(step: Step, done: int, total: int) -> None:
    """Tell nobody."""
