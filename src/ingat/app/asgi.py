"""The HTTP server's application: API and pages over one memory."""

from __future__ import annotations

from starlette.types import ASGIApp

from ingat.aio import AsyncMemory
from ingat.api.access import Access
from ingat.api.files import FileLimits
from ingat.api.gate import Gate
from ingat.api.openapi import openapi
from ingat.api.original.failure import send_failure
from ingat.api.original.table import PATH
from ingat.api.origins import open_to
from ingat.api.routes import action_routes, original_route, other_routes
from ingat.core.settings import Settings
from ingat.web.browser import Browsers
from ingat.web.pages import Pages


def create_app(memory: AsyncMemory, settings: Settings) -> ASGIApp:
    """Return the ASGI application that serves this memory.

    It neither opens nor closes the memory: whoever opened it closes it after the server has ended, because requests
    that were under way at shutdown still write to it. Access keys, rates and signed-in browsers are counted in the
    process.
    """
    browsers = Browsers()
    access = Access(memory, rate_limit_per_minute=settings.rate_limit_per_minute, secret_of_browser=browsers.secret_of)
    document = openapi()
    files = FileLimits(settings.max_import_bytes, settings.transfer_timeout_s)
    routes = [
        *action_routes(memory, access, settings.max_request_bytes, files=files),
        original_route(memory, access, settings.max_request_bytes),
        *other_routes(memory, access, document),
        *Pages(memory, browsers, access, document).routes(),
    ]
    gate = Gate(
        routes,
        access,
        hosts=(settings.host, *settings.allowed_hosts),
        request_timeout_s=settings.request_timeout_s,
        forms={PATH: send_failure},
        meter=memory.sync.meter,
    )
    return open_to(settings.allowed_origins, gate)
