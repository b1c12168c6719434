"""Restore: bring back what a copy holds, without taking away what came since."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, BinaryIO, get_args

from ingat.core import clock
from ingat.core.backups import Prefer, RestoreReport
from ingat.core.errors import Conflict, InvalidInput, SessionNotFound, StoreConflict, UserNotFound
from ingat.core.given import check_binary, check_several, shown
from ingat.core.ids import check_id, normalise_user_id
from ingat.core.protection import Protection
from ingat.core.reports import Operation
from ingat.core.roles import Roles
from ingat.core.secret import Secret
from ingat.core.texts import check_text
from ingat.lifecycle.applying import Changing
from ingat.lifecycle.comparing import Comparer
from ingat.lifecycle.copies import UPLOAD, Copies, Copy, Wanted
from ingat.lifecycle.erase import MAX_REASON_BYTES, NOTHING_DONE, erase_rows
from ingat.lifecycle.filing import Filing
from ingat.lifecycle.plan import Plan
from ingat.lifecycle.purged import Purged
from ingat.lifecycle.put import prepare
from ingat.lifecycle.restorepoints import RestorePoints
from ingat.lifecycle.spool import ReadySpool
from ingat.lifecycle.tally import Tally
from ingat.search.entry import Committed
from ingat.store.contract import Store, Tx
from ingat.store.files import Files
from ingat.store.tables import users as table

SCOPE = "restore"
MOST_TRIES = 5


class Restorer:
    """Restores into one store, while others go on writing to it.

    A restore merges. Rows that are absent are added, with their ids and times; rows that are there as they were stay;
    of rows that have another version by now, `prefer` says which stays: `current`, or that of the `backup`. Nothing
    that came since is taken away. A profile that stays is filled in where it has nothing. Nobody is unprotected. Rows
    of a user who was merged go to the other one; an alias that names somebody else by now stays theirs; a message whose
    place is taken comes behind the others; a session whose channel has another active one comes back closed; a value of
    a subject takes its place in the history; rows of people who were purged stay away.

    With `users` (ids or aliases, as the copy or the store has them) and `sessions` only what is theirs is restored: of
    a session its messages, its summaries and its artifacts, and its user's profile when there is none. UserNotFound and
    SessionNotFound when the copy does not hold one of them.

    All of it happens in one transaction, after a restore point of what is replaced, and is undone by the operation that
    the report names. With `dry_run` the report is the same and nothing is kept.
    """

    def __init__(
        self,
        store: Store,
        points: RestorePoints,
        files: Files,
        secret: Secret,
        protection: Protection,
        roles: Roles,
        count_tokens: Callable[[str], int],
        now: clock.Clock,
        committed: Committed,
    ) -> None:
        self._store, self._points, self._files, self._secret = store, points, files, secret
        self._protection, self._roles, self._count = protection, roles, count_tokens
        self._now, self._committed = now, committed

    def restore_point(
        self,
        name: str,
        *,
        users: Sequence[str] = (),
        sessions: Sequence[str] = (),
        prefer: Prefer = "current",
        reason: str = "",
        dry_run: bool = False,
    ) -> RestoreReport:
        """Bring back what a backup or restore point of this store holds.

        Raises BackupNotFound, RestorePointMissing when it is damaged, BackupLocked, what the class names, and what
        `erase_rows` does.
        """
        return self._restore(lambda copies: copies.named(name), users, sessions, prefer, reason, dry_run=dry_run)

    def file(
        self,
        source_file: BinaryIO,
        *,
        users: Sequence[str] = (),
        sessions: Sequence[str] = (),
        prefer: Prefer = "current",
        reason: str = "",
        dry_run: bool = False,
    ) -> RestoreReport:
        """Bring back what a file holds: a backup or restore point of any store, an export, or a backup of klar.

        Its rows are held to the limits of an import. Raises InvalidFile, and as `restore_point`.
        """
        check_binary(source_file)
        return self._restore(lambda copies: copies.given(source_file), users, sessions, prefer, reason, dry_run=dry_run)

    def _restore(
        self,
        opened: Callable[[Copies], Copy],
        users: Sequence[str],
        sessions: Sequence[str],
        prefer: Prefer,
        reason: str,
        *,
        dry_run: bool,
    ) -> RestoreReport:
        if prefer not in get_args(Prefer):
            raise InvalidInput(f"`prefer` is {shown(prefer)}; it must be one of {', '.join(get_args(Prefer))}.")
        check_text(reason, "reason", MAX_REASON_BYTES)
        names = [normalise_user_id(each) for each in check_several(users, "users")]
        ids = [check_id(each, "session id") for each in check_several(sessions, "sessions")]
        wanted, now = Wanted(names, ids, self._resolve), self._now()
        with (
            Copies(self._points, self._count, self._roles.check, now) as copies,
            ReadySpool() as rows,
            Filing(self._files, dry_run=dry_run) as filing,
            Plan() as plan,
        ):
            copy = opened(copies)
            for record in wanted.rows(copy.lines):
                if not filing.take(record):
                    rows.add(prepare(record))
            _refuse_missing(wanted, copy.name)
            compared = _Compared(
                rows, filing.finish(), tuple(copy.notes), self._secret, self._protection, prefer, now, wanted.whole
            )
            operation = self._carry_out(plan, compared, _target(copy, names, ids), reason, dry_run=dry_run)
        return compared.tally.report(copy.name, operation, dry_run=dry_run)

    def _carry_out(
        self, plan: Plan, compared: _Compared, target: str | None, reason: str, *, dry_run: bool
    ) -> Operation | None:
        self._secret.is_there()  # read now: within the transaction nothing is to be read but the store
        if dry_run:
            self._store.read(lambda tx: compared.make(tx, plan))
            return None
        cut = Changing(plan, compared.make, self._files)
        operation = in_spite_of_conflicts(
            lambda: erase_rows(
                self._store,
                self._points,
                self._now,
                kind="restore",
                scope=SCOPE,
                target=target,
                reason=reason,
                cut=cut,
            )
        )
        for user_id in cut.touched:
            self._committed(user_id, [0], ())
        return None if operation.id == NOTHING_DONE else operation

    def _resolve(self, name: str) -> str | None:
        return self._store.read(lambda tx: table.resolve(tx, name))


class _Compared:
    """The rows of a copy, compared anew with the store for each try."""

    def __init__(
        self, rows: ReadySpool, lacking: set[str], notes: tuple[str, ...], secret: Secret, protection: Protection,
        prefer: Prefer, now: int, whole: bool,
    ) -> None:  # fmt: skip
        self._rows, self._lacking, self._notes, self._secret = rows, lacking, notes, secret
        self._protection, self._prefer, self._now, self._whole = protection, prefer, now, whole
        self.tally = Tally()

    def make(self, tx: Tx, plan: Plan) -> None:
        """Put what is to change into the plan, and what there is to tell into the tally."""
        self.tally = Tally(self._notes)
        purged = Purged(tx, self._secret)
        comparer = Comparer(
            tx,
            plan,
            self.tally,
            purged,
            self._protection,
            self._prefer,
            self._now,
            whole=self._whole,
            files=self._lacking,
        )
        for ready in self._rows:
            comparer.take(ready)
        comparer.finish()


def in_spite_of_conflicts(act: Callable[[], Operation]) -> Operation:
    """Do what is tried anew when somebody else took an id or a place at the last moment; Conflict when that goes on."""
    for _ in range(MOST_TRIES - 1):
        try:
            return act()
        except StoreConflict:
            continue
    try:
        return act()
    except StoreConflict as error:
        raise Conflict(
            "A row that is to come back has an id or a place that something else has. Nothing was changed.",
            **error.details,
        ) from error


def _refuse_missing(wanted: Wanted, name: str) -> None:
    users, sessions = wanted.missing()
    if users:
        raise UserNotFound(
            f"There is no user {users[0]!r} in {name}. Nothing was changed.", user_id=users[0], source=name
        )
    if sessions:
        raise SessionNotFound(
            f"There is no session {sessions[0]!r} in {name}. Nothing was changed.", session_id=sessions[0], source=name
        )


def _target(copy: Copy, users: Sequence[str], sessions: Sequence[str]) -> str | None:
    parts: list[Any] = [] if copy.name == UPLOAD else [copy.name]
    parts += [f"user {each}" for each in users] + [f"session {each}" for each in sessions]
    return ", ".join(parts) or None
