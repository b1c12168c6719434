"""Dataset: conversations with questions about them, in one form for every file format."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from ingat.core.records import Attachment

DatasetKind = Literal["locomo", "beam"]


class Line(Struct, frozen=True, kw_only=True):
    """One turn. `id` is that of the message it becomes; `attachments` are pictures sent with it."""

    id: str
    role: Literal["user", "assistant"]
    content: str
    at: int
    author: str | None = None
    attachments: tuple[Attachment, ...] = ()


class Meeting(Struct, frozen=True, kw_only=True):
    """One session: its turns in order, and when it began in milliseconds UTC."""

    id: str
    at: int
    lines: tuple[Line, ...]


class Question(Struct, frozen=True, kw_only=True):
    """A question; `gold` are the ids of the lines that answer it, at least one."""

    text: str
    category: str
    gold: frozenset[str]


class Conversation(Struct, frozen=True, kw_only=True):
    """What one user said and was told, and what is asked about it."""

    user_id: str
    meetings: tuple[Meeting, ...]
    questions: tuple[Question, ...]


class Dataset(Struct, frozen=True, kw_only=True):
    """All conversations of a file. `skipped` questions are not scored: no line of the file is named to answer them."""

    kind: DatasetKind
    conversations: tuple[Conversation, ...]
    skipped: int = 0

    def meetings(self) -> Iterator[tuple[str, Meeting]]:
        """Return every session with its user's id."""
        for conversation in self.conversations:
            for meeting in conversation.meetings:
                yield conversation.user_id, meeting

    def questions(self) -> Iterator[tuple[str, Question]]:
        """Return every question with the id of the user it is about."""
        for conversation in self.conversations:
            for question in conversation.questions:
                yield conversation.user_id, question
