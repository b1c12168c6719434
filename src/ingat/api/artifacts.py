"""Artifacts over HTTP: the body of a request is kept as it is, and comes back as it was."""

from __future__ import annotations

from typing import IO, Any, BinaryIO, cast
from urllib.parse import quote

from starlette.types import Scope, Send

from ingat.api.answer import encode, send_json
from ingat.api.arguments import Given
from ingat.api.files import Download, Upload
from ingat.api.request import header
from ingat.core.artifacts import Artifact
from ingat.core.errors import InvalidInput, RequestTooLarge

ANY_BYTES = "application/octet-stream"
_SAID_OF_ANYTHING = (b"", ANY_BYTES.encode(), b"application/x-www-form-urlencoded")
"""Content-Types that say nothing of a file: what programs send who do not know."""


class ArtifactUpload(Upload):
    """Keeps the body of a request as an artifact."""

    def _look_at(self, scope: Scope, given: Given) -> bool:
        """Take the media type from the header where no argument says it, and refuse what is no file as it is."""
        kind = (header(scope, b"content-type") or b"").strip()
        bare = kind.split(b";")[0].strip().lower()
        if bare.startswith(b"multipart/"):
            raise InvalidInput(
                "The body must be the bytes of the file alone, not a form that holds it (curl: --data-binary, not -F).",
                field="content-type",
            )
        packing = (header(scope, b"content-encoding") or b"identity").strip().lower()
        if packing != b"identity":
            raise InvalidInput(
                "The bytes are kept as they are sent: send them without Content-Encoding.", field="content-encoding"
            )
        if given.get("media_type") is None and bare not in _SAID_OF_ANYTHING:
            given["media_type"] = kind.decode("latin-1")
        return False

    def _too_large(self, most: int) -> RequestTooLarge:
        return RequestTooLarge(
            f"The file is larger than {most} bytes; nothing of it was kept. Raise the setting `max_import_bytes`, or"
            " save it on the server: `ingat artifacts save`.",
            max_bytes=most,
        )

    async def _read(self, file: IO[bytes], packed: bool, given: Given) -> Any:
        with file:
            file.seek(0)
            return await self._run(cast(BinaryIO, file), **given)

    async def _answer(self, scope: Scope, send: Send, report: Any) -> None:
        await send_json(scope, send, 201, encode(report))


class ArtifactDownload(Download):
    """Answers with the bytes of an artifact, which are checked before the first of them is sent."""

    def _named(self, given: Given, result: Any) -> tuple[str, str]:
        artifact: Artifact = result
        plain = "".join(each if each.isascii() and each not in '"%' else "_" for each in artifact.name)
        return (
            artifact.media_type or ANY_BYTES,
            f"filename=\"{plain}\"; filename*=UTF-8''{quote(artifact.name, safe='')}",
        )
