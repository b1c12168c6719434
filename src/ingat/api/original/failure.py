"""Errors in the wire format: `{success: false, error, code}`."""

from __future__ import annotations

from starlette.types import Scope, Send

from ingat.api.answer import encode, headers_of, send_json
from ingat.api.original.answers import Refusal
from ingat.api.status import status_of
from ingat.core.errors import Conflict, IngatError, InvalidInput, NotFound, StoreConflict

REFUSALS = (NotFound, Conflict, StoreConflict, InvalidInput)
"""What the memory refuses: the format answers with 200 and `success: false`."""


def refusal(error: IngatError) -> bytes:
    """Return the body that says why nothing was done."""
    return encode(Refusal(error=error.message, code=error.code))


async def send_failure(scope: Scope, send: Send, error: IngatError) -> None:
    """Send an error with its status and the headers that belong to it."""
    status = status_of(error)
    await send_json(scope, send, status, refusal(error), headers_of(error, status))
