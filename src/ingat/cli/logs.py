"""The log on standard error: readable lines, or JSON for programs."""

from __future__ import annotations

import logging
import sys
from functools import partial
from typing import Any

import structlog

_BEFORE: list[Any] = [
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


EVENTS = ("ingat.sessions", "ingat.messages", "ingat.recall")
"""Loggers that tell of single requests."""


def set_up_logs(*, as_json: bool, colours: bool, level: int = logging.WARNING, events: bool = False) -> None:
    """Send our own log to standard error, as readable lines or as JSON lines.

    What tells of single requests is shown with `events` only: it has its place in the log of the memory.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(as_json, colours))
    handler.setLevel(level)
    if not events:
        handler.addFilter(lambda record: record.levelno >= logging.WARNING or record.name not in EVENTS)
    ours = logging.getLogger("ingat")
    ours.handlers, ours.propagate = [handler], False
    ours.setLevel(level)


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
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    return [structlog.dev.ConsoleRenderer(colors=colours)]
