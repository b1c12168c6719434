"""The summariser without a model reads messages as people wrote them."""

from __future__ import annotations

from ingat.core.records import Attachment, Message, MessageRole, Session
from ingat.lifecycle.extract import Extractive

SESSION = Session(id="talk", user_id="ana", created_at=0, updated_at=0)


def message(
    role: MessageRole, content: str, author: str | None = None, attachments: tuple[Attachment, ...] = ()
) -> Message:
    return Message(
        id="m", session_id="talk", user_id="ana", seq=1, role=role, content=content, author=author,
        attachments=attachments, tokens=1, at=0,
    )  # fmt: skip


def test_the_author_is_named_or_else_the_role() -> None:
    named = message("user", "My order is 48213.", " Ana \n Silva ")
    unnamed = message("assistant", "Order 48213 arrives on Monday.")

    assert Extractive()(SESSION, [named, unnamed]).splitlines() == [
        "Ana Silva: My order is 48213.",
        "assistant: Order 48213 arrives on Monday.",
    ]


def test_captions_of_attachments_are_part_of_what_was_said() -> None:
    picture = Attachment(kind="image", caption="The broken fan of unit F57A")

    assert "F57A" in Extractive()(SESSION, [message("user", "", attachments=(picture,))])


def test_tools_and_the_system_are_heard_only_when_nobody_else_speaks() -> None:
    tool = message("tool", "Stock of part 991: 4 pieces.")

    assert "991" not in Extractive()(SESSION, [tool, message("user", "I live in Porto.")])
    assert "991" in Extractive()(SESSION, [tool])


def test_nothing_said_is_nothing_to_remember() -> None:
    assert Extractive()(SESSION, []) == ""
    assert Extractive()(SESSION, [message("user", "", attachments=(Attachment(),))]) == ""
