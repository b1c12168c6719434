"""Messages: the durable transcript of a session, in the order in which it was said."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import Any

from ingat.core import clock
from ingat.core.drafts import Draft, attachment_texts, draft, indexed_text, new_message, new_messages, recallable
from ingat.core.errors import MessageNotFound, SessionNotFound
from ingat.core.events import Event
from ingat.core.ids import check_id, normalise_user_id
from ingat.core.limits import check_limit
from ingat.core.logs import NewLog
from ingat.core.meter import Meter
from ingat.core.records import Attachment, Message, NewMessage, Page
from ingat.core.roles import BLOCKED
from ingat.search.entry import Committed, Terms, analyse
from ingat.store.contract import Store, Tx
from ingat.store.tables import messages as table
from ingat.store.tables import recall as recall_table
from ingat.store.tables import sessions as session_table
from ingat.store.tables import users as user_table
from ingat.store.tables.paging import decode_cursor

MAX_MESSAGES_AT_ONCE = 10_000
NO_TERMS = Terms(b"", b"", 0, 0)

_log = logging.getLogger("ingat.messages")


class Append:
    """A write of checked and analysed messages to one session: call it with a transaction.

    After the commit `user_id` and `positions` say which index entries still lack vectors, `texts` of what. `begun` is
    when its analysis began, of perf_counter.
    """

    __slots__ = ("_drafts", "_now", "_session_id", "_terms", "begun", "positions", "user_id")

    def __init__(self, session_id: str, drafts: list[Draft], now: int, begun: float) -> None:
        self._session_id, self._drafts, self._now, self.begun = session_id, drafts, now, begun
        self._terms = [terms_of(each) for each in drafts]
        self.user_id = ""
        self.positions = range(0)

    @property
    def texts(self) -> list[str]:
        """Return the texts that vectors are made of, in the order of `positions`."""
        return [
            indexed_text(each.content, attachment_texts(each.attachments)) if recallable(each.metadata) else ""
            for each in self._drafts
        ]

    def told(self) -> tuple[str, list[tuple[str, str]]]:
        """Return the session's id, and id and role of each message."""
        return self._session_id, [(each.id, each.role) for each in self._drafts]

    def __call__(self, tx: Tx) -> list[Message]:
        """Write the messages with their index entries; raises what `Messages.append` names."""
        session_id, drafts, now = self._session_id, self._drafts, self._now
        if not drafts:
            session_table.required(tx, session_id)
            return []
        user_id = session_table.owner(tx, session_id)
        if user_id is None:
            raise SessionNotFound(f"There is no session {session_id!r}.", session_id=session_id)
        tokens = sum(each.tokens for each in drafts)
        place = session_table.reserve(
            tx, user_id, session_id, len(drafts), tokens, max(each.at for each in drafts), now
        )
        if place is None or place.state != "active":
            raise session_table.refusal(place.state if place else "gone", session_id)
        version, role = user_table.advance(tx, user_id, len(drafts))
        if role == BLOCKED:
            raise user_table.blocked(user_id)
        first_position = version - len(drafts) + 1
        self.user_id, self.positions = user_id, range(first_position, version + 1)
        written: list[Message] = []
        for index, (new, terms) in enumerate(zip(drafts, self._terms, strict=True)):
            seq = place.first_seq + index
            table.insert(tx, _row(user_id, session_id, seq, new))
            recall_table.insert(tx, entry_row(user_id, session_id, seq, first_position + index, new, terms))
            written.append(as_message(user_id, session_id, seq, new))
        return written


class Messages:
    """The messages of one store."""

    def __init__(
        self,
        store: Store,
        count_tokens: Callable[[str], int],
        now: clock.Clock,
        committed: Committed,
        meter: Meter | None = None,
        noted: Callable[[Append], None] | None = None,
    ) -> None:
        """`committed` is told of entries that were written without vectors: user, positions, texts.

        `noted` is told of every append after its commit.
        """
        self._rows, self._count, self._clock, self._committed = store, count_tokens, now, committed
        self.meter, self._noted = meter or Meter(), noted

    def append(
        self,
        session_id: str,
        role: str,
        content: str = "",
        *,
        author: str | None = None,
        attachments: Sequence[Attachment | Mapping[str, Any]] = (),
        metadata: dict[str, Any] | None = None,
        at: int | None = None,
        id: str | None = None,
    ) -> Message:
        """Add one message to the end of an active session; it is durable and recallable when this returns.

        The message and its index entry are one transaction. `role` is user, assistant, system or tool; `content` at
        most 1 MiB of UTF-8; captions and names of attachments are recallable. `at` (milliseconds UTC) and `id` are for
        imports. With `metadata` `{"recallable": false}` it stays in the transcript but is never recalled.
        Raises UnknownRole, EmptyContent, ContentTooLong, InvalidText, SessionNotFound, SessionClosed,
        SessionArchived, UserBlocked or a StoreError; then nothing was kept.
        """
        new = new_message(role, content, author, attachments, metadata, at, id)
        return self._commit(self.appending(session_id, [new]))[0]

    def append_many(self, session_id: str, messages: Sequence[NewMessage | Mapping[str, Any]]) -> list[Message]:
        """Add messages in the order given, all or none, next to each other; at most 10,000.

        Each is a NewMessage or a mapping with its fields. Errors as for `append`.
        """
        return self._commit(self.appending(session_id, messages))

    def messages(self, session_id: str, limit: int | None = 50, before: int | None = None) -> list[Message]:
        """Return the newest `limit` messages (None: all) whose seq is below `before`, oldest first within the page."""
        known = check_id(session_id, "session id")
        if limit is not None:
            check_limit(limit, "limit", 1, 1 << 31)
        if before is not None:
            check_limit(before, "before", 0, 1 << 62)

        def look(tx: Tx) -> list[Message]:
            owner = session_table.required(tx, known).user_id
            return table.page(tx, owner, known, limit, before)

        return self._rows.read(look)

    def history(self, user_id: str, limit: int = 50, cursor: str | None = None) -> Page[Message]:
        """Return one page of the user's messages of all sessions, the last said first; an unknown user has none.

        The order is by the time at which they were said (`at`), then by id, so that a page stays where it is when
        users are merged. `page.next` is the cursor of the next page.
        """
        known = normalise_user_id(user_id)
        check_limit(limit, "limit")
        after = decode_cursor(cursor, table.HISTORY)

        def look(tx: Tx) -> tuple[Sequence[Message], str | None]:
            owner = user_table.resolve(tx, known)
            return table.history(tx, owner, limit, after) if owner else ([], None)

        items, more = self._rows.read(look)
        return Page(items=tuple(items), next=more)

    def message(self, user_id: str, message_id: str) -> Message:
        """Return one message of a user, or raise MessageNotFound."""
        known, wanted = normalise_user_id(user_id), check_id(message_id, "message id")

        def look(tx: Tx) -> Message | None:
            owner = user_table.resolve(tx, known)
            return table.get(tx, owner, wanted) if owner else None

        found = self._rows.read(look)
        if found is None:
            raise MessageNotFound(f"The user has no message {wanted!r}.", message_id=wanted)
        return found

    def appending(self, session_id: str, messages: Sequence[NewMessage | Mapping[str, Any]]) -> Append:
        """Check and analyse messages and return their write, for a queue of writes; tell `committed` afterwards."""
        known, now, begun = check_id(session_id, "session id"), self._clock(), perf_counter()
        if isinstance(messages, Sequence):
            check_limit(len(messages), "number of messages", 0, MAX_MESSAGES_AT_ONCE)
        return Append(known, [draft(new, self._count, now) for new in new_messages(messages)], now, begun)

    def committed(self, append: Append) -> None:
        """Tell who fills in vectors that these messages are there."""
        self.meter.appends.observe(perf_counter() - append.begun, amount=len(append.positions))
        if append.positions:
            self._committed(append.user_id, append.positions, append.texts)
            if _log.isEnabledFor(logging.INFO):
                _tell(append, self._rows.url)
            if self._noted is not None:
                self._noted(append)

    def _commit(self, append: Append) -> list[Message]:
        try:
            written = self._rows.write(append)
        except BaseException as error:
            self.meter.fell(self.meter.appends, append.begun, error)
            raise
        self.committed(append)
        return written


def noting(put: Callable[[NewLog], None], now: clock.Clock) -> Callable[[Append], None]:
    """Return what puts a log entry for every message: who spoke and in which session, nothing of what was said."""

    def note(append: Append) -> None:
        session_id, messages = append.told()
        for _, role in messages:
            put(
                NewLog(
                    message=f"{role} message sent",
                    category="chat",
                    source=role,
                    data={"session_id": session_id},
                    user_id=append.user_id,
                    session_id=session_id,
                    at=now(),
                )
            )

    return note


def _tell(append: Append, url: str) -> None:
    session_id, messages = append.told()
    told, owner = "Added message to session: %s", append.user_id
    for message_id, _ in messages:
        _log.handle(Event(_log, told, message_id, category="session", user_id=owner, session_id=session_id, store=url))


def terms_of(new: Draft | Message) -> Terms:
    """Return the recall terms of a message; none when its metadata say that it is not to be recalled."""
    if not recallable(new.metadata):
        return NO_TERMS
    return analyse(new.content, author=new.author, at_ms=new.at, captions=attachment_texts(new.attachments))


def _row(user_id: str, session_id: str, seq: int, new: Draft) -> tuple[Any, ...]:
    return (
        user_id,
        session_id,
        seq,
        new.id,
        new.role,
        new.content,
        new.author,
        new.attachments_json,
        new.metadata_json,
        new.tokens,
        new.at,
    )


def entry_row(
    user_id: str, session_id: str, seq: int, position: int, new: Draft | Message, terms: Terms
) -> tuple[Any, ...]:
    """Return the row of recall_entry that stands for a message."""
    return (
        user_id,
        position,
        "message",
        new.id,
        session_id,
        seq,
        new.role,
        new.author,
        new.at,
        terms.terms,
        terms.pairs,
        terms.flags,
        terms.words,
        None,
        None,
    )


def as_message(user_id: str, session_id: str, seq: int, new: Draft) -> Message:
    """Return the record of a checked message in its place."""
    return Message(
        id=new.id,
        session_id=session_id,
        user_id=user_id,
        seq=seq,
        role=new.role,
        content=new.content,
        author=new.author,
        attachments=new.attachments,
        metadata=new.metadata,
        tokens=new.tokens,
        at=new.at,
    )
