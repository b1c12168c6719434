"""Current sessions: the session that each access key is in, for clients that keep none themselves."""

from __future__ import annotations

from ingat.core import clock
from ingat.core.ids import check_id
from ingat.core.records import Session
from ingat.store.contract import Store, Tx
from ingat.store.tables import key_sessions as table
from ingat.store.tables import sessions as session_table


class CurrentSessions:
    """The current sessions of the access keys of one store."""

    def __init__(self, store: Store, now: clock.Clock) -> None:
        self._store, self._now = store, now

    def get(self, key_id: str) -> Session | None:
        """Return the session that was set for this key, in whatever state it is; None when none was, or it is gone."""
        known = check_id(key_id, "key id")

        def look(tx: Tx) -> Session | None:
            session_id = table.get(tx, known)
            owner = session_table.owner(tx, session_id) if session_id is not None else None
            return session_table.get(tx, owner, session_id) if owner is not None and session_id is not None else None

        return self._store.read(look)

    def set(self, key_id: str, session_id: str | None) -> Session | None:
        """Set the session of this key, None for none, and return it, or raise SessionNotFound."""
        known = check_id(key_id, "key id")
        wanted = None if session_id is None else check_id(session_id, "session id")
        now = self._now()

        def work(tx: Tx) -> Session | None:
            if wanted is None:
                table.remove(tx, known)
                return None
            session = session_table.required(tx, wanted)
            table.put(tx, known, session.id, now)
            return session

        return self._store.write(work)
