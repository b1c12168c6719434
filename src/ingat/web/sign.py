"""Signing in and out."""

from __future__ import annotations

import hmac
import secrets
from typing import Protocol
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Scope

from ingat.core.errors import Forbidden, IngatError, InvalidInput, RateLimited, RequestTooLarge, Unauthorized
from ingat.core.records import Key
from ingat.web.browser import SIGNED_IN_S, Browsers, cookie, cookie_name
from ingat.web.page import HEADERS, page

MAX_FORM_BYTES = 8 << 10
FORM_S = 3600
"""A sign-in form can be sent for so long."""


class Door(Protocol):
    """What the pages need of the server's access."""

    async def enter(self, scope: Scope, *, browser: bool = False) -> Key:
        """Return the key that a request brings, or raise Unauthorized or RateLimited."""
        ...

    async def sign_in(self, scope: Scope, secret: str) -> Key:
        """Return the key with this secret, or raise Unauthorized or RateLimited."""
        ...


class SignIn:
    """Lets browsers in by a key in the address or by a form, and out again."""

    def __init__(self, browsers: Browsers, door: Door) -> None:
        self._browsers, self._door = browsers, door

    async def by_address(self, request: Request) -> Response:
        """Sign in with `/?key=KEY` and lead to the same page without the key."""
        secret = request.query_params["key"]
        # servers log the address after the answer; the key must not stand there
        request.scope["query_string"] = b"key=hidden"
        return await self._sign_in(request, secret)

    async def by_form(self, request: Request) -> Response:
        """Sign in with a form that this server gave to this browser."""
        form = await read_form(request)
        refuse_other_sites(request)
        given, expected = form.get("form_token", ""), cookie(request.scope, _form_cookie(request.scope))
        if not expected or not hmac.compare_digest(expected.encode(), given.encode()):
            return self.form(request, 403, "The form is too old; please send it again.")
        return await self._sign_in(request, form.get("key", "").strip())

    async def out(self, request: Request) -> Response:
        """Sign out with a form that this server gave to this browser."""
        form = await read_form(request)
        refuse_other_sites(request)
        if not self._browsers.accepts(request.scope, form.get("form_token", "")):
            raise Forbidden("This form was not made for this browser; open the start page and sign out there.")
        self._browsers.sign_out(request.scope)
        answer = RedirectResponse("/", 303, HEADERS)
        answer.delete_cookie(cookie_name(request.scope), httponly=True, samesite="strict")
        return answer

    def form(self, request: Request, status: int = 200, problem: str = "") -> Response:
        """Return the sign-in form."""
        # the same token in all tabs, so that opening a second form does not make the first one void
        token = cookie(request.scope, _form_cookie(request.scope)) or secrets.token_urlsafe(32)
        answer = page(request, "sign_in.html", status, form_token=token, problem=problem)
        self._give(request, answer, _form_cookie(request.scope), token, FORM_S)
        return answer

    async def _sign_in(self, request: Request, secret: str) -> Response:
        try:
            await self._door.sign_in(request.scope, secret)
        except (Unauthorized, RateLimited) as error:
            return self.refused(request, error)
        answer = RedirectResponse("/", 303, HEADERS)
        self._give(request, answer, cookie_name(request.scope), self._browsers.sign_in(secret), SIGNED_IN_S)
        return answer

    def refused(self, request: Request, error: IngatError) -> Response:
        """Return the sign-in form with the reason why the key was refused."""
        if isinstance(error, RateLimited):
            answer = self.form(request, 429, "Too many requests or wrong keys; please wait a moment.")
            answer.headers["retry-after"] = str(error.details.get("retry_after_s", 1))
            return answer
        return self.form(request, 401, "This access key is unknown or revoked.")

    def _give(self, request: Request, answer: Response, name: str, value: str, seconds: int) -> None:
        secure = request.url.scheme == "https"
        answer.set_cookie(name, value, max_age=seconds, path="/", secure=secure, httponly=True, samesite="strict")


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form of at most 8 KiB."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MAX_FORM_BYTES:
            raise RequestTooLarge(f"A form has at most {MAX_FORM_BYTES} bytes.", max_bytes=MAX_FORM_BYTES)
    try:
        return dict(parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=20))
    except ValueError:
        raise InvalidInput("The form cannot be read.") from None


def refuse_other_sites(request: Request) -> None:
    """Raise Forbidden for a form that another site sent."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    if site not in ("same-origin", "none") or (
        origin is not None and urlsplit(origin).netloc != request.headers.get("host")
    ):
        raise Forbidden("This form was sent from another site.")


def _form_cookie(scope: Scope) -> str:
    return cookie_name(scope) + "_form"
