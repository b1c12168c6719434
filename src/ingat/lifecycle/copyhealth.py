"""Copy health: what the doctor says of backups: how old the newest is, and what the second place lacks."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import NamedTuple, cast

from ingat.core.dates import DAY_MS
from ingat.core.errors import RestorePointMissing
from ingat.core.records import Check
from ingat.lifecycle.copied import SAME_AT, is_backup
from ingat.lifecycle.copyfolder import moment_of
from ingat.lifecycle.encryption import INSTALL
from ingat.lifecycle.keeping import own
from ingat.lifecycle.restorepoints import MIRROR, RestorePoints
from ingat.store.contract import Store
from ingat.store.tables import settings, trail

OLD_MS = 2 * DAY_MS
"""A newest backup that is older is told of."""
BACKUP_OLD = "`ingat backup create` makes one; the job `backup` of a server does so every day"
BACKUP_GONE = "check INGAT_DATA (data directory) first; `ingat backup create` makes a new one"
PACKAGE_MISSING = f"{INSTALL}; until then nothing is erased, and no copy is made"
MIRROR_LACKS = "`ingat backup mirror` brings them there"
MIRROR_UNREACHABLE = "see the setting backup_mirror and that place; `ingat backup mirror` tries again"


class CopyState(NamedTuple):
    """How it stands with the copies: when the newest backup was made, and how many the second place lacks.

    `mirror` is None where no second place is named; `missing` when it cannot be read.
    """

    newest_at: int | None
    mirror: str | None
    missing: int | None


def state_of(store: Store, points: RestorePoints) -> CopyState:
    """Return how it stands with the copies of a store."""
    newest_at, missing = None, 0
    for file in own(store, points, newest_first=True):
        missing += MIRROR not in file.places
        if newest_at is None:
            with suppress(RestorePointMissing):
                newest_at = file.created_at if is_backup(points.look(file.name)) else None
        elif points.mirror is None:
            break
    if points.mirror is None:
        return CopyState(newest_at, None, 0)
    try:
        points.mirror.names()
    except OSError:
        return CopyState(newest_at, points.mirror.shown, None)
    return CopyState(newest_at, points.mirror.shown, missing)


def copy_checks(store: Store, points: RestorePoints, now: int) -> list[Check]:
    """Return what the doctor says: nothing of a store in memory, and of a second place only where one is named.

    A store that is younger than two days need not have a backup yet; one whose audit trail names a newer one than can
    be used has lost it.
    """
    state, found = state_of(store, points), []
    if points.lasts:
        row = store.read(lambda tx: tx.one("SELECT MIN(applied_at) FROM schema_migration"))
        made_at = cast("tuple[int]", row)[0]
        same_at = int(store.read(lambda tx: settings.get(tx, SAME_AT)) or 0) if state.newest_at is not None else 0
        late = now - max(made_at, state.newest_at or 0, same_at) > OLD_MS
        named = store.read(trail.newest_backup)
        gone = named is not None and moment_of(named) > (state.newest_at or 0)
        none = "none that can be used" if gone else "none yet"
        moment = None if state.newest_at is None else datetime.fromtimestamp(state.newest_at / 1000, UTC)
        found.append(
            Check(
                name="newest backup",
                value=none if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC",
                target=f"every {OLD_MS / DAY_MS * 24:g} h",
                state="warn" if gone or late else "ok",
                advice=BACKUP_GONE if gone else BACKUP_OLD if late else None,
            )
        )
    if points.lacks_package:
        found.append(
            Check(
                name="encryption of backups",
                value="package missing",
                target="package there",
                state="bad",
                advice=PACKAGE_MISSING,
            )
        )
    if state.mirror is not None:
        advice = MIRROR_UNREACHABLE if state.missing is None else MIRROR_LACKS if state.missing else None
        found.append(
            Check(
                name="copies missing in the second place",
                value="cannot be read" if state.missing is None else f"{state.missing} copies",
                target="0 copies",
                state="warn" if advice else "ok",
                advice=advice,
            )
        )
    return found
