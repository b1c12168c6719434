"""Sessions in the wire format."""

from __future__ import annotations

import re
from pathlib import Path

from tests.api.original.wire import Wire, refused
from tests.api.server import running

FIELDS = {
    "id",
    "name",
    "description",
    "project_id",
    "created_at",
    "updated_at",
    "last_activity",
    "message_count",
    "metadata",
    "is_archived",
}
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def test_a_session_is_made_as_in_the_examples(wire: Wire) -> None:
    made = wire.session(
        "My Trading Strategy Session", description="Testing LC D2 scanner", project_id="project-123", metadata={"a": 1}
    )

    assert FIELDS | {"user_id", "state"} == made.keys()
    assert re.fullmatch(r"session_\d{13}_[0-9a-z]{9}", made["id"])
    assert made["name"] == "My Trading Strategy Session"
    assert (made["description"], made["project_id"]) == ("Testing LC D2 scanner", "project-123")
    assert (made["message_count"], made["metadata"], made["is_archived"]) == (0, {"a": 1}, False)
    assert all(DATE.fullmatch(made[name]) for name in ("created_at", "updated_at", "last_activity"))


def test_a_session_without_a_user_belongs_to_one_of_its_own(wire: Wire) -> None:
    made = wire.session()

    assert made["user_id"] == f"anonymous:{made['id']}"


def test_a_session_may_be_that_of_a_user(wire: Wire) -> None:
    assert wire.session(user_id="+62 811 1234")["user_id"] == "628111234"


def test_one_session_is_shown(wire: Wire, session: str) -> None:
    assert wire.read("session", session_id=session)["session"]["id"] == session


def test_a_session_made_elsewhere_is_shown_with_the_prefix_and_found_by_both_ids(wire: Wire) -> None:
    other = wire.server.memory.sessions.create("628111", name="From a channel").id

    shown = wire.read("session", session_id=other)["session"]["id"]

    assert shown == f"session_{other}"
    assert wire.read("session", session_id=shown)["session"]["name"] == "From a channel"


def test_a_session_without_a_name_has_an_empty_one(wire: Wire) -> None:
    other = wire.server.memory.sessions.create("628111").id

    assert wire.read("session", session_id=other)["session"]["name"] == ""


def test_sessions_are_listed_the_one_used_last_first(alone: Wire) -> None:
    first, second, third = (alone.session(name)["id"] for name in ("first", "second", "third"))
    alone.say(first, "hello", timestamp="2100-01-01T00:00:00Z")

    found = alone.read("sessions")

    assert [each["id"] for each in found["sessions"]] == [first, third, second]
    assert (found["current_session"], found["more"]) == (None, False)


def test_a_limit_takes_the_newest_and_says_that_there_are_more(alone: Wire) -> None:
    made = [alone.session(str(number))["id"] for number in range(4)]

    found = alone.read("sessions", limit=2)

    assert [each["id"] for each in found["sessions"]] == made[:1:-1]
    assert found["more"] is True


def test_filters_of_sessions_are_combined(alone: Wire) -> None:
    wanted = alone.session("a", project_id="p1")["id"]
    archived = alone.session("b", project_id="p1")["id"]
    alone.session("c", project_id="p2")
    closed = alone.server.memory.sessions.create("628111", project_id="p1", name="closed").id
    alone.server.memory.sessions.close(closed)
    alone.do("archive_session", session_id=archived)

    def ids(**filters: str) -> set[str]:
        return {each["id"] for each in alone.read("sessions", **filters)["sessions"]}

    assert ids(project_id="p1", is_archived="true") == {archived}
    assert ids(project_id="p1", is_archived="false") == {wanted, f"session_{closed}"}
    assert ids(user_id="628111") == {f"session_{closed}"}


def test_open_and_closed_sessions_are_merged_in_the_order_of_use(alone: Wire) -> None:
    made = [alone.session(str(number))["id"] for number in range(6)]
    for session_id in made[::2]:
        alone.server.memory.sessions.close(session_id)

    found = alone.read("sessions", is_archived="false")["sessions"]

    assert [each["id"] for each in found] == made[::-1]


def test_a_description_alone_leaves_the_name(wire: Wire) -> None:
    """Difference 3: the original erased the name."""
    made = wire.session("Keep me", project_id="p")

    changed = wire.do("update_session", session_id=made["id"], description="only this")

    assert changed["session"]["name"] == "Keep me"
    assert changed["session"]["description"] == "only this"
    assert made["id"] in changed["message"]


def test_project_and_description_can_be_changed_and_cleared(wire: Wire) -> None:
    """Difference 13: in the original the project could not be changed."""
    made = wire.session("x", project_id="p1", description="d")["id"]

    assert wire.do("update_session", session_id=made, project_id="p2")["session"]["project_id"] == "p2"
    cleared = wire.do("update_session", session_id=made, project_id=None, description=None)["session"]
    assert (cleared["project_id"], cleared["description"]) == (None, None)


def test_metadata_is_merged(wire: Wire) -> None:
    made = wire.session("x", metadata={"a": 1, "b": 2})["id"]

    changed = wire.do("update_session", session_id=made, metadata={"b": None, "c": 3})["session"]

    assert changed["metadata"] == {"a": 1, "c": 3}


def test_a_session_is_archived_and_brought_back(wire: Wire, session: str) -> None:
    """Difference 9: the original had no way back."""
    assert session in wire.do("archive_session", session_id=session)["message"]
    assert wire.read("session", session_id=session)["session"]["is_archived"] is True
    assert refused(wire.post("add_message", session_id=session, role="user", content="x")) == (200, "session_archived")

    back = wire.do("update_session", session_id=session, is_archived=False)["session"]

    assert (back["is_archived"], back["state"]) == (False, "active")
    wire.say(session, "it takes messages again")


def test_an_update_may_archive(wire: Wire, session: str) -> None:
    assert wire.do("update_session", session_id=session, is_archived=True)["session"]["is_archived"] is True


def test_a_session_whose_channel_went_on_comes_back_closed(wire: Wire) -> None:
    older = wire.server.memory.sessions.open("628777", channel="whatsapp").id
    wire.server.memory.sessions.archive(older)
    wire.server.memory.sessions.open("628777", channel="whatsapp")

    back = wire.do("update_session", session_id=f"session_{older}", is_archived=False)["session"]

    assert (back["is_archived"], back["state"]) == (False, "closed")


def test_a_deleted_session_is_gone_and_can_be_brought_back(wire: Wire, session: str) -> None:
    wire.say(session, "remember me")

    done = wire.done(wire.delete("delete_session", session_id=session))

    assert refused(wire.get("session", session_id=session)) == (200, "session_not_found")
    wire.server.memory.undo(done["operation_id"])
    assert wire.read("messages", session_id=session)["messages"][0]["content"] == "remember me"


def test_a_session_is_deleted_by_post_too(wire: Wire, session: str) -> None:
    assert wire.do("delete_session", session_id=session)["operation_id"]
    assert refused(wire.post("delete_session", session_id=session)) == (200, "session_not_found")


def test_what_is_deleted_is_recorded_with_the_key(wire: Wire, session: str) -> None:
    operation = wire.server.memory.operations.get(wire.do("delete_session", session_id=session)["operation_id"])

    assert operation.actor.startswith("key:")
    assert operation.reason == "asked for over /api/memory"


def test_the_current_session_is_that_of_the_key(wire: Wire, session: str) -> None:
    mine, other = Wire(wire.server, wire.server.admin), wire.session()["id"]

    assert mine.do("set_current_session", session_id=session)["session"]["id"] == session
    wire.do("set_current_session", session_id=other)

    assert mine.read("sessions", limit=1)["current_session"]["id"] == session
    assert wire.read("sessions", limit=1)["current_session"]["id"] == other


def test_the_current_session_can_be_unset(wire: Wire, session: str) -> None:
    wire.do("set_current_session", session_id=session)

    assert wire.do("set_current_session", session_id=None)["session"] is None
    assert wire.read("sessions", limit=1)["current_session"] is None


def test_a_session_that_takes_no_messages_is_current_no_longer(wire: Wire, session: str) -> None:
    wire.do("set_current_session", session_id=session)
    wire.server.memory.sessions.close(session)

    assert wire.read("sessions", limit=1)["current_session"] is None


def test_a_session_that_was_deleted_is_current_no_longer(wire: Wire, session: str) -> None:
    wire.do("set_current_session", session_id=session)
    wire.do("delete_session", session_id=session)

    assert wire.read("sessions", limit=1)["current_session"] is None


def test_everything_outlives_the_server(tmp_path: Path) -> None:
    """Difference 12: in the original all was lost at a restart."""
    with running(tmp_path) as server:
        before = Wire(server)
        made = before.session("kept")["id"]
        before.say(made, "hello")
        before.do("set_current_session", session_id=made)
    with running(tmp_path) as server:
        after = Wire(server, before.server.service)
        found = after.read("sessions")
        said = after.read("messages", session_id=made)["messages"]

    assert [each["name"] for each in found["sessions"]] == ["kept"]
    assert found["current_session"]["id"] == made
    assert [each["content"] for each in said] == ["hello"]


def test_an_unknown_session_cannot_be_current(wire: Wire) -> None:
    assert refused(wire.post("set_current_session", session_id="session_abc123")) == (200, "session_not_found")
