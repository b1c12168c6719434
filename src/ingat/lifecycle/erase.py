"""Erase: the one path by which anything is deleted: a verified restore point first, then the rows, then the record."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain
from typing import cast

from msgspec.structs import replace

from ingat.core import clock
from ingat.core.actor import current_actor
from ingat.core.errors import Conflict, IngatError, InvalidInput, InvalidLimit, RestorePointFailed, StoreError
from ingat.core.given import check_several
from ingat.core.ids import check_id, new_id, normalise_user_id
from ingat.core.limits import check_time
from ingat.core.logs import LogFilters, LogLevel
from ingat.core.protection import Guard, Protection, check_force
from ingat.core.reports import Operation, OperationKind
from ingat.core.texts import check_text
from ingat.lifecycle.alert import watch
from ingat.lifecycle.cut import Cut
from ingat.lifecycle.restorepoints import RestorePoint, RestorePoints, copy_estimate, manifest_of
from ingat.lifecycle.scope_artifacts import ArtifactRows
from ingat.lifecycle.scope_parts import Choice, MemoryRows, MessageRows
from ingat.lifecycle.scope_people import EverythingRows, UserRows
from ingat.lifecycle.scopes import LogRows, SessionRows, SnapshotRows
from ingat.lifecycle.touched import noting
from ingat.services.logs import checked_filters
from ingat.store.contract import Store, Tx, is_undecided
from ingat.store.files import Files
from ingat.store.tables import audit, purging, users
from ingat.store.tables import operations as table
from ingat.store.tables.removal import remove

_log = logging.getLogger("ingat.erase")

MAX_REASON_BYTES = 4_096
MAX_MESSAGE_IDS = 1_000
"""Messages that one call may name."""
MOST_TRIES = 5
_DID: dict[OperationKind, str] = {"erase": "Deleted", "retain": "Deleted", "restore": "Restored", "undo": "Undone"}
NOTHING_DONE = ""
"""The id of an operation that took nothing away: it is not recorded."""


def erase_rows(
    store: Store,
    points: RestorePoints,
    now: clock.Clock,
    *,
    kind: OperationKind,
    scope: str,
    target: str | None,
    reason: str,
    cut: Cut,
    reverts: str | None = None,
    dry_run: bool = False,
) -> Operation:
    """Take rows away, and return the operation that `undo` brings them back by.

    The rows are collected in one reading transaction and written into a restore point, which is read back; then exactly
    these are removed in one transaction that also records the operation, in the audit trail too, and does what else the
    cut wants. When they were changed in between, all of this begins again, a few times at the most; then Conflict.

    Where the cut has a `rest`, a first part is removed so, and the others after it, a part in each transaction, so that
    other writes never wait long. When that fails or the process ends in between, the operation stays recorded: some
    rows are gone, and `undo` brings those back and leaves the others as they are. An undo that begins meanwhile
    ends it.

    With `dry_run`, and when there is nothing to take away, nothing is written, and the operation's id is empty.
    RestorePointFailed, and whatever the cut raises: then nothing was deleted, and no restore point stays.
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
        reverts=reverts,
        dry_run=dry_run,
    )
    if dry_run:
        counts = store.read(lambda tx: _counted(tx, cut))
        return replace(plan, counts=counts, protected_by=cut.protected_by)
    people: set[str] = set()
    for _ in range(MOST_TRIES):
        point, purge = _verified(store, points, plan, cut, people)
        if point is None:
            return plan
        told = cut.told(point.counts)
        operation = replace(plan, id=new_id(), counts=told, restore_point=point.name, created_at=now())
        if _delete(store, points, operation, cut, purge, people):
            _delete_rest(store, operation, cut)
            cut.done()
            about = {"category": "cleanup", "store": store.url, "operation_id": operation.id, "actor": operation.actor}
            did = _DID[kind]
            _log.info("%s (%s): operation %s", did, scope, operation.id, extra={**about, "counts": operation.counts})
            return replace(operation, notes=cut.notes)
    raise Conflict("It was written to again and again while it was to be deleted. Nothing was deleted; try it again.")


def _counted(tx: Tx, cut: Cut) -> dict[str, int]:
    known = cut.count(tx)
    return known if known is not None else dict(Counter(kind for kind, _ in cut.collect(tx)))


def _verified(
    store: Store, points: RestorePoints, plan: Operation, cut: Cut, people: set[str]
) -> tuple[RestorePoint | None, str | None]:
    """Return what `_written` does, read back; written again where a purge has removed the file or written it anew."""
    for tried in range(MOST_TRIES):
        before = store.read(purging.last_begun)
        try:
            point, purge = _written(store, points, plan, cut, people)
            if point is not None:
                points.verify(point)
            break
        except RestorePointFailed:
            if tried == MOST_TRIES - 1 or store.read(purging.last_begun) == before:
                raise
    return point, purge


def _written(
    store: Store, points: RestorePoints, plan: Operation, cut: Cut, people: set[str]
) -> tuple[RestorePoint | None, str | None]:
    """Return the restore point, None when there is nothing to hold, and which purge was the last to begin.

    `people` is told whose rows these are.
    """
    expected_bytes = copy_estimate(store) if plan.scope == "everything" else 0

    def write(tx: Tx) -> RestorePoint | None:
        people.clear()
        lines = noting(cut.collect(tx), people)
        first = next(lines, None)
        if first is None:
            return None
        manifest = manifest_of(
            tx, at=plan.created_at, scope=plan.scope, target=plan.target, reason=plan.reason, actor=plan.actor
        )
        return points.write(chain([first], lines), manifest, expected_bytes=expected_bytes)

    with cut.keeping():
        return store.read(lambda tx: (write(tx), purging.last_begun(tx)))


class _ChangedSince(Exception):
    """The rows are not those that were collected."""


def _delete(
    store: Store, points: RestorePoints, operation: Operation, cut: Cut, purge: str | None, people: set[str]
) -> bool:
    """Delete and record in one transaction; False when the rows have changed. The restore point stays if it is used.

    Nor is it used when another purge than `purge` was the last to begin: it may hold somebody who was purged since.
    """
    name = cast(str, operation.restore_point)

    def work(tx: Tx) -> None:
        if purging.last_begun(tx) != purge:
            raise _ChangedSince("Somebody was purged.")
        doomed = cut.doom(tx, operation.counts)
        # entered first, while the person's aliases are there
        _enter(tx, operation, cut.user_id, people)
        if doomed is None or not remove(tx, doomed):
            raise _ChangedSince("The rows have changed.")
        cut.also(tx)
        table.insert(tx, operation)

    try:
        store.write(work)
    except _ChangedSince:
        _drop(points, name)
        return False
    except StoreError as error:
        # whoever sees a commit fail may not know what was kept: the table does; where it cannot be read, or the commit
        # may come yet, the file stays
        with suppress(StoreError):
            if not is_undecided(error) and store.read(lambda tx: table.get(tx, operation.id)) is None:
                _drop(points, name)
        raise
    except IngatError:
        _drop(points, name)
        raise
    cut.went()
    return True


def _enter(tx: Tx, operation: Operation, user_id: str | None, people: set[str]) -> None:
    """Write an operation into the audit trail, and raise the alarm when too many users go."""
    everybody = operation.kind == "erase" and operation.scope == "everything"
    audit.append(
        tx,
        operation.created_at,
        operation.kind,
        operation.scope,
        user_id=user_id,
        people=people if user_id is None and not everybody else (),
        target=operation.target,
        reason=operation.reason,
        counts=operation.counts,
        operation_id=operation.id,
        restore_point=operation.restore_point,
    )
    if operation.kind == "erase" and operation.scope in ("user", "everything"):
        watch(tx, operation.created_at, operation.counts.get("user", 0))


def _drop(points: RestorePoints, name: str) -> None:
    """Remove a restore point of which nothing was deleted; one that cannot be removed does no harm."""
    with suppress(IngatError, OSError):
        points.delete(name)


def _delete_rest(store: Store, operation: Operation, cut: Cut) -> None:
    def work(tx: Tx) -> bool:
        if table.is_being_undone(tx, operation.id):
            return False
        doomed = cut.rest(tx)
        if doomed is not None:
            remove(tx, doomed)
        return doomed is not None

    try:
        while store.write(work):
            cut.went()
    except StoreError as error:
        said = f"{error.message} A part was deleted before; operation {operation.id} brings it back."
        raise type(error)(said, **error.details, operation_id=operation.id) from error


class Eraser:
    """Deletes, and leaves a way back."""

    def __init__(
        self, store: Store, points: RestorePoints, files: Files, now: clock.Clock, protection: Protection
    ) -> None:
        self._store, self._points, self._files, self._now = store, points, files, now
        self._protection = protection

    def user(self, user_id: str, *, reason: str = "", force: bool = False, dry_run: bool = False) -> Operation:
        """Delete a user, by id or alias, with everything that is theirs, in one transaction.

        That is profile, aliases, sessions, messages, memories, index entries, notes of expiry, snapshots, and artifacts
        with their files. Log entries, access keys and the audit trail stay. When anything of theirs changes while the
        restore point is made, it is made anew. Raises UserNotFound, ProtectedUser unless `force` (which needs a
        reason), and what `erase_rows` names. A dry run says in `protected_by` what would refuse it.
        """
        given = normalise_user_id(user_id)
        known = self._store.read(lambda tx: users.resolve(tx, given)) or given
        rows = UserRows(known, self._files, self._guard(force, reason, dry_run))
        return self._erase("user", known, reason, rows, dry_run=dry_run)

    def messages(
        self,
        session_id: str,
        *,
        message_ids: Sequence[str] = (),
        since: int | None = None,
        until: int | None = None,
        reason: str = "",
        force: bool = False,
        dry_run: bool = False,
    ) -> Operation:
        """Delete the messages of a session that are named, or that were said within a time; one of both is needed.

        `since` (included) to `until` (excluded) are milliseconds UTC; where ids are given too, those that fit both go.
        The session stays, its sums are those of the messages left, and the others keep their `seq`. Memories that were
        learned from a message stay, and still name it. Raises SessionNotFound, MessageNotFound, ProtectedUser unless
        `force` (which needs a reason), and what `erase_rows` names.
        """
        known = check_id(session_id, "session id")
        choice = Choice(
            _message_ids(message_ids) or None,
            check_time(since, "since"),
            check_time(until, "until"),
        )
        if choice == (None, None, None):
            raise InvalidInput(
                "Say which messages: by `message_ids`, or by `since` and `until`. Nothing was deleted; `erase.session`"
                " deletes all of them with their session.",
                session_id=known,
            )
        rows = MessageRows(known, choice, self._guard(force, reason, dry_run))
        return self._erase("messages", known, reason, rows, dry_run=dry_run)

    def memory(
        self, user_id: str, memory_id: str, *, reason: str = "", force: bool = False, dry_run: bool = False
    ) -> Operation:
        """Delete one memory with its index entry.

        The other values of its subject stay as they are: one that it had ended stays ended. Raises UserNotFound,
        MemoryNotFound, ProtectedUser unless `force` (which needs a reason), and what `erase_rows` names.
        """
        given, known = normalise_user_id(user_id), check_id(memory_id, "memory id")
        rows = MemoryRows(given, known, self._guard(force, reason, dry_run))
        return self._erase("memory", known, reason, rows, dry_run=dry_run)

    def artifact(
        self,
        artifact_id: str,
        *,
        user_id: str | None = None,
        reason: str = "",
        force: bool = False,
        dry_run: bool = False,
    ) -> Operation:
        """Delete one artifact with its file; with `user_id` only one of that user's.

        The file stays on the disk while another artifact has the same bytes. Raises ArtifactNotFound, ProtectedUser
        unless `force` (which needs a reason), and what `erase_rows` names.
        """
        known = check_id(artifact_id, "artifact id")
        owner = None if user_id is None else normalise_user_id(user_id)
        rows = ArtifactRows(known, owner, self._guard(force, reason, dry_run), self._files)
        return self._erase("artifact", known, reason, rows, dry_run=dry_run)

    def everything(self, *, reason: str = "", force: bool = False, dry_run: bool = False) -> Operation:
        """Delete every user with everything that is theirs, and the snapshots and artifacts of nobody.

        Log entries, the retention policy, access keys, jobs, operations and the audit trail stay. The restore point is
        a copy of all that goes. `reason` is required; ProtectedUser when anybody is protected, unless `force`.

        They go in several transactions, each of some users who go whole, so that others never wait long. Who is
        written to meanwhile, or comes, stays, and `notes` say so. When one fails, the operation stays recorded, and
        undoing it brings back those who are gone.
        """
        if not check_text(reason, "reason", MAX_REASON_BYTES).strip():
            raise InvalidInput("Deleting everything needs a reason. Nothing was deleted; say why in `reason`.")
        rows = EverythingRows(self._files, self._guard(force, reason, dry_run))
        return self._erase("everything", None, reason, rows, dry_run=dry_run)

    def session(self, session_id: str, *, reason: str = "", force: bool = False, dry_run: bool = False) -> Operation:
        """Delete a session with its messages, its summaries and their index entries, in one transaction.

        Facts and notes that were learned from it stay, and so do its artifacts; they still name it. A user
        `anonymous:…` who has nothing else goes with it. Raises SessionNotFound, ProtectedUser unless `force` (which
        needs a reason), and what `erase_rows` names.
        """
        known = check_id(session_id, "session id")
        rows = SessionRows(known, self._guard(force, reason, dry_run))
        return self._erase("session", known, reason, rows, dry_run=dry_run)

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
        return self._erase("logs", rows.target, reason, rows, dry_run=dry_run)

    def snapshot(
        self, snapshot_id: str, *, user_id: str | None = None, reason: str = "", dry_run: bool = False
    ) -> Operation:
        """Delete one snapshot; with `user_id` only one of that user's. Raises SnapshotNotFound."""
        known = check_id(snapshot_id, "snapshot id")
        rows = SnapshotRows(known, None if user_id is None else normalise_user_id(user_id))
        return self._erase("snapshot", known, reason, rows, dry_run=dry_run)

    def _guard(self, force: bool, reason: str, dry_run: bool) -> Guard:
        """Return what stands before the people to be deleted. Raises InvalidInput when it is forced without reason."""
        check_text(reason, "reason", MAX_REASON_BYTES)
        if not dry_run:
            check_force(force, reason)
        return Guard(self._protection, force, dry_run)

    def _erase(self, scope: str, target: str | None, reason: str, cut: Cut, *, dry_run: bool) -> Operation:
        return erase_rows(
            self._store,
            self._points,
            self._now,
            kind="erase",
            scope=scope,
            target=target,
            reason=reason,
            cut=cut,
            dry_run=dry_run,
        )


def _message_ids(given: Sequence[str]) -> tuple[str, ...]:
    ids = tuple(dict.fromkeys(check_id(each, "message id") for each in check_several(given, "message_ids")))
    if len(ids) > MAX_MESSAGE_IDS:
        raise InvalidLimit(
            f"At most {MAX_MESSAGE_IDS} messages can be named; these are {len(ids)}. Nothing was deleted.",
            maximum=MAX_MESSAGE_IDS,
        )
    return ids
