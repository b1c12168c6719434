"""The JavaScript client at `/client.js`: one file, for pages and for Node."""

from __future__ import annotations

import hashlib
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from ingat.web.page import HEADERS
from ingat.web.sign import Door

_FILE = Path(__file__).parent / "assets" / "client.js"


class Client:
    """Answers with the client; needs a key or a browser that has signed in."""

    def __init__(self, door: Door) -> None:
        self._door, self._body = door, _FILE.read_bytes()
        tag = f'"{hashlib.sha256(self._body).hexdigest()[:32]}"'
        # whoever has it may keep it, but has to ask whether it is still the same: it goes with the server's version
        self._headers = {**HEADERS, "cache-control": "private, no-cache", "etag": tag, "vary": "authorization, cookie"}

    async def show(self, request: Request) -> Response:
        """Return the client, or 304 when the browser has it already."""
        await self._door.enter(request.scope, browser=True)
        known = request.headers.get("if-none-match", "")
        if self._headers["etag"] in {each.strip().removeprefix("W/") for each in known.split(",")}:
            return Response(status_code=304, headers=self._headers)
        return Response(self._body, 200, self._headers, "text/javascript; charset=utf-8")
