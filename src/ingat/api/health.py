"""Health: whether the process lives, and whether its store can be used. Both answer without a key."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import cast

from starlette.types import Receive, Scope, Send

from ingat.aio import AsyncMemory
from ingat.api.answer import encode, send_json
from ingat.api.outlasting import observed
from ingat.core.errors import StoreBusy, StoreUnavailable
from ingat.store.contract import Tx

PROBE_S = 2.0
"""A store that does not answer a read for so long counts as unavailable."""

_ALIVE = encode({"status": "ok"})
_READY = encode({"status": "ready"})


class Alive:
    """Answers that the process lives."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send_json(scope, send, 200, _ALIVE)


class Readiness:
    """Answers 200 when the store can be read and takes writes, else the error that the store gives.

    A store that is only busy is ready.
    """

    def __init__(self, memory: AsyncMemory) -> None:
        self._store = memory.sync.store
        self._read: asyncio.Future[int] | None = None
        self._write: asyncio.Future[int] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # requests that come while a probe runs share its answer, so that asking often costs the store nothing
        if self._read is None or self._read.done():
            self._read = observed(asyncio.ensure_future(asyncio.to_thread(self._store.read, _look)))
        if self._write is None or self._write.done():
            self._write = observed(asyncio.ensure_future(self._store.awrite(_look)))
        read, write = self._read, self._write
        await asyncio.wait((read,), timeout=PROBE_S)
        if not read.done():
            raise StoreUnavailable(f"The store did not answer within {PROBE_S:.0f} s.")
        read.result()
        await asyncio.wait((write,), timeout=PROBE_S)
        if write.done():  # else another process writes at this moment; writes wait for it
            with suppress(StoreBusy):
                write.result()
        await send_json(scope, send, 200, _READY)


def _look(tx: Tx) -> int:
    return cast("tuple[int]", tx.one("SELECT 1"))[0]
