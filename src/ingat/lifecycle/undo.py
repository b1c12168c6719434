"""Undo: take back what an operation did; redo: do it again."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple, NoReturn

from msgspec.structs import replace

from ingat.core import clock
from ingat.core.actor import current_actor
from ingat.core.errors import Conflict, OperationNotFound, RestorePointMissing, StoreConflict
from ingat.core.ids import check_id
from ingat.core.logs import LogEntry
from ingat.core.protection import Guard, Protection, check_force
from ingat.core.reports import Operation, OperationKind
from ingat.core.secret import Secret
from ingat.lifecycle.again import cut_of
from ingat.lifecycle.applying import Changing
from ingat.lifecycle.erase import NOTHING_DONE, erase_rows
from ingat.lifecycle.filing import Filing
from ingat.lifecycle.plan import Plan
from ingat.lifecycle.purged import Purged
from ingat.lifecycle.put import prepare
from ingat.lifecycle.putback import Putter, without_purged
from ingat.lifecycle.restore import in_spite_of_conflicts
from ingat.lifecycle.restorepoints import RestorePoints
from ingat.lifecycle.reverting import MOST_NOTES, Notes, Reverter, refuse_protected
from ingat.lifecycle.spool import ReadySpool
from ingat.search.entry import Committed
from ingat.store.contract import Store, Tx
from ingat.store.files import Files
from ingat.store.tables import audit, logs, rows
from ingat.store.tables import operations as table

_log = logging.getLogger("ingat.undo")

LOGS_AT_ONCE = 1_000
"""Log entries that one transaction brings back, in some 30 milliseconds."""


class _Done(NamedTuple):
    """What came of it: the operation that was made for it, if any, the rows that went and came, and the notes."""

    made: Operation | None
    taken_away: dict[str, int]
    put_back: dict[str, int]
    notes: tuple[str, ...]

    def told(self, operation: Operation) -> Operation:
        """Return an operation that tells of it."""
        return replace(operation, taken_away=self.taken_away, put_back=self.put_back, notes=self.notes)


class Undoer:
    """Takes operations back, and does them again."""

    def __init__(
        self,
        store: Store,
        points: RestorePoints,
        files: Files,
        secret: Secret,
        protection: Protection,
        now: clock.Clock,
        committed: Committed,
    ) -> None:
        self._store, self._points, self._files, self._secret = store, points, files, secret
        self._protection, self._now, self._committed = protection, now, committed

    def undo(self, operation_id: str | None = None, *, force: bool = False) -> Operation:
        """Take back what an operation did, and return the operation, marked as undone.

        Its `taken_away` and `put_back` tell which rows went and came.

        Without an id it is the newest one that was not undone, was not done by the retention policy, is not itself an
        undo, and whose restore point retention or a purge has not deleted: one after another goes back step by step.

        What was erased comes back as it was, with its own ids and times, in one transaction; index entries are made
        anew. Only log entries beyond 1,000 come back in further transactions before: when one fails, undo the operation
        again. What has changed meanwhile is respected: rows of a user who was merged go to the other one; of a user who
        is there again the gaps of the profile are filled; a session whose channel has another active one comes back
        closed; a message whose place is taken comes behind the others; a value of a subject takes its place among those
        that came since; a snapshot whose version is taken gets the next one; rows that are there stay, and `notes` name
        those that have changed; rows of people who were purged since stay away. Conflict when the id of a session,
        message, memory, snapshot or artifact has been taken by another one, or when the user is gone.

        Of a restore, what it added goes and what it replaced is as it was, as an operation of kind `undo` with a
        restore point of its own; rows that have changed since stay, and `notes` name them. ProtectedUser unless `force`
        when rows of somebody who is protected would go.

        Raises OperationNotFound; RestorePointMissing; BackupLocked; Conflict when it was undone before. Then nothing
        was changed.
        """
        operation = self._found(operation_id, table.newest_to_undo, "Nothing is left to undo")
        if operation.undone_at is not None:
            _refuse_second(operation)
        if operation.kind == "undo":
            raise Conflict(
                f"The operation undid {operation.reverts}; redo that one to do it again. Nothing was changed.",
                operation_id=operation.id,
                reverts=operation.reverts,
            )
        self._secret.is_there()  # read now: within the transaction nothing is to be read but the store
        if operation.kind == "restore":
            done = self._revert(operation, "undo", operation, operation, force=force)
        else:
            done = self._put_back(operation)
        about = {"category": "cleanup", "store": self._store.url, "operation_id": operation.id}
        _log.info("Undone (%s): operation %s", operation.scope, operation.id, extra={**about, "actor": current_actor()})
        return done.told(self._store.read(lambda tx: table.required(tx, operation.id)))

    def redo(self, operation_id: str | None = None, *, force: bool = False) -> Operation:
        """Do again what was undone, and return the new operation, which can be undone in its turn.

        Without an id it is what was undone last. What was erased is erased again: the same user, session, memory or
        artifact with all that is theirs by now, the same messages, log entries and snapshots as far as they are there;
        everything, unless others came since (then Conflict). What was restored is put back as the undo found it; what
        has changed since stays, and `notes` name it.

        Raises OperationNotFound; Conflict when the operation was not undone, or was done again before; ProtectedUser
        unless `force`; RestorePointMissing; and what `erase_rows` names. Then nothing was changed.
        """
        operation = self._found(operation_id, table.last_undone, "Nothing is left to do again")
        if operation.kind == "undo" or operation.undone_at is None:
            raise Conflict("The operation was not undone. Nothing was changed.", operation_id=operation.id)
        self._refuse_third(operation)
        if operation.kind == "restore":
            return self._restore_again(operation)
        return self._erase_again(operation, force)

    def _found(self, operation_id: str | None, newest: table.Newest, nothing: str) -> Operation:
        if operation_id is not None:
            known = check_id(operation_id, "operation id")
            return self._store.read(lambda tx: table.required(tx, known))
        found = self._store.read(newest)
        if found is None:
            raise OperationNotFound(f"{nothing}; `ingat operations list` shows all operations.")
        return found

    def _refuse_third(self, operation: Operation) -> None:
        again = self._store.read(lambda tx: table.reverting(tx, operation.id, again=True))
        if again is not None:
            raise Conflict(
                f"The operation was done again already, by operation {again.id}. Nothing was changed.",
                operation_id=operation.id,
                again=again.id,
            )

    # -- what was restored -----------------------------------------------------------------------------------------

    def _restore_again(self, operation: Operation) -> Operation:
        undone = self._store.read(lambda tx: table.reverting(tx, operation.id, again=False))
        if undone is None:
            raise Conflict(
                "Undoing the operation changed nothing, so there is nothing to do again.", operation_id=operation.id
            )
        done = self._revert(undone, "restore", operation, undone, force=True)
        if done.made is None:
            raise Conflict(
                f"Everything has changed since, so that nothing is left to do again. {' '.join(done.notes)}",
                operation_id=operation.id,
            )
        return done.told(done.made)

    def _revert(
        self, done: Operation, kind: OperationKind, reverts: Operation, marked: Operation, *, force: bool
    ) -> _Done:
        """Change back what an operation did, as a new one of that kind; mark one as undone. Return what was done.

        When all has changed since there is nothing to record, and nothing was made.
        """
        name, notes = _point_of(done), Notes()
        with Filing(self._files) as filing, Plan() as plan:
            _, lines = self._points.read(name)
            for _, record in lines:
                filing.take(record)
            lacking = filing.finish()

            def make(tx: Tx, plan: Plan) -> None:
                nonlocal notes
                notes = Notes()
                _, lines = self._points.read(name)
                purged = Purged(tx, self._secret)
                Reverter(tx, plan, notes, purged, lacking, self._now(), done.created_at).run(lines)
                if not force:
                    refuse_protected(tx, plan, self._protection)

            def mark(tx: Tx) -> None:
                if not table.mark_undone(tx, marked.id, self._now(), current_actor()):
                    _refuse_second(table.required(tx, marked.id))

            cut = Changing(plan, make, self._files, also=mark)
            made = in_spite_of_conflicts(
                lambda: erase_rows(
                    self._store,
                    self._points,
                    self._now,
                    kind=kind,
                    scope=reverts.scope,
                    target=reverts.target,
                    reason=reverts.reason,
                    cut=cut,
                    reverts=reverts.id,
                )
            )
            if made.id == NOTHING_DONE and kind == "undo":
                self._store.write(mark)
        self._tell(cut.touched)
        if made.id == NOTHING_DONE:
            return _Done(None, {}, {}, notes.lines())
        return _Done(made, dict(cut.taken_away), dict(cut.put), notes.lines())

    # -- what was erased -------------------------------------------------------------------------------------------

    def _put_back(self, operation: Operation) -> _Done:
        name, logged = _point_of(operation), 0
        if operation.counts.get("log"):
            self._store.write(lambda tx: table.begin_undo(tx, operation.id, current_actor()))
        _, lines = self._points.read(name)
        entries: list[LogEntry] = []
        with Filing(self._files) as filing, ReadySpool() as ready:
            for _, record in lines:
                if filing.take(record):
                    continue
                if not isinstance(record, LogEntry):
                    ready.add(prepare(record))
                    continue
                if len(entries) == LOGS_AT_ONCE:
                    logged += self._store.write(partial(self._put_logs, entries=tuple(entries)))
                    entries.clear()
                entries.append(record)
            lacking = filing.finish()
            try:
                putter = self._store.write(lambda tx: self._put_rows(tx, operation, ready, entries, logged))
            except StoreConflict as error:
                raise Conflict(
                    "A row that the operation took away has been added again since, or its id has been taken. Nothing"
                    " was changed.",
                    operation_id=operation.id,
                ) from error
        self._tell(putter.touched)
        if lacking:
            putter.notes.append(f"The copy lacks files of artifacts, which come back without them: {len(lacking)}.")
        more = len(putter.notes) - MOST_NOTES
        notes = (*putter.notes[:MOST_NOTES], *([f"{more} further notes are not listed."] if more > 0 else []))
        return _Done(None, {}, dict(+putter.put), notes)

    def _put_rows(
        self, tx: Tx, operation: Operation, ready: ReadySpool, entries: Sequence[LogEntry], logged: int
    ) -> Putter:
        """Put back the rows and the last log entries; `logged` of these came back before."""
        at = self._now()
        if not table.mark_undone(tx, operation.id, at, current_actor()):
            _refuse_second(table.required(tx, operation.id))
        logged += self._put_logs(tx, entries)
        putter = Putter(tx, Purged(tx, self._secret), at)
        putter.put["log"] += logged
        putter.run(ready)
        audit.append(
            tx,
            at,
            "undo",
            operation.scope,
            people=putter.people,
            target=operation.target,
            counts=+putter.put,
            operation_id=operation.id,
            restore_point=operation.restore_point,
        )
        return putter

    def _put_logs(self, tx: Tx, entries: Sequence[LogEntry]) -> int:
        """Add the entries that are not there, and return how many; one whose number is taken by now gets a new one."""
        some = without_purged(entries, Purged(tx, self._secret)) if entries else []
        put = logs.put_back(tx, some) if some else 0
        if put < len(some):
            put += logs.put_back(tx, [each for each in some if rows.log_seq(tx, each.id) is None], keep_seq=False)
        return put

    def _erase_again(self, operation: Operation, force: bool) -> Operation:
        reason = operation.reason or ("done again" if force else "")
        check_force(force, reason)
        _, lines = self._points.read(_point_of(operation))
        cut = cut_of(self._store, operation, lines, self._files, Guard(self._protection, force))
        done = erase_rows(
            self._store,
            self._points,
            self._now,
            kind=operation.kind,
            scope=operation.scope,
            target=operation.target,
            reason=reason,
            cut=cut,
            reverts=operation.id,
        )
        if done.id == NOTHING_DONE:
            raise Conflict("Nothing of it is there any more. Nothing was changed.", operation_id=operation.id)
        return done

    def _tell(self, users: Iterable[str]) -> None:
        for user_id in users:
            self._committed(user_id, [0], ())


def _point_of(operation: Operation) -> str:
    """Return the restore point of an operation; RestorePointMissing when there is none any more."""
    if operation.restore_point is None:
        raise RestorePointMissing(
            "The operation cannot be undone or done again: its restore point was deleted, because it became too old"
            " (setting backup_retention_days) or all that it held was of a person who was purged. Nothing was changed.",
            operation_id=operation.id,
        )
    return operation.restore_point


def _refuse_second(operation: Operation) -> NoReturn:
    at = operation.undone_at or 0
    when = datetime.fromtimestamp(at / 1_000, UTC)
    raise Conflict(
        f"The operation was undone at {when:%Y-%m-%d %H:%M:%S} UTC by {operation.undone_by}. Nothing was changed.",
        operation_id=operation.id,
        undone_at=at,
        undone_by=operation.undone_by,
    )
