"""Log entries: records of what the bot and Ingat itself report, and what they may be filtered by."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from ingat.core.records import Json

LogLevel = Literal["debug", "info", "warn", "error"]

LOG_LEVELS: tuple[LogLevel, ...] = ("debug", "info", "warn", "error")


def as_data(given: Any) -> Json:
    """Return what somebody gives as the data of an entry as the object that is kept; another value is its `value`."""
    if given is None:
        return {}
    return dict(given) if isinstance(given, dict) else {"value": given}


class LogEntry(Struct, frozen=True, kw_only=True):
    """One log entry. `at` is milliseconds UTC; `seq` grows in the order in which entries were stored."""

    id: str
    seq: int
    at: int
    level: LogLevel
    category: str
    source: str
    message: str
    data: Json = {}
    user_id: str | None = None
    session_id: str | None = None


class NewLog(Struct, frozen=True, kw_only=True):
    """A log entry to store; without `at` it is now, without `id` it gets one."""

    message: str
    level: LogLevel = "info"
    category: str = "general"
    source: str = "api"
    data: Json = {}
    user_id: str | None = None
    session_id: str | None = None
    at: int | None = None
    id: str | None = None


class LogFilters(Struct, frozen=True, kw_only=True):
    """Which log entries are meant: those that fit every filter that is given (AND). Without filters: all."""

    level: LogLevel | None = None
    min_level: LogLevel | None = None
    category: str | None = None
    source: str | None = None
    since: int | None = None
    until: int | None = None
    search: str | None = None
    user_id: str | None = None
    session_id: str | None = None

    def admits(self, entry: LogEntry) -> bool:
        """Tell whether an entry fits; `search` and the times are for the store and not looked at."""
        if self.min_level is not None and LOG_LEVELS.index(entry.level) < LOG_LEVELS.index(self.min_level):
            return False
        return all(
            wanted is None or wanted == found
            for wanted, found in (
                (self.level, entry.level),
                (self.category, entry.category),
                (self.source, entry.source),
                (self.user_id, entry.user_id),
                (self.session_id, entry.session_id),
            )
        )


class LogStats(Struct, frozen=True, kw_only=True):
    """How many log entries there are."""

    total: int
    by_level: dict[str, int]
    by_category: dict[str, int]
    oldest_at: int | None = None
    newest_at: int | None = None
