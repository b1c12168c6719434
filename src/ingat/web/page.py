"""Rendering: templates in the reader's language, with the headers that every page carries."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from ingat.core.i18n import language_of, translator

_FOLDER = Path(__file__).parent
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_ASSETS = {
    "ingat.css": "text/css; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a page made of a template; texts in it are translated by `_`."""
    language = language_of(request.headers.get("accept-language", "en").split(",")[0].split(";")[0].strip())
    text = (
        _templates()
        .get_template(template)
        .render(_=translator(language), language=language, home=base_url(request), **values)
    )
    return HTMLResponse(text, status, HEADERS)


def base_url(request: Request) -> str:
    """Return the address under which the browser reached this server, without the slash at its end."""
    return str(request.base_url).rstrip("/")


def assets() -> dict[str, Response]:
    """Return the style sheet and the icon, by name."""
    headers = {**HEADERS, "cache-control": "public, max-age=3600"}
    return {
        name: Response((_FOLDER / "assets" / name).read_bytes(), 200, headers, kind) for name, kind in _ASSETS.items()
    }
