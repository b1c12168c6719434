"""Work that outlasts the request that began it: nobody may wait for it any more when it ends."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, TypeVar

from ingat.core.errors import IngatError
from ingat.core.faults import frames

T = TypeVar("T")

_log = logging.getLogger("ingat.api")


async def outlasting(task: asyncio.Future[T]) -> T:
    """Return what the task returns, or raise what it raises; it goes on when the caller is cancelled.

    An error of ours that comes after that is nobody's: the client was told that the request took too long. Any other
    is logged, by its type and where it was raised.
    """
    # asyncio.shield would do it, but from Python 3.14 on it reports every error that comes after a cancellation
    try:
        await asyncio.wait((task,))
    except asyncio.CancelledError:
        task.add_done_callback(_ended)
        raise
    return task.result()


def observed(task: asyncio.Future[T]) -> asyncio.Future[T]:
    """Return the task, whose error concerns only those who wait for it at that moment, if anybody does."""
    task.add_done_callback(_seen)
    return task


def _seen(task: asyncio.Future[Any]) -> None:
    if not task.cancelled():
        task.exception()


def _ended(task: asyncio.Future[Any]) -> None:
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, IngatError):
        facts = {"error": type(error).__name__, "frames": frames(error, 12)}
        _log.error("A request that had been given up failed (%s)", facts["error"], extra=facts)
