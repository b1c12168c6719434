"""What the two pages of the format's first program send, and what they read of the answers."""

from __future__ import annotations

import pytest

from tests.api.original.wire import Wire


def test_the_session_manager_makes_edits_archives_and_deletes(alone: Wire) -> None:
    made = alone.do("create_session", name="My Trading Strategy Session", description="")["session"]["id"]
    alone.do("update_session", session_id=made, name="Second", description="")
    alone.do("set_current_session", session_id=made)
    shown = alone.read("sessions")

    (session,) = shown["sessions"]
    assert (session["id"], session["name"], session["description"]) == (made, "Second", "")
    assert (session["message_count"], session["is_archived"], session["project_id"]) == (0, False, None)
    assert session["last_activity"]
    assert shown["current_session"]["id"] == made

    alone.do("archive_session", session_id=made)
    assert alone.read("sessions")["sessions"][0]["is_archived"] is True
    alone.do("delete_session", session_id=made)
    assert alone.read("sessions")["sessions"] == []


def test_an_update_with_nulls_leaves_what_it_does_not_say(alone: Wire) -> None:
    made = alone.session("A", metadata={"a": 1})["id"]

    alone.do("update_session", session_id=made, name=None, metadata=None, is_archived=None, description="x")

    session = alone.read("session", session_id=made)["session"]
    assert (session["name"], session["metadata"], session["description"]) == ("A", {"a": 1}, "x")


@pytest.mark.parametrize("action", ["start_auto_cleanup", "stop_auto_cleanup"])
def test_the_session_manager_switches_the_cleanup(alone: Wire, action: str) -> None:
    assert alone.do(action)["message"]


def test_the_dashboard_reads_every_number(alone: Wire) -> None:
    alone.do("save_snapshot", name="a", state_data={}, is_auto_save=None)
    stats = alone.read("stats")["stats"]

    assert stats["logs"].keys() >= {"total", "by_level", "by_category"}
    assert stats["sessions"].keys() >= {"total", "active", "archived", "total_messages"}
    assert (stats["snapshots"]["auto_saves"], stats["snapshots"]["manual_saves"]) == (0, 1)
    assert stats["retention_policy"]["max_log_entries"] == 10_000
    assert stats["retention_policy"]["max_sessions"] == 100


@pytest.mark.parametrize("level", ["", "error"])
def test_the_dashboard_shows_the_newest_logs(alone: Wire, level: str) -> None:
    alone.do("add_log", message="broken", level="error", category="scanner")

    (entry,) = alone.read("logs", level=level, limit=50)["logs"]

    assert (entry["level"], entry["category"], entry["message"]) == ("error", "scanner", "broken")
    assert entry["timestamp"].endswith("Z")


def test_the_dashboard_clears_all_logs(alone: Wire) -> None:
    """Difference 2: it sends `clear_log`, which its own service did not know."""
    alone.do("add_log", message="x")

    alone.do("clear_log", filters={})

    assert alone.read("logs")["logs"] == []


def test_the_dashboard_cleans_up_and_exports(alone: Wire) -> None:
    done = alone.do("perform_cleanup")["stats"]

    assert done.keys() >= {"logs_deleted", "sessions_archived", "sessions_deleted", "space_freed_bytes"}
    assert alone.read("export_all")["data_json"].startswith('{"version":"1.0.0"')
