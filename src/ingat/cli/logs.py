"""The log on standard error: readable lines, or JSON for programs."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping, Sequence
from functools import partial
from typing import Any, cast

import structlog

from ingat.core.faults import facts
from ingat.core.redact import redact

EVENTS = ("ingat.sessions", "ingat.messages", "ingat.recall")
"""Loggers that tell of single requests."""
FOREIGN = ("asyncio", "apscheduler", "concurrent.futures")
"""Loggers of libraries that tell of errors in what they run for us."""


def _without_values(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace an exception by its type and frames, and take out secrets, as in the log of the memory."""
    given = event.pop("exc_info", None)
    event.pop("stack_info", None)
    error = given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["exception"] = facts(error)
    if event["_record"].name.startswith(FOREIGN):
        event["event"] = str(event["event"]).partition("\n")[0]  # what follows shows the exception as it speaks
    return cast(MutableMapping[str, Any], redact(dict(event)))


def _as_lines(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Write what is told of an exception as lines."""
    told = event.pop("exception", None)
    if told is not None:
        name = " <- ".join((told["type"], *told.get("causes", ())))
        event["exception"] = "\n".join((*(f"  {frame}" for frame in told["frames"]), name))
    return event


_BEFORE: list[Any] = [
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    _without_values,
]


def set_up_logs(
    *, as_json: bool, colours: bool, level: int = logging.WARNING, events: bool = False, left_out: Sequence[str] = ()
) -> None:
    """Send our own log to standard error, as readable lines or as JSON lines.

    What tells of single requests is shown with `events` only: it has its place in the log of the memory. Of exceptions
    type and frames are told, never what they say, nor the values of variables; secrets are replaced. `left_out` are
    loggers of which people are told in another way.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(as_json, colours))
    handler.setLevel(level)
    if not events:
        handler.addFilter(lambda record: record.levelno >= logging.WARNING or record.name not in EVENTS)
    if left_out:
        handler.addFilter(lambda record: record.name not in left_out)
    ours = logging.getLogger("ingat")
    ours.handlers, ours.propagate = [handler], False
    ours.setLevel(level)
    for name in FOREIGN:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False


def server_log(*, as_json: bool, colours: bool, level: str = "INFO") -> dict[str, Any]:
    """Return the configuration that makes the HTTP server log in the same form as we do."""
    formatter = {"()": partial(_formatter, as_json, colours)}  # is sent to worker processes
    handler = {"class": "logging.StreamHandler", "formatter": "ingat", "stream": "ext://sys.stderr"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"ingat": formatter},
        "handlers": {"ingat": handler},
        "loggers": {
            "uvicorn": {"handlers": ["ingat"], "level": level, "propagate": False},
            "uvicorn.access": {"handlers": ["ingat"], "level": "WARNING", "propagate": False},
        },
    }


def _formatter(as_json: bool, colours: bool) -> logging.Formatter:
    last = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_last(as_json, colours)]
    return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=_BEFORE, processors=last)


def _last(as_json: bool, colours: bool) -> list[Any]:
    if as_json:
        return [structlog.processors.JSONRenderer()]
    return [_as_lines, structlog.dev.ConsoleRenderer(colors=colours)]
