"""Work: what a thread does for a request: the action itself, and its answer as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, get_origin, get_type_hints

from ingat.action import Action
from ingat.actions import method_of, wrapped
from ingat.api.answer import encode
from ingat.api.pages import best, by_cursor, newest
from ingat.core.errors import UserNotFound
from ingat.core.ids import new_id
from ingat.core.records import MemoryItem, Page
from ingat.memory import Memory

Method = Callable[..., Any]


class Done(NamedTuple):
    """The body of an answer, and whether something was created."""

    body: bytes
    created: bool


def answering(action: Action, memory: Memory) -> Callable[[Method], Callable[..., Done]]:
    """Return what makes a function that returns the answer out of the method of an action."""
    if action.kept:
        created = {"users.save": _user_is_new, "remember": _memory_is_new}[action.name]
        return lambda method: created(method, memory)
    body = _body(action)

    def dress(method: Method) -> Callable[..., Done]:
        read = body(method)
        return lambda **given: Done(read(**given), action.created)

    return dress


def _body(action: Action) -> Callable[[Method], Callable[..., bytes]]:
    name = action.wrap or ""
    if action.name == "recall":
        return best
    if action.name == "sessions.messages":
        return lambda method: newest(method, name)
    if get_origin(get_type_hints(method_of(action.name))["return"]) is Page:
        return lambda method: by_cursor(method, name)
    return lambda method: lambda **given: encode(wrapped(action, method(**given)))


def _user_is_new(method: Method, memory: Memory) -> Callable[..., Done]:
    def save(**given: Any) -> Done:
        try:
            memory.users.get(given["user_id"])
            created = False
        except UserNotFound:
            created = True
        return Done(encode(method(**given)), created)

    return save


def _memory_is_new(method: Method, memory: Memory) -> Callable[..., Done]:
    def remember(**given: Any) -> Done:
        # ids of one process grow, so that one made now is larger than this
        mark = new_id()
        item: MemoryItem = method(**given)
        return Done(encode(item), item.id > mark and item.created_at == item.updated_at)

    return remember
