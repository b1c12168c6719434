"""The sync and the async face have the same names and the same signatures."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Iterable
from typing import Any

from ingat.aio import AsyncMemory, Face
from ingat.memory import Memory

Signature = list[tuple[str, Any, Any]]

ENGINE_ROOM = frozenset({"store", "embedder", "vectors", "recaller", "log_queue", "meter"})
"""What Memory is made of. It has no asynchronous face; `AsyncMemory.sync` leads to it."""
STEPS = frozenset({"sessions.appending", "sessions.committed"})
"""The two halves of `sessions.append`, between which AsyncMemory waits for the commit without a thread."""
OPENERS = frozenset({"from_settings", "over"})
"""Other ways to open one or the other."""


def _signature(function: Callable[..., Any]) -> Signature:
    parameters = inspect.signature(function).parameters.values()
    return [(parameter.name, parameter.kind, parameter.default) for parameter in parameters]


def _attributes(owner: object) -> dict[str, Any]:
    return {name: getattr(owner, name) for name in dir(owner) if not name.startswith("_")}


def _methods(memory: object, parts: Iterable[str]) -> dict[str, Signature]:
    """Return the public methods of a memory and of its parts: `recall`, `users.save`."""
    found = {name: value for name, value in _attributes(memory).items() if callable(value)}
    for part in parts:
        found |= {f"{part}.{name}": value for name, value in _attributes(getattr(memory, part)).items()}
    return {name: _signature(value) for name, value in found.items() if name not in STEPS | OPENERS and callable(value)}


async def _faces() -> tuple[dict[str, Signature], dict[str, Signature], set[str]]:
    """Return the methods of Memory, those of AsyncMemory, and what Memory holds that AsyncMemory does not."""
    async with AsyncMemory(":memory:", embedder=None) as memory:
        parts = {name for name, value in _attributes(memory).items() if isinstance(value, Face)}
        held = {name for name, value in _attributes(memory.sync).items() if not callable(value)}
        return _methods(memory.sync, parts), _methods(memory, parts), held - parts


def test_both_faces_have_the_same_methods() -> None:
    sync, async_, _ = asyncio.run(_faces())

    assert sync.keys() == async_.keys()


def test_both_faces_have_the_same_signatures() -> None:
    sync, async_, _ = asyncio.run(_faces())

    assert {name: parameters for name, parameters in sync.items() if async_.get(name) != parameters} == {}


def test_every_part_of_memory_has_an_asynchronous_face() -> None:
    _, _, bare = asyncio.run(_faces())

    assert bare - ENGINE_ROOM == set()


def test_both_faces_are_opened_with_the_same_arguments() -> None:
    assert _signature(Memory) == _signature(AsyncMemory)


def test_the_faces_have_the_names_that_others_script_against() -> None:
    verbs = {
        "users": ("save", "get", "list", "alias", "merge", "protect"),
        "sessions": (
            "open",
            "create",
            "get",
            "list",
            "update",
            "close",
            "archive",
            "unarchive",
            "append",
            "append_many",
        ),
    }
    wanted = {f"{part}.{verb}" for part, names in verbs.items() for verb in names}
    sync, _, _ = asyncio.run(_faces())

    assert wanted | {"sessions.messages", "remember", "recall", "context", "close"} <= sync.keys()
