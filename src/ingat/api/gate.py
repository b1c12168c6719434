"""The gate: what every request passes, whatever its address: host names, time limit, and one form for all errors."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from time import perf_counter

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Router
from starlette.types import Message, Receive, Scope, Send

from ingat.api.access import ADMIN, Access
from ingat.api.answer import send_error
from ingat.api.outages import Outages
from ingat.api.request import check_path
from ingat.core.errors import (
    HostNotAllowed,
    IngatError,
    InternalError,
    MethodNotAllowed,
    NotFound,
    RequestTimeout,
)
from ingat.core.faults import frames
from ingat.core.ids import new_id
from ingat.core.meter import Meter

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")

SendError = Callable[[Scope, Send, IngatError], Awaitable[None]]

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
_ANY = "(other)"
"""What requests for addresses that there are not are counted as, so that nobody can make the meter grow."""

_log = logging.getLogger("ingat.api")


class Gate:
    """The outermost ASGI application; `routes` are tried in their order.

    It opens and closes nothing: whoever opened the memory closes it when the server has ended. `forms` are addresses
    whose errors have a form of their own, and what sends it.
    """

    def __init__(
        self,
        routes: Iterable[BaseRoute],
        access: Access,
        *,
        hosts: Iterable[str],
        request_timeout_s: float,
        forms: Mapping[str, SendError] | None = None,
        meter: Meter | None = None,
    ) -> None:
        self._forms = forms or {}
        self._router = Router(list(routes), redirect_slashes=False)
        self._access, self._meter = access, meter or Meter()
        self._outages = Outages()
        names = {_bracketed(host.lower()) for host in (*LOOPBACK, *hosts) if host}
        self._any_host = "*" in names
        self._hosts = frozenset(name.encode() for name in names)
        self._timeout_s = request_timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._router(scope, receive, send)
            return
        scope["app"] = self
        answer = _Answer(send, partial(self._note, scope))
        try:
            self._check_host(scope)
            async with asyncio.timeout(self._timeout_s) as limit:
                scope["ingat.limit"] = limit
                await self._router(scope, receive, answer)
        except Exception as error:
            if isinstance(error, ClientDisconnect):
                return
            if answer.begun:
                self._meter.failed(error)
                raise
            failure = await self._failure(scope, error)
            self._meter.failed(error, failure.code)
            failed = self._forms.get(scope["path"], send_error)
            await failed(scope, answer, self._outages.disclosed(failure, admin=scope.get(ADMIN, False)))

    def _note(self, scope: Scope, status: int, after_s: float) -> None:
        """Tell the meter of an answer that begins: by its route's template, never by the address itself."""
        route = getattr(scope.get("route"), "path", None)
        method = scope["method"] if route and scope["method"] in _METHODS else _ANY
        self._meter.answered(method, route or _ANY, status, after_s, probe=route in _PROBES)

    def _check_host(self, scope: Scope) -> None:
        """Refuse names that are not this server's, so that no web page can reach it under a name of its own."""
        if self._any_host:
            return
        given = [value for name, value in scope["headers"] if name == b"host"]
        name = _without_port(given[0]).lower() if len(given) == 1 else b""
        if name in self._hosts:
            return
        own = scope.get("server")
        if own is None or name != _bracketed(own[0]).encode():
            raise HostNotAllowed(
                "This server does not answer for the host that the request names; "
                "add it to the setting `allowed_hosts`.",
                host=name[:256].decode("latin-1"),
            )

    async def _failure(self, scope: Scope, error: Exception) -> IngatError:
        """Return the error to answer with; who brings no key learns nothing of which addresses there are."""
        if isinstance(error, HTTPException):
            try:
                await self._access.enter(scope, browser=True)
                check_path(scope)
            except IngatError as refused:
                return refused
            return _missing(scope, error)
        if isinstance(error, TimeoutError):
            return self._timed_out(scope)
        if isinstance(error, IngatError):
            return error
        return _unexpected(scope, error)

    def _timed_out(self, scope: Scope) -> RequestTimeout:
        timeout_s = scope.get("ingat.timeout_s", self._timeout_s)
        if scope.get("ingat.begun", True):
            return RequestTimeout(
                f"The request took longer than {timeout_s:g} s. A change that had begun may have been made; "
                "look before you repeat it.",
                begun=True,
            )
        return RequestTimeout(f"The request did not arrive within {timeout_s:g} s; nothing was begun.", begun=False)


class _Answer:
    """Sends on, knows whether an answer has begun, and tells of its status and seconds before it is sent."""

    __slots__ = ("_asked", "_note", "_send", "begun")

    def __init__(self, send: Send, note: Callable[[int, float], None]) -> None:
        self._send, self._note, self._asked = send, note, perf_counter()
        self.begun = False

    async def __call__(self, message: Message) -> None:
        if not self.begun:
            self.begun = True
            self._note(message.get("status", 0), perf_counter() - self._asked)
        await self._send(message)


def _missing(scope: Scope, error: HTTPException) -> IngatError:
    if error.status_code == 405:
        allowed = sorted((error.headers or {}).get("Allow", "").split(", "))
        return MethodNotAllowed(
            f"{scope['method'][:32]} is not for this address; it takes {', '.join(allowed)}.", allowed=allowed
        )
    return NotFound("There is no such address; /schema lists them all.")


def _unexpected(scope: Scope, error: Exception) -> InternalError:
    """Log where it happened, never what was said: neither texts of the error nor values of the request."""
    log_id = new_id()
    facts = {
        "log_id": log_id,
        "method": scope["method"],
        "route": getattr(scope.get("route"), "path", None),
        "error": type(error).__name__,
        "frames": frames(error, 12),
    }
    _log.error("Request failed (%s, log_id %s)", facts["error"], log_id, extra=facts)
    return InternalError(
        "The server made a mistake. A change that had begun may have been made; the log has more under the log_id.",
        log_id=log_id,
    )


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _without_port(host: bytes) -> bytes:
    if host.startswith(b"["):
        return host.partition(b"]")[0] + b"]"
    return host.partition(b":")[0]
