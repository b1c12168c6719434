"""Reports: what expiry, retention, erasing, transfer and the scheduler did."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from ingat.core.records import Json

OperationKind = Literal["erase", "retain", "restore", "undo"]


class Failure(Struct, frozen=True, kw_only=True):
    """One thing that could not be done, and why."""

    id: str
    code: str
    message: str


class ExpireReport(Struct, frozen=True, kw_only=True):
    """What a pass of expiry did. `summarised` counts summaries written now, those left over from before included.

    Of a dry run both say what a pass would do, and `pending` what is missing now.
    """

    expired: int
    summarised: int
    empty: int
    pending: int
    failed: tuple[Failure, ...] = ()
    dry_run: bool = False
    session_ids: tuple[str, ...] = ()


class RetainReport(Struct, frozen=True, kw_only=True):
    """What a pass of retention did. The first six fields are those of the original's CleanupStats.

    `sessions_deleted` is always 0: retention archives and never deletes a session. `space_freed_bytes` is what the
    rows and indexes of the store took less after the pass than before it; of a dry run, an estimate. Times are
    milliseconds UTC. `notes` say what the policy asks for and could not be done.
    """

    logs_deleted: int
    sessions_archived: int
    sessions_deleted: int
    space_freed_bytes: int
    last_cleanup: int
    next_cleanup: int | None
    snapshots_deleted: int
    sessions_archived_by_age: int
    sessions_archived_by_number: int
    transcripts_compressed: int
    compressed_from_bytes: int
    compressed_to_bytes: int
    restore_points_deleted: int
    operations_dropped: int = 0
    audit_entries_pruned: int = 0
    operations: tuple[str, ...] = ()
    failed: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()
    dry_run: bool = False


class Operation(Struct, frozen=True, kw_only=True):
    """One act that took something away or put something in its place.

    `restore_point` names the file that `undo` brings it back from. `reverts` is the operation that this one, of kind
    `undo`, takes back, or, of another kind, does again after it was undone. `protected_by`, of a dry run, says what
    would refuse it without `force`. `counts` are the rows of each kind that it took away; of a restore, and of what
    undid one, those that it added, replaced or took away. Told only to who undoes or redoes: `taken_away` and
    `put_back`, the rows that went and those that came or are as they were; and `notes`, what came out otherwise than
    asked.
    """

    id: str
    kind: OperationKind
    scope: str
    target: str | None
    actor: str
    reason: str
    counts: dict[str, int]
    restore_point: str | None
    created_at: int
    undone_at: int | None = None
    undone_by: str | None = None
    reverts: str | None = None
    dry_run: bool = False
    protected_by: tuple[str, ...] = ()
    taken_away: dict[str, int] = {}
    put_back: dict[str, int] = {}
    notes: tuple[str, ...] = ()


class Job(Struct, frozen=True, kw_only=True):
    """A job of the scheduler. `next_at` is None when it is stopped or no server runs it."""

    name: str
    summary: str
    enabled: bool
    running: bool
    every_ms: int
    last_started_at: int | None = None
    last_finished_at: int | None = None
    next_at: int | None = None
    last_error: str | None = None
    last_result: Json = {}
    runs: int = 0
    failures: int = 0


class ExportReport(Struct, frozen=True, kw_only=True):
    """What an export holds: how many rows of each kind, and the bytes that were written."""

    counts: dict[str, int]
    size_bytes: int


class Renamed(Struct, frozen=True, kw_only=True):
    """A row that got another id, because its own was taken by something else."""

    kind: str
    id: str
    new_id: str


class ImportReport(Struct, frozen=True, kw_only=True):
    """What an import did: rows of each kind that were imported, or were there already; and what was wrong.

    With any error nothing was imported. `size_bytes` is what was read of the file.
    """

    imported: dict[str, int]
    skipped: dict[str, int]
    renamed: tuple[Renamed, ...] = ()
    errors: tuple[Failure, ...] = ()
    notes: tuple[str, ...] = ()
    size_bytes: int = 0
    dry_run: bool = False


class TableMoved(Struct, frozen=True, kw_only=True):
    """A table that was moved. `sha256` is that of its rows, in the order of its key; empty in a dry run."""

    name: str
    rows: int
    sha256: str = ""


class MoveReport(Struct, frozen=True, kw_only=True):
    """What a move did, or would do. URLs show no password.

    `rows` are all that the target holds now; `rows_copied` those that it did not hold before, less than `rows` where
    `resumed`. `data` is the target's data directory, `data_source` that of the source; `files` of it were to follow,
    none where both are one.
    """

    source: str
    target: str
    tables: tuple[TableMoved, ...]
    rows: int
    rows_copied: int = 0
    data_source: str
    data: str
    files: int = 0
    size_bytes: int = 0
    resumed: bool = False
    dry_run: bool = False
