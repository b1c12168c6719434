"""The pages: start, sign-in and the API reference."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ingat.aio import AsyncMemory
from ingat.core.errors import RateLimited, Unauthorized
from ingat.core.records import Key
from ingat.web.browser import Browsers
from ingat.web.client import Client
from ingat.web.page import assets, page
from ingat.web.reference import Reference, reference
from ingat.web.sign import Door, SignIn


class Pages:
    """The pages of one server; `document` is its OpenAPI document."""

    def __init__(self, memory: AsyncMemory, browsers: Browsers, door: Door, document: dict[str, Any]) -> None:
        self._memory, self._browsers, self._door = memory, browsers, door
        self._sign_in = SignIn(browsers, door)
        self._reference: Reference = reference(document)
        self._assets = assets()
        self._client = Client(door)

    def routes(self) -> list[Route]:
        """Return the routes of all pages and of what they load."""
        found = [
            Route("/", self.start, methods=["GET"]),
            Route("/sign-in", self._sign_in.by_form, methods=["POST"]),
            Route("/sign-out", self._sign_in.out, methods=["POST"]),
            Route("/schema", self.schema, methods=["GET"]),
            Route("/client.js", self._client.show, methods=["GET"]),
            Route("/favicon.ico", self._assets["icon.svg"], methods=["GET"]),
        ]
        return found + [Route(f"/assets/{name}", each, methods=["GET"]) for name, each in self._assets.items()]

    async def start(self, request: Request) -> Response:
        """Show what the store holds; without a cookie the sign-in form; `?key=` signs in."""
        if "key" in request.query_params:
            return await self._sign_in.by_address(request)
        if self._browsers.secret_of(request.scope) is None and "authorization" not in request.headers:
            return self._sign_in.form(request)
        key = await self._enter(request)
        if isinstance(key, Response):
            return key
        stats = None if key.role == "user" else await self._memory.stats()
        return page(request, "start.html", key=key, stats=stats, form_token=self._browsers.form_token_of(request.scope))

    async def schema(self, request: Request) -> Response:
        """Show every action of the API."""
        key = await self._enter(request)
        if isinstance(key, Response):
            return key
        return page(
            request,
            "schema.html",
            reference=self._reference,
            form_token=self._browsers.form_token_of(request.scope),
        )

    async def _enter(self, request: Request) -> Key | Response:
        try:
            return await self._door.enter(request.scope, browser=True)
        except (Unauthorized, RateLimited) as error:
            if "authorization" in request.headers:
                raise
            if isinstance(error, Unauthorized) and self._browsers.secret_of(request.scope) is None:
                return self._sign_in.form(request, 401)
            return self._sign_in.refused(request, error)
