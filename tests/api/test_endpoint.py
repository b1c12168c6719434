"""Endpoints."""

from __future__ import annotations

import asyncio

import pytest

from ingat.api.endpoint import one_at_a_time
from ingat.core.errors import Conflict


async def _twice_at_once() -> tuple[str, str]:
    go = asyncio.Event()

    async def work() -> str:
        await go.wait()
        return "done"

    run = one_at_a_time(work, "reindex")
    first = asyncio.ensure_future(run())
    await asyncio.sleep(0)
    with pytest.raises(Conflict):
        await run()
    go.set()
    return await first, await run()


def test_work_on_the_whole_store_is_done_one_at_a_time() -> None:
    assert asyncio.run(_twice_at_once()) == ("done", "done")


async def _given_up() -> bool:
    go, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await go.wait()
        ended.set()

    run = one_at_a_time(work, "reindex")
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(run(), 0.01)
    with pytest.raises(Conflict):
        await run()
    go.set()
    await ended.wait()
    await asyncio.sleep(0)
    await run()
    return True


def test_work_that_a_client_gave_up_on_goes_on_and_counts() -> None:
    assert asyncio.run(_given_up())
