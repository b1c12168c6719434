"""Browsers that have signed in: an opaque cookie stands for the access key, which never leaves the server."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from time import monotonic
from typing import NamedTuple

from starlette.types import Scope

SIGNED_IN_S = 12 * 3600
"""A browser stays signed in for so long."""
MOST_BROWSERS = 1_000
"""So many browsers are signed in at once; then the one that came first has to sign in again."""


class _SignedIn(NamedTuple):
    secret: str
    form_token: str
    until: float


class Browsers:
    """The browsers that are signed in at this process; a restart signs all of them out."""

    def __init__(self) -> None:
        self._known: dict[bytes, _SignedIn] = {}

    def sign_in(self, secret: str) -> str:
        """Return a new cookie value that stands for the access key with this secret."""
        now = monotonic()
        self._known = {digest: each for digest, each in self._known.items() if each.until > now}
        while len(self._known) >= MOST_BROWSERS:
            del self._known[next(iter(self._known))]
        token = secrets.token_urlsafe(32)
        self._known[_digest(token)] = _SignedIn(secret, secrets.token_urlsafe(32), now + SIGNED_IN_S)
        return token

    def secret_of(self, scope: Scope) -> str | None:
        """Return the secret of the key that this browser signed in with, None when it has not."""
        found = self._found(scope)
        return found.secret if found else None

    def form_token_of(self, scope: Scope) -> str:
        """Return what the forms of a browser that has signed in carry, so that other sites cannot send them."""
        found = self._found(scope)
        return found.form_token if found else ""

    def accepts(self, scope: Scope, form_token: str) -> bool:
        """Tell whether a form with this token is one that this browser was given."""
        expected = self.form_token_of(scope)
        return bool(expected) and hmac.compare_digest(expected.encode(), form_token.encode())

    def sign_out(self, scope: Scope) -> None:
        """Forget the browser."""
        self._known.pop(_digest(cookie(scope, cookie_name(scope)) or ""), None)

    def _found(self, scope: Scope) -> _SignedIn | None:
        token = cookie(scope, cookie_name(scope))
        found = self._known.get(_digest(token)) if token else None
        return found if found is not None and found.until > monotonic() else None


def cookie_name(scope: Scope) -> str:
    """Return the cookie's name; it holds the port, because browsers share cookies between the ports of a host."""
    server = scope.get("server")
    return f"ingat_{server[1]}" if server and server[1] else "ingat"


def cookie(scope: Scope, name: str) -> str | None:
    """Return the value of a cookie."""
    for key, value in scope["headers"]:
        if key == b"cookie":
            for part in value.decode("latin-1").split(";"):
                given, _, text = part.strip().partition("=")
                if given == name:
                    found: str = text
                    return found
    return None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
