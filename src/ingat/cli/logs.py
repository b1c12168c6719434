"""The log on standard error: readable lines, or JSON for programs."""

from __future__ import annotations

import logging
import sys
from typing import Any

import structlog

_TIMES = structlog.processors.TimeStamper(fmt="iso", utc=True)
_BEFORE: list[Any] = [structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, _TIMES]


def set_up_logs(*, as_json: bool, colours: bool, level: int = logging.WARNING) -> None:
    """Send our own log to standard error, as readable lines or as JSON lines."""
    structlog.configure(
        processors=[*_BEFORE, *_last(as_json, colours)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_standard_error,
        cache_logger_on_first_use=False,
    )


def server_log(*, as_json: bool, colours: bool, level: str = "INFO") -> dict[str, Any]:
    """Return the configuration that makes the HTTP server log in the same form as we do."""
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": _BEFORE,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_last(as_json, colours)],
    }
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


def _last(as_json: bool, colours: bool) -> list[Any]:
    if as_json:
        return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    return [structlog.dev.ConsoleRenderer(colors=colours)]


def _standard_error(*_: Any) -> structlog.PrintLogger:
    return structlog.PrintLogger(sys.stderr)
