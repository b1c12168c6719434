"""A message on its way into a transcript: checked, counted and encoded, before any transaction begins."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import msgspec
from msgspec import Struct

from ingat.core.errors import ContentTooLong, EmptyContent, InvalidInput, UnknownRole
from ingat.core.given import shown
from ingat.core.ids import check_id, new_id
from ingat.core.json import encode_object
from ingat.core.limits import check_time
from ingat.core.records import MESSAGE_ROLES, Attachment, MessageRole, NewMessage
from ingat.core.texts import MAX_CONTENT_BYTES, MAX_FIELD_BYTES, check_text

MAX_ATTACHMENTS = 100

_attachments = msgspec.json.Decoder(tuple[Attachment, ...])


class Draft(Struct, frozen=True):
    """A checked message. `attachments_json` and `metadata_json` are what the store keeps, None for nothing."""

    id: str
    role: MessageRole
    content: str
    author: str | None
    attachments: tuple[Attachment, ...]
    attachments_json: str | None
    metadata: dict[str, Any]
    metadata_json: str | None
    tokens: int
    at: int


def draft(new: NewMessage, count_tokens: Callable[[str], int], now: int) -> Draft:
    """Return the checked form of a new message; `now` is its time when it brings none.

    Raises UnknownRole, EmptyContent, ContentTooLong, InvalidText, InvalidId or InvalidInput; nothing is kept.
    """
    if new.role not in MESSAGE_ROLES:
        raise UnknownRole(
            f"There is no message role {shown(new.role)}; known: {', '.join(MESSAGE_ROLES)}.", known=list(MESSAGE_ROLES)
        )
    content = check_text(new.content, "content")
    attachments = _checked_attachments(new.attachments)
    attached = attachment_texts(attachments)
    if attached:
        check_text(indexed_text(content, attached), "content with captions and names")
    if not attachments and (not content or content.isspace()):
        raise EmptyContent("The message has no text and no attachment.")
    return Draft(
        id=new_id() if new.id is None else check_id(new.id, "message id"),
        role=new.role,
        content=content,
        author=None if new.author is None else check_text(new.author, "author", MAX_FIELD_BYTES),
        attachments=attachments,
        attachments_json=_encoded(attachments) if attachments else None,
        metadata=new.metadata,
        metadata_json=encode_object(new.metadata, "metadata") if new.metadata else None,
        tokens=count_tokens(indexed_text(content, attached)),
        at=now if new.at is None else cast(int, check_time(new.at, "at")),
    )


def new_message(
    role: str,
    content: str,
    author: str | None,
    attachments: Sequence[Attachment | Mapping[str, Any]],
    metadata: dict[str, Any] | None,
    at: int | None,
    id: str | None,
) -> NewMessage:
    """Return one new message from the arguments of `append`, unchecked."""
    return NewMessage(
        role=role,
        content=content,
        author=author,
        attachments=cast("tuple[Attachment, ...]", attachments),
        metadata=metadata or {},
        at=at,
        id=id,
    )


def new_messages(given: Sequence[NewMessage | Mapping[str, Any]]) -> list[NewMessage]:
    """Return messages given as records or as plain mappings, or raise InvalidInput with the place of the wrong one."""
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Sequence):
        raise InvalidInput("The messages must be a list.", given=type(given).__name__)
    found: list[NewMessage] = []
    for index, item in enumerate(given):
        try:
            found.append(item if isinstance(item, NewMessage) else msgspec.convert(dict(item), NewMessage))
        except (msgspec.ValidationError, TypeError, ValueError) as error:
            raise InvalidInput(f"Message {index} cannot be read: {error}.", index=index) from error
    return found


def _checked_attachments(given: Sequence[Attachment | Mapping[str, Any]]) -> tuple[Attachment, ...]:
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Sequence):
        raise InvalidInput("The attachments must be a list.", given=type(given).__name__)
    if not given:
        return ()
    if len(given) > MAX_ATTACHMENTS:
        raise InvalidInput(f"A message takes {MAX_ATTACHMENTS} attachments at most.", given=len(given))
    try:
        items = tuple(
            item if isinstance(item, Attachment) else msgspec.convert(dict(item), Attachment) for item in given
        )
    except (msgspec.ValidationError, TypeError, ValueError) as error:
        raise InvalidInput(f"The attachments cannot be read: {error}.") from error
    for item in items:
        for field in ("kind", "url", "name", "media_type", "sha256"):
            text = getattr(item, field)
            if text is not None:
                check_text(text, f"attachment's {field}", MAX_FIELD_BYTES)
        if item.caption is not None:
            check_text(item.caption, "attachment's caption")
        encode_object(item.metadata, "attachment's metadata")
    return items


def _encoded(attachments: tuple[Attachment, ...]) -> str:
    """Return attachments as JSON that can be read back: a record made in Python may hold fields of any type."""
    try:
        raw = msgspec.json.encode(attachments)
        _attachments.decode(raw)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"The attachments cannot be kept: {error}.") from error
    if len(raw) > MAX_CONTENT_BYTES:
        raise ContentTooLong(
            f"The attachments take {len(raw)} bytes as JSON; the limit is {MAX_CONTENT_BYTES}. Keep the files elsewhere"
            " and give their addresses.",
            size_bytes=len(raw),
            max_bytes=MAX_CONTENT_BYTES,
        )
    return raw.decode()


def attachment_texts(attachments: Sequence[Attachment]) -> tuple[str, ...]:
    """Return the captions and names that are there: what can be recalled of attachments, and what a model is shown."""
    return tuple(text for item in attachments for text in (item.caption, item.name) if text)


def indexed_text(content: str, attached: Sequence[str]) -> str:
    """Return the text that a message's vectors are made of, and that a model is shown."""
    return "\n".join((content, *attached)) if attached else content


def recallable(metadata: Mapping[str, Any]) -> bool:
    """Whether a message may be recalled: unless its metadata say `{"recallable": false}`."""
    return metadata.get("recallable") is not False
