"""Answers: JSON with the headers that every answer carries, and errors in their one form."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct
from starlette.types import Scope, Send

from ingat.api.status import SLOW_CLIENT, status_of
from ingat.core.errors import IngatError, MethodNotAllowed, RateLimited, RequestTooLarge, StoreBusy, Unauthorized

Headers = Iterable[tuple[bytes, bytes]]

SECURITY: tuple[tuple[bytes, bytes], ...] = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_JSON = (b"content-type", b"application/json")
_encoder = msgspec.json.Encoder()


class ErrorDetail(Struct, frozen=True, kw_only=True):
    """What went wrong: `code` is stable, `message` is for people, `details` are values for programs."""

    code: str
    message: str
    details: dict[str, Any]


class ErrorAnswer(Struct, frozen=True, kw_only=True):
    """The body of every answer that is an error."""

    error: ErrorDetail


def encode(value: Any) -> bytes:
    """Return a value as JSON."""
    return _encoder.encode(value)


async def send_json(scope: Scope, send: Send, status: int, body: bytes, headers: Headers = ()) -> None:
    """Send a whole answer; of a HEAD request its headers only."""
    length = str(len(body)).encode()
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [_JSON, (b"content-length", length), *SECURITY, *headers],
        }
    )
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


async def send_error(scope: Scope, send: Send, error: IngatError) -> None:
    """Send an error with its status and the headers that belong to it."""
    status = status_of(error)
    try:
        body = _body(error, error.details)
    except (UnicodeError, TypeError, ValueError):
        # a detail that cannot be written as JSON must not hide the error itself
        body = _body(error, {})
    await send_json(scope, send, status, body, headers_of(error, status))


def _body(error: IngatError, details: dict[str, Any]) -> bytes:
    return encode(ErrorAnswer(error=ErrorDetail(code=error.code, message=error.message, details=details)))


def headers_of(error: IngatError, status: int) -> list[tuple[bytes, bytes]]:
    """Return the headers that belong to an error: how to get in, when to come back, what is allowed."""
    headers = []
    if isinstance(error, Unauthorized):
        headers.append((b"www-authenticate", b'Bearer realm="ingat"'))
    if isinstance(error, RateLimited):
        seconds = math.ceil(error.details.get("retry_after_s", 1))
        headers.append((b"retry-after", str(seconds).encode()))
    if isinstance(error, StoreBusy):
        headers.append((b"retry-after", b"1"))
    if isinstance(error, MethodNotAllowed):
        headers.append((b"allow", ", ".join(error.details.get("allowed", ())).encode()))
    if isinstance(error, RequestTooLarge) or status == SLOW_CLIENT:
        # what is left of the body is not read
        headers.append((b"connection", b"close"))
    return headers
