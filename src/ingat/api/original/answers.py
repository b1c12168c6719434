"""The envelopes of the wire format: what was asked for stands beside `success`."""

from __future__ import annotations

from msgspec import UNSET, Struct, UnsetType, field

from ingat.api.original.shapes import ChatMessage, CleanupStats, LogShape, SessionShape, StateSnapshot, StatsShape
from ingat.core.policy import RetentionPolicy


class Answer(Struct, frozen=True, kw_only=True):
    """What every answer says first."""

    success: bool = True


class Refusal(Struct, frozen=True, kw_only=True):
    """Why nothing was done. `error` is a sentence, `code` is stable."""

    success: bool = False
    error: str
    code: str


class Done(Answer, frozen=True, kw_only=True):
    """It was done."""

    message: str


class LogsAnswer(Answer, frozen=True, kw_only=True):
    """Log entries, newest first; `more` says that there are others."""

    logs: list[LogShape]
    more: bool


class LogAnswer(Answer, frozen=True, kw_only=True):
    """The log entry that was added."""

    log: LogShape


class LogsCleared(Answer, frozen=True, kw_only=True):
    """How many log entries were deleted; `operation_id` brings them back, null when there were none."""

    deleted: int
    operation_id: str | None


class SessionsAnswer(Answer, frozen=True, kw_only=True):
    """Sessions, the one used last first, and the one that this key is in; `more` says that there are others."""

    sessions: list[SessionShape]
    current_session: SessionShape | None
    more: bool


class SessionAnswer(Answer, frozen=True, kw_only=True):
    """One session; null where the current one was unset."""

    session: SessionShape | None


class SessionChanged(Done, frozen=True, kw_only=True):
    """The session after the change."""

    session: SessionShape


class Erased(Done, frozen=True, kw_only=True):
    """It was deleted; `operation_id` brings it back."""

    operation_id: str


class Organization(Struct, frozen=True, kw_only=True):
    """The messages of an answer once more, by role and by day (UTC). `toolMessages` are ours."""

    system: list[ChatMessage] = field(name="systemMessages")
    user: list[ChatMessage] = field(name="userMessages")
    assistant: list[ChatMessage] = field(name="assistantMessages")
    tool: list[ChatMessage] = field(name="toolMessages")
    by_date: dict[str, list[ChatMessage]] = field(name="byDate")


class MessagesAnswer(Answer, frozen=True, kw_only=True):
    """The newest messages of a session, oldest first; `more` says that there are older ones."""

    messages: list[ChatMessage]
    organization: Organization
    more: bool


class MessageAnswer(Answer, frozen=True, kw_only=True):
    """The message that was added."""

    message: ChatMessage


class FoundAnswer(Answer, frozen=True, kw_only=True):
    """Messages that were found, newest first; `complete` says that everything was looked through."""

    results: list[ChatMessage]
    more: bool
    complete: bool


class SnapshotsAnswer(Answer, frozen=True, kw_only=True):
    """Snapshots with their states, newest first; `more` says that there are others."""

    snapshots: list[StateSnapshot]
    more: bool


class SnapshotAnswer(Answer, frozen=True, kw_only=True):
    """One snapshot."""

    snapshot: StateSnapshot


class SnapshotLoaded(SnapshotAnswer, frozen=True, kw_only=True):
    """A snapshot that was loaded: `restored` says whether anything took its state over, `note` what that means."""

    restored: bool
    hooks: int
    note: str


class SnapshotJson(Answer, frozen=True, kw_only=True):
    """A snapshot as a text of JSON, which import_snapshot takes."""

    snapshot_json: str


class DataJson(Answer, frozen=True, kw_only=True):
    """Everything as a text of JSON, which import_all takes."""

    data_json: str


class Imported(Answer, frozen=True, kw_only=True):
    """How many rows came in; with any error none did. `skipped` were there already, `notes` say what was done."""

    imported: int
    errors: list[str]
    by_kind: dict[str, int] = {}
    skipped: int = 0
    notes: list[str] = []
    error: str | UnsetType = UNSET
    code: str | UnsetType = UNSET


class PolicyAnswer(Answer, frozen=True, kw_only=True):
    """The retention policy in force."""

    policy: RetentionPolicy


class PolicyChanged(Done, frozen=True, kw_only=True):
    """The retention policy after the change."""

    policy: RetentionPolicy


class CleanupDone(Answer, frozen=True, kw_only=True):
    """What a cleanup did."""

    stats: CleanupStats


class StatsAnswer(Answer, frozen=True, kw_only=True):
    """How much there is."""

    stats: StatsShape
