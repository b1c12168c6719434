"""An endpoint: one action behind one address and method."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from ingat.action import Action
from ingat.aio import AsyncMemory, dressed
from ingat.api.access import Access, Run, bound
from ingat.api.answer import encode, send_json
from ingat.api.arguments import Arguments, Given
from ingat.api.flights import Flights
from ingat.api.outlasting import outlasting
from ingat.api.request import check_path, header
from ingat.api.work import Done, answering
from ingat.core.actor import acting_as
from ingat.core.errors import Conflict
from ingat.core.records import Key

CHANGE_KEYS = frozenset({"keys.revoke", "users.merge", "users.alias", "users.unalias"})
"""Actions after which an earlier check of a key says nothing any more."""
MOST_BYTES_ON_THE_LOOP = 256 << 10
"""Bytes of a body whose answer is written on the event loop itself; a larger one is written on a thread."""


class Endpoint:
    """Answers the requests for one action: lets in, reads, does, and writes what came of it."""

    def __init__(
        self, action: Action, memory: AsyncMemory, access: Access, max_bytes: int, flights: Flights | None = None
    ) -> None:
        self._action, self._access = action, access
        self._flights = (flights or Flights()) if action.heavy else None
        self._arguments = Arguments(action, max_bytes)
        if action.many:
            self._run, self._run_many = bound(memory, action.name), bound(memory, action.many)
        else:
            self._run = dressed(memory, action.name, answering(action, memory.sync))
        if action.alone:
            self._run = one_at_a_time(self._run, action.name)
        self._forgets = action.name in CHANGE_KEYS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        action, access = self._action, self._access
        key = await access.enter(scope)
        access.allow(key, action)
        check_path(scope)
        scope["ingat.begun"] = False
        given, many = await self._arguments.read(scope, receive)
        scope["ingat.begun"] = True
        if key.user_id is not None:
            await access.confine(key, action, given, self._arguments.list_name if many else "")
        try:
            with acting_as(f"key:{key.id}"):
                done = await (self._append(scope, given, many) if action.many else self._do(key, given))
        finally:
            if self._forgets:
                access.forget()
        await send_json(scope, send, 201 if done.created else 200, done.body)

    async def _do(self, key: Key, given: Given) -> Done:
        done: Done = await (self._flights.fly(key, lambda: self._run(**given)) if self._flights else self._run(**given))
        return done

    async def _append(self, scope: Scope, given: Given, many: bool) -> Done:
        """Appends are done without a thread, so that their answer is written here as long as it is small."""
        value = await (self._run_many if many else self._run)(**given)
        answer = {self._arguments.list_name: value} if many else value
        announced = header(scope, b"content-length")
        small = announced is not None and int(announced) <= MOST_BYTES_ON_THE_LOOP
        body = encode(answer) if small else await asyncio.to_thread(encode, answer)
        return Done(body, bool(value) if many else True)


class ByMethod:
    """Hands the requests for one address to the endpoint of their method."""

    def __init__(self) -> None:
        self.endpoints: dict[str, ASGIApp] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        await self.endpoints["GET" if method == "HEAD" else method](scope, receive, send)


def one_at_a_time(run: Run, name: str) -> Run:
    """Return the same work, refused with Conflict while an earlier call of it goes on.

    The work of a request that timed out goes on, so that it counts until it has ended.
    """
    running: set[asyncio.Future[Any]] = set()

    async def call(**given: Any) -> Any:
        if running:
            raise Conflict(f"{name} is running already; ask again when it has ended.", action=name)
        task = asyncio.ensure_future(run(**given))
        running.add(task)
        task.add_done_callback(running.discard)
        return await outlasting(task)

    return call
