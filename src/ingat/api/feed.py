"""The live feed: new log entries as server-sent events, to as many as watch, from one look at the store.

The format is that of the HTML standard (section "Server-sent events"): the id of an event is the `seq` of its entry,
so that a reader that comes back with `Last-Event-ID` goes on where it was, without loss and without doubles.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import takewhile
from typing import Any

from starlette.types import Receive, Scope, Send

from ingat.actions import ACTIONS
from ingat.aio import AsyncMemory
from ingat.api.access import Access
from ingat.api.answer import SECURITY, encode
from ingat.api.arguments import pairs
from ingat.api.request import check_path, header
from ingat.core.errors import IngatError, InvalidInput, RateLimited, StoreClosed
from ingat.core.logs import LogEntry, LogFilters
from ingat.services.logs import checked_filters

PATH = "/v1/logs/stream"
POLL_S = 0.5
"""Time between two looks at the store, while anybody watches."""
KEEP_ALIVE_S = 15.0
"""A stream that has nothing to say says so this often; the key is checked again then."""
MOST_STREAMS = 64
"""Streams of this process at the same time."""
AT_ONCE = 500
"""Entries read from the store at a time."""
HELD = 2_000
"""Newest entries held for all streams together; who is further behind reads them from the store."""
END = "ingat.end"
"""Where in its scope a stream leaves what ends it when the server stops; see `ingat.cli.protocol`."""
LIMIT = "ingat.limit"
"""Where in the scope the gate leaves its time limit, which a stream lifts."""

_LIST = next(action for action in ACTIONS if action.name == "logs.list")
_FILTERS = ("level", "min_level", "category", "source", "session_id")
_HEADERS = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"x-accel-buffering", b"no"), *SECURITY]

_log = logging.getLogger("ingat.logs")


class Entries:
    """The newest entries of the log, kept up to date while anybody looks.

    `after` answers from RAM, and from the store for who is further behind.
    """

    def __init__(
        self, read: Callable[..., Awaitable[Sequence[LogEntry]]], newest: Callable[[], Awaitable[int]]
    ) -> None:
        self._read, self._newest = read, newest
        self._held: deque[LogEntry] = deque()
        self._floor = self._top = 0
        self._news = asyncio.Event()
        self._watchers = 0
        self._poll: asyncio.Task[None] | None = None
        self.closed = False

    async def join(self) -> int:
        """Begin to watch, and return the `seq` of the newest entry; `leave` ends it."""
        self._watchers += 1
        try:
            newest = await self._newest()
            if self._poll is None or self._poll.done():
                self._held.clear()
                self._floor = self._top = newest
                self._poll = asyncio.create_task(self._look())
        except BaseException:
            self.leave()
            raise
        return newest

    def leave(self) -> None:
        """End what `join` began; when the last one leaves, the store is not looked at any more."""
        self._watchers -= 1
        if not self._watchers and self._poll is not None:
            self._poll.cancel()
            self._poll = None

    @property
    def watchers(self) -> int:
        """How many watch."""
        return self._watchers

    def news(self) -> asyncio.Event:
        """Return what is set when entries come that are not there yet."""
        return self._news

    async def after(self, seq: int) -> Sequence[LogEntry]:
        """Return entries stored after that one, in their order; not all of them at once."""
        if seq >= self._floor:
            return list(takewhile(lambda each: each.seq > seq, reversed(self._held)))[::-1]
        return await self._read(seq, AT_ONCE)

    async def _look(self) -> None:
        warned = False
        while True:
            try:
                found = await self._read(self._top, AT_ONCE)
            except StoreClosed:
                self.closed = True
                self._tell()
                return
            except IngatError as error:
                if not warned:
                    _log.warning("The log cannot be followed for now (%s): %s", error.code, error.message)
                warned, found = True, ()
            else:
                warned = False
            if found:
                self._held.extend(found)
                self._top = found[-1].seq
                while len(self._held) > HELD:
                    self._floor = self._held.popleft().seq
                self._tell()
            if len(found) < AT_ONCE:
                await asyncio.sleep(POLL_S)

    def _tell(self) -> None:
        before, self._news = self._news, asyncio.Event()
        before.set()


class Feed:
    """Answers `GET /v1/logs/stream`; needs an admin or service key, or a browser that has signed in with one."""

    def __init__(self, memory: AsyncMemory, access: Access) -> None:
        self._access = access
        self._entries = Entries(memory.logs.after, memory.logs.last_seq)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._access.allow(await self._access.enter(scope, browser=True), _LIST)
        check_path(scope)
        filters, start = _asked(scope)
        if self._entries.watchers >= MOST_STREAMS:
            raise RateLimited(f"{MOST_STREAMS} streams are open already. Come back in 10 s.", retry_after_s=10)
        newest = await self._entries.join()
        try:
            limit: asyncio.Timeout | None = scope.get(LIMIT)
            if limit is not None:
                limit.reschedule(None)
            await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            if scope["method"] == "HEAD":
                await send({"type": "http.response.body", "body": b""})
                return
            # who saw more than there is comes from another store, or one that was put back: it goes on with what comes
            position = newest if start is None else min(start, newest)
            await _Stream(self._entries, filters, position, send, self._still_allowed).run(scope, receive)
        finally:
            self._entries.leave()

    async def _still_allowed(self, scope: Scope) -> bool:
        try:
            self._access.allow(await self._access.enter(scope, browser=True), _LIST)
        except RateLimited:
            return True  # what else this key asks for does not end what it watches
        except IngatError:
            return False
        return True


class _Stream:
    """One stream: sends what comes after its position and fits, until somebody ends it."""

    def __init__(
        self,
        entries: Entries,
        filters: LogFilters,
        position: int,
        send: Send,
        allowed: Callable[[Scope], Awaitable[bool]],
    ) -> None:
        self._entries, self._filters, self._position = entries, filters, position
        self._send, self._allowed = send, allowed

    async def run(self, scope: Scope, receive: Receive) -> None:
        """Send until the reader leaves, the server stops, the store closes, or the key is revoked."""
        ended = asyncio.Event()
        scope[END] = ended.set
        watching = [asyncio.create_task(_gone(receive)), asyncio.create_task(ended.wait())]
        try:
            await self._write(b"retry: 2000\n" + self._still_here())
            while not self._entries.closed and not any(task.done() for task in watching):
                news = self._entries.news()
                found = await self._entries.after(self._position)
                if found:
                    await self._pass_on(found)
                elif not await _woken(news, watching) and not await self._quiet(scope):
                    break
            if not watching[0].done():
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            for task in watching:
                task.cancel()

    async def _pass_on(self, found: Sequence[LogEntry]) -> None:
        body = b"".join(_event(entry) for entry in found if self._filters.admits(entry))
        self._position = found[-1].seq
        if body:
            await self._write(body)

    async def _quiet(self, scope: Scope) -> bool:
        """Say that the stream lives, and return whether it may go on."""
        if not await self._allowed(scope):
            return False
        await self._write(self._still_here())
        return True

    def _still_here(self) -> bytes:
        # an id without data moves on what the reader comes back with, and tells it nothing
        return b": here\nid: %d\n\n" % self._position

    async def _write(self, body: bytes) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": True})


def _event(entry: LogEntry) -> bytes:
    return b"id: %d\nevent: log\ndata: %b\n\n" % (entry.seq, encode(entry))


def _asked(scope: Scope) -> tuple[LogFilters, int | None]:
    """Return the filters of the query, and the `seq` to begin after; None for what comes from now on."""
    given: dict[str, Any] = {}
    for name, text in pairs(scope["query_string"]) if scope["query_string"] else ():
        if name not in (*_FILTERS, "after"):
            raise InvalidInput(f"There is no argument {name[:64]!r}.", field=name[:64])
        if name in given:
            raise InvalidInput(f"The argument {name!r} is given twice.", field=name)
        given[name] = text
    after = given.pop("after", None)
    last = header(scope, b"last-event-id")
    # a browser that comes back sends both: the address that it began with, and what it saw last
    start = last.decode("latin-1") if last else after
    return checked_filters(LogFilters(**given)), None if start is None else _number(start)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise InvalidInput("`after` and Last-Event-ID must be the `seq` of a log entry.", given=text[:64])
    return int(text)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _woken(news: asyncio.Event, watching: Sequence[asyncio.Task[Any]]) -> bool:
    """Wait for news, or for what ends the stream; False when neither came for a while."""
    waiting = asyncio.create_task(news.wait())
    try:
        done, _ = await asyncio.wait([waiting, *watching], timeout=KEEP_ALIVE_S, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    return bool(done)
