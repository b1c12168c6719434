"""Expire: sessions that nobody has written to for a day are closed, and a summary of each is remembered, once.

A session ends in one transaction, which notes that a summary is due; the summary is written in a second one, which
takes the note off. A process that dies in between leaves the note, and any later pass of any process does the rest.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain

import msgspec

from ingat.core import clock
from ingat.core.dates import HOUR_MS
from ingat.core.errors import IngatError, StoreClosed, StoreConflict, StoreCorrupt, StoreError
from ingat.core.events import Event
from ingat.core.ids import check_id, new_id
from ingat.core.records import Session
from ingat.core.reports import ExpireReport, Failure
from ingat.core.roles import BLOCKED
from ingat.lifecycle.behind import CLOSING_S, Behind
from ingat.lifecycle.summaries import Outcome, Summaries, Summariser
from ingat.search.entry import Committed
from ingat.store.contract import Store, Tx, Value
from ingat.store.tables import expiry, retention, sessions, users
from ingat.store.tables.expiry import Cause, Idle

BATCH = 100
"""Sessions that are closed in one transaction."""
MOST_RETRIES = 100
"""Summaries that failed before and are tried again in one pass, those tried least often first."""
CLOSE_AGAIN_MS = 60_000
"""How long a pass writes summaries before it looks again for sessions to close: a summariser may be slow."""
MOST_IN_A_ROW = 10
"""Failures of the store in a row after which a pass leaves the rest to a later one."""
MOST_REPORTED = 1_000
"""Session ids, and failures, that a report names."""
LOGGED: dict[Cause, str] = {
    "expired": "Session expired, transferring to long-term memory",
    "reset": "Session reset, transferring to long-term memory",
}

_log = logging.getLogger("ingat.sessions")
OF_ONE_SESSION = (IngatError, msgspec.MsgspecError, ValueError, TypeError)
"""What a damaged row, or a store in trouble, raises."""


class _Pass:
    """What one pass has done so far."""

    def __init__(self) -> None:
        self.expired = self.summarised = self.empty = 0
        self.failed: list[Failure] = []
        self.session_ids: list[str] = []
        self._in_a_row = 0

    def closed(self, session_id: str, *, nothing: bool) -> None:
        self.expired += 1
        self.empty += nothing
        self._in_a_row = 0
        if len(self.session_ids) < MOST_REPORTED:
            self.session_ids.append(session_id)

    def count(self, outcome: Outcome) -> None:
        self.summarised += outcome == "written"
        self.empty += outcome == "empty"
        self._in_a_row = 0

    def fail(self, failure: Failure, error: BaseException) -> None:
        if len(self.failed) < MOST_REPORTED:
            self.failed.append(failure)
        of_the_store = isinstance(error, StoreError) and not isinstance(error, StoreCorrupt | StoreConflict)
        self._in_a_row = self._in_a_row + 1 if of_the_store else 0

    @property
    def hopeless(self) -> bool:
        """Whether the store as a whole takes nothing, so that going on is of no use."""
        return self._in_a_row >= MOST_IN_A_ROW


class Expirer:
    """Closes idle sessions and writes their summaries. Safe to use from many threads and processes at once."""

    def __init__(
        self,
        store: Store,
        summariser: Summariser,
        now: clock.Clock,
        committed: Committed,
    ) -> None:
        """`committed` is told of entries that were written without vectors: user, positions, texts."""
        self._store, self._now = store, now
        self._summaries = Summaries(store, summariser, now, committed)
        self._behind = Behind(self._follow, "ingat-summaries")

    def expire(self, *, dry_run: bool = False) -> ExpireReport:
        """Close every session that is idle, and write every summary that is missing; nothing is ever deleted.

        A session is idle when its last message came longer ago than the retention policy's `session_timeout_hours`
        (of one without messages, when it was created). One without anything to remember, and one of a blocked user,
        is closed without a summary. A session that cannot be closed or summarised stops no other: it is named in
        `failed` and tried again by a later pass, at most 100 such in one. A slow summariser holds up no closing: after
        every minute of summaries sessions are closed again. With `dry_run` nothing is changed: `expired` says how many
        would be closed, and `summarised` how many summaries would be written, when none fails. Raises StoreClosed, and
        the store's errors when it cannot be read.
        """
        done = _Pass()
        before = self._store.read(self._idle_before)
        if dry_run:
            self._look(before, done)
        else:
            again = self._store.read(partial(expiry.failed_before, limit=MOST_RETRIES))
            self._close_idle(before, done)
            self._summarise_all(again, done)
        return ExpireReport(
            expired=done.expired,
            summarised=done.summarised,
            empty=done.empty,
            pending=self._store.read(expiry.pending),
            failed=tuple(done.failed),
            dry_run=dry_run,
            session_ids=tuple(done.session_ids),
        )

    # -- as services.sessions asks for it ---------------------------------------------------------------------------

    def idle(self, tx: Tx, session: Session) -> bool:
        """Return whether an active session has been without a message for longer than the policy allows."""
        active_at = session.created_at if session.last_message_at is None else session.last_message_at
        if self._now() - active_at <= HOUR_MS:  # no policy is shorter
            return False
        before = self._idle_before(tx)
        return active_at < before and not expiry.reopened_since(tx, session.user_id, session.id, before)

    def end(self, tx: Tx, session: Session) -> None:
        """Close a session that is idle; tell `ended` after the commit."""
        now = self._now()
        messages = expiry.close(tx, session.user_id, session.id, None, now)
        if messages is not None:
            note_end(tx, session.user_id, session.id, messages, "expired", now)

    def ended(self, session: Session, cause: Cause = "expired") -> None:
        """Let the summary of a session that ended follow behind."""
        tell_of_end(self._store.url, session.id, session.user_id, cause)
        self._behind.add(session.id)

    # -- reset ------------------------------------------------------------------------------------------------------

    def reset(self, session_id: str) -> Session:
        """Close a session, so that its summary follows behind, and return a new one of the same user and channel.

        The transcript is kept, and recalled as before. The new session has the project of the old one too. Two callers
        at once get the same new session. Raises SessionNotFound, SessionClosed, SessionArchived, UserBlocked; then
        nothing was changed.
        """
        known, fresh, now = check_id(session_id, "session id"), new_id(), self._now()

        def work(tx: Tx) -> tuple[Session, Session | None]:
            session = sessions.required(tx, known)
            if session.state != "active":
                return _follower(tx, session), None
            users.writable(tx, session.user_id, now)
            messages = expiry.close(tx, session.user_id, known, None, now) or 0
            note_end(tx, session.user_id, known, messages, "reset", now, fresh)
            values: dict[str, Value] = {"channel": session.channel, "project_id": session.project_id}
            sessions.insert(tx, session.user_id, fresh, values, now, now)
            return sessions.required(tx, fresh), session

        follower, session = self._store.write(work)
        if session is not None:
            self.ended(session, "reset")
        return follower

    def flush(self, timeout_s: float | None = None) -> bool:
        """Wait for the summaries that follow behind; False when the time ran out."""
        return self._behind.flush(timeout_s)

    def close(self, timeout_s: float = CLOSING_S) -> None:
        """Write the summaries that follow behind within `timeout_s` seconds; the rest is written by a later pass."""
        self._behind.close(timeout_s)

    # -- closing ----------------------------------------------------------------------------------------------------

    def _idle_before(self, tx: Tx) -> int:
        return self._now() - retention.current(tx).session_timeout_hours * HOUR_MS

    def _look(self, before: int, done: _Pass) -> None:
        after = expiry.START
        done.summarised = self._store.read(expiry.pending)
        while found := self._store.read(partial(expiry.idle, before=before, after=after, limit=BATCH)):
            after = found[-1][:2]
            for each, due in self._store.read(partial(_with_due, found=found)):
                done.closed(each.session_id, nothing=not due)
                done.summarised += due

    def _close_idle(self, before: int, done: _Pass) -> None:
        after = expiry.START
        while not done.hopeless:
            found = self._store.read(partial(expiry.idle, before=before, after=after, limit=BATCH))
            if not found:
                return
            after = found[-1][:2]
            try:
                self._close(found, before, done)
            except StoreClosed:
                raise
            except OF_ONE_SESSION:
                for each in found:  # one of them is the reason: the others are closed one by one
                    self._close_one(each, before, done)

    def _close_one(self, each: Idle, before: int, done: _Pass) -> None:
        if done.hopeless:
            return
        try:
            self._close([each], before, done)
        except StoreClosed:
            raise
        except OF_ONE_SESSION as error:
            done.fail(failure_of(each.session_id, error), error)
            _log.warning("Session %s was not closed (%s); a later pass tries again.", each.session_id, _code(error))

    def _close(self, found: Sequence[Idle], before: int, done: _Pass) -> None:
        """Close those of the sessions that are still idle, in one transaction."""
        now = self._now()

        def work(tx: Tx) -> list[tuple[Idle, bool]]:
            closed = []
            for each in found:
                messages = expiry.close(tx, each.user_id, each.session_id, before, now)
                if messages is not None:
                    due = note_end(tx, each.user_id, each.session_id, messages, "expired", now)
                    closed.append((each, due))
            return closed

        for each, due in self._store.write(work):
            done.closed(each.session_id, nothing=not due)
            tell_of_end(self._store.url, each.session_id, each.user_id, "expired")

    # -- summaries --------------------------------------------------------------------------------------------------

    def _summarise_all(self, again: Sequence[str], done: _Pass) -> None:
        looked = self._now()
        for session_id in chain(again, self._untried(done)):
            self._summarise_one(session_id, done)
            if abs(self._now() - looked) >= CLOSE_AGAIN_MS:
                self._close_idle(self._store.read(self._idle_before), done)
                looked = self._now()

    def _untried(self, done: _Pass) -> Iterator[str]:
        after = expiry.START
        while not done.hopeless:
            found = self._store.read(partial(expiry.untried, after=after, limit=BATCH))
            if not found:
                return
            after = found[-1]
            yield from (session_id for _, session_id in found)

    def _summarise_one(self, session_id: str, done: _Pass) -> None:
        if done.hopeless:
            return
        try:
            done.count(self._summaries.write(session_id))
        except StoreClosed:
            raise
        except OF_ONE_SESSION as error:
            done.fail(failure_of(session_id, error), error)
            self._note_failure(session_id, error)

    def _follow(self, session_id: str) -> None:
        """Write one summary on the thread behind; what fails is left to a later pass."""
        try:
            self._summaries.write(session_id)
        except StoreClosed:
            return
        except OF_ONE_SESSION as error:
            self._note_failure(session_id, error)

    def _note_failure(self, session_id: str, error: Exception) -> None:
        code = _code(error)
        _log.warning("The summary of session %s was not written (%s); a later pass tries again.", session_id, code)
        try:
            self._store.write(partial(expiry.fail, session_id=session_id, error=code))
        except StoreError as second:  # the session is still noted as lacking its summary
            _log.warning("That the summary of session %s failed was not noted (%s).", session_id, second.code)


def note_end(
    tx: Tx, user_id: str, session_id: str, messages: int, cause: Cause, now: int, next_id: str | None = None
) -> bool:
    """Note that a session ended, and return whether a summary is due."""
    due = _due(tx, user_id, messages)
    expiry.begin(tx, session_id, cause, now, done=not due, next_id=next_id)
    return due


def _due(tx: Tx, user_id: str, messages: int) -> bool:
    owner = users.exact(tx, user_id)
    return messages > 0 and owner is not None and owner.role != BLOCKED


def _with_due(tx: Tx, found: Sequence[Idle]) -> list[tuple[Idle, bool]]:
    return [(each, _due(tx, each.user_id, each.messages)) for each in found]


def _follower(tx: Tx, session: Session) -> Session:
    """Return the session that a reset opened in place of this one, as long as both are as the reset left them."""
    ended = expiry.get(tx, session.id) if session.state == "closed" else None
    if ended is not None and ended.cause == "reset" and ended.next_id is not None:
        follower = sessions.get(tx, session.user_id, ended.next_id)
        if follower is not None and follower.state == "active":
            return follower
    raise sessions.refusal(session.state, session.id)


def _code(error: BaseException) -> str:
    return error.code if isinstance(error, IngatError) else type(error).__name__


def failure_of(session_id: str, error: BaseException) -> Failure:
    """Return what a report says of something that could not be done."""
    told = error.message if isinstance(error, IngatError) else "A row of the session cannot be read."
    return Failure(id=session_id, code=_code(error), message=told)


def tell_of_end(store: str, session_id: str, user_id: str, cause: Cause) -> None:
    """Log that a session of a store ended, in the words that operators look for."""
    if _log.isEnabledFor(logging.INFO):
        _log.handle(Event(_log, LOGGED[cause], category="session", session_id=session_id, user_id=user_id, store=store))
