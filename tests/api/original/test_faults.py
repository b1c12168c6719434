"""What the wire format answers when something breaks, and when many ask at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.api.original.wire import Wire, refused


def test_without_a_restore_point_nothing_is_deleted(alone: Wire, tmp_path: Path) -> None:
    session = alone.session()["id"]
    alone.say(session, "still here")
    alone.do("add_log", message="still here")
    (tmp_path / "ingat.db.data").write_text("in the way of the folder")

    answers = [alone.delete("delete_session", session_id=session), alone.post("clear_logs")]

    assert [refused(answer) for answer in answers] == [(503, "restore_point_failed")] * 2
    assert alone.read("messages", session_id=session)["messages"][0]["content"] == "still here"
    assert len(alone.read("logs", category="general")["logs"]) == 1


def test_a_store_that_is_closed_is_answered_in_the_form(alone: Wire) -> None:
    assert alone.read("sessions")["sessions"] == []
    alone.server.memory.store.close()

    assert refused(alone.get("sessions")) == (503, "store_closed")


def test_many_at_once_lose_nothing(alone: Wire) -> None:
    session = alone.session()["id"]
    with ThreadPoolExecutor(16) as threads:
        added = list(threads.map(lambda number: alone.say(session, f"message {number}"), range(80)))
        made = list(threads.map(lambda number: alone.session(f"session {number}")["id"], range(20)))

    said = alone.read("messages", session_id=session)["messages"]
    assert {each["id"] for each in said} == {each["id"] for each in added}
    assert len({each["id"] for each in said}) == 80
    assert {each["id"] for each in alone.read("sessions")["sessions"]} == {session, *made}


def test_a_session_deleted_by_many_at_once_is_deleted_once(alone: Wire) -> None:
    session = alone.session()["id"]
    alone.say(session, "x")

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: alone.delete("delete_session", session_id=session).json, range(4)))

    done = [answer for answer in answers if answer["success"]]
    assert len(done) == 1
    assert {answer["code"] for answer in answers if not answer["success"]} == {"session_not_found"}
    alone.server.memory.undo(done[0]["operation_id"])
    assert len(alone.read("messages", session_id=session)["messages"]) == 1
