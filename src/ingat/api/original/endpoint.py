"""The endpoint of `/api/memory`: lets in, reads what is asked, does it on a thread, and answers in the wire format."""

from __future__ import annotations

from collections.abc import Awaitable
from functools import partial
from typing import NamedTuple

import msgspec
from starlette.types import Receive, Scope, Send

from ingat.aio import AsyncMemory, on_thread
from ingat.api.access import Access
from ingat.api.answer import encode, send_json
from ingat.api.arguments import LONGEST_NAME
from ingat.api.endpoint import one_at_a_time
from ingat.api.flights import Flights
from ingat.api.original.asked import Asked, Bodies, Queries
from ingat.api.original.caller import Caller
from ingat.api.original.failure import REFUSALS, refusal
from ingat.api.original.snapshots import ExportSnapshot
from ingat.api.original.table import ALSO, CALLS, Call
from ingat.api.request import read_body
from ingat.core.actor import acting_as
from ingat.core.errors import Conflict, InvalidInput, NotFound
from ingat.core.records import Key


class Reply(NamedTuple):
    """The status and the body of an answer."""

    status: int
    body: bytes


class Original:
    """Answers the requests of the wire format."""

    def __init__(self, memory: AsyncMemory, access: Access, max_bytes: int, flights: Flights) -> None:
        self._memory, self._access, self._max_bytes, self._flights = memory, access, max_bytes, flights
        self._calls = {(verb, call.asked): call for verb, calls in CALLS.items() for call in calls}
        self._reads = Queries((call.asked for call in CALLS["GET"]), default="stats", lenient=True)
        self._erases = Queries((call.asked for call in CALLS["DELETE"]), default=None, lenient=False)
        self._writes = Bodies(call.asked for call in CALLS["POST"])
        self._alone = one_at_a_time(partial(on_thread, memory), "perform_cleanup")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        verb = "GET" if scope["method"] == "HEAD" else scope["method"]
        key = await self._access.enter(scope, browser=verb == "GET")
        scope["ingat.begun"] = False
        asked = await self._read(verb, scope, receive)
        if isinstance(asked, InvalidInput):
            await send_json(scope, send, 200, refusal(asked))
            return
        call = self._calls[verb, type(asked)]
        self._access.allow(key, call.access)
        given = msgspec.structs.asdict(asked)
        await self._access.confine(key, call.access, given)
        scope["ingat.begun"] = True
        caller = Caller(self._memory.sync, key, given.get("user_id"))
        try:
            reply = await self._do(call, key, partial(_reply, call, caller, asked))
        except Conflict as error:  # one that runs alone is running already
            reply = Reply(200, refusal(error))
        await send_json(scope, send, reply.status, reply.body)

    async def _read(self, verb: str, scope: Scope, receive: Receive) -> Asked | InvalidInput:
        """Return what is asked, or what is wrong with it where the format answers that with 200.

        Raises InvalidInput, InvalidText or RequestTooLarge for what is answered with a status of its own.
        """
        query: bytes = scope["query_string"]
        if verb == "GET":
            return self._reads.read(query, {})
        if verb == "POST" and query:
            name = query.split(b"=")[0][:LONGEST_NAME].decode("latin-1")
            raise InvalidInput(f"What a POST asks stands in its body; the query has {name!r}.", field=name)
        given = self._writes.opened(await read_body(scope, receive, self._max_bytes)) if verb == "POST" else {}
        try:
            return self._writes.read(given, ALSO) if verb == "POST" else self._erases.read(query, ALSO)
        except InvalidInput as error:
            return error

    def _do(self, call: Call, key: Key, work: partial[Reply]) -> Awaitable[Reply]:
        if call.access.alone:
            return self._alone(kind=call.kind, work=work)
        if call.access.heavy:
            return self._flights.fly(key, lambda: on_thread(self._memory, call.kind, work))
        return on_thread(self._memory, call.kind, work)


def _reply(call: Call, caller: Caller, asked: Asked) -> Reply:
    """Do what is asked, on the thread, and write the answer there too."""
    try:
        with acting_as(f"key:{caller.key.id}"):
            return Reply(200, encode(call.do(caller, asked)))
    except REFUSALS as error:
        missing = isinstance(error, NotFound) and isinstance(asked, ExportSnapshot)
        return Reply(404 if missing else 200, refusal(error))
