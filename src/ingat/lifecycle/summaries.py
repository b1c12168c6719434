"""Summaries: the one memory that stands for a session that ended, made outside every transaction and written once."""

from __future__ import annotations

import inspect
import logging
import threading
from collections.abc import Sequence
from functools import partial
from typing import Any, Literal, NamedTuple, Protocol

from ingat.core import clock
from ingat.core.ids import new_id
from ingat.core.records import MemoryItem, Message, Session
from ingat.core.roles import BLOCKED
from ingat.core.texts import check_text
from ingat.lifecycle.extract import Extractive
from ingat.lifecycle.foreign import Broke, Foreign
from ingat.lifecycle.transcript import Transcript, gather
from ingat.search.entry import Committed
from ingat.search.summary import MAX_WORDS, cut
from ingat.services.memories import MAX_TEXT_BYTES, keep_summary
from ingat.store.contract import Store, Tx
from ingat.store.tables import expiry, sessions, users
from ingat.store.tables.expiry import Ended

TRIES = 3
"""How often one summary is made when its session changes meanwhile."""
PATIENCE_S = 120.0
"""How long a summariser that is registered may take for one session, before its own sentences are used."""

_log = logging.getLogger("ingat.sessions")

Outcome = Literal["written", "empty", "done"]
"""What became of a summary: written now, not needed, or somebody else's work."""


class Summariser(Protocol):
    """Makes the summary of a session. It runs outside every transaction."""

    def __call__(self, session: Session, messages: Sequence[Message]) -> str:
        """Return the summary of the session's messages, in at most 500 words."""
        ...


class _Read(NamedTuple):
    """What is known of a session that ended; `session` is None when it is gone."""

    ended: Ended
    session: Session | None
    blocked: bool


class _Text(NamedTuple):
    text: str
    summariser: str
    failed: str | None


class Summaries:
    """Writes the summaries of one store. Safe to use from many threads and processes at once."""

    def __init__(
        self,
        store: Store,
        summariser: Summariser,
        now: clock.Clock,
        committed: Committed,
    ) -> None:
        """`committed` is told of entries that were written without vectors: user, positions, texts."""
        self._store, self._summariser, self._now, self._committed = store, summariser, now, committed
        self._maker = inspect.unwrap(summariser)
        self._foreign = Foreign("ingat-summariser")
        self._one_at_a_time = threading.Lock()

    def write(self, session_id: str) -> Outcome:
        """Write the summary of one session that ended, if nobody else has by now.

        When the summariser that is registered fails, or takes longer than PATIENCE_S, the session's own sentences are
        used. Raises what a damaged row
        or a store in trouble raises; the summary is then still noted as missing.
        """
        with self._one_at_a_time:
            for _ in range(TRIES):
                read = self._store.read(partial(_look_up, session_id=session_id))
                if read is None or read.ended.done_at is not None:
                    return "done"
                outcome = self._write(read)
                if outcome is not None:
                    return outcome
        return "done"  # it is being changed at this very moment, and still noted

    def _write(self, read: _Read) -> Outcome | None:
        """Make and write the summary; None when the session changed meanwhile."""
        ended, session = read.ended, read.session
        if session is None:
            self._store.write(partial(_forget, session_id=ended.session_id))
            return "done"
        if session.state == "active":  # reopened: when it ends again, so does this note
            self._store.write(partial(expiry.finish, ended=ended, now=self._now()))
            return "done"
        found = None if read.blocked else gather(self._store, session.user_id, session.id)
        made = self._text(session, found) if found is not None and found.messages else None
        now = self._now()
        summary = _item(session, found, made, ended, now) if found is not None and made is not None else None

        def work(tx: Tx) -> tuple[Outcome | None, MemoryItem | None, int]:
            current = _look_up(tx, session.id)
            if current is None or current.session is None or not _unchanged(current.session, session):
                return None, None, 0
            if current.ended.expired_at != ended.expired_at or current.blocked != read.blocked:
                return None, None, 0
            if not expiry.finish(tx, ended, now):
                return "done", None, 0
            if summary is None:
                return "empty", None, 0
            item, position = keep_summary(tx, summary, ended.memory_id, now)
            expiry.name(tx, session.id, item.id)
            return "written", item, position

        outcome, item, position = self._store.write(work)
        if item is not None and position:
            self._committed(item.user_id, [position], [item.text])
        return outcome

    def _text(self, session: Session, found: Transcript) -> _Text | None:
        """Return the summary, by the extractive summariser when the one that is registered fails; None for nothing."""
        failed: str | None = None
        own: Summariser = self._summariser
        if not isinstance(self._maker, Extractive):
            made = self._foreign.call(lambda: _checked(self._summariser(session, tuple(found.messages))), PATIENCE_S)
            if not isinstance(made, Broke):
                return _Text(made, _name_of(self._maker), None)
            failed, own = made.code, Extractive()
            _log.warning("The summariser failed on session %s (%s); its own lines are used.", session.id, failed)
        text = _within_limit(cut(own(session, found.messages)))
        return _Text(text, "extractive", failed) if text else None


def _look_up(tx: Tx, session_id: str) -> _Read | None:
    ended = expiry.get(tx, session_id)
    if ended is None:
        return None
    user_id = sessions.owner(tx, session_id)
    owner = users.exact(tx, user_id) if user_id is not None else None
    if user_id is None or owner is None:
        return _Read(ended, None, False)
    return _Read(ended, sessions.get(tx, user_id, session_id), owner.role == BLOCKED)


def _forget(tx: Tx, session_id: str) -> None:
    """Forget how a session ended that is gone, unless it was brought back meanwhile."""
    current = _look_up(tx, session_id)
    if current is not None and current.session is None:
        expiry.delete(tx, session_id)


def _unchanged(current: Session, before: Session) -> bool:
    same = current.user_id == before.user_id and current.message_count == before.message_count
    return same and current.state != "active"


def _item(session: Session, found: Transcript, made: _Text, ended: Ended, now: int) -> MemoryItem:
    """Return the summary; it holds since the last message."""
    metadata: dict[str, Any] = {
        "cause": ended.cause,
        "message_count": found.total,
        "first_at": found.first_at,
        "last_at": found.last_at,
        "summariser": made.summariser,
        "summariser_failed": made.failed,
    }
    return MemoryItem(
        id=new_id(),
        user_id=session.user_id,
        kind="summary",
        text=made.text,
        valid_from=min(found.last_at, now),
        session_id=session.id,
        message_ids=found.ids,
        metadata=metadata,
        created_at=now,
        updated_at=now,
    )


def _checked(text: str) -> str:
    """Return a summary that somebody else made, cut to 500 words; EmptyContent and InvalidText as for any memory."""
    whole = check_text(text, "summary").strip()
    if not whole:
        raise ValueError("The summary is empty.")
    return check_text(cut(whole, MAX_WORDS), "summary", MAX_TEXT_BYTES)


def _within_limit(text: str) -> str:
    """Return a text cut to the size of a memory: 500 words may be very long ones."""
    return text.encode()[:MAX_TEXT_BYTES].decode(errors="ignore").strip()


def _name_of(summariser: object) -> str:
    return str(getattr(summariser, "__name__", type(summariser).__name__))[:200]
