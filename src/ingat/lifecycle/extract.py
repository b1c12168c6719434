"""Extract: a summary of a session made of its own sentences, without a model."""

from __future__ import annotations

from collections.abc import Sequence

from ingat.core.drafts import attachment_texts, indexed_text
from ingat.core.records import Message, Session
from ingat.search.summary import MAX_WORDS, Turn, summarise


class Extractive:
    """The summariser that needs no model: it picks the sentences that say the most."""

    def __call__(self, session: Session, messages: Sequence[Message]) -> str:
        """Return the picked sentences in the order in which they were said, in at most 500 words.

        What tools and the system said is picked only when nobody else spoke. Empty when nothing was said.
        """
        spoken = [each for each in messages if each.role in ("user", "assistant")] or messages
        return summarise([_turn(each) for each in spoken], MAX_WORDS)


def said(message: Message) -> str:
    """Return what a message says, with the captions and names of its attachments."""
    return indexed_text(message.content, attachment_texts(message.attachments)).strip()


def _turn(message: Message) -> Turn:
    speaker = " ".join((message.author or message.role).split())[:60]
    return Turn(speaker, message.role == "user", said(message))
