"""Undo: bring back what an operation took away."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NoReturn

from msgspec.structs import replace

from ingat.core import clock
from ingat.core.actor import current_actor
from ingat.core.errors import Conflict, StoreConflict
from ingat.core.ids import check_id
from ingat.core.logs import LogEntry
from ingat.core.records import MemoryItem, Message, User
from ingat.core.reports import Operation
from ingat.core.snapshots import Snapshot
from ingat.lifecycle.lines import Record, StoredSession
from ingat.lifecycle.put import Ready, Written, prepare, put
from ingat.lifecycle.restorepoints import RestorePoints
from ingat.lifecycle.settling import settle
from ingat.search.entry import Committed
from ingat.store.contract import Store, Tx
from ingat.store.tables import logs, rows, sessions, snapshots, users
from ingat.store.tables import operations as table

_log = logging.getLogger("ingat.undo")

LOGS_AT_ONCE = 1_000
"""Log entries that one transaction brings back, in some 30 milliseconds."""


def undo(store: Store, points: RestorePoints, now: clock.Clock, committed: Committed, operation_id: str) -> Operation:
    """Bring back what an operation took away, and return the operation, marked as undone.

    Everything comes back as it was, with its own ids and times, in one transaction; index entries are made anew, and
    `committed` is told of those that lack vectors. Only log entries beyond 1,000 come back in further transactions
    before: when one fails, undo the operation again. What has changed meanwhile is respected: rows of a user who was
    merged go to the other one; a session whose channel has another active one comes back closed; a value of a subject
    takes its place among those that came since; a snapshot whose version is taken gets the next one; log entries that
    are there stay as they are.

    Raises OperationNotFound; RestorePointMissing; Conflict when it was undone before, when the id of a session,
    message, memory or snapshot has been taken, or when the user is gone. Then nothing was changed.
    """
    known = check_id(operation_id, "operation id")
    operation = store.read(lambda tx: table.required(tx, known))
    if operation.undone_at is not None:
        _refuse_second(operation)
    _, lines = points.read(operation.restore_point or "")
    if operation.counts.get("log"):
        store.write(lambda tx: table.begin_undo(tx, known, current_actor()))
    entries: list[LogEntry] = []
    ready: list[Ready] = []
    for _, record in lines:
        if not isinstance(record, LogEntry):
            ready.append(prepare(record))
            continue
        if len(entries) == LOGS_AT_ONCE:
            store.write(lambda tx, some=tuple(entries): _put_logs(tx, some))  # type: ignore[misc]
            entries.clear()
        entries.append(record)

    def work(tx: Tx) -> list[Written]:
        at = now()
        if not table.mark_undone(tx, known, at, current_actor()):
            _refuse_second(table.required(tx, known))
        _put_logs(tx, entries)
        fitted = _fitted(tx, ready, at)
        # a value of a subject may have been followed by others since: it takes its place among them
        values = [each for each in fitted if isinstance(each.record, MemoryItem)]
        written = put(tx, [each for each in fitted if not isinstance(each.record, MemoryItem)])
        return written + settle(tx, values, {}, at)

    try:
        written = store.write(work)
    except StoreConflict as error:
        raise Conflict(
            "A row that the operation took away has been added again since, or its id has been taken. Nothing was"
            " changed.",
            operation_id=known,
        ) from error
    for each in written:
        committed(each.user_id, each.positions, each.texts)
    about = {"category": "cleanup", "store": store.url, "operation_id": known, "actor": current_actor()}
    _log.info("Undone (%s): operation %s", operation.scope, known, extra=about)
    return store.read(lambda tx: table.required(tx, known))


def _refuse_second(operation: Operation) -> NoReturn:
    at = operation.undone_at or 0
    when = datetime.fromtimestamp(at / 1_000, UTC)
    raise Conflict(
        f"The operation was undone at {when:%Y-%m-%d %H:%M:%S} UTC by {operation.undone_by}. Nothing was changed.",
        operation_id=operation.id,
        undone_at=at,
        undone_by=operation.undone_by,
    )


def _put_logs(tx: Tx, entries: Sequence[LogEntry]) -> None:
    """Add the entries that are not there; one whose number an import has taken since gets a new one."""
    if not entries or logs.put_back(tx, entries) == len(entries):
        return
    logs.put_back(tx, [each for each in entries if rows.log_seq(tx, each.id) is None], keep_seq=False)


def _fitted(tx: Tx, ready: Sequence[Ready], now: int) -> list[Ready]:
    """Return the rows as they fit into the store by now."""
    owners: dict[str, str] = {}
    for each in ready:
        if isinstance(each.record, User):
            owners[each.record.user_id] = each.record.user_id
    fitted = []
    for each in ready:
        record = _fit(tx, each.record, owners, now)
        if record is not None:
            fitted.append(each._replace(record=record))
    return fitted


def _fit(tx: Tx, record: Record, owners: dict[str, str], now: int) -> Record | None:
    if isinstance(record, User):
        resolved = users.resolve(tx, record.user_id)
        owners[record.user_id] = resolved or record.user_id
        return None if resolved else record
    if isinstance(record, StoredSession):
        return _fit_session(tx, record, _owner(tx, record.user_id, owners), now)
    if isinstance(record, Message):
        return _owned_message(record, _owner(tx, record.user_id, owners))
    if isinstance(record, MemoryItem):
        owner = _owner(tx, record.user_id, owners)
        return record if owner == record.user_id else replace(record, user_id=owner)
    if isinstance(record, Snapshot):
        return _fit_snapshot(tx, record)
    return record


def _owner(tx: Tx, user_id: str, owners: dict[str, str]) -> str:
    """Return who the user is by now, or raise Conflict when nobody is."""
    known = owners.get(user_id)
    if known is None:
        known = users.resolve(tx, user_id)
        if known is None:
            raise Conflict(
                f"User {user_id!r} is not there any more. Nothing was changed; bring the user back first.",
                user_id=user_id,
            )
        owners[user_id] = known
    return known


def _owned_message(message: Message, owner: str) -> Message:
    return message if owner == message.user_id else replace(message, user_id=owner)


def _fit_session(tx: Tx, session: StoredSession, owner: str, now: int) -> StoredSession:
    if sessions.owner(tx, session.id) is not None:
        raise Conflict(
            f"There is another session {session.id!r} by now. Nothing was changed; erase that one first.",
            session_id=session.id,
        )
    fitted = session if owner == session.user_id else replace(session, user_id=owner)
    if session.state == "active" and session.channel and sessions.active_in_channel(tx, owner, session.channel):
        return replace(fitted, state="closed", closed_at=now, updated_at=max(now, session.updated_at))
    return fitted


def _fit_snapshot(tx: Tx, snapshot: Snapshot) -> Snapshot:
    if snapshots.head(tx, snapshot.id) is not None:
        raise Conflict(
            f"There is another snapshot {snapshot.id!r} by now. Nothing was changed; erase that one first.",
            snapshot_id=snapshot.id,
        )
    owner = None if snapshot.user_id is None else users.resolve(tx, snapshot.user_id) or snapshot.user_id
    version = snapshots.free_version(tx, owner, snapshot.name, snapshot.version)
    return replace(snapshot, user_id=owner, version=version)
