"""Policy, cleanup and statistics in the wire format."""

from __future__ import annotations

import msgspec
from msgspec import UNSET, Struct, UnsetType

from ingat.api.original.answers import CleanupDone, Done, PolicyAnswer, PolicyChanged, StatsAnswer
from ingat.api.original.asked import Asked
from ingat.api.original.caller import Caller
from ingat.api.original.shapes import (
    CleanupStats,
    LogNumbers,
    SessionNumbers,
    SnapshotNumbers,
    StatsShape,
)
from ingat.core.dates import HOUR_MS, iso_time
from ingat.core.reports import RetainReport
from ingat.lifecycle.retain import LAST_CLEANUP
from ingat.store.contract import Tx
from ingat.store.tables import settings

CLEANUP = "retain"
"""The job of the scheduler that cleans up."""


class GetPolicy(Asked, tag="retention_policy"):
    """The retention policy in force."""


class GetStats(Asked, tag="stats"):
    """How much there is, and the state of the cleanup."""


class PolicyFields(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is to change of the retention policy; the rest stays."""

    log_retention_days: int | UnsetType = UNSET
    max_log_entries: int | UnsetType = UNSET
    session_retention_days: int | UnsetType = UNSET
    max_sessions: int | UnsetType = UNSET
    auto_archive_sessions: bool | UnsetType = UNSET
    cleanup_frequency_hours: int | UnsetType = UNSET
    session_timeout_hours: int | UnsetType = UNSET
    compress_after_days: int | UnsetType = UNSET
    max_auto_snapshots: int | UnsetType = UNSET
    backup_retention_days: int | UnsetType = UNSET
    backup_keep_last: int | UnsetType = UNSET
    audit_retention_days: int | UnsetType = UNSET


class SetPolicy(Asked, tag="set_retention_policy"):
    """Change what is given of the retention policy, all or nothing."""

    policy: PolicyFields


class StartCleanup(Asked, tag="start_auto_cleanup"):
    """Let cleanups run on schedule."""


class StopCleanup(Asked, tag="stop_auto_cleanup"):
    """Let cleanups run on schedule no longer."""


class PerformCleanup(Asked, tag="perform_cleanup"):
    """Clean up now."""


def get_policy(caller: Caller, asked: GetPolicy) -> PolicyAnswer:
    """Return the retention policy in force."""
    return PolicyAnswer(policy=caller.memory.retention.get())


def set_policy(caller: Caller, asked: SetPolicy) -> PolicyChanged:
    """Change what is given of the retention policy, all or nothing."""
    policy = caller.memory.retention.set(**msgspec.structs.asdict(asked.policy))
    return PolicyChanged(message="The retention policy was changed.", policy=policy)


def start_cleanup(caller: Caller, asked: StartCleanup) -> Done:
    """Let cleanups run on schedule."""
    job = caller.memory.jobs.start(CLEANUP)
    hours = job.every_ms // HOUR_MS
    return Done(message=f"Cleanup runs on schedule, once in {hours} hours.")


def stop_cleanup(caller: Caller, asked: StopCleanup) -> Done:
    """Let cleanups run on schedule no longer."""
    caller.memory.jobs.stop(CLEANUP)
    return Done(message="Cleanup runs on schedule no longer; one that is running goes on to its end.")


def perform_cleanup(caller: Caller, asked: PerformCleanup) -> CleanupDone:
    """Clean up now, as the schedule does: archive, compress and prune by the policy; no session is deleted."""
    job = caller.memory.jobs.run(CLEANUP)
    return CleanupDone(stats=cleanup_shape(msgspec.convert(job.last_result, RetainReport)))


def get_stats(caller: Caller, asked: GetStats) -> StatsAnswer:
    """Return how much there is, and the state of the cleanup."""
    memory = caller.memory
    logs, held, snapshots = memory.logs.stats(), memory.stats(), memory.snapshots.stats()
    job = next(each for each in memory.jobs.list() if each.name == CLEANUP)
    return StatsAnswer(
        stats=StatsShape(
            logs=LogNumbers(total=logs.total, by_level=logs.by_level, by_category=logs.by_category),
            sessions=SessionNumbers(
                total=held.sessions.total,
                active=held.sessions.total - held.sessions.archived,
                archived=held.sessions.archived,
                total_messages=held.messages.total,
                closed=held.sessions.closed,
            ),
            snapshots=SnapshotNumbers(
                total=snapshots.total, auto_saves=snapshots.auto, manual_saves=snapshots.total - snapshots.auto
            ),
            retention_policy=memory.retention.get(),
            last_cleanup=_date(memory.store.read(_last_cleanup)),
            next_cleanup=_date(job.next_at),
            auto_cleanup_running=job.enabled,
            cleanup_running=job.running,
        )
    )


def cleanup_shape(report: RetainReport) -> CleanupStats:
    """Return what a cleanup did as the format has it."""
    return CleanupStats(
        logs_deleted=report.logs_deleted,
        sessions_archived=report.sessions_archived,
        sessions_deleted=report.sessions_deleted,
        space_freed_bytes=report.space_freed_bytes,
        last_cleanup=iso_time(report.last_cleanup),
        next_cleanup=_date(report.next_cleanup),
        snapshots_deleted=report.snapshots_deleted,
        transcripts_compressed=report.transcripts_compressed,
        operation_ids=report.operations,
        failed=tuple(f"{each.id}: {each.message}" for each in report.failed),
        notes=report.notes,
    )


def _last_cleanup(tx: Tx) -> int | None:
    at = settings.get(tx, LAST_CLEANUP)
    return None if at is None else int(at)


def _date(at: int | None) -> str | None:
    return None if at is None else iso_time(at)
