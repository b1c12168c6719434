"""Flights: how many heavy requests of one key are under way at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from ingat.api.outlasting import outlasting
from ingat.core.errors import RateLimited
from ingat.core.records import Key

T = TypeVar("T")

AT_ONCE = 8
"""Heavy requests of one key that are worked on at the same time; counted in each process."""
AT_ONCE_OF_A_USER = 3
"""The same for a key that is bound to a user: fewer than there are threads, so that nobody holds up all others."""
MOST_WAITING = 256
"""Heavy requests of one key that may wait for those; more are refused."""


class Flights:
    """Lets so many heavy requests of each key run, and the next ones wait in their order."""

    def __init__(self) -> None:
        self._lanes: dict[str, _Lane] = {}

    async def fly(self, key: Key, work: Callable[[], Awaitable[T]]) -> T:
        """Return what the work returns, or raise RateLimited when too many requests of this key wait already.

        Work whose request was given up goes on in its thread, so that it counts until it has ended.
        """
        lane = self._lanes.get(key.id)
        if lane is None:
            lane = self._lanes[key.id] = _Lane(AT_ONCE if key.user_id is None else AT_ONCE_OF_A_USER)
        if lane.present >= lane.at_once + MOST_WAITING:
            raise RateLimited(
                f"{MOST_WAITING} requests of this access key wait already for those that run. Come back in 1 s.",
                retry_after_s=1,
            )
        lane.present += 1
        try:
            await lane.free.acquire()
        except BaseException:
            self._leave(key.id, lane)
            raise

        def landed(task: asyncio.Future[T]) -> None:
            lane.free.release()
            self._leave(key.id, lane)

        task = asyncio.ensure_future(work())
        task.add_done_callback(landed)
        return await outlasting(task)

    def _leave(self, name: str, lane: _Lane) -> None:
        lane.present -= 1
        if not lane.present:
            del self._lanes[name]


class _Lane:
    """The heavy requests of one key: `present` run or wait."""

    def __init__(self, at_once: int) -> None:
        self.at_once, self.present = at_once, 0
        self.free = asyncio.Semaphore(at_once)
