"""Faces: parts of Memory that bind a service and a flow under one name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ingat.core import clock
from ingat.core.meter import Meter
from ingat.core.protection import Protection
from ingat.core.records import Message, NewMessage, Session, User
from ingat.core.roles import Roles
from ingat.lifecycle.expire import Expirer
from ingat.lifecycle.merge import merge_users
from ingat.lifecycle.stateless import Stateless
from ingat.search.entry import Committed
from ingat.services.messages import Append, Messages
from ingat.services.sessions import Sessions
from ingat.services.users import Users
from ingat.store.contract import Store


class UserFace(Users):
    """`memory.users`: users, and the merging of two."""

    def __init__(self, store: Store, roles: Roles, protection: Protection, now: clock.Clock) -> None:
        super().__init__(store, roles, now)
        self._protection = protection

    def merge(self, source: str, target: str) -> User:
        """Make two users one: everything of `source` goes to `target`, which is returned. See lifecycle.merge."""
        return merge_users(self._store, self._roles, self._protection, self._now, source, target)


class SessionFace(Sessions, Messages):
    """`memory.sessions`: sessions with their messages."""

    def __init__(
        self,
        store: Store,
        count_tokens: Callable[[str], int],
        now: clock.Clock,
        committed: Committed,
        expirer: Expirer,
        meter: Meter,
        noted: Callable[[Append], None] | None = None,
    ) -> None:
        Sessions.__init__(self, store, now, expirer)
        Messages.__init__(self, store, count_tokens, now, committed, meter, noted)
        self._expirer = expirer

    def reset(self, session_id: str) -> Session:
        """Close a session and return a new one of its user and channel. See lifecycle.expire."""
        return self._expirer.reset(session_id)


class StatelessSessions(SessionFace):
    """`memory.sessions` while remembering is switched off: what is said passes through, what was kept can be read."""

    def __init__(self, *arguments: Any, stateless: Stateless) -> None:
        super().__init__(*arguments)
        self._stateless = stateless

    def open(self, user_id: str, channel: str = "default", **unused: Any) -> Session:
        """Return a session that is nowhere kept."""
        return self._stateless.session(user_id, channel)

    def create(self, user_id: str | None = None, *, channel: str | None = None, **unused: Any) -> Session:
        """Return a session that is nowhere kept."""
        return self._stateless.session("anonymous:stateless" if user_id is None else user_id, channel)

    def get(self, session_id: str) -> Session:
        """Return the session, one that is nowhere kept too, or raise SessionNotFound."""
        user_id = self._stateless.user_of(session_id)
        return super().get(session_id) if user_id is None else self._stateless.session(user_id)

    def messages(self, session_id: str, limit: int | None = 50, before: int | None = None) -> list[Message]:
        """Return the messages of a session; none of one that is nowhere kept."""
        if self._stateless.user_of(session_id) is not None:
            return []
        return super().messages(session_id, limit, before)

    def appending(self, session_id: str, messages: Sequence[NewMessage | Mapping[str, Any]]) -> Append:
        """Check messages, and return what passes them on."""
        return self._stateless.appending(session_id, messages)

    def committed(self, append: Append) -> None:
        """Take note of nothing: nothing was added."""

    def reset(self, session_id: str) -> Session:
        """Return a session that is nowhere kept."""
        return self._stateless.session(self.get(session_id).user_id)
