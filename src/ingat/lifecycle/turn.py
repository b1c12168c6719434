"""Turn: one exchange with a person, the same for every interface: identify, build the context, answer, store."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any, NamedTuple, Protocol

from ingat.core.context import Context
from ingat.core.errors import EmptyContent
from ingat.core.meter import Meter
from ingat.core.records import Hit, Turn, User
from ingat.lifecycle.context import ContextBuilder
from ingat.services.messages import Messages
from ingat.services.sessions import Sessions


class Answer(NamedTuple):
    """What to say; `model` names the language model that said it.

    `quoted` is None for an answer of its own, which is recalled later like any other message. An answer that only
    quotes names the lines that it quotes, maybe none; it stays in the transcript and is never recalled.
    """

    text: str
    model: str | None = None
    quoted: tuple[Hit, ...] | None = None


class Answerer(Protocol):
    """Answers a person from what is remembered. It runs outside every transaction."""

    def __call__(self, text: str, context: Context) -> Answer:
        """Return the answer to `text`, the last message of the context."""
        ...


class Turns:
    """Exchanges with the users of one store."""

    def __init__(
        self,
        sessions: Sessions,
        messages: Messages,
        contexts: ContextBuilder,
        user: Callable[[str], User],
        answerer: Answerer,
        meter: Meter | None = None,
    ) -> None:
        self._sessions, self._messages, self._contexts = sessions, messages, contexts
        self._user, self._answerer, self._meter = user, answerer, meter or Meter()

    def exchange(self, user_id: str, text: str, channel: str = "default") -> Turn:
        """Store what the person said, answer from what is remembered, store the answer, and return both.

        The person's message is durable before the answer is made: when the answerer fails, it is kept. Raises what
        `Messages.append` names, and UserBlocked; EmptyContent when the answerer gives an empty answer, after the
        question was kept and nothing else.
        """
        with self._meter.time(self._meter.chats):
            return self._exchanged(user_id, text, channel)

    def _exchanged(self, user_id: str, text: str, channel: str) -> Turn:
        begun = perf_counter()
        session = self._sessions.open(user_id, channel)
        user = self._user(session.user_id)
        question = self._messages.append(session.id, "user", text, author=user.name)
        context = self._contexts.build(session.user_id, session.id)
        asked = perf_counter()
        answer = self._answerer(text, context)
        answered = perf_counter()
        if not answer.text:
            raise EmptyContent("The answerer gave an empty answer. The question is kept; no answer was stored.")
        metadata: dict[str, Any] = {"model": answer.model} if answer.model else {}
        if answer.quoted is not None:
            metadata |= {"quoted": True, "recallable": False}
        reply = self._messages.append(session.id, "assistant", answer.text, metadata=metadata)
        self._meter.added.observe(perf_counter() - begun - (answered - asked))
        return Turn(
            user_id=session.user_id,
            session_id=session.id,
            question=question,
            answer=reply,
            recalled=context.recalled if answer.quoted is None else answer.quoted,
            model=answer.model,
        )
