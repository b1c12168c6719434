"""Logs: entries with level, category and source; filtered, counted, followed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

import msgspec

from ingat.core import clock
from ingat.core.errors import EmptyContent, InvalidInput
from ingat.core.given import shown
from ingat.core.ids import check_id, new_id, normalise_user_id
from ingat.core.json import decode_object, encode_object
from ingat.core.limits import check_limit, check_time
from ingat.core.logs import LOG_LEVELS, LogEntry, LogFilters, LogLevel, LogStats, NewLog
from ingat.core.records import Page
from ingat.core.redact import redact, redact_text
from ingat.core.texts import check_text
from ingat.store.contract import Store, Tx
from ingat.store.tables import logs as table
from ingat.store.tables import sessions as session_table
from ingat.store.tables import users as user_table
from ingat.store.tables.paging import decode_cursor

MAX_MESSAGE_BYTES = 16 << 10
MAX_DATA_BYTES = 64 << 10
MAX_NAME_BYTES = 256
"""Bytes of a category or source."""
MAX_ENTRIES_AT_ONCE = 10_000


class Logs:
    """The log entries of one store."""

    def __init__(self, store: Store, now: clock.Clock) -> None:
        self._store, self._now = store, now

    def add(
        self,
        message: str,
        *,
        level: LogLevel = "info",
        category: str = "general",
        source: str = "api",
        data: dict[str, Any] | None = None,
        user_id: str | None = None,
        session_id: str | None = None,
        at: int | None = None,
        id: str | None = None,
    ) -> LogEntry:
        """Store one entry and return it. Secrets in message and data are replaced before they are stored.

        `message` at most 16 KiB of UTF-8, `data` a JSON object of at most 64 KiB, `category` and `source` at most 256
        bytes; `at` (milliseconds UTC) and `id` are for imports. Neither the user nor the session need exist; without a
        user the entry is about the session's. Raises EmptyContent, ContentTooLong, InvalidText, InvalidId,
        InvalidInput, StoreConflict for an id that is taken.
        """
        new = _checked(
            NewLog(
                message=message,
                level=level,
                category=category,
                source=source,
                data={} if data is None else data,
                user_id=user_id,
                session_id=session_id,
                at=at,
                id=id,
            ),
            self._now(),
        )

        def work(tx: Tx) -> LogEntry:
            (row,) = _of_users(tx, [new])
            return cast(LogEntry, table.get(tx, table.insert(tx, row)))

        return self._store.write(work)

    def add_many(self, entries: Sequence[NewLog | Mapping[str, Any]]) -> int:
        """Store entries in one transaction, in their order, and return how many; at most 10,000, all or none.

        Each is a NewLog or a mapping with its fields. Secrets are replaced and errors raised as by `add`; InvalidInput
        names the place of one that cannot be read.
        """
        check_limit(len(entries), "number of log entries", 0, MAX_ENTRIES_AT_ONCE)
        now = self._now()
        rows = [_checked(_new(new, place), now) for place, new in enumerate(entries)]
        return self._store.write(lambda tx: table.insert_many(tx, _of_users(tx, rows))) if rows else 0

    def list(
        self,
        *,
        level: LogLevel | None = None,
        min_level: LogLevel | None = None,
        category: str | None = None,
        source: str | None = None,
        since: int | None = None,
        until: int | None = None,
        search: str | None = None,
        user_id: str | None = None,
        session_id: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[LogEntry]:
        """Return the newest entries that fit every filter, newest first; `page.next` is the cursor of the next page.

        `min_level` is this level or a graver one, `since` (included) to `until` (excluded) milliseconds UTC, `search`
        part of the message or data, without regard to case. A page looks through 20,000 entries at the most: where
        what fits is rarer, the page is short or empty and still has `next`; without `next` there is nothing more.
        """
        check_limit(limit, "limit")
        after = decode_cursor(cursor, table.PAGES)
        filters = checked_filters(
            LogFilters(
                level=level,
                min_level=min_level,
                category=category,
                source=source,
                since=since,
                until=until,
                search=search,
                user_id=user_id,
                session_id=session_id,
            )
        )

        def look(tx: Tx) -> tuple[Sequence[LogEntry], str | None]:
            return table.page(tx, resolved(tx, filters), limit, after)

        items, more = self._store.read(look)
        return Page(items=tuple(items), next=more)

    def after(self, seq: int, limit: int = 200) -> Sequence[LogEntry]:
        """Return the entries that were stored after the one with this `seq`, in the order they were stored."""
        check_limit(seq, "seq", 0, (1 << 63) - 1)
        check_limit(limit, "limit")
        return self._store.read(lambda tx: table.after(tx, seq, limit))

    def last_seq(self) -> int:
        """Return the `seq` of the newest entry that is there; 0 when there is none."""
        return self._store.read(table.last_seq)

    def stats(self) -> LogStats:
        """Return how many entries there are, by level and by category (the 1,000 most frequent)."""

        def look(tx: Tx) -> LogStats:
            oldest, newest = table.span(tx)
            return LogStats(
                total=table.count(tx),
                by_level=table.count_by_level(tx),
                by_category=table.count_by_category(tx),
                oldest_at=oldest,
                newest_at=newest,
            )

        return self._store.read(look)


def checked_filters(filters: LogFilters) -> LogFilters:
    """Return the filters with ids in their one form, or raise InvalidInput, InvalidId or InvalidText."""
    for level in (filters.level, filters.min_level):
        if level is not None:
            _check_level(level)
    for what, text in (("category", filters.category), ("source", filters.source), ("search", filters.search)):
        if text is not None:
            check_text(text, what, MAX_MESSAGE_BYTES)
    check_time(filters.since, "since")
    check_time(filters.until, "until")
    return LogFilters(
        level=filters.level,
        min_level=filters.min_level,
        category=filters.category,
        source=filters.source,
        since=filters.since,
        until=filters.until,
        search=filters.search or None,
        user_id=None if filters.user_id is None else normalise_user_id(filters.user_id),
        session_id=None if filters.session_id is None else check_id(filters.session_id, "session id"),
    )


def resolved(tx: Tx, filters: LogFilters) -> LogFilters:
    """Return the filters with the user that an alias stands for."""
    if filters.user_id is None:
        return filters
    return LogFilters(**{**_fields(filters), "user_id": user_table.resolve(tx, filters.user_id) or filters.user_id})


def _fields(filters: LogFilters) -> dict[str, Any]:
    return {name: getattr(filters, name) for name in filters.__struct_fields__}


def _check_level(level: LogLevel) -> LogLevel:
    if level not in LOG_LEVELS:
        raise InvalidInput(
            f"There is no log level {shown(level)}; known: {', '.join(LOG_LEVELS)}.", known=list(LOG_LEVELS)
        )
    return level


def _new(given: NewLog | Mapping[str, Any], place: int) -> NewLog:
    if isinstance(given, NewLog):
        return given
    try:
        return msgspec.convert(dict(given), _Given)
    except (msgspec.ValidationError, TypeError, ValueError) as error:
        raise InvalidInput(f"Log entry {place} cannot be read: {error}.", index=place) from error


class _Given(NewLog, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new entry given as a mapping: a field that does not exist is refused instead of lost."""


def _checked(new: NewLog, now: int) -> table.NewRow:
    """Return the row of a new entry, without its secrets; its user is not looked up yet."""
    message = check_text(new.message, "message", MAX_MESSAGE_BYTES)
    if not message.strip():
        raise EmptyContent("The log entry has no message.")
    # as plain JSON values before it is gone through: sets and records may hold secrets too
    plain = decode_object(encode_object(new.data, "data", MAX_DATA_BYTES))
    data = encode_object(redact(plain), "data", 2 * MAX_DATA_BYTES) if plain else None
    return table.NewRow(
        id=new_id() if new.id is None else check_id(new.id, "log id"),
        at=now if new.at is None else cast(int, check_time(new.at, "at")),
        level=_check_level(new.level),
        category=_name(new.category, "category"),
        source=_name(new.source, "source"),
        message=redact_text(message),
        data=data,
        user_id=None if new.user_id is None else normalise_user_id(new.user_id),
        session_id=None if new.session_id is None else check_id(new.session_id, "session id"),
    )


def _name(text: str, what: str) -> str:
    return _checked_name(text, what) if isinstance(text, str) else check_text(text, what)


@lru_cache(maxsize=1_024)
def _checked_name(text: str, what: str) -> str:
    if not check_text(text, what, MAX_NAME_BYTES).strip():
        raise InvalidInput(f"The {what} of the log entry is empty.")
    return redact_text(text)


def _of_users(tx: Tx, rows: Sequence[table.NewRow]) -> list[table.NewRow]:
    """Return the rows with the users that aliases and sessions stand for; each is looked up once."""
    owners: dict[tuple[str | None, str | None], str | None] = {}
    found: list[table.NewRow] = []
    for row in rows:
        about = (row.user_id, row.session_id)
        if about not in owners:
            owners[about] = _owner(tx, *about)
        found.append(row._replace(user_id=owners[about]) if owners[about] != row.user_id else row)
    return found


def _owner(tx: Tx, user_id: str | None, session_id: str | None) -> str | None:
    if user_id is not None:
        return user_table.resolve(tx, user_id) or user_id
    return None if session_id is None else session_table.owner(tx, session_id)
