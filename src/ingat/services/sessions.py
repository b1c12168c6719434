"""Sessions: open, find, change, close and archive conversations."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

from msgspec import UNSET, UnsetType

from ingat.core import clock
from ingat.core.errors import Conflict, InvalidId, InvalidInput, SessionExists
from ingat.core.events import Event
from ingat.core.given import shown
from ingat.core.ids import ANONYMOUS, MAX_ID_CHARACTERS, anonymous_user_id, check_id, new_id, normalise_user_id
from ingat.core.json import encode_object
from ingat.core.limits import check_limit, check_time
from ingat.core.records import SESSION_STATES, Page, Session, SessionState
from ingat.core.roles import BLOCKED
from ingat.core.texts import MAX_FIELD_BYTES, check_text
from ingat.store.contract import Store, Tx, Value
from ingat.store.tables import sessions as table
from ingat.store.tables import users as user_table
from ingat.store.tables.paging import decode_cursor

Text = str | None | UnsetType

_log = logging.getLogger("ingat.sessions")


class Ender(Protocol):
    """Ends sessions that nobody has written to for long; see lifecycle.expire."""

    def idle(self, tx: Tx, session: Session) -> bool:
        """Return whether the active session has been silent for too long."""
        ...

    def end(self, tx: Tx, session: Session) -> None:
        """Close the session in this transaction."""
        ...

    def ended(self, session: Session) -> None:
        """Take note, after the commit, that the session was closed."""
        ...


class Sessions:
    """The sessions of one store."""

    def __init__(self, store: Store, now: clock.Clock, ender: Ender | None = None) -> None:
        """Without an `ender` a session stays active, however long it is silent."""
        self._store, self._now, self._ender = store, now, ender

    def open(
        self,
        user_id: str,
        channel: str = "default",
        *,
        name: str | None = None,
        description: str | None = None,
        project_id: str | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> Session:
        """Return the user's active session of that channel, created when there is none.

        One that has been silent for longer than the retention policy's `session_timeout_hours` is closed first, its
        summary follows behind, and a new one is returned. Two callers at once get the same session. The user is created
        when unknown; UserBlocked when blocked. `name` and the rest are used only for a new session.
        """
        known, key = normalise_user_id(user_id), check_id(channel, "channel")

        def look(tx: Tx) -> Session | None:
            owner = user_table.standing(tx, known)
            active = table.active_in_channel(tx, owner.user_id, key) if owner and owner.role != BLOCKED else None
            return None if active is not None and self._is_idle(tx, active) else active

        found = self._store.read(look)
        if found is not None:
            return found
        values = _columns(name, description, project_id, metadata) | {"channel": key}
        fresh, now = new_id(), self._now()

        def work(tx: Tx) -> tuple[Session, Session | None]:
            owner = user_table.writable(tx, known, now)
            active = table.active_in_channel(tx, owner, key)
            if active is not None and not self._is_idle(tx, active):
                return active, None
            if active is not None and self._ender is not None:
                self._ender.end(tx, active)
            return _insert(tx, owner, fresh, values, now, now), active

        session, ended = self._store.write(work)
        if ended is not None and self._ender is not None:
            self._ender.ended(ended)
        if session.id == fresh:
            self._tell(session)
        return session

    def _is_idle(self, tx: Tx, session: Session) -> bool:
        return self._ender is not None and self._ender.idle(tx, session)

    def create(
        self,
        user_id: str | None = None,
        *,
        id: str | None = None,
        name: str | None = None,
        description: str | None = None,
        project_id: str | None = None,
        channel: str | None = None,
        metadata: dict[str, Any] | None = None,
        at: int | None = None,
    ) -> Session:
        """Create an active session; without a user it belongs to `anonymous:<session id>`.

        `at` is for imports: when the session began, in milliseconds UTC. Raises SessionExists for an id that is
        taken, Conflict when the user already has an active session of that channel, UserBlocked.
        """
        session_id = new_id() if id is None else check_id(id, "session id")
        if user_id is None and len(session_id) > MAX_ID_CHARACTERS - len(ANONYMOUS):
            most = MAX_ID_CHARACTERS - len(ANONYMOUS)
            raise InvalidId(f"The id of a session without a user has at most {most} characters.")
        known = anonymous_user_id(session_id) if user_id is None else user_id
        known, now = normalise_user_id(known), self._now()
        began = now if at is None else cast(int, check_time(at, "at"))
        values = _columns(name, description, project_id, metadata)
        if channel is not None:
            values["channel"] = check_id(channel, "channel")

        def work(tx: Tx) -> Session:
            owner = user_table.writable(tx, known, now)
            if channel is not None:
                _refuse_second_active(tx, owner, cast(str, values["channel"]))
            return _insert(tx, owner, session_id, values, began, now)

        session = self._store.write(work)
        self._tell(session)
        return session

    def _tell(self, session: Session) -> None:
        if _log.isEnabledFor(logging.INFO):
            told, about, owner = "Session created: %s", session.id, session.user_id
            url = self._store.url
            _log.handle(Event(_log, told, about, category="session", user_id=owner, session_id=about, store=url))

    def get(self, session_id: str) -> Session:
        """Return the session, or raise SessionNotFound."""
        known = check_id(session_id, "session id")
        return self._store.read(lambda tx: table.required(tx, known))

    def list(
        self,
        user_id: str | None = None,
        *,
        state: SessionState | None = None,
        channel: str | None = None,
        project_id: str | None = None,
        search: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
        sort: table.SessionSort = "active_at",
        descending: bool = True,
    ) -> Page[Session]:
        """Return one page of sessions of one user or of all; `page.next` is the cursor of the next page.

        `active_at` is when the last message came, or the session was created. `search` finds part of a name or
        description, without regard to case. An unknown user has none.
        """
        known = None if user_id is None else normalise_user_id(user_id)
        check_limit(limit, "limit")
        after = decode_cursor(cursor)
        if state is not None and state not in SESSION_STATES:
            raise InvalidInput(f"There is no session state {shown(state)}; known: {', '.join(SESSION_STATES)}.")
        if sort not in ("created_at", "active_at"):
            raise InvalidInput(f"Sessions cannot be sorted by {shown(sort)}; use created_at or active_at.")
        for what, text in (("search", search), ("channel", channel), ("project_id", project_id)):
            if text is not None:
                check_text(text, what, MAX_FIELD_BYTES)

        def look(tx: Tx) -> tuple[Sequence[Session], str | None]:
            owner = None if known is None else user_table.resolve(tx, known)
            if known is not None and owner is None:
                return [], None
            return table.page(
                tx,
                limit,
                cursor=after,
                user_id=owner,
                state=state,
                channel=channel,
                project_id=project_id,
                search=search,
                sort=sort,
                descending=descending,
            )

        items, more = self._store.read(look)
        return Page(items=tuple(items), next=more)

    def update(
        self,
        session_id: str,
        *,
        name: Text = UNSET,
        description: Text = UNSET,
        project_id: Text = UNSET,
        metadata: dict[str, Any] | UnsetType = UNSET,
    ) -> Session:
        """Change what is given and leave the rest; None clears a text. `metadata` is merged, a null removes its key."""
        known, now = check_id(session_id, "session id"), self._now()
        texts = {"name": name, "description": description, "project_id": project_id}
        values: dict[str, Value] = {
            field: text if text is None else check_text(text, field, MAX_FIELD_BYTES)
            for field, text in texts.items()
            if text is not UNSET
        }
        if metadata is not UNSET:
            encode_object(metadata, "metadata")

        def work(tx: Tx) -> Session:
            session = table.required(tx, known)
            if metadata is not UNSET:
                merged = {**session.metadata, **metadata}
                kept = {key: value for key, value in merged.items() if value is not None}
                values["metadata"] = encode_object(kept, "metadata")
            if values:
                table.update(tx, session.user_id, known, values, now)
            return table.required(tx, known)

        return self._store.write(work)

    def close(self, session_id: str) -> Session:
        """Close the session: it can be read but takes no more messages. A closed one stays as it is."""
        return self._change(session_id, {"active": "closed"})

    def archive(self, session_id: str) -> Session:
        """Put the session away, closing it when it is active; its messages stay readable and recallable."""
        return self._change(session_id, {"active": "archived", "closed": "archived"})

    def unarchive(self, session_id: str) -> Session:
        """Bring an archived session back as a closed one. It counts as used now: retention leaves it for as long."""
        return self._change(session_id, {"archived": "closed"})

    def reopen(self, session_id: str) -> Session:
        """Make a closed session active again; Conflict when its channel has another active one by now.

        It counts as used now: it expires after the policy's `session_timeout_hours` from here.
        """
        return self._change(session_id, {"closed": "active"})

    def _change(self, session_id: str, steps: Mapping[SessionState, SessionState]) -> Session:
        known, now = check_id(session_id, "session id"), self._now()

        def work(tx: Tx) -> Session:
            session = table.required(tx, known)
            state = steps.get(session.state)
            if state is None:
                if session.state in steps.values():
                    return session
                raise table.refusal(session.state, known)
            if state == "active" and session.channel is not None:
                _refuse_second_active(tx, session.user_id, session.channel)
            values: dict[str, Value] = {"state": state}
            values["closed_at"] = None if state == "active" else session.closed_at or now
            values["archived_at"] = now if state == "archived" else None
            values["packed_at"] = None
            if state == "active" or session.state == "archived":
                values["reopened_at"] = now
            table.update(tx, session.user_id, known, values, now)
            return table.required(tx, known)

        return self._store.write(work)


def _columns(
    name: str | None, description: str | None, project_id: str | None, metadata: dict[str, Any] | None
) -> dict[str, Value]:
    texts = {"name": name, "description": description, "project_id": project_id}
    values: dict[str, Value] = {
        field: check_text(text, field, MAX_FIELD_BYTES) for field, text in texts.items() if text is not None
    }
    if metadata:
        values["metadata"] = encode_object(metadata, "metadata")
    return values


def _insert(tx: Tx, owner: str, session_id: str, values: dict[str, Value], at: int, now: int) -> Session:
    if not table.insert(tx, owner, session_id, values, at, now):
        raise SessionExists(f"There is already a session {session_id!r}.", session_id=session_id)
    return table.required(tx, session_id)


def _refuse_second_active(tx: Tx, owner: str, channel: str) -> None:
    active = table.active_in_channel(tx, owner, channel)
    if active is not None:
        raise Conflict(
            f"The user already has an active session of channel {channel!r}; close it first, or open the channel.",
            session_id=active.id,
        )
