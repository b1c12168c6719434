"""Logging: a handler of the standard library and a structlog processor that write into a memory's log."""

from __future__ import annotations

import logging
import math
import sys
import traceback
from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

import msgspec

from ingat.core.errors import IngatError
from ingat.core.events import Event
from ingat.core.faults import facts
from ingat.core.ids import check_id, normalise_user_id
from ingat.core.json import encode_object
from ingat.core.logs import LogLevel, NewLog
from ingat.memory import Memory
from ingat.services.logqueue import LogQueue
from ingat.services.logs import MAX_DATA_BYTES, MAX_MESSAGE_BYTES, MAX_NAME_BYTES

if TYPE_CHECKING:
    from ingat.aio import AsyncMemory

MAX_TEXT_CHARACTERS = 4_000
"""Characters of a text among the data; the rest is cut off."""
MAX_ITEMS = 100
"""Items of a list or object among the data."""
MAX_DEPTH = 6
FLUSH_S = 5.0
"""How long closing waits for what is queued."""
OF_THE_LOG_ITSELF = ("ingat.logs", "ingat.store")
"""Loggers whose records are not taken: writing them down could cause more of them."""

_OWN = frozenset({"category", "source", "session_id", "user_id", "store"})
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"} | _OWN
_OF_STRUCTLOG = frozenset(
    {"event", "level", "timestamp", "logger", "exc_info", "stack_info", "_record", "_logger", "_name"}
)
_METHODS: dict[str, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "exception": logging.ERROR,
    "err": logging.ERROR,
    "fatal": logging.CRITICAL,
    "critical": logging.CRITICAL,
}


class LogHandler(logging.Handler):
    """Writes log records into the memory's log, in batches on a thread of their own.

    `category`, `source`, `session_id` and `user_id` are taken from `extra`; without them the category is `general`
    and the source the logger's name. Whatever else is in `extra` becomes data. Of an exception its type and frames
    are kept, neither its text nor values of variables. Secrets are replaced before anything is stored.

    With `only_own`, records that another Memory of this process wrote (they carry the URL of its store) are left out.
    Closing the handler waits for what is queued; the memory stays open.
    """

    def __init__(
        self, memory: Memory | AsyncMemory, level: int | str = logging.NOTSET, *, only_own: bool = False
    ) -> None:
        super().__init__(level)
        behind = _sync(memory)
        self._queue: LogQueue = behind.log_queue
        self._store = behind.store.url if only_own else None

    def emit(self, record: logging.LogRecord) -> None:
        """Queue one record; returns at once, and never raises."""
        if _of_the_log_itself(record.name) or self._queue.busy_here():
            return
        store = getattr(record, "store", None)
        if self._store is not None and store is not None and store != self._store:
            return
        try:
            now = self._queue.now()
            self._queue.put(_from_own(record, now) if isinstance(record, Event) else _from_record(record, now))
        except Exception:  # as every handler: what goes wrong here may not disturb whoever logs
            self.handleError(record)

    def flush(self) -> None:
        """Wait, for a few seconds at the most, until what is queued is written."""
        self._queue.flush(FLUSH_S)

    def close(self) -> None:
        """Write what is queued, and take no more records."""
        self.flush()
        super().close()


class LogProcessor:
    """A structlog processor that writes every event into the memory's log and passes it on unchanged.

    Put it before the renderer. What is said of `LogHandler` holds for the keys of the event. Where structlog hands its
    events to the standard library's logging, use one of the two, or each event is stored twice.
    """

    def __init__(self, memory: Memory | AsyncMemory, level: int | str = logging.NOTSET) -> None:
        self._queue: LogQueue = _sync(memory).log_queue
        self._level = logging.getLevelNamesMapping().get(level.upper(), 0) if isinstance(level, str) else level

    def __call__(self, logger: Any, method_name: str, event_dict: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Queue one event, and return it."""
        number = _METHODS.get(str(event_dict.get("level", method_name)).lower(), logging.INFO)
        name = str(event_dict.get("logger") or getattr(logger, "name", None) or "structlog")
        if number >= self._level and not _of_the_log_itself(name) and not self._queue.busy_here():
            try:
                self._queue.put(_from_event(event_dict, number, name, self._queue.now()))
            except Exception:  # an event that cannot be kept may not disturb whoever logs
                if logging.raiseExceptions:
                    traceback.print_exc()
        return event_dict


def _from_own(record: Event, at: int) -> NewLog:
    """Return the entry of an event of ours, whose values need no look."""
    return NewLog(
        message=record.getMessage(),
        category=record.category,
        source=record.name,
        user_id=record.user_id,
        session_id=record.session_id,
        at=at,
    )


def _from_record(record: logging.LogRecord, at: int) -> NewLog:
    values = vars(record)
    data = {name: values[name] for name in sorted(values.keys() - _STANDARD)}
    error = record.exc_info[1] if record.exc_info else None
    if record.name.startswith("ingat.") and "category" not in values:
        values = {**values, "category": record.name.split(".")[1]}
    return _entry(_message(record), record.levelno, record.name, values, data, error, at)


def _from_event(event: Mapping[str, Any], number: int, name: str, at: int) -> NewLog:
    data = {key: value for key, value in event.items() if key not in _OF_STRUCTLOG and key not in _OWN}
    return _entry(str(event.get("event", "")), number, name, event, data, _error(event.get("exc_info")), at)


def _entry(
    message: str,
    number: int,
    logger: str,
    named: Mapping[str, Any],
    data: dict[str, Any],
    error: BaseException | None,
    at: int,
) -> NewLog:
    """Return an entry that the log takes as it is: what is too long is cut, what is no JSON is named by its type."""
    about = {"user_id": _user(named.get("user_id"), data), "session_id": _session(named.get("session_id"), data)}
    if error is not None:
        data["exception"] = facts(error)
    return NewLog(
        message=_cut(message, MAX_MESSAGE_BYTES) if message.strip() else "(no message)",
        level=_level(number),
        category=_name(named.get("category"), "general"),
        source=_name(named.get("source"), logger),
        data=_fitting(data) if data else data,
        at=at,
        **about,
    )


def _level(number: int) -> LogLevel:
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warn"
    return "info" if number >= logging.INFO else "debug"


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError, IndexError, AttributeError):
        return str(record.msg)  # its arguments do not fit it; better without them than not at all


def _name(value: Any, otherwise: str) -> str:
    text = value if isinstance(value, str) and value.strip() else otherwise
    return _cut(text, MAX_NAME_BYTES) if text.strip() else "general"


def _user(value: Any, data: dict[str, Any]) -> str | None:
    """Return a user id; what cannot be one is kept among the data."""
    if value is None:
        return None
    try:
        return normalise_user_id(value if isinstance(value, str) else str(value))
    except IngatError:
        data["user_id"] = value
        return None


def _session(value: Any, data: dict[str, Any]) -> str | None:
    if value is None:
        return None
    try:
        return check_id(value if isinstance(value, str) else str(value), "session id")
    except IngatError:
        data["session_id"] = value
        return None


def _error(given: Any) -> BaseException | None:
    """Return the exception that structlog's `exc_info` stands for: itself, a tuple, or True for the present one."""
    if isinstance(given, tuple) and len(given) == 3:
        given = given[1]
    if isinstance(given, BaseException):
        return given
    return sys.exception() if given is True else None


def _fitting(data: dict[str, Any]) -> dict[str, Any]:
    plain = {_cut(str(key), MAX_NAME_BYTES): _plain(value, 1) for key, value in list(data.items())[:MAX_ITEMS]}
    try:
        encode_object(plain, "data", MAX_DATA_BYTES)
    except IngatError:
        return {"left_out": "the data were too large", "keys": sorted(plain)[:20]}
    return plain


def _plain(value: Any, depth: int) -> Any:
    """Return a JSON value: what is none is named by its type, so that nothing of it is told that nobody chose to."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _cut(value, MAX_TEXT_CHARACTERS)
    if isinstance(value, int):
        return int(value) if abs(value) < 1 << 63 else str(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    if isinstance(value, BaseException):
        return type(value).__qualname__
    if isinstance(value, Mapping | list | tuple | set | frozenset):
        if depth >= MAX_DEPTH:
            return f"<{type(value).__name__}>"
        if isinstance(value, Mapping):
            items = list(value.items())[:MAX_ITEMS]
            return {_cut(str(key), MAX_NAME_BYTES): _plain(inside, depth + 1) for key, inside in items}
        return [_plain(inside, depth + 1) for inside in list(value)[:MAX_ITEMS]]
    if isinstance(value, bytes | bytearray | memoryview):
        return f"<{len(value)} bytes>"  # as Base64 no secret in them could be seen
    try:
        found = msgspec.to_builtins(value)  # dates, times, UUIDs, decimals, enums
    except (TypeError, ValueError, RecursionError):
        found = None
    return _cut(found, MAX_TEXT_CHARACTERS) if isinstance(found, str) else f"<{type(value).__name__}>"


def _cut(text: str, most: int) -> str:
    """Return a text that can be stored, of at most so many bytes."""
    if text.isascii() and "\x00" not in text:
        return text if len(text) <= most else text[: most - 3] + "..."
    raw = text[:most].replace("\x00", "\ufffd").encode("utf-8", "replace")
    return raw.decode() if len(raw) <= most else raw[: most - 3].decode("utf-8", "ignore") + "..."


def _of_the_log_itself(name: str) -> bool:
    return name.startswith(OF_THE_LOG_ITSELF)


def _sync(memory: Memory | AsyncMemory) -> Memory:
    return memory if isinstance(memory, Memory) else memory.sync
