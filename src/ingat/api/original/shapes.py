"""Shapes: the records of the wire format, made of Ingat's; the names of their fields are the format's."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType

from ingat.api.original.ids import LOG, MESSAGE, SESSION, SNAPSHOT, shown
from ingat.core.dates import iso_time
from ingat.core.logs import LogEntry, LogLevel
from ingat.core.policy import RetentionPolicy
from ingat.core.records import Attachment, Json, Message, MessageRole, Session, SessionState
from ingat.core.snapshots import Snapshot
from ingat.core.states import FORMAT_VERSION


class LogShape(Struct, frozen=True, kw_only=True):
    """A log entry. `session_id` and `user_id` are ours, and there when the entry concerns one."""

    id: str
    timestamp: str
    level: LogLevel
    category: str
    message: str
    data: Json
    source: str
    session_id: str | UnsetType = UNSET
    user_id: str | UnsetType = UNSET


class SessionShape(Struct, frozen=True, kw_only=True):
    """A session. `user_id` and `state` are ours; one that is `closed` is read but takes no messages."""

    id: str
    name: str
    description: str | None
    project_id: str | None
    created_at: str
    updated_at: str
    last_activity: str
    message_count: int
    metadata: Json
    is_archived: bool
    user_id: str
    state: SessionState


class ChatMessage(Struct, frozen=True, kw_only=True):
    """A message. `author` and `attachments` are ours, and there when it has them."""

    id: str
    session_id: str
    role: MessageRole
    content: str
    timestamp: str
    metadata: Json
    author: str | UnsetType = UNSET
    attachments: tuple[Attachment, ...] | UnsetType = UNSET


class StateSnapshot(Struct, frozen=True, kw_only=True):
    """A snapshot. `version` is that of the format; `version_number`, `user_id` and `metadata` are ours."""

    id: str
    name: str
    description: str | None
    created_at: str
    state_data: Json
    is_auto_save: bool
    version: str
    version_number: int
    user_id: str | UnsetType = UNSET
    metadata: Json | UnsetType = UNSET


class CleanupStats(Struct, frozen=True, kw_only=True):
    """What a cleanup did. `sessions_deleted` is always 0; the fields after `next_cleanup` are ours."""

    logs_deleted: int
    sessions_archived: int
    sessions_deleted: int
    space_freed_bytes: int
    last_cleanup: str
    next_cleanup: str | None
    snapshots_deleted: int
    transcripts_compressed: int
    operation_ids: tuple[str, ...]
    failed: tuple[str, ...]
    notes: tuple[str, ...]


class LogNumbers(Struct, frozen=True, kw_only=True):
    """How many log entries there are."""

    total: int
    by_level: dict[str, int]
    by_category: dict[str, int]


class SessionNumbers(Struct, frozen=True, kw_only=True):
    """How many sessions there are. `active` are those that are not archived; `closed` of them take no messages."""

    total: int
    active: int
    archived: int
    total_messages: int
    closed: int


class SnapshotNumbers(Struct, frozen=True, kw_only=True):
    """How many snapshots there are."""

    total: int
    auto_saves: int
    manual_saves: int


class StatsShape(Struct, frozen=True, kw_only=True):
    """How much there is. `auto_cleanup_running`: the schedule is on; `cleanup_running`: one goes on now."""

    logs: LogNumbers
    sessions: SessionNumbers
    snapshots: SnapshotNumbers
    retention_policy: RetentionPolicy
    last_cleanup: str | None
    next_cleanup: str | None
    auto_cleanup_running: bool
    cleanup_running: bool


def log_shape(entry: LogEntry) -> LogShape:
    """Return a log entry as the format has it."""
    return LogShape(
        id=shown(LOG, entry.id),
        timestamp=iso_time(entry.at),
        level=entry.level,
        category=entry.category,
        message=entry.message,
        data=entry.data,
        source=entry.source,
        session_id=UNSET if entry.session_id is None else shown(SESSION, entry.session_id),
        user_id=UNSET if entry.user_id is None else entry.user_id,
    )


def session_shape(session: Session) -> SessionShape:
    """Return a session as the format has it."""
    return SessionShape(
        id=shown(SESSION, session.id),
        name=session.name or "",
        description=session.description,
        project_id=session.project_id,
        created_at=iso_time(session.created_at),
        updated_at=iso_time(session.updated_at),
        last_activity=iso_time(session.last_message_at or session.created_at),
        message_count=session.message_count,
        metadata=session.metadata,
        is_archived=session.state == "archived",
        user_id=session.user_id,
        state=session.state,
    )


def message_shape(message: Message) -> ChatMessage:
    """Return a message as the format has it."""
    return ChatMessage(
        id=shown(MESSAGE, message.id),
        session_id=shown(SESSION, message.session_id),
        role=message.role,
        content=message.content,
        timestamp=iso_time(message.at),
        metadata=message.metadata,
        author=UNSET if message.author is None else message.author,
        attachments=message.attachments or UNSET,
    )


def snapshot_shape(snapshot: Snapshot) -> StateSnapshot:
    """Return a snapshot as the format has it."""
    return StateSnapshot(
        id=shown(SNAPSHOT, snapshot.id),
        name=snapshot.name,
        description=snapshot.description,
        created_at=iso_time(snapshot.created_at),
        state_data=snapshot.state,
        is_auto_save=snapshot.is_auto,
        version=FORMAT_VERSION,
        version_number=snapshot.version,
        user_id=UNSET if snapshot.user_id is None else snapshot.user_id,
        metadata=snapshot.metadata or UNSET,
    )
