"""The table log_entry: log entries in the order in which they were stored, and how many there are of each kind.

`log_count` holds the number of entries by level and category. It is kept in step by the functions of this module, so
nothing else may add or delete rows of log_entry.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, cast

import msgspec

from ingat.core.errors import InvalidInput
from ingat.core.json import decode_object
from ingat.core.logs import LOG_LEVELS, LogEntry, LogFilters, LogLevel
from ingat.store.contract import Row, Tx, Value
from ingat.store.tables.paging import LIKE, Cursor, encode_cursor, like_pattern, listing

SCAN = 20_000
"""Entries that one look goes through at the most; what is further back comes with the next page."""
MOST_CATEGORIES = 1_000
"""Categories that are counted by name; those with the most entries."""
PAGES = listing("logs", "at", True)
"""The kind of the cursors of the list."""

_NUMBERS: dict[LogLevel, int] = {level: 10 * (place + 1) for place, level in enumerate(LOG_LEVELS)}
_LEVELS = {number: level for level, number in _NUMBERS.items()}
_COLUMNS = "seq, id, at, level, category, source, message, data, user_id, session_id"
_DELETED_AT_ONCE = 500


class NewRow(NamedTuple):
    """A log entry to store; `data` is a JSON object as text, None for an empty one."""

    id: str
    at: int
    level: LogLevel
    category: str
    source: str
    message: str
    data: str | None
    user_id: str | None
    session_id: str | None


class Position(NamedTuple):
    """The place of an entry in the order of time."""

    at: int
    seq: int


class Found(NamedTuple):
    """Entries, newest first, and the position to go on after; None when there is nothing more."""

    entries: list[LogEntry]
    next: Position | None


def _entry(row: Row) -> LogEntry:
    values: Any = row
    return LogEntry(
        seq=values[0],
        id=values[1],
        at=values[2],
        level=_LEVELS[values[3]],
        category=values[4],
        source=values[5],
        message=values[6],
        data=decode_object(values[7]),
        user_id=values[8],
        session_id=values[9],
    )


def insert(tx: Tx, new: NewRow) -> int:
    """Add one entry and return its `seq`."""
    row = tx.one(f"{_INSERT} RETURNING seq", _values(new))
    _count(tx, {(_NUMBERS[new.level], new.category): 1})
    return cast("tuple[int]", row)[0]


def insert_many(tx: Tx, rows: Sequence[NewRow]) -> int:
    """Add entries in their order and return how many; an id that is taken is a StoreConflict."""
    tx.many(_INSERT, (_values(row) for row in rows))
    _count(tx, Counter((_NUMBERS[row.level], row.category) for row in rows))
    return len(rows)


def put_back(tx: Tx, entries: Iterable[LogEntry], *, keep_seq: bool = True) -> int:
    """Add entries that were there before, unless one of that id is there, and return how many were added.

    Each gets its old `seq`; without `keep_seq` (entries of another store) a new one, in the order given.
    """
    added: Counter[tuple[int, str]] = Counter()
    for each in entries:
        data = msgspec.json.encode(each.data).decode() if each.data else None
        values = _values(
            NewRow(each.id, each.at, each.level, each.category, each.source, each.message, data, *_of(each))
        )
        sql = f"INSERT INTO log_entry ({_COLUMNS}) VALUES (?{', ?' * 9})" if keep_seq else _INSERT
        row = tx.one(
            f"{sql} ON CONFLICT DO NOTHING RETURNING level, category", (each.seq, *values) if keep_seq else values
        )
        if row is not None:
            added[cast("tuple[int, str]", row)] += 1
    _count(tx, added)
    return added.total()


def delete(tx: Tx, seqs: Sequence[int]) -> int:
    """Delete the entries with these numbers, as far as they are there, and return how many."""
    gone: Counter[tuple[int, str]] = Counter()
    for start in range(0, len(seqs), _DELETED_AT_ONCE):
        some = seqs[start : start + _DELETED_AT_ONCE]
        marks = ", ".join("?" * len(some))
        rows = tx.all(f"DELETE FROM log_entry WHERE seq IN ({marks}) RETURNING level, category", some)
        gone.update(cast("list[tuple[int, str]]", rows))
    _count(tx, {kind: -number for kind, number in gone.items()})
    tx.run("DELETE FROM log_count WHERE entries = 0")
    return gone.total()


def move(tx: Tx, source: str, target: str) -> None:
    """Give the entries about one user to another."""
    tx.run("UPDATE log_entry SET user_id = ? WHERE user_id = ?", (target, source))


def get(tx: Tx, seq: int) -> LogEntry | None:
    """Return one entry, or None."""
    row = tx.one(f"SELECT {_COLUMNS} FROM log_entry WHERE seq = ?", (seq,))
    return _entry(row) if row else None


def after(tx: Tx, seq: int, limit: int) -> list[LogEntry]:
    """Return the entries stored after that one, in the order in which they were stored."""
    rows = tx.all(f"SELECT {_COLUMNS} FROM log_entry WHERE seq > ? ORDER BY seq LIMIT ?", (seq, limit))
    return [_entry(row) for row in rows]


def last_seq(tx: Tx) -> int:
    """Return the number of the newest entry that is there, 0 when there is none."""
    row = tx.one("SELECT MAX(seq) FROM log_entry")
    return cast("tuple[int | None]", row)[0] or 0


def page(tx: Tx, filters: LogFilters, limit: int, cursor: Cursor | None) -> tuple[list[LogEntry], str | None]:
    """Return one page of the entries that fit, newest first, and the cursor of the next; see `matching`."""
    start = None if cursor is None else _place_of(cursor)
    found = matching(tx, filters, limit, start)
    return found.entries, encode_cursor(PAGES, found.next.at, str(found.next.seq)) if found.next else None


def _place_of(cursor: Cursor) -> Position:
    if not isinstance(cursor.value, int) or not cursor.id.isascii() or not cursor.id.isdigit() or len(cursor.id) > 18:
        raise InvalidInput("The cursor is not one that this list gave; start again without it.", given=cursor.id[:64])
    return Position(cursor.value, int(cursor.id))


def matching(tx: Tx, filters: LogFilters, limit: int, after: Position | None = None) -> Found:
    """Return up to `limit` entries that fit every filter, newest first, from `after` on.

    A look goes through `SCAN` entries of an index at the most. When fewer than `limit` fit among them, the answer is
    short, maybe empty, and `next` says where to go on; only without `next` is there nothing more.
    """
    levels = _wanted_levels(filters)
    found = [_look(tx, filters, level, limit, after) for level in levels]
    # each look is complete down to where it stopped; together they are so down to the newest of these places
    stops = [stop for _, stop in found if stop is not None]
    floor = max(stops, default=None)
    rows = [row for some, _ in found for row in some if floor is None or _position(row) >= floor]
    rows.sort(key=_position, reverse=True)
    end = _position(rows[limit - 1]) if len(rows) > limit else floor
    return Found([_entry(row) for row in rows[:limit]], end)


def oldest(
    tx: Tx, limit: int, *, before: int | None = None, through: Position | None = None, after: Position | None = None
) -> list[LogEntry]:
    """Return the oldest entries, oldest first: those before a time, or up to and including a position.

    With `after` only those behind that position.
    """
    where, args = _old(before, through)
    if after is not None:
        where += " AND (at, seq) > (?, ?)"
        args += after
    query = f"SELECT {_COLUMNS} FROM log_entry WHERE {where} ORDER BY at, seq LIMIT ?"
    return [_entry(row) for row in tx.all(query, (*args, limit))]


def beyond(tx: Tx, keep: int) -> Position | None:
    """Return the position of the newest entry that is not among the newest `keep`; None when all are."""
    row = tx.one("SELECT at, seq FROM log_entry ORDER BY at DESC, seq DESC LIMIT 1 OFFSET ?", (keep,))
    return Position(*cast("tuple[int, int]", row)) if row else None


def count_oldest(tx: Tx, *, before: int | None = None, through: Position | None = None) -> int:
    """Return how many entries there are before a time, or up to and including a position."""
    where, args = _old(before, through)
    row = tx.one(f"SELECT COUNT(*) FROM log_entry WHERE {where}", args)
    return cast("tuple[int]", row)[0]


def _old(before: int | None, through: Position | None) -> tuple[str, list[Value]]:
    """Return the condition of entries before a time, up to and including a position, with its arguments."""
    where, args = ["1 = 1"], cast("list[Value]", [])
    if before is not None:
        where.append("at < ?")
        args.append(before)
    if through is not None:
        where.append("(at, seq) <= (?, ?)")
        args += through
    return " AND ".join(where), args


def count(tx: Tx) -> int:
    """Return how many entries there are."""
    row = tx.one("SELECT SUM(entries) FROM log_count")
    return cast("tuple[int | None]", row)[0] or 0


def count_by_level(tx: Tx) -> dict[str, int]:
    """Return how many entries there are of each level."""
    rows = tx.all("SELECT level, SUM(entries) FROM log_count GROUP BY level")
    found = dict(cast("list[tuple[int, int]]", rows))
    return {level: found.get(number, 0) for number, level in _LEVELS.items()}


def count_by_category(tx: Tx) -> dict[str, int]:
    """Return how many entries there are of each category, of at most `MOST_CATEGORIES`, the most frequent first."""
    rows = tx.all(
        "SELECT category, SUM(entries) AS entries FROM log_count GROUP BY category ORDER BY 2 DESC, 1 LIMIT ?",
        (MOST_CATEGORIES,),
    )
    return dict(cast("list[tuple[str, int]]", rows))


def span(tx: Tx) -> tuple[int | None, int | None]:
    """Return the time of the oldest and of the newest entry."""
    row = tx.one("SELECT (SELECT MIN(at) FROM log_entry), (SELECT MAX(at) FROM log_entry)")
    return cast("tuple[int | None, int | None]", row)


_INSERT = (
    "INSERT INTO log_entry (id, at, level, category, source, message, data, user_id, session_id)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


def _values(new: NewRow) -> tuple[Value, ...]:
    return (new.id, new.at, _NUMBERS[new.level], *new[3:])


def recount(tx: Tx) -> None:
    """Count all entries anew: for a store whose numbers were changed by something else."""
    tx.run("DELETE FROM log_count")
    tx.run(
        "INSERT INTO log_count (level, category, entries)"
        " SELECT level, category, COUNT(*) FROM log_entry GROUP BY level, category"
    )


def _of(entry: LogEntry) -> tuple[str | None, str | None]:
    return entry.user_id, entry.session_id


def _position(row: Row) -> Position:
    return Position(cast(int, row[2]), cast(int, row[0]))


def _count(tx: Tx, changes: dict[tuple[int, str], int]) -> None:
    tx.many(
        "INSERT INTO log_count (level, category, entries) VALUES (?, ?, ?)"
        " ON CONFLICT (level, category) DO UPDATE SET entries = log_count.entries + excluded.entries",
        [(*kind, number) for kind, number in changes.items() if number],
    )


def _wanted_levels(filters: LogFilters) -> list[int | None]:
    """Return the levels to look for one by one; [None] for all of them in one look."""
    if filters.level is not None:
        wanted = [_NUMBERS[filters.level]]
    elif filters.min_level not in (None, LOG_LEVELS[0]):
        wanted = list(_LEVELS)
    else:
        return [None]
    return [number for number in wanted if number >= _NUMBERS[filters.min_level or LOG_LEVELS[0]]]


def _look(
    tx: Tx, filters: LogFilters, level: int | None, limit: int, after: Position | None
) -> tuple[list[Row], Position | None]:
    """Return up to `limit + 1` rows of one level, newest first, and the position down to which they are all there."""
    within, within_args = _window(filters, after)
    exact = {
        name: cast(Value, value)
        for name, value in (
            ("session_id", filters.session_id),
            ("user_id", filters.user_id),
            ("category", filters.category),
            ("source", filters.source),
            ("level", level),
        )
        if value is not None
    }
    drivers = list(exact) or ["at"]
    bound: Position | None = None
    if len(exact) > 1 or filters.search is not None:
        # of the indexes that could be gone through, the one in which so many entries reach furthest back
        bounds = {name: _bound(tx, name, exact, within, within_args) for name in drivers}
        drivers.sort(key=lambda name: bounds[name] or Position(-1, -1))
        bound = bounds[drivers[0]]
    driver, where, args = drivers[0], [*within], [*within_args]
    for name, value in exact.items():
        where.append(f"{name} = ?" if name == driver else f"{_unindexed(name)} = ?")
        args.append(value)
    if filters.search is not None:
        where.append(f"(LOWER(message) {LIKE} OR message {LIKE} OR LOWER(COALESCE(data, '')) {LIKE})")
        lowered = like_pattern(filters.search)
        # also as it is written: not every engine lowers letters beyond ASCII
        args += [lowered, like_pattern(filters.search, as_written=True), lowered]
    if bound is not None:
        where.append("(at, seq) >= (?, ?)")
        args += bound
    order = "at DESC, seq DESC"
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM log_entry WHERE {' AND '.join(where)} ORDER BY {order} LIMIT ?", (*args, limit + 1)
    )
    return rows, _position(rows[-1]) if len(rows) > limit else bound


def _bound(
    tx: Tx, driver: str, exact: dict[str, Value], within: list[str], within_args: list[Value]
) -> Position | None:
    """Return the last position of an index that a look may reach; None when it can be gone through to its end."""
    where, args = [*within], [*within_args]
    if driver in exact:
        where.append(f"{driver} = ?")
        args.append(exact[driver])
    row = tx.one(
        f"SELECT at, seq FROM log_entry WHERE {' AND '.join(where)} ORDER BY at DESC, seq DESC LIMIT 1 OFFSET ?",
        (*args, SCAN - 1),
    )
    return Position(*cast("tuple[int, int]", row)) if row else None


def _window(filters: LogFilters, after: Position | None) -> tuple[list[str], list[Value]]:
    where, args = ["1 = 1"], cast("list[Value]", [])
    if filters.since is not None:
        where.append("at >= ?")
        args.append(filters.since)
    if filters.until is not None:
        where.append("at < ?")
        args.append(filters.until)
    if after is not None:
        where.append("(at, seq) < (?, ?)")
        args += after
    return where, args


def _unindexed(name: str) -> str:
    """Return a column as something that no index can be used for, so that the one that was chosen is."""
    return f"{name} + 0" if name == "level" else f"{name} || ''"
