"""Sessions in the wire format."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Any

from msgspec import UNSET, UnsetType

from ingat.api.original.answers import Done, Erased, SessionAnswer, SessionChanged, SessionsAnswer
from ingat.api.original.asked import Asked, Id, Limit, UserId
from ingat.api.original.bounded import bounded
from ingat.api.original.caller import Caller, every, shown_id
from ingat.api.original.ids import SESSION, fresh
from ingat.api.original.shapes import session_shape
from ingat.core.errors import Conflict
from ingat.core.records import Session, SessionState


class GetSessions(Asked, tag="sessions"):
    """The sessions that fit every filter, the one used last first, and the current one."""

    project_id: str | None = None
    is_archived: bool | None = None
    limit: Limit | None = None
    user_id: UserId | None = None


class GetSession(Asked, tag="session"):
    """One session."""

    session_id: Id


class CreateSession(Asked, tag="create_session"):
    """A new session; without a user it belongs to one of its own that nobody else has."""

    name: str
    description: str | None = None
    project_id: str | None = None
    metadata: dict[str, Any] | None = None
    user_id: UserId | None = None


class UpdateSession(Asked, tag="update_session"):
    """Change what is given and leave the rest; `is_archived` false brings a session back, so that it takes messages.

    Null clears description and project; for the others it is as if they were not given.
    """

    session_id: Id
    name: str | None = None
    description: str | UnsetType | None = UNSET
    project_id: str | UnsetType | None = UNSET
    metadata: dict[str, Any] | None = None
    is_archived: bool | None = None


class ArchiveSession(Asked, tag="archive_session"):
    """Put a session away; its messages stay."""

    session_id: Id


class DeleteSession(Asked, tag="delete_session"):
    """Delete a session with its messages."""

    session_id: Id


class SetCurrentSession(Asked, tag="set_current_session"):
    """Let this key be in a session; null: in none."""

    session_id: Id | None


def get_sessions(caller: Caller, asked: GetSessions) -> SessionsAnswer:
    """Return the sessions that fit every filter, the one used last first, and the current one."""
    found = bounded(map(session_shape, _sessions(caller, asked)), asked.limit)
    current = caller.current()
    shape = None if current is None else session_shape(current)
    return SessionsAnswer(sessions=found.rows, current_session=shape, more=found.more)


def get_session(caller: Caller, asked: GetSession) -> SessionAnswer:
    """Return one session."""
    return SessionAnswer(session=session_shape(caller.session(asked.session_id)))


def create_session(caller: Caller, asked: CreateSession) -> SessionAnswer:
    """Make a session."""
    session = caller.memory.sessions.create(
        caller.owner,
        id=fresh(SESSION),
        name=asked.name,
        description=asked.description,
        project_id=asked.project_id,
        metadata=asked.metadata,
    )
    return SessionAnswer(session=session_shape(session))


def update_session(caller: Caller, asked: UpdateSession) -> SessionChanged:
    """Change what is given of a session and leave the rest."""
    session = caller.session(asked.session_id)
    session = caller.memory.sessions.update(
        session.id,
        name=UNSET if asked.name is None else asked.name,
        description=asked.description,
        project_id=asked.project_id,
        metadata=UNSET if asked.metadata is None else asked.metadata,
    )
    if asked.is_archived is True:
        session = caller.memory.sessions.archive(session.id)
    elif asked.is_archived is False:
        session = _brought_back(caller, session)
    return SessionChanged(message=f"Session {shown_id(session)} was updated.", session=session_shape(session))


def archive_session(caller: Caller, asked: ArchiveSession) -> Done:
    """Put a session away."""
    session = caller.memory.sessions.archive(caller.session(asked.session_id).id)
    return Done(message=f"Session {shown_id(session)} was archived.")


def delete_session(caller: Caller, asked: DeleteSession) -> Erased:
    """Delete a session with its messages, after a restore point."""
    session = caller.session(asked.session_id)
    done = caller.memory.erase.session(session.id, reason=caller.reason)
    return Erased(message=f"Session {shown_id(session)} was deleted with its messages.", operation_id=done.id)


def set_current_session(caller: Caller, asked: SetCurrentSession) -> SessionAnswer:
    """Let the key be in a session."""
    if asked.session_id is None:
        caller.memory.current_sessions.set(caller.key.id, None)
        return SessionAnswer(session=None)
    session = caller.session(asked.session_id)
    caller.memory.current_sessions.set(caller.key.id, session.id)
    return SessionAnswer(session=session_shape(session))


def _sessions(caller: Caller, asked: GetSessions) -> Iterator[Session]:
    states: tuple[SessionState | None, ...] = (None,)
    if asked.is_archived is not None:
        states = ("archived",) if asked.is_archived else ("active", "closed")
    listed = [_in_state(caller, asked.project_id, state) for state in states]
    return heapq.merge(*listed, key=_used, reverse=True)


def _in_state(caller: Caller, project_id: str | None, state: SessionState | None) -> Iterator[Session]:
    return every(
        lambda most, cursor: caller.memory.sessions.list(
            caller.owner, state=state, project_id=project_id, limit=most, cursor=cursor
        )
    )


def _used(session: Session) -> tuple[int, str]:
    """Return what `sessions.list` sorts by."""
    at = session.created_at if session.last_message_at is None else session.last_message_at
    return at, session.id


def _brought_back(caller: Caller, session: Session) -> Session:
    if session.state == "archived":
        session = caller.memory.sessions.unarchive(session.id)
    if session.state == "active":
        return session
    try:
        return caller.memory.sessions.reopen(session.id)
    except Conflict:
        # its channel has another active session by now: this one is no longer archived, and stays closed
        return session
