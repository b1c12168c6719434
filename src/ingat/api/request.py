"""What a request brings: its headers and its body, read within the size limit."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

from ingat.core.errors import InvalidId, InvalidInput, RequestTooLarge


def header(scope: Scope, name: bytes) -> bytes | None:
    """Return the value of a header (its name in lower case), the first where there are several."""
    for key, value in scope["headers"]:
        if key == name:
            found: bytes = value
            return found
    return None


async def read_body(scope: Scope, receive: Receive, max_bytes: int) -> bytes:
    """Return the whole body, or raise RequestTooLarge as soon as it is known to be larger than `max_bytes`.

    Raises ClientDisconnect when the client went away.
    """
    announced = header(scope, b"content-length")
    if announced is not None and (not announced.isdigit() or int(announced[:20]) > max_bytes):
        if not announced.isdigit():
            raise InvalidInput("The header Content-Length is not a number.")
        raise _too_large(max_bytes)
    message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    body: bytes = message.get("body", b"")
    if not message.get("more_body", False):
        if len(body) > max_bytes:
            raise _too_large(max_bytes)
        return body
    return await _read_on(receive, body, max_bytes)


async def _read_on(receive: Receive, first: bytes, max_bytes: int) -> bytes:
    parts, size, more = [first], len(first), True
    while more:
        if size > max_bytes:
            raise _too_large(max_bytes)
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        part = message.get("body", b"")
        parts.append(part)
        size += len(part)
        more = message.get("more_body", False)
    if size > max_bytes:
        raise _too_large(max_bytes)
    return b"".join(parts)


def check_path(scope: Scope) -> None:
    """Raise InvalidId for an address whose parts hold an escaped slash or bytes that are not UTF-8."""
    raw: bytes = scope.get("raw_path") or b""
    if b"%" not in raw:
        return
    if b"%2f" in raw.lower():
        raise InvalidId("An id in the address may not hold a slash.")
    try:
        unquote_to_bytes(raw).decode()
    except UnicodeDecodeError:
        raise InvalidId("An id in the address is not UTF-8.") from None


def _too_large(max_bytes: int) -> RequestTooLarge:
    return RequestTooLarge(
        f"The request body is larger than {max_bytes} bytes; nothing of it was kept. Send it in parts.",
        max_bytes=max_bytes,
    )
