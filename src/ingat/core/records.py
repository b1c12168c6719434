"""Frozen records that travel between floors. Times are integer milliseconds UTC."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Generic, Literal, TypeVar

from msgspec import Struct

MessageRole = Literal["user", "assistant", "system", "tool"]
SessionState = Literal["active", "closed", "archived"]
MemoryKind = Literal["summary", "fact", "note"]
Source = Literal["message", "summary", "fact", "note"]
KeyRole = Literal["admin", "service", "user"]
RecallMode = Literal["words", "words+vectors"]

MESSAGE_ROLES: tuple[MessageRole, ...] = ("user", "assistant", "system", "tool")
SESSION_STATES: tuple[SessionState, ...] = ("active", "closed", "archived")
MEMORY_KINDS: tuple[MemoryKind, ...] = ("summary", "fact", "note")
SOURCES: tuple[Source, ...] = ("message", "summary", "fact", "note")
KEY_ROLES: tuple[KeyRole, ...] = ("admin", "service", "user")

Json = dict[str, Any]
T = TypeVar("T")


class Page(Struct, Generic[T], frozen=True, kw_only=True):
    """Some rows of a list, and the cursor of the next page (None: this is the last)."""

    items: tuple[T, ...]
    next: str | None = None

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, index: int) -> T:
        return self.items[index]


class User(Struct, frozen=True, kw_only=True):
    """One person."""

    user_id: str
    name: str | None = None
    gender: str | None = None
    product: str | None = None
    address: str | None = None
    language: str | None = None
    role: str = "client"
    protected: bool = False
    flags: Json = {}
    slots: Json = {}
    metadata: Json = {}
    aliases: tuple[str, ...] = ()
    created_at: int
    updated_at: int


class Session(Struct, frozen=True, kw_only=True):
    """One conversation."""

    id: str
    user_id: str
    name: str | None = None
    description: str | None = None
    project_id: str | None = None
    channel: str | None = None
    metadata: Json = {}
    state: SessionState = "active"
    message_count: int = 0
    created_at: int
    updated_at: int
    last_message_at: int | None = None
    closed_at: int | None = None
    archived_at: int | None = None


class Attachment(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A file, picture or link that came with a message; the bytes stay where they are.

    Caption and name are recallable, and a model is shown them.
    """

    kind: str = "file"
    url: str | None = None
    name: str | None = None
    media_type: str | None = None
    caption: str | None = None
    size_bytes: int | None = None
    sha256: str | None = None
    metadata: Json = {}


class NewMessage(Struct, frozen=True, kw_only=True):
    """A message to append. `at` is for imports: when it was said, in milliseconds UTC; left out, it is now."""

    role: str
    content: str = ""
    author: str | None = None
    attachments: tuple[Attachment, ...] = ()
    metadata: Json = {}
    at: int | None = None
    id: str | None = None


class Message(Struct, frozen=True, kw_only=True):
    """One turn of a session's transcript. `seq` counts from 1 within the session."""

    id: str
    session_id: str
    user_id: str
    seq: int
    role: MessageRole
    content: str
    author: str | None = None
    attachments: tuple[Attachment, ...] = ()
    metadata: Json = {}
    tokens: int
    at: int


class MemoryItem(Struct, frozen=True, kw_only=True):
    """One long-term item. It holds from `valid_from` until `valid_to` (None: still)."""

    id: str
    user_id: str
    kind: MemoryKind
    text: str
    subject: str | None = None
    valid_from: int
    valid_to: int | None = None
    superseded_by: str | None = None
    session_id: str | None = None
    message_ids: tuple[str, ...] = ()
    metadata: Json = {}
    created_at: int
    updated_at: int


class ScorePart(Struct, frozen=True, kw_only=True):
    """What one part of the ranking gave to a hit. The parts add up to the hit's score."""

    name: str
    value: float


class Hit(Struct, frozen=True, kw_only=True):
    """One recalled line, where it came from and why it was chosen. `parts` is filled when `explain` is asked for."""

    text: str
    source: Source
    source_id: str
    session_id: str | None
    message_ids: tuple[str, ...]
    seq: int | None = None
    role: str | None = None
    author: str | None
    at: int
    score: float
    why: str
    terms: tuple[str, ...] = ()
    parts: tuple[ScorePart, ...] = ()


class NearMiss(Struct, frozen=True, kw_only=True):
    """A line that was not chosen, and why not."""

    text: str
    source: Source
    source_id: str
    score: float
    why_not: str
    parts: tuple[ScorePart, ...] = ()


class Recall(Struct, frozen=True, kw_only=True):
    """The answer to a recall: hits with the best first, and whether vectors took part."""

    hits: tuple[Hit, ...]
    mode: RecallMode
    note: str | None = None
    near_misses: tuple[NearMiss, ...] = ()


class Key(Struct, frozen=True, kw_only=True):
    """An access key as it is stored: its hash is not shown. `user_id` is set for keys bound to one user."""

    id: str
    role: KeyRole
    user_id: str | None = None
    name: str | None = None
    created_at: int
    revoked_at: int | None = None


class NewKey(Struct, frozen=True, kw_only=True):
    """A key just made; `key` is shown only this once."""

    id: str
    key: str
    role: KeyRole
    user_id: str | None = None
    name: str | None = None


class Turn(Struct, frozen=True, kw_only=True):
    """One exchange: what was said, what was answered, and what the answer rests on."""

    user_id: str
    session_id: str
    question: Message
    answer: Message
    recalled: tuple[Hit, ...]
    model: str | None = None


class Check(Struct, frozen=True, kw_only=True):
    """One line of the doctor: a value, what it should be, and whether it is."""

    name: str
    value: str
    target: str
    state: Literal["ok", "warn", "bad"]
    advice: str | None = None
