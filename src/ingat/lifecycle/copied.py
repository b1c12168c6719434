"""Copied: what is known of a backup or restore point, and what is said when there is none."""

from __future__ import annotations

from typing import cast

from msgspec import Struct

from ingat.core.backups import Locked
from ingat.core.errors import RestorePointFailed, RestorePointMissing
from ingat.lifecycle.copyfile import WHOLE, Manifest, Seal
from ingat.lifecycle.copyfolder import ENCRYPTED
from ingat.lifecycle.encryption import Header
from ingat.store.contract import Store, Tx
from ingat.store.tables import artifacts, settings

STORE_ID = "store_id"
"""The name of the setting that tells stores apart; the schema makes it."""
SAME_AT = "backup_same_at"
"""The setting that says when the store last held just what the newest backup does, milliseconds UTC."""
LOCAL, MIRROR = "local", "mirror"
"""The places of copies."""


class RestorePoint(Struct, frozen=True, kw_only=True):
    """A restore point that was taken. `sha256` is that of its lines, `size_bytes` the size of its file."""

    name: str
    path: str
    counts: dict[str, int]
    sha256: str
    size_bytes: int


class RestorePointFile(Struct, frozen=True, kw_only=True):
    """A file among the restore points. `created_at`, milliseconds UTC, comes from its name.

    `places` say where there is a copy: `local`, `mirror`.
    """

    name: str
    created_at: int
    size_bytes: int
    places: tuple[str, ...] = (LOCAL,)

    @property
    def encrypted(self) -> bool:
        """Whether a passphrase is needed to read it."""
        return self.name.endswith(ENCRYPTED)


class Glimpse(Struct, frozen=True, kw_only=True):
    """What a file says of itself, its rows unread; `problem` says why it cannot be used.

    Of a file that is locked only `header` is known, and `locked` says why; of one that an earlier version wrote there
    is no seal.
    """

    manifest: Manifest | None = None
    seal: Seal | None = None
    header: Header | None = None
    problem: str | None = None
    locked: Locked | None = None


def is_backup(seen: Glimpse) -> bool:
    """Whether it is a copy of the whole store that can be used, as far as that is known."""
    if seen.manifest is not None:
        return seen.manifest.scope == WHOLE
    return seen.header is not None and seen.header.whole


def manifest_of(tx: Tx, *, at: int, scope: str, target: str | None, reason: str, actor: str) -> Manifest:
    """Return the manifest of a copy of this store's rows that is begun now."""
    row = tx.one("SELECT MAX(number) FROM schema_migration")
    return Manifest(
        schema=cast("tuple[int]", row)[0],
        created_at=at,
        reason=reason,
        actor=actor,
        scope=scope,
        target=target,
        store=settings.get(tx, STORE_ID) or "",
    )


def copy_estimate(store: Store) -> int:
    """Return about how many bytes a copy of a whole store takes.

    Half of what its rows and indexes take, or less, and the files of artifacts, which may be packed already.
    """
    return store.used_bytes() // 2 + store.read(artifacts.size_bytes)


def failed(error: Exception) -> RestorePointFailed:
    """Return what is raised when a copy could not be made."""
    return RestorePointFailed(
        f"No restore point could be made ({error}). Nothing was deleted; see that the data directory can be written and"
        " has room, then try again.",
    )


def why(error: Exception) -> str:
    """Return what is wrong with a copy."""
    return "its file is not there" if isinstance(error, FileNotFoundError) else str(error)


def missing(name: str, error: Exception) -> RestorePointMissing:
    """Return what is raised when a copy cannot be read."""
    return RestorePointMissing(
        f"The restore point cannot be used: {why(error)}. Nothing was changed. If a copy of the data directory has the"
        f" file {name[:128]!r}, put it back into restore-points and try again; otherwise what it held is gone.",
        restore_point=name[:128],
    )
