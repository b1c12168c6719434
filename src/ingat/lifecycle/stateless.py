"""Stateless: how a bot goes on while remembering is switched off: every answer rests on what was just said alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ingat.core import clock
from ingat.core.context import Context
from ingat.core.drafts import Draft, draft, new_messages
from ingat.core.errors import EmptyContent, SessionNotFound
from ingat.core.i18n import translator
from ingat.core.ids import check_id, normalise_user_id
from ingat.core.limits import MAX_BUDGET, MIN_BUDGET, check_limit
from ingat.core.records import Message, NewMessage, Recall, Session, Turn
from ingat.core.roles import BLOCKED, DEFAULT_ROLE, Roles
from ingat.core.tokens import Tokenizer
from ingat.lifecycle.turn import Answer, Answerer
from ingat.services.messages import MAX_MESSAGES_AT_ONCE, Append, as_message
from ingat.store.contract import Store, Tx
from ingat.store.tables import sessions, users

PREFIX = "stateless:"
"""What the ids of sessions begin with that are nowhere kept; the user's id follows."""
NOTE = "Remembering is switched off; nothing was looked up."


class PassingAppend(Append):
    """Messages that are answered as if they had been appended, and kept nowhere."""

    def __init__(self, session_id: str, user_id: str, drafts: list[Draft], now: int) -> None:
        super().__init__(session_id, [], now, 0.0)
        self._drafts, self.user_id = drafts, user_id

    def __call__(self, tx: Tx) -> list[Message]:
        """Return the messages; nothing is written."""
        return self.passed()

    def passed(self) -> list[Message]:
        """Return the messages."""
        return [
            as_message(self.user_id, self._session_id, place, new) for place, new in enumerate(self._drafts, start=1)
        ]


class Stateless:
    """What sessions, recall, context and chat give while nothing is kept. People who are blocked stay blocked."""

    def __init__(
        self, store: Store, roles: Roles, count_tokens: Tokenizer, now: clock.Clock, answerer: Answerer
    ) -> None:
        self._store, self._roles, self._count, self._now = store, roles, count_tokens, now
        self._answerer = answerer

    def session(self, user_id: str, channel: str | None = "default") -> Session:
        """Return a session that is nowhere kept; it has the same id each time.

        InvalidId for a user whose id leaves no room in it: a shortened one would name somebody else.
        """
        known, now = self._person(user_id), self._now()
        return Session(
            id=check_id(PREFIX + known, "session id"),
            user_id=known,
            channel=None if channel is None else check_id(channel, "channel"),
            created_at=now,
            updated_at=now,
        )

    def user_of(self, session_id: str) -> str | None:
        """Return the user of a session that is nowhere kept; None for any other session."""
        known = check_id(session_id, "session id")
        return known.removeprefix(PREFIX) if known.startswith(PREFIX) else None

    def appending(self, session_id: str, messages: Sequence[NewMessage | Mapping[str, Any]]) -> PassingAppend:
        """Check messages as any append does, and return what passes them on; SessionNotFound."""
        known, now = check_id(session_id, "session id"), self._now()
        if isinstance(messages, Sequence):
            check_limit(len(messages), "number of messages", 0, MAX_MESSAGES_AT_ONCE)
        user_id = self.user_of(known) or self._store.read(lambda tx: sessions.owner(tx, known))
        if user_id is None:
            raise SessionNotFound(f"There is no session {known!r}.", session_id=known)
        drafts = [draft(new, self._count, now) for new in new_messages(messages)]
        return PassingAppend(known, self._person(user_id), drafts, now)

    def recall(self, user_id: str, query: str, top_k: int | None = None, **unused: Any) -> Recall:
        """Return nothing, with a note that says why."""
        return Recall(hits=(), mode="words", note=NOTE)

    def build(
        self,
        user_id: str,
        session_id: str | None = None,
        query: str | None = None,
        budget: int | None = None,
        *,
        top_k: int | None = None,
        said: Message | None = None,
    ) -> Context:
        """Return a context that holds what was just said and nothing else."""
        known = self._person(user_id)
        user = self._store.read(lambda tx: users.exact(tx, known))
        most = self._roles.budget(user.role if user else DEFAULT_ROLE)
        if budget is not None:
            most = min(most, check_limit(budget, "budget", MIN_BUDGET, MAX_BUDGET))
        messages = () if said is None else (said,)
        return Context(
            user_id=known,
            session_id=session_id,
            profile="",
            recalled=(),
            messages=messages,
            tokens=sum(message.tokens for message in messages),
            budget=most,
        )

    def exchange(self, user_id: str, text: str, channel: str = "default") -> Turn:
        """Answer what a person says from that alone, and keep neither."""
        session = self.session(user_id, channel)
        question = self.appending(session.id, [NewMessage(role="user", content=text)]).passed()[0]
        answer = self._answerer(text, self.build(session.user_id, session.id, said=question))
        if not answer.text:
            raise EmptyContent("The answerer gave an empty answer. Nothing was stored.")
        metadata = {"model": answer.model} if answer.model else {}
        said = NewMessage(role="assistant", content=answer.text, metadata=metadata)
        reply = self.appending(session.id, [said]).passed()[0]
        return Turn(
            user_id=session.user_id,
            session_id=session.id,
            question=question,
            answer=reply,
            recalled=(),
            model=answer.model,
        )

    def _person(self, user_id: str) -> str:
        """Return the id that a user is known by, or the one given; UserBlocked."""
        known = normalise_user_id(user_id)
        user = self._store.read(lambda tx: users.standing(tx, known))
        if user is not None and user.role == BLOCKED:
            raise users.blocked(user.user_id)
        return user.user_id if user is not None else known


class Silent:
    """The answer while remembering is switched off and no language model is connected."""

    def __init__(self, language: str = "en") -> None:
        self._translate = translator(language)

    def __call__(self, text: str, context: Context) -> Answer:
        """Say that nothing is kept."""
        _ = self._translate
        said = _("Remembering is switched off and no language model is connected: I kept nothing of this.")
        return Answer(said, quoted=())
