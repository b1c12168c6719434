"""Events: what is logged for every session, message and question, made at a third of the cost of other log records."""

from __future__ import annotations

import logging

from ingat.core import clock

_TEMPLATE = {
    **vars(logging.makeLogRecord({})),
    "levelno": logging.INFO,
    "levelname": logging.getLevelName(logging.INFO),
    "thread": None,
    "threadName": None,
    "processName": None,
    "process": None,
}


class Event(logging.LogRecord):
    """A record of level info that says which user, session and store it is about, not which line of code it is from."""

    category: str
    user_id: str | None
    session_id: str | None
    store: str

    def __init__(
        self,
        logger: logging.Logger,
        message: str,
        *values: object,
        category: str,
        user_id: str | None,
        session_id: str | None,
        store: str,
    ) -> None:
        created = clock.now()
        self.__dict__.update(
            _TEMPLATE,
            name=logger.name,
            msg=message,
            args=values,
            created=created / 1000,
            msecs=float(created % 1000),
            category=category,
            user_id=user_id,
            session_id=session_id,
            store=store,
        )
