"""Files: actions whose request or answer is a file, which never stands in memory as a whole."""

from __future__ import annotations

import asyncio
import errno
import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import SpooledTemporaryFile
from typing import IO, Any, BinaryIO, NamedTuple, cast

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from ingat.action import Action
from ingat.aio import AsyncMemory
from ingat.api.access import Access, bound
from ingat.api.answer import SECURITY, encode, send_json
from ingat.api.arguments import Arguments, Given
from ingat.api.flights import Flights
from ingat.api.request import check_path, header
from ingat.core.actor import acting_as
from ingat.core.errors import InvalidFile, InvalidInput, RequestTooLarge, StoreFull
from ingat.core.records import Key

HELD_BYTES = 1 << 20
"""A file up to this size is kept in memory, a larger one in a temporary file."""
PIECE_BYTES = 256 << 10
MEDIA_TYPES = {"json": "application/json", "jsonl": "application/x-ndjson"}


class FileLimits(NamedTuple):
    """What a server lets files take: bytes of one that comes in, unpacked too, and seconds of a whole transfer."""

    max_bytes: int = 1 << 30
    timeout_s: float = 3_600


DEFAULT_LIMITS = FileLimits()


class _Door:
    """What downloads and uploads have in common: who is let in, and how long it may take."""

    def __init__(
        self, action: Action, memory: AsyncMemory, access: Access, limits: FileLimits, flights: Flights
    ) -> None:
        self._action, self._access, self._limits, self._flights = action, access, limits, flights
        self._arguments = Arguments(action, 0)
        self._run = bound(memory, action.name)

    async def _enter(self, scope: Scope, receive: Receive) -> tuple[Key, Given]:
        key = await self._access.enter(scope)
        self._access.allow(key, self._action)
        check_path(scope)
        given, _ = await self._arguments.read(scope, receive)
        await self._access.confine(key, self._action, given)
        limit: asyncio.Timeout | None = scope.get("ingat.limit")
        if limit is not None:
            scope["ingat.timeout_s"] = self._limits.timeout_s
            limit.reschedule(asyncio.get_running_loop().time() + self._limits.timeout_s)
        return key, given


class Download(_Door):
    """Answers with a file that the action writes: first into a temporary one, so that no slow reader holds a view."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key, given = await self._enter(scope, receive)
        file = SpooledTemporaryFile(HELD_BYTES, mode="w+b")  # noqa: SIM115  # closed when it was sent
        try:
            result = await self._flights.fly(key, lambda: self._write(file, given))
            await self._send(scope, send, file, self._named(given, result))
        finally:
            file.close()  # which also ends the writing of an answer that was given up

    def _named(self, given: Given, result: Any) -> tuple[str, str]:
        """Return the media type of the file, and what `filename` of Content-Disposition says of its name."""
        form = given.get("format", "json")
        return MEDIA_TYPES[form], f'filename="ingat-export.{form}"'

    async def _write(self, file: IO[bytes], given: Given) -> Any:
        with _room():
            return await self._run(file.write, **given)

    async def _send(self, scope: Scope, send: Send, file: IO[bytes], named: tuple[str, str]) -> None:
        length = file.tell()
        file.seek(0)
        headers = [
            (b"content-type", named[0].encode()),
            (b"content-length", str(length).encode()),
            (b"content-disposition", f"attachment; {named[1]}".encode()),
            *SECURITY,
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        while scope["method"] != "HEAD" and (piece := await asyncio.to_thread(file.read, PIECE_BYTES)):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


class Upload(_Door):
    """Hands the body of a request to the action as a file."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["ingat.begun"] = False
        key, given = await self._enter(scope, receive)
        packed = self._look_at(scope, given)
        file = SpooledTemporaryFile(HELD_BYTES, mode="w+b")  # noqa: SIM115  # closed when it was read
        try:
            await self._receive(scope, receive, file)
        except BaseException:
            file.close()
            raise
        scope["ingat.begun"] = True
        with acting_as(f"key:{key.id}"):
            result = await self._flights.fly(key, lambda: self._read(file, packed, given))
        await self._answer(scope, send, result)

    def _look_at(self, scope: Scope, given: Given) -> bool:
        """Return whether the body is packed, or raise InvalidInput for one that cannot be read."""
        return _packing(scope)

    async def _answer(self, scope: Scope, send: Send, report: Any) -> None:
        if report.errors and not report.dry_run:
            first = report.errors[0].message
            raise InvalidFile(
                f"The file has {len(report.errors)} errors; nothing was imported. The first: {first}",
                errors=report.errors,
            )
        await send_json(scope, send, 200, encode(report))

    async def _receive(self, scope: Scope, receive: Receive, file: IO[bytes]) -> None:
        most, size, more = self._limits.max_bytes, 0, True
        announced = header(scope, b"content-length")
        if announced is not None and (not announced.isdigit() or int(announced[:20]) > most):
            raise self._too_large(most)
        held = bytearray()
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            held += message.get("body", b"")
            more = message.get("more_body", False)
            size += len(message.get("body", b""))
            if size > most:
                raise self._too_large(most)
            if len(held) >= PIECE_BYTES or not more:
                with _room():
                    await asyncio.to_thread(file.write, bytes(held))
                held.clear()

    def _too_large(self, most: int) -> RequestTooLarge:
        return _too_large(most)

    async def _read(self, file: IO[bytes], packed: bool, given: Given) -> Any:
        with file:
            file.seek(0)
            zipped = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if packed and not zipped:
                raise InvalidInput("The body is not packed with gzip, as the header Content-Encoding says.")
            source = _Limited(file, self._limits.max_bytes) if zipped else file
            return await self._run(cast(BinaryIO, source), **given)


class _Limited:
    """A packed file, unpacked as it is read, up to so many bytes."""

    def __init__(self, file: IO[bytes], most: int) -> None:
        self._file, self._most, self._left = gzip.GzipFile(fileobj=file, mode="rb"), most, most

    def read(self, size: int = -1) -> bytes:
        found = self._file.read(size)
        self._left -= len(found)
        if self._left < 0:
            raise _too_large(self._most)
        return found


@contextmanager
def _room() -> Iterator[None]:
    """Tell of a temporary file that does not fit on the disk as of a full store."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreFull(
                "The disk is full: the temporary file could not be written. Nothing was changed."
            ) from error
        raise


def _packing(scope: Scope) -> bool:
    """Return whether the body is packed, or raise InvalidInput for one that cannot be read."""
    kind = (header(scope, b"content-type") or b"").split(b";")[0].strip().lower().decode("latin-1")
    if kind not in ("", "application/octet-stream", "application/gzip", *MEDIA_TYPES.values()):
        known = " or ".join(MEDIA_TYPES.values())
        raise InvalidInput(f"The body must be {known}; it is {kind[:64]!r}.", field="content-type")
    packing = (header(scope, b"content-encoding") or b"identity").strip().lower()
    if packing not in (b"identity", b"gzip"):
        raise InvalidInput("The body may be packed with gzip only.", field="content-encoding")
    return packing == b"gzip"


def _too_large(most: int) -> RequestTooLarge:
    return RequestTooLarge(
        f"The file is larger than {most} bytes, unpacked or not; nothing of it was kept. Export users one by one, or"
        " raise the setting `max_import_bytes`.",
        max_bytes=most,
    )
