"""Backups: copies of the whole store, and what can be done with every copy there is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from msgspec.structs import replace

from ingat.core import clock
from ingat.core.actor import current_actor
from ingat.core.backups import Backup, BackupDifference, BackupPass, MirrorReport, Prefer, PruneReport, RestoreReport
from ingat.core.errors import (
    BackupLocked,
    BackupNotFound,
    Conflict,
    IngatError,
    InvalidSettings,
    RestorePointFailed,
    RestorePointMissing,
    StoreError,
)
from ingat.core.limits import check_limit
from ingat.core.records import Page
from ingat.core.reports import Failure
from ingat.core.texts import check_text
from ingat.lifecycle.copied import SAME_AT
from ingat.lifecycle.copyfile import WHOLE, Line
from ingat.lifecycle.copyfolder import ENCRYPTED
from ingat.lifecycle.difference import difference
from ingat.lifecycle.keeping import own, thin
from ingat.lifecycle.outgoing import outgoing
from ingat.lifecycle.restore import Restorer
from ingat.lifecycle.restorepoints import (
    LOCAL,
    Glimpse,
    RestorePoint,
    RestorePointFile,
    RestorePoints,
    copy_estimate,
    manifest_of,
)
from ingat.store.contract import Store, Tx, is_undecided
from ingat.store.files import Files
from ingat.store.tables import (
    audit,
    logs,
    memories,
    messages,
    operations,
    purging,
    retention,
    settings,
    snapshots,
    users,
)
from ingat.store.tables.paging import decode_cursor, encode_cursor, listing

MAX_REASON_BYTES = 4_096
MOST_TRIES = 5
LATEST = "latest"
"""What names the newest backup of the store."""
NEWEST_FIRST = listing("backups", "name", True)


class Backups:
    """The backups and restore points of one store."""

    def __init__(self, store: Store, points: RestorePoints, restorer: Restorer, files: Files, now: clock.Clock) -> None:
        self._store, self._points, self._restorer, self._files, self._now = store, points, restorer, files, now

    @property
    def trouble(self) -> str | None:
        """Why the second place could not be read or written when it was last tried in vain; None: it never was."""
        return self._points.trouble

    def create(self, *, reason: str = "") -> Backup:
        """Copy the whole store as of one moment, while writes go on, and return the copy, read back and checked.

        Users, sessions, messages, memories, snapshots, artifacts with their files, log entries and retention policies;
        not access keys, operations, the audit trail and the index, which is made anew. A few rows are held at a time.
        RestorePointFailed when there is no room, or it cannot be written, or does not hold what the store did: then no
        file stays. When a purge begins meanwhile, the store is copied again, as the copy may hold who is purged.
        """
        check_text(reason, "reason", MAX_REASON_BYTES)
        return self.show(self._made(reason))

    def _made(self, reason: str, unless: Backup | None = None) -> str:
        """Make a copy, and return its name; that of `unless` when this one holds the same, and no copy then."""
        for _ in range(MOST_TRIES):
            made = self._copied(reason, unless)
            if made is not None:
                return made
        raise Conflict("People were purged again and again while the store was copied. No copy stays; try it again.")

    def list(self, *, limit: int = 50, cursor: str | None = None) -> Page[Backup]:
        """Return one page of backups and restore points, newest first; `page.next` is the cursor of the next page.

        Only those of this store, and those that are too damaged to say whose they are; without reading their rows: see
        `verify`. Of one that an earlier version wrote, numbers and checksum are not known.
        """
        most = check_limit(limit, "limit")
        after = decode_cursor(cursor, NEWEST_FIRST)
        found: list[RestorePointFile] = []
        for file in own(
            self._store, self._points, newest_first=True, before=after.id if after else None, doubtful=True
        ):
            if len(found) == most:
                return Page(items=tuple(map(self._seen, found)), next=_cursor_behind(found[-1]))
            found.append(file)
        return Page(items=tuple(map(self._seen, found)), next=None)

    def show(self, name: str) -> Backup:
        """Return one, here as in all that takes a name `latest` for the newest backup; BackupNotFound."""
        return self._seen(self._file(name))

    def verify(self, name: str) -> Backup:
        """Read one from end to end, in each place where it is; what is wrong is its `problem`. BackupNotFound."""
        file = self._file(name)
        try:
            manifest, seal = self._points.check(file.name)
        except (RestorePointMissing, BackupLocked) as error:
            return replace(self._seen(file), problem=error.message, locked=error.details.get("locked"))
        return self._backup(file, Glimpse(manifest=manifest, seal=seal))

    def diff(self, name: str) -> BackupDifference:
        """Compare one with what the store holds now; BackupNotFound, RestorePointMissing when it is damaged."""
        known = self._file(name).name
        manifest, lines = self._points.read(known)
        return self._store.read(lambda tx: difference(tx, known, manifest, lines, self._files))

    def restore(
        self,
        name: str,
        *,
        users: Sequence[str] = (),
        sessions: Sequence[str] = (),
        prefer: Prefer = "current",
        reason: str = "",
        dry_run: bool = False,
    ) -> RestoreReport:
        """Bring back what a copy holds, or these users or sessions of it. See lifecycle.restore."""
        known = self._latest().name if name == LATEST else name
        return self._restorer.restore_point(
            known, users=users, sessions=sessions, prefer=prefer, reason=reason, dry_run=dry_run
        )

    def prune(self, *, dry_run: bool = False) -> PruneReport:
        """Delete copies older than the policy keeps them, never the newest, nor the last that holds an erased user.

        From every place. See lifecycle.keeping for the rule.
        """
        policy = self._store.read(retention.current)
        return thin(self._store, self._points, self._now(), policy, dry_run=dry_run)

    def mirror(self) -> MirrorReport:
        """Bring every copy to the second place that the settings name; InvalidSettings when none is named.

        Those that are there with their size stay. What cannot be copied is in `failed`; `removed` are files that a
        process which died left unfinished there.
        """
        mirror = self._points.mirror
        if mirror is None:
            raise InvalidSettings(
                "No second place is named. Nothing was copied; set backup_mirror to a folder or a URL.",
                setting="backup_mirror",
            )
        copied, failed, there = [], [], 0
        try:
            known = mirror.names()
        except OSError as error:
            return MirrorReport(place=mirror.shown, copied=(), there=0, failed=(_failure(mirror.shown, error),))
        removed: tuple[str, ...] = ()
        for file in list(own(self._store, self._points)):
            if LOCAL not in file.places or known.get(file.name) == file.size_bytes:
                there += 1
                continue
            try:
                self._points.bring_out(file.name)
                copied.append(file.name)
            except (OSError, RestorePointMissing) as error:
                failed.append(_failure(file.name, error))
        try:
            removed = self._points.clean(self._now())
        except OSError as error:
            failed.append(_failure(mirror.shown, error))
        return MirrorReport(
            place=mirror.shown, copied=tuple(copied), there=there, removed=removed, failed=tuple(failed)
        )

    # -- inside --------------------------------------------------------------------------------------------------------

    def _newest(self) -> Backup | None:
        """Return the newest backup that is here, if it can be read."""
        for file in own(self._store, self._points, newest_first=True):
            seen = self._seen(file)
            if seen.kind == "backup" and LOCAL in file.places:
                return seen if seen.problem is None else None
        return None

    def _holds_the_same(self, known: Backup, point: RestorePoint) -> bool:
        locked = point.name.endswith(ENCRYPTED)
        return (
            known.encrypted == locked
            and known.counts == point.counts
            and self._points.hold_the_same(known.name, point.name)
        )

    def _copied(self, reason: str, unless: Backup | None) -> str | None:
        """Copy the store, and return the name of the copy; None, and no copy, when a purge began meanwhile."""
        at, expected_bytes = self._now(), copy_estimate(self._store)
        purge = self._store.read(purging.last_begun)

        def copy(tx: Tx) -> tuple[RestorePoint, dict[str, int]]:
            manifest = manifest_of(tx, at=at, scope=WHOLE, target=None, reason=reason, actor=current_actor())
            return self._points.write(_rows(tx, self._files), manifest, expected_bytes=expected_bytes), _numbers(tx)

        def enter(tx: Tx) -> bool:
            if purging.last_begun(tx) != purge:
                return False
            counts, name = point.counts, point.name
            audit.append(tx, self._now(), "backup.create", "backup", reason=reason, counts=counts, restore_point=name)
            return True

        name, entered = None, False
        try:
            with self._files.keeping():
                point, numbers = self._store.read(copy)
            name = point.name
            if unless is not None and self._holds_the_same(unless, point):
                self._store.write(lambda tx: settings.put(tx, SAME_AT, str(at)))
                return unless.name
            self._points.verify(point)
            _check_numbers(point, numbers)
            entered = self._store.write(enter)
        except RestorePointFailed:
            if self._store.read(purging.last_begun) == purge:
                raise  # else the purge has written it anew, or removed it
        except StoreError as error:
            entered = is_undecided(error)  # the entry may come yet
            raise
        finally:
            if name is not None and not entered:
                with suppress(OSError, IngatError):
                    self._points.delete(name)
        return name if entered else None

    def _file(self, name: str) -> RestorePointFile:
        if name == LATEST:
            return self._latest()
        found = next((each for each in self._points.list() if each.name == name), None)
        if found is None:
            raise BackupNotFound(
                f"There is no backup or restore point {str(name)[:128]!r}; `ingat backup list` shows them.",
                name=str(name)[:128],
            )
        return found

    def _latest(self) -> RestorePointFile:
        for file in own(self._store, self._points, newest_first=True):
            if self._seen(file).kind == "backup":
                return file
        raise BackupNotFound("There is no backup of this store yet; `ingat backup create` makes one.", name=LATEST)

    def _seen(self, file: RestorePointFile) -> Backup:
        try:
            return self._backup(file, self._points.look(file.name))
        except RestorePointMissing as error:
            return self._backup(file, Glimpse(problem=error.message))

    def _backup(self, file: RestorePointFile, seen: Glimpse) -> Backup:
        manifest, seal = seen.manifest, seen.seal
        operation_id = self._store.read(lambda tx: operations.of_point(tx, file.name))
        whole = manifest.scope == WHOLE if manifest else bool(seen.header and seen.header.whole)
        return Backup(
            name=file.name,
            kind="backup" if whole else "restore_point",
            created_at=file.created_at,
            size_bytes=file.size_bytes,
            scope=manifest.scope if manifest else "",
            target=manifest.target if manifest else None,
            reason=manifest.reason if manifest else "",
            actor=manifest.actor if manifest else "",
            counts={kind: n for kind, n in seal.counts.items() if kind != "added"} if seal else {},
            sha256=seal.sha256 if seal else "",
            schema=manifest.schema if manifest else 0,
            encrypted=file.encrypted,
            operation_id=operation_id,
            places=file.places,
            problem=seen.problem,
            locked=seen.locked,
        )


def back_up(backups: Backups, *, mirrored: bool) -> BackupPass:
    """Do what the daily job does: make a backup, delete old copies, and bring to the second place what is missing.

    No backup stays that holds the same rows as the newest one: it would only push out others.
    """
    newest = backups._newest()
    made = backups.show(backups._made("the daily backup", newest))
    pruned = backups.prune()
    copied = backups.mirror() if mirrored else None
    return BackupPass(
        backup=made.name,
        size_bytes=made.size_bytes,
        counts=made.counts,
        unchanged=newest is not None and newest.name == made.name,
        deleted=pruned.deleted,
        copied=copied.copied if copied else (),
        failed=pruned.failed + (copied.failed if copied else ()),
    )


def _rows(tx: Tx, files: Files) -> Iterator[Line]:
    for kind, records in outgoing(tx, None, include_logs=True, files=files):
        for record in records:
            yield kind, record


def _numbers(tx: Tx) -> dict[str, int]:
    """Return how many rows of some kinds there are, counted another way than they are copied."""
    return {
        "user": users.count(tx),
        "message": messages.count(tx),
        "memory": memories.count(tx),
        "snapshot": snapshots.count(tx),
        "log": logs.count(tx),
    }


def _check_numbers(point: RestorePoint, numbers: dict[str, int]) -> None:
    wrong = [
        f"{kind} {point.counts.get(kind, 0):,} of {number:,}"
        for kind, number in numbers.items()
        if point.counts.get(kind, 0) != number
    ]
    if wrong:
        raise RestorePointFailed(
            f"The backup does not hold every row ({', '.join(wrong)}), so it was removed. Nothing else was changed;"
            " `ingat doctor` says what is wrong with the store.",
        )


def _cursor_behind(file: RestorePointFile) -> str:
    return encode_cursor(NEWEST_FIRST, file.created_at, file.name)


def _failure(what: str, error: Exception) -> Failure:
    why = error.message if isinstance(error, IngatError) else str(error)
    said = (
        f"{what} could not be brought to the second place: {why}. Nothing was deleted; see that place, then try again."
    )
    return Failure(id=what, code="restore_point_failed", message=said)
