"""The routes of the API: one an address, in the order of the table of actions, the busiest first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ingat.action import Action
from ingat.actions import ACTIONS
from ingat.aio import AsyncMemory
from ingat.api.access import Access
from ingat.api.answer import encode, send_json
from ingat.api.endpoint import ByMethod, Endpoint
from ingat.api.feed import PATH as FEED_PATH
from ingat.api.feed import Feed
from ingat.api.files import DEFAULT_LIMITS, FileLimits
from ingat.api.flights import Flights
from ingat.api.health import Alive, Readiness
from ingat.api.metrics import Metrics
from ingat.api.original.endpoint import Original
from ingat.api.original.table import CALLS, PATH
from ingat.api.streams import file_endpoint


def action_routes(
    memory: AsyncMemory,
    access: Access,
    max_bytes: int,
    actions: Iterable[Action] = ACTIONS,
    *,
    files: FileLimits = DEFAULT_LIMITS,
) -> list[Route]:
    """Return a route for each address of the actions, which knows all of its methods."""
    addresses: dict[str, ByMethod] = {}
    flights = Flights()
    for action in actions:
        by_method = addresses.setdefault(action.path, ByMethod())
        by_method.endpoints[action.verb] = (
            file_endpoint(action, memory, access, files, flights)
            if action.streams
            else Endpoint(action, memory, access, max_bytes, flights)
        )
    return [Route(path, each, methods=list(each.endpoints)) for path, each in addresses.items()]


def original_route(memory: AsyncMemory, access: Access, max_bytes: int) -> Route:
    """Return the route of the wire format at `/api/memory`."""
    return Route(PATH, Original(memory, access, max_bytes, Flights()), methods=list(CALLS))


def other_routes(memory: AsyncMemory, access: Access, document: dict[str, Any]) -> list[Route]:
    """Return the routes of health, of the live feed and of the OpenAPI document."""
    return [
        Route("/healthz", Alive(), methods=["GET"]),
        Route("/readyz", Readiness(memory), methods=["GET"]),
        Route("/metrics", Metrics(memory, access), methods=["GET"]),
        Route(FEED_PATH, Feed(memory, access), methods=["GET"]),
        Route("/schema/openapi.json", Document(access, document), methods=["GET"]),
    ]


class Document:
    """Answers with the OpenAPI document; needs a key or a browser that has signed in."""

    def __init__(self, access: Access, document: dict[str, Any]) -> None:
        self._access, self._body = access, encode(document)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._access.enter(scope, browser=True)
        await send_json(scope, send, 200, self._body)
