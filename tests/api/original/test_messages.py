"""Messages in the wire format."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ingat.api.original import bounded, found, messages
from ingat.memory import Memory
from tests.api.original.wire import Wire, refused
from tests.api.server import running
from tests.engine import store_at


def test_a_message_is_added_as_in_the_examples(wire: Wire, session: str) -> None:
    added = wire.say(session, "Run the LC D2 scanner", metadata={"scanner_type": "lc_d2"})

    assert re.fullmatch(r"msg_\d{13}_[0-9a-z]{9}", added.pop("id"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", added.pop("timestamp"))
    assert added == {
        "session_id": session,
        "role": "user",
        "content": "Run the LC D2 scanner",
        "metadata": {"scanner_type": "lc_d2"},
    }
    assert wire.read("session", session_id=session)["session"]["message_count"] == 1


def test_a_message_may_bring_its_time(wire: Wire, session: str) -> None:
    assert wire.say(session, "x", timestamp="2025-12-28T09:30:00.000Z")["timestamp"] == "2025-12-28T09:30:00.000Z"


def test_messages_come_oldest_first_and_organised(wire: Wire, session: str) -> None:
    for role, day in (("system", 27), ("user", 28), ("assistant", 28), ("tool", 29)):
        wire.say(session, f"{role} speaks", role=role, timestamp=f"2025-12-{day}T23:59:59Z")

    answer = wire.read("messages", session_id=session)

    assert [each["role"] for each in answer["messages"]] == ["system", "user", "assistant", "tool"]
    organization = answer["organization"]
    assert organization.keys() == {"systemMessages", "userMessages", "assistantMessages", "toolMessages", "byDate"}
    assert organization["userMessages"] == [answer["messages"][1]]
    assert organization["byDate"] == {
        "2025-12-27": answer["messages"][:1],
        "2025-12-28": answer["messages"][1:3],
        "2025-12-29": answer["messages"][3:],
    }


def test_a_limit_takes_the_newest_messages(wire: Wire, session: str) -> None:
    for number in range(120):
        wire.server.memory.sessions.append(session, "user", f"message {number}")

    answer = wire.read("messages", session_id=session, limit=70)

    assert [each["content"] for each in answer["messages"]] == [f"message {number}" for number in range(50, 120)]
    assert answer["more"] is True
    assert wire.read("messages", session_id=session)["more"] is False


def test_a_session_without_messages_has_none(wire: Wire, session: str) -> None:
    answer = wire.read("messages", session_id=session)

    assert (answer["messages"], answer["organization"]["byDate"], answer["more"]) == ([], {}, False)


def test_an_answer_is_bounded_in_bytes(wire: Wire, session: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "MOST_BYTES", 3 * 2_500)
    for number in range(5):
        wire.say(session, f"{number} " + "x" * 1_000)

    answer = wire.read("messages", session_id=session)

    assert [each["content"][0] for each in answer["messages"]] == ["3", "4"]
    assert answer["more"] is True


def test_a_row_that_is_larger_than_the_bound_is_given_alone() -> None:
    answer = bounded.bounded(["x" * 100, "y"], None, most_bytes=10)

    assert (len(answer.rows), answer.more) == (1, True)


def test_messages_of_channels_show_author_and_attachments(wire: Wire) -> None:
    session = wire.server.memory.sessions.create("628111")
    picture = {"kind": "image", "url": "https://example.org/1.jpg", "caption": "the rattling part"}
    wire.server.memory.sessions.append(session.id, "user", author="Budi", attachments=[picture])

    (message,) = wire.read("messages", session_id=f"session_{session.id}")["messages"]

    assert message["author"] == "Budi"
    assert message["attachments"] == [picture]


def test_a_message_to_an_unknown_session_is_refused(wire: Wire) -> None:
    """Difference 4: the original kept messages of sessions that do not exist."""
    answer = wire.post("add_message", session_id="session_abc123", role="user", content="x")

    assert refused(answer) == (200, "session_not_found")


def test_an_unknown_role_is_refused(wire: Wire, session: str) -> None:
    """Difference 13."""
    answer = wire.post("add_message", session_id=session, role="narrator", content="x")

    assert refused(answer) == (200, "invalid_input")
    assert wire.read("messages", session_id=session)["messages"] == []


def test_an_empty_message_is_refused(wire: Wire, session: str) -> None:
    answer = wire.post("add_message", session_id=session, role="user", content=" ")

    assert refused(answer) == (200, "empty_content")


@pytest.mark.parametrize("q", ["rattling compressor", "compressors", "PRESSOR", "rattling c"])
def test_a_search_finds_words_and_parts_of_words(wire: Wire, session: str, q: str) -> None:
    """Difference 13: the original looked for the exact text only."""
    wire.say(session, "hello")
    wanted = wire.say(session, "The compressor is rattling, a rattling compressor")

    answer = wire.read("search_messages", q=q, session_id=session)

    assert [each["id"] for each in answer["results"]] == [wanted["id"]]
    assert (answer["more"], answer["complete"]) == (False, True)


def test_a_search_goes_across_sessions_newest_first(alone: Wire) -> None:
    for number in range(3):
        alone.say(alone.session()["id"], f"boiler {number}", timestamp=f"2025-12-0{number + 1}")

    answer = alone.read("search_messages", q="boiler", limit=2)

    assert [each["content"] for each in answer["results"]] == ["boiler 2", "boiler 1"]
    assert answer["more"] is True


def test_a_search_says_that_there_are_more_than_a_thousand(alone: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(found, "MOST_LOOKED_AT", 0)
    session = alone.session()["id"]
    said = [{"role": "user", "content": f"boiler {number}"} for number in range(1_001)]
    alone.server.memory.sessions.append_many(session, said)

    answer = alone.read("search_messages", q="boiler", session_id=session)

    assert (len(answer["results"]), answer["more"]) == (1_000, True)
    assert answer["results"][0]["content"] == "boiler 1000"


def test_a_search_finds_the_description_in_the_metadata(wire: Wire, session: str) -> None:
    wire.say(session, "see this", metadata={"description": "a photo of the boiler"})

    assert len(wire.read("search_messages", q="of the boiler", session_id=session)["results"]) == 1


def test_a_search_may_be_that_of_one_user(wire: Wire) -> None:
    mine, other = wire.session(user_id="ana")["id"], wire.session(user_id="bob")["id"]
    wire.say(mine, "zucchini of ana")
    wire.say(other, "zucchini of bob")

    found = wire.read("search_messages", q="zucchini", user_id="ana")["results"]

    assert [each["content"] for each in found] == ["zucchini of ana"]


def test_a_search_says_when_it_did_not_look_through_everything(alone: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(found, "MOST_LOOKED_AT", 2)
    session = alone.session()["id"]
    for content in ("The rattling", "two", "three"):
        alone.say(session, content)

    assert alone.read("search_messages", q="rattlin", session_id=session) == {
        "success": True,
        "results": [],
        "more": False,
        "complete": False,
    }
    assert len(alone.read("search_messages", q="rattling", session_id=session)["results"]) == 1


def test_a_search_without_a_user_says_when_there_are_too_many(alone: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(found, "MOST_USERS", 2)
    for number in range(3):
        alone.say(alone.session()["id"], f"boiler {number}")

    answer = alone.read("search_messages", q="boiler")

    assert [each["content"] for each in answer["results"]] == ["boiler 2", "boiler 1"]
    assert answer["complete"] is False


def test_a_search_for_nothing_is_refused(wire: Wire) -> None:
    answer = wire.get("search_messages", q=" ")

    assert refused(answer) == (200, "empty_content")


def test_with_log_messages_on_every_message_is_noted_in_the_log(tmp_path: Path) -> None:
    memory = Memory(**store_at(tmp_path / "ingat.db"), embedder="none", log_messages=True)
    with running(tmp_path, memory=memory) as server:
        wire = Wire(server)
        session = wire.session()["id"]
        wire.say(session, "a secret")
        wire.say(session, "heard", role="assistant")
        assert memory.log_queue.flush(10)

        found = wire.read("logs", category="chat", session_id=session)["logs"]

    assert [each["message"] for each in found] == ["assistant message sent", "user message sent"]
    assert "a secret" not in str(found)
