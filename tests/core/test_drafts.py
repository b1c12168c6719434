"""A message is checked as a whole before any of it is kept."""

from __future__ import annotations

from typing import Any

import pytest

from ingat.core.drafts import MAX_ATTACHMENTS, Draft, draft, new_messages
from ingat.core.errors import IngatError, InvalidInput
from ingat.core.records import Attachment, NewMessage
from ingat.core.tokens import count_tokens


def made(**fields: Any) -> Draft:
    return draft(NewMessage(**{"role": "user", "content": "hello", **fields}), count_tokens, 1_000)


def refused(**fields: Any) -> str:
    with pytest.raises(IngatError) as caught:
        made(**fields)
    return caught.value.code


def test_a_message_without_a_time_was_said_now() -> None:
    assert made().at == 1_000


def test_a_message_keeps_the_time_that_it_brings() -> None:
    assert made(at=5).at == 5


def test_captions_count_as_tokens() -> None:
    caption = "A dog that sleeps on a red sofa"

    assert made(attachments=(Attachment(kind="image", caption=caption),)).tokens >= count_tokens(caption)


@pytest.mark.parametrize("role", ["User", "bot", "", None, 5, ["user"]])
def test_an_unknown_role_is_refused(role: object) -> None:
    assert refused(role=role) == "unknown_role"


@pytest.mark.parametrize("content", ["", "   ", "\n\t", "\u3000"], ids=ascii)
def test_a_message_of_nothing_is_refused(content: str) -> None:
    assert refused(content=content) == "empty_content"


def test_an_attachment_needs_no_text() -> None:
    assert made(content="", attachments=(Attachment(kind="image", url="cat.jpg"),)).content == ""


def test_a_long_message_is_refused() -> None:
    assert refused(content="x" * ((1 << 20) + 1)) == "content_too_long"


@pytest.mark.parametrize("content", ["a\x00", "\ud800"], ids=ascii)
def test_a_text_that_cannot_be_kept_is_refused(content: str) -> None:
    assert refused(content=content) == "invalid_text"
    assert refused(author=content) == "invalid_text"
    assert refused(attachments=(Attachment(caption=content),)) == "invalid_text"
    assert refused(attachments=(Attachment(url=content),)) == "invalid_text"


@pytest.mark.parametrize("wrong", ["a/b", "..", "", "x" * 257])
def test_a_wrong_id_is_refused(wrong: str) -> None:
    assert refused(id=wrong) == "invalid_id"


@pytest.mark.parametrize("at", [-1, 1 << 62, 1.5, "now"])
def test_a_wrong_time_is_refused(at: object) -> None:
    assert refused(at=at) == "invalid_input"


def test_too_many_attachments_are_refused() -> None:
    assert refused(attachments=(Attachment(url="a"),) * (MAX_ATTACHMENTS + 1)) == "invalid_input"


@pytest.mark.parametrize(
    "attachment",
    [
        {"size_bytes": "large"},
        {"metadata": 5},
        "cat.jpg",
        5,
        None,
        Attachment(size_bytes="large"),  # type: ignore[arg-type]
        Attachment(metadata=5),  # type: ignore[arg-type]
        Attachment(metadata={"a": object()}),
    ],
    ids=range(8),
)
def test_an_attachment_that_could_not_be_read_back_is_refused(attachment: object) -> None:
    assert refused(attachments=(attachment,)) == "invalid_input"


def test_an_attachment_may_be_a_plain_mapping() -> None:
    assert made(attachments=({"kind": "image", "caption": "A cat"},)).attachments == (
        Attachment(kind="image", caption="A cat"),
    )


def test_messages_may_be_plain_mappings() -> None:
    assert new_messages([{"role": "user", "content": "hi"}]) == [NewMessage(role="user", content="hi")]


@pytest.mark.parametrize("wrong", [{}, {"role": 5}, {"role": "user", "content": None}, "text", 5, None], ids=repr)
def test_a_list_names_the_message_that_cannot_be_read(wrong: Any) -> None:
    with pytest.raises(InvalidInput) as caught:
        new_messages([{"role": "user"}, wrong])

    assert caught.value.details["index"] == 1
