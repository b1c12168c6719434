"""Origins: which pages of other addresses a browser lets talk to this server."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_HEADERS = ("Authorization", "Content-Type", "Last-Event-ID")
_SHOWN = ("Retry-After", "ETag", "Content-Disposition")
_REMEMBERED_S = 600


def open_to(origins: Sequence[str], application: ASGIApp) -> ASGIApp:
    """Return the application, which browsers let pages of these origins use; without any, as it was.

    Only with an access key in the header: cookies of a browser that has signed in never count for other origins.
    """
    if not origins:
        return application
    return CORSMiddleware(
        application,
        allow_origins=origins,
        allow_methods=_METHODS,
        allow_headers=_HEADERS,
        expose_headers=_SHOWN,
        max_age=_REMEMBERED_S,
    )
