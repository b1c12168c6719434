"""Logs in the wire format."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from ingat.api.original.answers import LogAnswer, LogsAnswer, LogsCleared
from ingat.api.original.asked import Asked, Id, Limit
from ingat.api.original.bounded import bounded
from ingat.api.original.caller import Caller, every
from ingat.api.original.dates import Moment
from ingat.api.original.ids import LOG, SESSION, fresh, stored_as
from ingat.api.original.shapes import log_shape
from ingat.core.logs import LogLevel, as_data

Before = Annotated[Moment | None, Meta(description="only entries that are older than this date")]


class GetLogs(Asked, tag="logs"):
    """The newest log entries that fit every filter."""

    level: LogLevel | None = None
    category: str | None = None
    source: str | None = None
    session_id: Id | None = None
    since: Moment | None = None
    limit: Limit | None = None


class AddLog(Asked, tag="add_log"):
    """One log entry to keep. What is null or empty is as if it were not given."""

    message: str
    level: LogLevel | Literal[""] | None = "info"
    category: str | None = "general"
    source: str | None = "api"
    data: Any = None
    session_id: Id | None = None
    timestamp: Moment | None = None


class LogFilters(Struct, kw_only=True, forbid_unknown_fields=True):
    """Which log entries are meant: those that fit every filter that is given; without any, all."""

    level: LogLevel | None = None
    category: str | None = None
    source: str | None = None
    before: Before = field(name="olderThan", default=None)
    older_than: Before = None


class ClearLogs(Asked, tag="clear_logs"):
    """Delete the log entries that fit every filter; without filters, all."""

    filters: LogFilters | None = None


class DeleteLogs(Asked, tag="clear_logs"):
    """The same with the filters in the query."""

    level: LogLevel | None = None
    category: str | None = None
    source: str | None = None
    older_than: Before = None


def get_logs(caller: Caller, asked: GetLogs) -> LogsAnswer:
    """Return the newest log entries that fit every filter."""
    entries = every(
        lambda most, cursor: caller.memory.logs.list(
            level=asked.level,
            category=asked.category,
            source=asked.source,
            session_id=None if asked.session_id is None else stored_as(SESSION, asked.session_id),
            since=asked.since,
            limit=most,
            cursor=cursor,
        )
    )
    found = bounded(map(log_shape, entries), asked.limit)
    return LogsAnswer(logs=found.rows, more=found.more)


def add_log(caller: Caller, asked: AddLog) -> LogAnswer:
    """Keep one log entry."""
    session_id = None if asked.session_id is None else stored_as(SESSION, asked.session_id)
    entry = caller.memory.logs.add(
        asked.message,
        level=asked.level or "info",
        category=asked.category or "general",
        source=asked.source or "api",
        data=as_data(asked.data),
        session_id=session_id,
        at=asked.timestamp,
        id=fresh(LOG),
    )
    return LogAnswer(log=log_shape(entry))


def clear_logs(caller: Caller, asked: ClearLogs) -> LogsCleared:
    """Delete the log entries that fit every filter, after a restore point."""
    filters = asked.filters or LogFilters()
    dates = [each for each in (filters.before, filters.older_than) if each is not None]
    return _clear(caller, filters.level, filters.category, filters.source, min(dates, default=None))


def delete_logs(caller: Caller, asked: DeleteLogs) -> LogsCleared:
    """Delete the log entries that fit every filter, after a restore point."""
    return _clear(caller, asked.level, asked.category, asked.source, asked.older_than)


def _clear(
    caller: Caller, level: LogLevel | None, category: str | None, source: str | None, before: Moment | None
) -> LogsCleared:
    done = caller.memory.erase.logs(
        level=level,
        category=category,
        source=source,
        until=None if before is None else int(before),
        reason=caller.reason,
    )
    return LogsCleared(deleted=sum(done.counts.values()), operation_id=done.id or None)
