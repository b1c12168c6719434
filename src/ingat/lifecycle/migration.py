"""Migration: a store that an earlier version made gets the tables of this one, with a way back.

See docs/backups.md and decision 25 for what the copy holds, and why it is made of the rows as they are read by then.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from ingat.core import clock
from ingat.core.actor import current_actor
from ingat.core.errors import IngatError, RestorePointFailed, StoreError
from ingat.lifecycle.copyfile import WHOLE, Manifest
from ingat.lifecycle.outgoing import outgoing
from ingat.lifecycle.restorepoints import LOCAL, STORE_ID, RestorePoint, RestorePoints, manifest_of
from ingat.store.contract import Store, Tx, is_undecided
from ingat.store.files import Files
from ingat.store.migrate import migrate, pending
from ingat.store.tables import artifacts, audit, purging, settings

RESERVED = "store_id_reserved"
"""The setting that says which id a store without one will get, so that a copy made before that can name it."""
COPIED = {
    "user": ("user_profile", 1),
    "session": ("session", 1),
    "message": ("message", 1),
    "memory": ("memory", 1),
    "snapshot": ("snapshot", 2),
    "log": ("log_entry", 2),
    "policy": ("retention_policy", 2),
    "artifact": ("artifact", 3),
}
"""Kinds of lines of which each row makes one, with their tables and the numbers of the files that make these."""

_log = logging.getLogger("ingat.backups")


def bring_up_to_date(
    store: Store, schema: Path, points: RestorePoints, files: Files, clock: clock.Clock = clock.now
) -> list[str]:
    """Apply the schema files that a store lacks, and return their names; one that holds something is copied first.

    The files, the copy, and its entry in the audit trail are one transaction: the copy is read back, and has as many
    rows as there were before, or nothing was changed. It is one like any other backup. Of several processes that open
    a store at once the one that applies the files makes it. When the process dies before the commit, a copy may stay,
    which the next one takes for its own if it holds the same.

    Errors: RestorePointFailed, MissingExtra, and those of `store.migrate`.
    """
    applied, missing = pending(store, schema)
    if not missing:
        return []
    if applied:
        store.write(partial(_reserve, store_id=secrets.token_hex(16)))
    keeper = _Keeper(points, files, clock, store.used_bytes() // 2 if applied else 0)
    try:
        with keeper:
            names = migrate(store, schema, clock=clock, keeper=keeper)
    except BaseException as error:
        if keeper.written is not None and not is_undecided(error) and _was_undone(store, schema):
            keeper.discard()
        raise
    if keeper.point is not None:
        _tell(points, keeper.point, names)
    return names


class _Keeper:
    """Copies a store within the transaction that migrates it."""

    def __init__(self, points: RestorePoints, files: Files, now: clock.Clock, expected_bytes: int) -> None:
        self._points, self._files, self._now, self._expected_bytes = points, files, now, expected_bytes
        self._held = ExitStack()
        self._rows: dict[str, int] = {}
        self.point: RestorePoint | None = None
        """The copy, when one was needed."""
        self.written: str | None = None
        """The name of the file that this attempt wrote."""

    def __enter__(self) -> None:
        self._held.enter_context(self._files.keeping())

    def __exit__(self, *_: object) -> None:
        self._held.close()

    def before(self, tx: Tx, applied: int) -> None:
        """Count what there is; what an attempt that the engine undid has left is removed."""
        self.discard()
        self._rows = {kind: purging.count(tx, table) for kind, (table, since) in COPIED.items() if since <= applied}

    def after(self, tx: Tx, names: Sequence[str]) -> None:
        """Copy a store that holds something, read the copy back, and enter it in the audit trail."""
        reserved = settings.get(tx, RESERVED)
        if reserved is not None:
            settings.put(tx, STORE_ID, reserved)
            settings.drop(tx, RESERVED)
        if not any(self._rows.values()):
            return
        at, reason = self._now(), f"before the migration {', '.join(names)}"
        manifest = manifest_of(tx, at=at, scope=WHOLE, target=None, reason=reason, actor=current_actor())
        try:
            point = self.point = self._copied(tx, manifest)
        except RestorePointFailed as error:
            raise RestorePointFailed(
                f"{error.message} The store was made by an earlier version and was left as it is: no copy of it could"
                " be made before its tables were changed. That version opens it still.",
                **error.details,
            ) from error
        audit.append(tx, at, "backup.create", "backup", reason=reason, counts=point.counts, restore_point=point.name)

    def discard(self) -> None:
        """Remove the copy of an attempt that was undone."""
        name, self.written, self.point = self.written, None, None
        if name is not None:
            with suppress(OSError, IngatError):
                self._points.delete(name)

    def _copied(self, tx: Tx, manifest: Manifest) -> RestorePoint:
        """Write a copy and check it, or return an earlier one that holds the same, of a process that died."""
        lines = (
            (kind, record)
            for kind, records in outgoing(tx, None, include_logs=True, files=self._files)
            for record in records
        )
        room = self._expected_bytes + artifacts.size_bytes(tx)
        point = self._points.write(lines, manifest, expected_bytes=room)
        self.written = point.name
        self._points.verify(point, mirrored=False)
        lost = [
            f"{kind} {point.counts.get(kind, 0):,} of {number:,}"
            for kind, number in self._rows.items()
            if point.counts.get(kind, 0) != number
        ]
        if lost:
            raise RestorePointFailed(f"The copy does not hold every row ({', '.join(lost)}), so it was removed.")
        for earlier in self._points.list():
            if LOCAL in earlier.places and earlier.name < point.name and self._is_same(earlier.name, point, manifest):
                self.discard()
                return replace(point, name=earlier.name)
        return point

    def _is_same(self, name: str, point: RestorePoint, manifest: Manifest) -> bool:
        with suppress(IngatError):
            seen = self._points.look(name).manifest
            if seen is not None and (seen.store, seen.reason, seen.scope) == (manifest.store, manifest.reason, WHOLE):
                return self._points.hold_the_same(name, point.name)
        return False


def _reserve(tx: Tx, store_id: str) -> None:
    if settings.get(tx, STORE_ID) is None and settings.get(tx, RESERVED) is None:
        settings.put(tx, RESERVED, store_id)


def _was_undone(store: Store, schema: Path) -> bool:
    """Whether the files are known not to be applied; where nobody can tell, a copy stays."""
    try:
        return bool(pending(store, schema)[1])
    except StoreError:
        return False


def _tell(points: RestorePoints, point: RestorePoint, names: Sequence[str]) -> None:
    """Say that the store was brought up to date, and bring its copy to the second place."""
    _log.warning(
        "The store was made by an earlier version and is up to date now (%s). A copy of it is kept: %s.",
        ", ".join(names),
        point.name,
        extra={"category": "backup"},
    )
    try:
        points.bring_out(point.name)
    except (OSError, IngatError) as error:
        _log.error(
            "The copy %s could not be brought to the second place: %s. `ingat backup mirror` tries again.",
            point.name,
            error,
            extra={"category": "backup"},
        )
