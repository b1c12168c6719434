"""An endpoint: one action behind one address and method."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.types import Receive, Scope, Send

from ingat.actions import Action, wrapped
from ingat.aio import AsyncMemory
from ingat.api.access import Access, Run, bound
from ingat.api.answer import encode, send_json
from ingat.api.arguments import Arguments
from ingat.api.request import check_path
from ingat.core.errors import Conflict

CHANGE_KEYS = frozenset({"keys.revoke", "users.merge", "users.alias", "users.unalias"})
"""Actions after which an earlier check of a key says nothing any more."""


class Endpoint:
    """Answers the requests for one action: lets in, reads, does, and writes what came of it."""

    def __init__(self, action: Action, memory: AsyncMemory, access: Access, max_bytes: int) -> None:
        self._action, self._access = action, access
        self._arguments = Arguments(action, max_bytes)
        self._run = bound(memory, action.name)
        if action.alone:
            self._run = one_at_a_time(self._run, action.name)
        self._run_many = bound(memory, action.many) if action.many else self._run
        self._status = 201 if action.created else 200
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
            await access.confine(key, action, given)
        try:
            value = await (self._run_many if many else self._run)(**given)
        finally:
            if self._forgets:
                access.forget()
        answer = {self._arguments.list_name: value} if many else wrapped(action, value)
        await send_json(scope, send, self._status, encode(answer))


class ByMethod:
    """Hands the requests for one address to the endpoint of their method."""

    def __init__(self) -> None:
        self.endpoints: dict[str, Endpoint] = {}

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
        return await asyncio.shield(task)

    return call
