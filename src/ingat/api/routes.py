"""The routes of the API: one an address, in the order of the table of actions, the busiest first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ingat.actions import ACTIONS, Action
from ingat.aio import AsyncMemory
from ingat.api.access import Access
from ingat.api.answer import encode, send_json
from ingat.api.endpoint import ByMethod, Endpoint
from ingat.api.flights import Flights
from ingat.api.health import Alive, Readiness


def action_routes(
    memory: AsyncMemory, access: Access, max_bytes: int, actions: Iterable[Action] = ACTIONS
) -> list[Route]:
    """Return a route for each address of the actions, which knows all of its methods."""
    addresses: dict[str, ByMethod] = {}
    flights = Flights()
    for action in actions:
        by_method = addresses.setdefault(action.path, ByMethod())
        by_method.endpoints[action.verb] = Endpoint(action, memory, access, max_bytes, flights)
    return [Route(path, each, methods=list(each.endpoints)) for path, each in addresses.items()]


def other_routes(memory: AsyncMemory, access: Access, document: dict[str, Any]) -> list[Route]:
    """Return the routes of health and of the OpenAPI document."""
    return [
        Route("/healthz", Alive(), methods=["GET"]),
        Route("/readyz", Readiness(memory), methods=["GET"]),
        Route("/schema/openapi.json", Document(access, document), methods=["GET"]),
    ]


class Document:
    """Answers with the OpenAPI document; needs a key or a browser that has signed in."""

    def __init__(self, access: Access, document: dict[str, Any]) -> None:
        self._access, self._body = access, encode(document)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._access.enter(scope, browser=True)
        await send_json(scope, send, 200, self._body)
