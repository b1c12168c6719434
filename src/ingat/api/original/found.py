"""Search in the wire format: whole words anywhere in what a user said, and parts of words in what was said last."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from ingat.api.original.caller import Caller, every, newest_first
from ingat.core.limits import MAX_PAGE
from ingat.core.records import Message, Session

MOST_LOOKED_AT = 5_000
"""Messages whose text is compared letter by letter in one search, the newest ones."""
MOST_BYTES_LOOKED_AT = 32 << 20
"""Their characters altogether."""
MOST_USERS = 100
"""Users that a search without a user goes through: those of the sessions used last."""
MOST_SESSIONS = 1_000
"""Sessions that are looked at to find those users."""


class Found(NamedTuple):
    """Messages, newest first, and whether everything was looked through."""

    messages: list[Message]
    complete: bool


class Owners(NamedTuple):
    """Users, and whether there are no others."""

    user_ids: list[str]
    complete: bool


class Budget:
    """What one search may still compare."""

    def __init__(self) -> None:
        self._messages, self._characters = MOST_LOOKED_AT, MOST_BYTES_LOOKED_AT

    def take(self, message: Message) -> bool:
        """Take one message from it, and tell whether it was left."""
        self._messages -= 1
        self._characters -= len(message.content)
        return self._messages >= 0 and self._characters >= 0


def searched(caller: Caller, text: str, session: Session | None, limit: int) -> Found:
    """Return at most `limit` messages of a session, of the caller's user, or of the users seen last."""
    budget = Budget()
    if session is not None:
        words = _with_words(caller, session.user_id, text, session.id, limit)
        parts, complete = _holding(newest_first(caller, session.id), text, limit, budget)
        return Found(_newest([*words, *parts], limit), complete)
    owners, complete = ([caller.owner], True) if caller.owner is not None else _owners(caller)
    found: list[Message] = []
    for owner in owners:
        found += _with_words(caller, owner, text, None, limit)
        parts, whole = _holding(_of_user(caller, owner), text, limit, budget)
        found = _newest([*found, *parts], limit)
        complete = complete and whole
    return Found(found, complete)


def _with_words(caller: Caller, user_id: str, text: str, session_id: str | None, limit: int) -> list[Message]:
    pages = every(
        lambda most, cursor: caller.memory.search(user_id, text, session_id=session_id, limit=most, cursor=cursor),
        min(limit, MAX_PAGE),
    )
    return list(islice(pages, limit))


def _holding(messages: Iterator[Message], text: str, limit: int, budget: Budget) -> Found:
    """Return the messages that hold the text, letter by letter without regard to case."""
    wanted = text.casefold()
    found: list[Message] = []
    for message in messages:
        if not budget.take(message):
            return Found(found, False)
        described = message.metadata.get("description")
        places = (message.content, described if isinstance(described, str) else "")
        if any(wanted in place.casefold() for place in places):
            found.append(message)
            if len(found) == limit:
                break
    return Found(found, True)


def _owners(caller: Caller) -> Owners:
    sessions = every(lambda most, cursor: caller.memory.sessions.list(limit=most, cursor=cursor))
    owners: dict[str, None] = {}
    for session in islice(sessions, MOST_SESSIONS):
        if len(owners) == MOST_USERS and session.user_id not in owners:
            return Owners(list(owners), False)
        owners[session.user_id] = None
    return Owners(list(owners), next(sessions, None) is None)


def _of_user(caller: Caller, user_id: str) -> Iterator[Message]:
    return every(lambda most, cursor: caller.memory.sessions.history(user_id, most, cursor))


def _newest(messages: list[Message], limit: int) -> list[Message]:
    once = {(message.user_id, message.id): message for message in messages}
    return sorted(once.values(), key=lambda message: (message.at, message.id), reverse=True)[:limit]
