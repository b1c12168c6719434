"""Context: what a model is given, and how it reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct

from ingat.core.dates import day_of
from ingat.core.drafts import attachment_texts, indexed_text
from ingat.core.records import Hit, MemoryItem, Message, RecallMode, User

RECALLED_HEADING = "From earlier conversations with this person, oldest first (date, who, what):"
PROFILE_HEADING = "What is known about this person:"


class Context(Struct, frozen=True, kw_only=True):
    """What a model is given: never more than `budget` tokens. `cut` says that the last message did not fit whole."""

    user_id: str
    session_id: str | None
    profile: str
    recalled: tuple[Hit, ...]
    messages: tuple[Message, ...]
    tokens: int
    budget: int
    cut: bool = False
    left_out: int = 0
    mode: RecallMode = "words"

    def as_messages(self, *, one_system: bool = False) -> list[dict[str, str]]:
        """Return chat messages of role and content, ready for a model's API.

        Profile first, then the transcript, and the recalled lines right before the last question: what changes most
        comes last, so that a provider's prompt cache can serve the beginning again. With `one_system` the recalled
        lines stand behind the profile instead, for models that take one system message, at the beginning.
        """
        shown = [{"role": str(message.role), "content": message_text(message)} for message in self.messages]
        recalled = recalled_text(self.recalled)
        if one_system:
            known = "\n\n".join(text for text in (self.profile, recalled) if text)
            return ([{"role": "system", "content": known}] if known else []) + shown
        if recalled:
            places = [index for index, message in enumerate(shown) if message["role"] == "user"]
            shown.insert(places[-1] if places else len(shown), {"role": "system", "content": recalled})
        return ([{"role": "system", "content": self.profile}] if self.profile else []) + shown


def profile_lines(user: User) -> list[str]:
    """Return what is known about the person, one line each in an order that does not change."""
    fields = (
        ("Name", user.name),
        ("Gender", user.gender),
        ("Product", user.product),
        ("Address", user.address),
        ("Language", user.language),
    )
    lines = [f"{label}: {_flat(value)}" for label, value in fields if value]
    for key in sorted(user.slots):
        value = user.slots[key]
        if isinstance(value, str | int | float) and value != "":
            lines.append(f"{_flat(key)}: {_flat(str(value))}")
    return lines


def profile_text(user: User) -> str:
    """Return what is known about the person under its heading; empty for nothing."""
    return facts_text(profile_lines(user))


def fact_line(item: MemoryItem) -> str:
    """Return a fact as one line: its subject, if it has one, and the text."""
    return f"{_flat(item.subject)}: {_flat(item.text)}" if item.subject else _flat(item.text)


def facts_text(lines: Sequence[str]) -> str:
    """Return lines about the person under their heading; empty for none."""
    return "\n".join((PROFILE_HEADING, *lines)) if lines else ""


def recalled_line(hit: Hit) -> str:
    """Return one recalled line: date, who, what."""
    who = hit.author or hit.role or hit.source
    return f"- {day_of(hit.at)} {_flat(who)}: {_flat(hit.text)}"


def recalled_text(hits: Iterable[Hit]) -> str:
    """Return recalled lines under their heading, the oldest first, so that what was said last is read last."""
    lines = [recalled_line(hit) for hit in sorted(hits, key=lambda hit: hit.at)]
    return "\n".join((RECALLED_HEADING, *lines)) if lines else ""


def message_text(message: Message) -> str:
    """Return a message's content with the captions of its attachments."""
    return indexed_text(message.content, attachment_texts(message.attachments))


def _flat(text: str) -> str:
    return " ".join(text.split())
