"""Restores: a backup, a restore point, an export or a backup of klar as the body of a request."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from contextlib import suppress
from typing import IO, Any, BinaryIO, cast

from starlette.types import Scope, Send

from ingat.api.answer import encode, send_json
from ingat.api.arguments import Given
from ingat.api.files import PIECE_BYTES, Upload
from ingat.core.errors import InvalidInput


class RestoreUpload(Upload):
    """Hands the body of a request to the action as the file that it is: a backup stays packed."""

    async def _answer(self, scope: Scope, send: Send, report: Any) -> None:
        await send_json(scope, send, 200, encode(report))

    async def _read(self, file: IO[bytes], packed: bool, given: Given) -> Any:
        with file:
            file.seek(0)
            zipped = file.read(2) == b"\x1f\x8b"
            if packed and not zipped:
                raise InvalidInput("The body is not packed with gzip, as the header Content-Encoding says.")
            if zipped:
                await asyncio.to_thread(self._refuse_too_large, file)
            file.seek(0)
            return await self._run(cast(BinaryIO, file), **given)

    def _refuse_too_large(self, file: IO[bytes]) -> None:
        """Raise RequestTooLarge for what is larger than the server takes once it is unpacked."""
        most, size = self._limits.max_bytes, 0
        file.seek(0)
        unpacked = gzip.GzipFile(fileobj=file, mode="rb")
        with suppress(OSError, EOFError, zlib.error):  # what is wrong with the file, the action says
            while piece := unpacked.read(PIECE_BYTES):
                size += len(piece)
                if size > most:
                    raise self._too_large(most)
