"""Streams: which endpoint stands behind an action whose request or answer is a file."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.types import Receive, Scope, Send

from ingat.action import Action
from ingat.aio import AsyncMemory
from ingat.api.access import Access
from ingat.api.artifacts import ArtifactDownload, ArtifactUpload
from ingat.api.files import Download, FileLimits, Upload
from ingat.api.flights import Flights
from ingat.api.restores import RestoreUpload

_ENDPOINTS: dict[str, type[Download | Upload]] = {
    "artifacts.save": ArtifactUpload,
    "artifacts.read": ArtifactDownload,
    "restore": RestoreUpload,
}


def file_endpoint(
    action: Action, memory: AsyncMemory, access: Access, limits: FileLimits, flights: Flights
) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """Return the endpoint of an action that streams."""
    kind = _ENDPOINTS.get(action.name, Download if action.streams == "out" else Upload)
    return kind(action, memory, access, limits, flights)
