"""Messages in the wire format."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingat.api.original.answers import FoundAnswer, MessageAnswer, MessagesAnswer, Organization
from ingat.api.original.asked import Asked, Id, Limit, UserId
from ingat.api.original.bounded import bounded, rows_of
from ingat.api.original.caller import Caller, newest_first
from ingat.api.original.dates import Moment
from ingat.api.original.found import searched
from ingat.api.original.ids import MESSAGE, fresh
from ingat.api.original.shapes import ChatMessage, message_shape
from ingat.api.pages import MOST_BYTES
from ingat.core.dates import day_of
from ingat.core.errors import EmptyContent
from ingat.core.records import Message, MessageRole

_TIMES = 3
"""Each message stands in the answer so often: in the list, by role and by day."""


class GetMessages(Asked, tag="messages"):
    """The newest messages of a session, oldest first, and the same ones by role and by day."""

    session_id: Id
    limit: Limit | None = None


class SearchMessages(Asked, tag="search_messages"):
    """Messages that hold every word of `q`, or `q` itself as a part of their text."""

    q: str
    session_id: Id | None = None
    limit: Limit | None = None
    user_id: UserId | None = None


class AddMessage(Asked, tag="add_message"):
    """One message for the end of a session."""

    session_id: Id
    role: MessageRole
    content: str
    metadata: dict[str, Any] | None = None
    timestamp: Moment | None = None


def get_messages(caller: Caller, asked: GetMessages) -> MessagesAnswer:
    """Return the newest messages of a session, oldest first."""
    session = caller.session(asked.session_id)
    read: list[Message] = []

    def shapes() -> Iterator[ChatMessage]:
        for message in newest_first(caller, session.id):
            read.append(message)
            yield message_shape(message)

    found = bounded(shapes(), asked.limit, MOST_BYTES // _TIMES)
    rows = found.rows[::-1]
    given = list(zip(read[len(rows) - 1 :: -1] if rows else [], rows, strict=True))
    by_date: dict[str, list[ChatMessage]] = {}
    for message, row in given:
        by_date.setdefault(day_of(message.at), []).append(row)

    def of(role: str) -> list[ChatMessage]:
        return [row for message, row in given if message.role == role]

    organization = Organization(
        system=of("system"),
        user=of("user"),
        assistant=of("assistant"),
        tool=of("tool"),
        by_date=by_date,
    )
    return MessagesAnswer(messages=rows, organization=organization, more=found.more)


def search_messages(caller: Caller, asked: SearchMessages) -> FoundAnswer:
    """Return the messages that hold the words, newest first."""
    if not asked.q.strip():
        raise EmptyContent("q is empty; give a word to search for.")
    session = None if asked.session_id is None else caller.session(asked.session_id)
    limit = rows_of(asked.limit)
    messages, complete = searched(caller, asked.q, session, limit + 1)
    found = bounded(map(message_shape, messages), limit)
    return FoundAnswer(results=found.rows, more=found.more, complete=complete)


def add_message(caller: Caller, asked: AddMessage) -> MessageAnswer:
    """Add a message to the end of a session. Of a key that is bound to a user it was said now, whatever it says."""
    session = caller.session(asked.session_id)
    message = caller.memory.sessions.append(
        session.id,
        asked.role,
        asked.content,
        metadata=asked.metadata,
        at=asked.timestamp if caller.key.user_id is None else None,
        id=fresh(MESSAGE),
    )
    return MessageAnswer(message=message_shape(message))
