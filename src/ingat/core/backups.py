"""Backups: records of the system's copies of data, and of what was brought back from them."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from ingat.core.reports import Failure, Operation

Prefer = Literal["current", "backup"]
"""Which version stays where a store and a copy have different ones of a row."""
Locked = Literal["no_passphrase", "other_passphrase", "missing_extra"]
"""Why an encrypted copy cannot be opened here."""


class Backup(Struct, frozen=True, kw_only=True):
    """A copy of data: `backup` is the whole store, taken by hand or by schedule, `restore_point` what an act took away.

    `created_at` is milliseconds UTC, `size_bytes` that of the file, `sha256` that of its lines, `counts` rows by kind.
    `operation_id` names the operation that it undoes. `places` say where there is a copy: `local`, `mirror`.
    `problem` says why the file cannot be used; then counts and checksum are not known. `locked` says of one that is
    encrypted what lacks to open it.
    """

    name: str
    kind: Literal["backup", "restore_point"]
    created_at: int
    size_bytes: int
    scope: str = ""
    target: str | None = None
    reason: str = ""
    actor: str = ""
    counts: dict[str, int] = {}
    sha256: str = ""
    schema: int = 0
    encrypted: bool = False
    operation_id: str | None = None
    places: tuple[str, ...] = ()
    problem: str | None = None
    locked: Locked | None = None


class BackupDifference(Struct, frozen=True, kw_only=True):
    """How a copy and the store differ, in rows by kind. `examples` name some of the rows, as `kind id`."""

    name: str
    same: dict[str, int]
    only_in_backup: dict[str, int]
    only_in_store: dict[str, int]
    different: dict[str, int]
    examples: tuple[str, ...] = ()


class PruneReport(Struct, frozen=True, kw_only=True):
    """Which copies were deleted, and why others that are old were kept."""

    deleted: tuple[str, ...]
    kept: int
    freed_bytes: int
    notes: tuple[str, ...] = ()
    failed: tuple[Failure, ...] = ()
    dry_run: bool = False


class MirrorReport(Struct, frozen=True, kw_only=True):
    """Which copies were brought to the second place, and how many were there already."""

    place: str
    copied: tuple[str, ...]
    there: int
    removed: tuple[str, ...] = ()
    failed: tuple[Failure, ...] = ()


class BackupPass(Struct, frozen=True, kw_only=True):
    """What the daily job did: the backup it made, which old copies it deleted, what it brought to the second place.

    `unchanged`: the store holds what the newest `backup` holds, so that no other was made.
    """

    backup: str
    size_bytes: int
    counts: dict[str, int]
    unchanged: bool = False
    deleted: tuple[str, ...] = ()
    copied: tuple[str, ...] = ()
    failed: tuple[Failure, ...] = ()


class RestoreConflict(Struct, frozen=True, kw_only=True):
    """A row of which the store has another version than the copy; `kept` says which one it has now."""

    kind: str
    id: str
    user_id: str | None
    kept: Prefer
    message: str


class RestoreReport(Struct, frozen=True, kw_only=True):
    """What a restore brought back, in rows by kind.

    `added` were not there, `replaced` had another version, `unchanged` were there as they are in the copy, `kept` have
    another version that stayed, `purged` belong to people who were purged and stay away. `operation` undoes it; None
    when nothing was changed. `conflicts` lists the first of those in `replaced` and `kept`.
    """

    source: str
    operation: Operation | None
    added: dict[str, int]
    replaced: dict[str, int]
    unchanged: dict[str, int]
    kept: dict[str, int]
    purged: dict[str, int]
    conflicts: tuple[RestoreConflict, ...] = ()
    notes: tuple[str, ...] = ()
    dry_run: bool = False


class Searched(Struct, frozen=True, kw_only=True):
    """One place that a purge looked through: how many rows or files it removed there, and what it changed."""

    place: str
    looked_through: int
    removed: int
    rewritten: int = 0


class Remainder(Struct, frozen=True, kw_only=True):
    """What a purge leaves, and why, or what is out of its reach.

    `code` is stable: handed_out, outside_logs, other_services, ledger, audit, mentions, short_ids, locked, damaged,
    other_stores, klar_files, klar_gone, mirror, due, files, other_files, unreadable, busy, room, unwritten; on
    PostgreSQL also wal, wal_archive, replicas, slots, publications, other_servers, server_copies, unsearched,
    statistics. `number` counts rows, files or what is named, `names` lists the first of them.
    """

    code: str
    message: str
    number: int = 0
    names: tuple[str, ...] = ()


class Certificate(Struct, frozen=True, kw_only=True):
    """What a purge did. `purge_id` stands in the ledger and in the audit trail; nothing here names the person.

    `searched` says place by place what was looked through, removed and written anew; `remains` what stayed and why, or
    what is out of reach. `complete` is False when a place could not be cleaned (purge again), and of a dry run. A dry
    run also says whether the purge would be refused without `force`: what protects the person is in `protected_by`,
    copies that are locked are in `remains`.
    """

    purge_id: str
    at: int
    actor: str
    reason: str
    searched: tuple[Searched, ...]
    remains: tuple[Remainder, ...]
    complete: bool
    dry_run: bool = False
    protected_by: tuple[str, ...] = ()
    needs_force: bool = False
