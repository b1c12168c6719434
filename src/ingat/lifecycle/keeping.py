"""Keeping: which backups and restore points stay, and which are deleted: the one rule, for the job, by hand and retain.

A copy of this store goes when it is older than `backup_retention_days`, is not among the newest `backup_keep_last`, is
not the newest backup (many restore points may have come since), and is not the only copy that holds an erased user
inside the window. That is: somebody who is not in the store now (under
no id or alias), was erased within the last `backup_retention_days` by an act that was not undone, and is in no other
copy that stays. The restore point of such an act is younger than the window and holds them, so an old copy stays for
this reason only where that restore point is gone or damaged.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import NamedTuple

from ingat.core.backups import PruneReport
from ingat.core.dates import DAY_MS
from ingat.core.errors import BackupLocked, RestorePointMissing
from ingat.core.policy import RetentionPolicy
from ingat.core.records import User
from ingat.core.reports import Failure
from ingat.lifecycle.copied import is_backup
from ingat.lifecycle.restorepoints import STORE_ID, RestorePointFile, RestorePoints
from ingat.store.contract import Store, Tx
from ingat.store.tables import audit, operations, settings, users
from ingat.store.tables.paging import decode_cursor

_PAGE = 500


def own(
    store: Store,
    points: RestorePoints,
    *,
    newest_first: bool = False,
    before: str | None = None,
    doubtful: bool = False,
) -> Iterator[RestorePointFile]:
    """Return the copies that are this store's, one by one: those of its operations, and those that name its id.

    Oldest first unless told otherwise; `before`: only those whose names come before this one; `doubtful`: those too
    that are so damaged that nobody can tell whose they are.
    Several stores may share a folder or a second place. Files of earlier versions, which name no store, belong to the
    store that has their operation.
    """
    store_id = store.read(lambda tx: settings.get(tx, STORE_ID))
    found = points.list()
    for file in reversed(found) if newest_first else found:
        name = file.name
        if before is not None and name >= before:
            continue
        if store.read(lambda tx, name=name: operations.of_point(tx, name)) is not None:  # type: ignore[misc]
            yield file
            continue
        with suppress(RestorePointMissing):  # removed by another process since
            seen = points.look(name)
            named = seen.manifest.store if seen.manifest else seen.header.store if seen.header else ""
            if (named and named == store_id) or (doubtful and seen.problem is not None and not named):
                yield file


def thin(
    store: Store, points: RestorePoints, now: int, policy: RetentionPolicy, *, foreseen: int = 0, dry_run: bool = False
) -> PruneReport:
    """Delete the copies that the policy no longer keeps, from every place; with `dry_run` only say which.

    `foreseen` copies are about to be taken and count as the newest. One that cannot be deleted stays and is reported.
    What was deleted stands in the audit trail as one entry.
    """
    before = now - policy.backup_retention_days * DAY_MS
    copies = list(own(store, points))
    beyond = max(0, len(copies) - max(0, policy.backup_keep_last - foreseen))
    old = [copy for copy in copies[:beyond] if copy.created_at < before]
    needed = _needed(store, points, copies, old, before) if old else {}
    last = _last_whole(points, copies, {copy.name for copy in old}) if old else None
    if last is not None:
        needed.setdefault(last, f"{last} was kept: it is the newest copy of the whole store.")
    doomed = [copy for copy in old if copy.name not in needed]
    deleted, failed = [], []
    if doomed and not dry_run:
        store.write(lambda tx: None)  # a store that takes no writes keeps its copies, too
    for copy in doomed:
        try:
            if dry_run or points.delete(copy.name):
                deleted.append(copy)
        except (OSError, RestorePointMissing) as error:
            failed.append(_failure(copy.name, error))
    if deleted and not dry_run:
        store.write(lambda tx: _enter(tx, now, deleted))
    return PruneReport(
        deleted=tuple(copy.name for copy in deleted),
        kept=len(copies) - len(deleted),
        freed_bytes=sum(copy.size_bytes for copy in deleted),
        notes=tuple(needed.values()),
        failed=tuple(failed),
        dry_run=dry_run,
    )


def _enter(tx: Tx, now: int, deleted: Sequence[RestorePointFile]) -> None:
    """Enter it in the audit trail, and let the operations whose restore points are gone say so."""
    operations.drop_points(tx, [copy.name for copy in deleted])
    audit.append(tx, now, "backup.prune", "backup", counts={"copy": len(deleted)})


def _last_whole(points: RestorePoints, copies: Sequence[RestorePointFile], old: Container[str]) -> str | None:
    """Return the newest copy of the whole store, when it is among the old ones."""
    for copy in reversed(copies):
        with suppress(RestorePointMissing):  # removed by another process since
            if is_backup(points.look(copy.name)):
                return copy.name if copy.name in old else None
    return None


class _Erased(NamedTuple):
    """Who may be in old copies only: these users, and with `others` anybody who is not in the store."""

    named: set[str]
    others: bool


def _needed(
    store: Store,
    points: RestorePoints,
    copies: Sequence[RestorePointFile],
    old: Sequence[RestorePointFile],
    before: int,
) -> dict[str, str]:
    """Return which of the old copies are the only ones that hold an erased user, with what is said about each."""
    erased = _without_point(store, points, before)
    if not erased.named and not erased.others:
        return {}
    going = {copy.name for copy in old}
    missing = erased.named
    for copy in copies:
        if copy.name not in going and missing:
            missing = missing.difference(_held(store, points, copy.name, missing))
    needed = {}
    for copy in reversed(old):
        try:
            held = set(_held(store, points, copy.name, None if erased.others else missing))
        except BackupLocked:
            needed[copy.name] = f"{copy.name} was kept: it is locked, and may be the only copy of an erased user."
            continue
        if held:
            missing = missing - held
            needed[copy.name] = f"{copy.name} was kept: it may be the only copy of an erased user."
    return needed


def _without_point(store: Store, points: RestorePoints, before: int) -> _Erased:
    """Return who was erased since a time, is not in the store, and is in no restore point of that act."""
    found, cursor = _Erased(set(), False), None
    while True:
        page, cursor = store.read(partial(operations.page, limit=_PAGE, cursor=decode_cursor(cursor)))
        for each in page:
            if each.created_at < before:
                return found
            taken = each.kind in ("erase", "undo") and each.counts.get("user") and each.undone_at is None
            if not taken or (each.restore_point and points.is_whole(each.restore_point)):
                continue
            if each.scope != "user" or each.target is None:
                found = found._replace(others=True)
            elif each.target in store.read(partial(_absent, ids=[each.target])):
                found.named.add(each.target)
        if cursor is None:
            return found


def _held(store: Store, points: RestorePoints, name: str, wanted: set[str] | None) -> Iterator[str]:
    """Return those of the wanted users whom a copy holds; for None, the first who is not in the store."""
    try:
        _, lines = points.read(name)
    except RestorePointMissing:
        return
    for _, record in lines:
        if not isinstance(record, User):
            continue
        if wanted is None and store.read(partial(_absent, ids=[record.user_id])):
            yield record.user_id
            return
        if wanted is not None and record.user_id in wanted:
            yield record.user_id


def _absent(tx: Tx, ids: Iterable[str]) -> list[str]:
    return [each for each in ids if users.resolve(tx, each) is None]


def _failure(name: str, error: Exception) -> Failure:
    said = f"The copy {name} could not be deleted ({error}). It was left; see who may write there."
    return Failure(id=name, code="restore_point_failed", message=said)
