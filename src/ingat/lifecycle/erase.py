"""Erase: the one path by which anything is deleted: a verified restore point first, then the rows, then the record."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from itertools import chain
from typing import Literal, cast

from msgspec.structs import replace

from ingat.core import clock
from ingat.core.actor import current_actor
from ingat.core.errors import Conflict, IngatError, InvalidInput, StoreError
from ingat.core.ids import check_id, new_id, normalise_user_id
from ingat.core.logs import LogFilters, LogLevel
from ingat.core.reports import Operation
from ingat.core.texts import check_text
from ingat.lifecycle.restorepoints import Line, Manifest, RestorePoint, RestorePoints
from ingat.lifecycle.scopes import LogRows, SessionRows, SnapshotRows
from ingat.services.logs import checked_filters
from ingat.store.contract import Store, Tx
from ingat.store.tables import operations as table

Collect = Callable[[Tx], Iterable[Line]]
"""Returns, within one reading transaction, the rows to take away, one by one."""
Delete = Callable[[Tx, Mapping[str, int]], bool]
"""Removes exactly the rows that were collected, given how many there are of each kind; False when they have changed."""
Rest = Callable[[Tx], bool]
"""Removes a further part of the rows that were collected, and returns whether there are more."""

_log = logging.getLogger("ingat.erase")

MAX_REASON_BYTES = 4_096
MOST_TRIES = 5
NOTHING_DONE = ""
"""The id of an operation that took nothing away: it is not recorded."""


def erase_rows(
    store: Store,
    points: RestorePoints,
    now: clock.Clock,
    *,
    kind: Literal["erase", "retain"],
    scope: str,
    target: str | None,
    reason: str,
    collect: Collect,
    delete: Delete,
    rest: Rest | None = None,
    dry_run: bool = False,
) -> Operation:
    """Take rows away, and return the operation that `undo` brings them back by.

    The rows are collected in one reading transaction and written into a restore point, which is read back; then
    `delete` removes them in one transaction that also records the operation. When they were changed in between, all of
    this begins again, a few times at the most; then Conflict.

    Where `rest` is given, `delete` removes only a first part, and `rest` the others, a part in each transaction, so
    that other writes never wait long. When it fails or the process ends in between, the operation stays recorded: some
    rows are gone, and `undo` brings those back and leaves the others as they are. An undo that begins meanwhile
    ends it.

    With `dry_run`, and when there is nothing to take away, nothing is written, and the operation's id is empty.
    RestorePointFailed, and whatever `collect` and `delete` raise: then nothing was deleted, and no restore point stays.
    """
    check_text(reason, "reason", MAX_REASON_BYTES)
    plan = Operation(
        id=NOTHING_DONE,
        kind=kind,
        scope=scope,
        target=target,
        actor=current_actor(),
        reason=reason,
        counts={},
        restore_point=None,
        created_at=now(),
        dry_run=dry_run,
    )
    if dry_run:
        return replace(plan, counts=store.read(lambda tx: dict(Counter(kind for kind, _ in collect(tx)))))
    for _ in range(MOST_TRIES):
        point = store.read(lambda tx: _written(tx, points, plan, collect))
        if point is None:
            return plan
        points.verify(point)
        operation = replace(plan, id=new_id(), counts=point.counts, restore_point=point.name, created_at=now())
        if _delete(store, points, operation, delete):
            if rest is not None:
                _delete_rest(store, operation, rest)
            about = {"category": "cleanup", "store": store.url, "operation_id": operation.id, "actor": operation.actor}
            _log.info("Deleted (%s): operation %s", scope, operation.id, extra={**about, "counts": operation.counts})
            return operation
    raise Conflict("It was written to again and again while it was to be deleted. Nothing was deleted; try it again.")


def _written(tx: Tx, points: RestorePoints, plan: Operation, collect: Collect) -> RestorePoint | None:
    lines = iter(collect(tx))
    first = next(lines, None)
    if first is None:
        return None
    row = tx.one("SELECT MAX(number) FROM schema_migration")
    manifest = Manifest(
        schema=cast("tuple[int]", row)[0],
        created_at=plan.created_at,
        reason=plan.reason,
        actor=plan.actor,
        scope=plan.scope,
        target=plan.target,
    )
    return points.write(chain([first], lines), manifest)


class _ChangedSince(Exception):
    """The rows are not those that were collected."""


def _delete(store: Store, points: RestorePoints, operation: Operation, delete: Delete) -> bool:
    """Delete and record in one transaction; False when the rows have changed. The restore point stays if it is used."""
    name = cast(str, operation.restore_point)

    def work(tx: Tx) -> None:
        if not delete(tx, operation.counts):
            raise _ChangedSince("The rows have changed.")
        table.insert(tx, operation)

    try:
        store.write(work)
    except _ChangedSince:
        _drop(points, name)
        return False
    except StoreError:
        # whoever sees a commit fail may not know what was kept: the table does; where it cannot be read, the file stays
        with suppress(StoreError):
            if store.read(lambda tx: table.get(tx, operation.id)) is None:
                _drop(points, name)
        raise
    except IngatError:
        _drop(points, name)
        raise
    return True


def _drop(points: RestorePoints, name: str) -> None:
    """Remove a restore point of which nothing was deleted; one that cannot be removed does no harm."""
    with suppress(IngatError, OSError):
        points.delete(name)


def _delete_rest(store: Store, operation: Operation, rest: Rest) -> None:
    def work(tx: Tx) -> bool:
        return not table.is_being_undone(tx, operation.id) and rest(tx)

    try:
        while store.write(work):
            pass
    except StoreError as error:
        said = f"{error.message} A part was deleted before; operation {operation.id} brings it back."
        raise type(error)(said, **error.details, operation_id=operation.id) from error


class Eraser:
    """Deletes, and leaves a way back."""

    def __init__(self, store: Store, points: RestorePoints, now: clock.Clock) -> None:
        self._store, self._points, self._now = store, points, now

    def session(self, session_id: str, *, reason: str = "", force: bool = False, dry_run: bool = False) -> Operation:
        """Delete a session with its messages, its summaries and their index entries, in one transaction.

        Facts and notes that were learned from it stay, and still name it. A user `anonymous:…` who has nothing else
        goes with it. Raises SessionNotFound, ProtectedUser unless `force`, and what `erase_rows` names.
        """
        known = check_id(session_id, "session id")
        rows = SessionRows(known, force=force)
        return self._erase("session", known, reason, rows.collect, rows.delete, dry_run=dry_run)

    def logs(
        self,
        *,
        level: LogLevel | None = None,
        min_level: LogLevel | None = None,
        category: str | None = None,
        source: str | None = None,
        since: int | None = None,
        until: int | None = None,
        search: str | None = None,
        user_id: str | None = None,
        session_id: str | None = None,
        reason: str = "",
        dry_run: bool = False,
    ) -> Operation:
        """Delete the log entries that fit every filter; without filters, all of them.

        Entries that come while this runs stay. Many are deleted in several transactions; when one fails, the operation
        stays recorded, and undoing it brings back those that are gone.
        """
        if search == "":
            # in a listing an empty text finds everything, and a field left blank must not delete everything
            raise InvalidInput("The search is empty. Nothing was deleted; leave it out to delete without it.")
        filters = LogFilters(
            level=level,
            min_level=min_level,
            category=category,
            source=source,
            since=since,
            until=until,
            search=search,
            user_id=user_id,
            session_id=session_id,
        )
        rows = LogRows(checked_filters(filters))
        return self._erase("logs", rows.target, reason, rows.collect, rows.delete, rows.rest, dry_run=dry_run)

    def snapshot(
        self, snapshot_id: str, *, user_id: str | None = None, reason: str = "", dry_run: bool = False
    ) -> Operation:
        """Delete one snapshot; with `user_id` only one of that user's. Raises SnapshotNotFound."""
        known = check_id(snapshot_id, "snapshot id")
        rows = SnapshotRows(known, None if user_id is None else normalise_user_id(user_id))
        return self._erase("snapshot", known, reason, rows.collect, rows.delete, dry_run=dry_run)

    def _erase(
        self,
        scope: str,
        target: str | None,
        reason: str,
        collect: Collect,
        delete: Delete,
        rest: Rest | None = None,
        *,
        dry_run: bool,
    ) -> Operation:
        return erase_rows(
            self._store,
            self._points,
            self._now,
            kind="erase",
            scope=scope,
            target=target,
            reason=reason,
            collect=collect,
            delete=delete,
            rest=rest,
            dry_run=dry_run,
        )
