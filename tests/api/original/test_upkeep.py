"""Policy, cleanup and statistics in the wire format."""

from __future__ import annotations

from typing import Any

import pytest

from ingat.api.original.dates import moment
from tests.api.original.wire import Wire, refused

DEFAULTS = {
    "log_retention_days": 7,
    "max_log_entries": 10_000,
    "session_retention_days": 30,
    "max_sessions": 100,
    "auto_archive_sessions": True,
    "cleanup_frequency_hours": 24,
}


def six(policy: dict[str, Any]) -> dict[str, Any]:
    return {name: policy[name] for name in DEFAULTS}


def test_the_policy_has_the_defaults_of_the_format(alone: Wire) -> None:
    assert six(alone.read("retention_policy")["policy"]) == DEFAULTS


def test_the_policy_is_changed_in_part(alone: Wire) -> None:
    changed = alone.do("set_retention_policy", policy={"max_log_entries": 500})

    assert six(changed["policy"]) == {**DEFAULTS, "max_log_entries": 500}
    assert changed["message"]
    assert alone.read("retention_policy")["policy"] == changed["policy"]


@pytest.mark.parametrize(
    "policy",
    [
        {"log_retention_days": -1, "max_sessions": 0},
        {"max_log_entries": 0},
        {"cleanup_frequency_hours": 10_000},
        {"log_retention_days": 14, "session_retention_days": 0},
    ],
)
def test_a_policy_that_would_delete_everything_is_refused(alone: Wire, policy: dict[str, int]) -> None:
    """Differences 5 and 10: the original took these and deleted 100 sessions."""
    assert refused(alone.post("set_retention_policy", policy=policy)) == (200, "invalid_settings")
    assert six(alone.read("retention_policy")["policy"]) == DEFAULTS


@pytest.mark.parametrize("policy", [{"log_retention_days": "7"}, {"log_days": 7}, {"auto_archive_sessions": 1}, [], 7])
def test_a_policy_of_wrong_types_is_refused(wire: Wire, policy: object) -> None:
    assert refused(wire.post("set_retention_policy", policy=policy)) == (200, "invalid_input")


def test_stats_are_what_is_asked_for_without_an_action(alone: Wire) -> None:
    session = alone.session()["id"]
    alone.say(session, "x")
    alone.do("archive_session", session_id=alone.session()["id"])
    alone.do("save_snapshot", name="a", state_data={}, is_auto_save=True)
    alone.do("save_snapshot", name="b", state_data={})
    alone.do("add_log", message="x", level="error", category="scanner")

    stats = alone.done(alone.get())["stats"]

    assert stats["logs"]["total"] == 1
    assert stats["logs"]["by_level"]["error"] == 1
    assert stats["logs"]["by_category"] == {"scanner": 1}
    assert stats["sessions"] == {"total": 2, "active": 1, "archived": 1, "total_messages": 1, "closed": 0}
    assert stats["snapshots"] == {"total": 2, "auto_saves": 1, "manual_saves": 1}
    assert six(stats["retention_policy"]) == DEFAULTS
    assert stats["last_cleanup"] is None


def test_stats_know_of_the_last_cleanup_and_of_the_schedule(alone: Wire) -> None:
    """Difference 11: the original's statistics did not say."""
    done = alone.do("perform_cleanup")["stats"]
    alone.do("stop_auto_cleanup")
    stopped = alone.read("stats")["stats"]
    alone.do("start_auto_cleanup")
    started = alone.read("stats")["stats"]

    assert stopped["last_cleanup"] == done["last_cleanup"]
    assert (stopped["auto_cleanup_running"], stopped["next_cleanup"]) == (False, None)
    assert started["auto_cleanup_running"] is True
    assert started["cleanup_running"] is False


def test_a_cleanup_answers_with_the_fields_of_the_format(alone: Wire) -> None:
    stats = alone.do("perform_cleanup")["stats"]

    assert stats.keys() >= {
        "logs_deleted",
        "sessions_archived",
        "sessions_deleted",
        "space_freed_bytes",
        "last_cleanup",
        "next_cleanup",
    }
    assert stats["last_cleanup"].endswith("Z")


def test_a_new_frequency_acts_at_once(alone: Wire) -> None:
    """Difference 10: in the original it changed nothing."""
    alone.do("set_retention_policy", policy={"cleanup_frequency_hours": 2})

    stats = alone.do("perform_cleanup")["stats"]

    assert moment(stats["next_cleanup"]) - moment(stats["last_cleanup"]) == 2 * 3_600_000


def test_a_cleanup_never_deletes_a_session(alone: Wire) -> None:
    """Difference 5: of 103 sessions the original deleted 3 with their messages."""
    alone.do("set_retention_policy", policy={"max_sessions": 10})
    made = [alone.session(str(number))["id"] for number in range(13)]
    for session_id in made:
        alone.say(session_id, "x", timestamp="2026-01-01T00:00:00Z")
        alone.server.memory.sessions.close(session_id)

    stats = alone.do("perform_cleanup")["stats"]

    assert (stats["sessions_deleted"], stats["sessions_archived"]) == (0, 13)
    assert alone.read("stats")["stats"]["sessions"]["total"] == 13
    assert len(alone.read("messages", session_id=made[0])["messages"]) == 1


def test_a_cleanup_keeps_the_number_of_log_entries(alone: Wire) -> None:
    """Difference 6: with a limit of 10 the original kept 158."""
    alone.do("set_retention_policy", policy={"max_log_entries": 10})
    for number in range(25):
        alone.do("add_log", message=str(number))

    stats = alone.do("perform_cleanup")["stats"]

    assert stats["logs_deleted"] >= 15
    assert stats["operation_ids"]
    assert alone.read("stats")["stats"]["logs"]["total"] <= 11  # what the cleanup itself reports is among them


def test_a_cleanup_while_one_runs_is_refused(alone: Wire) -> None:
    slots = alone.server.memory.jobs.slots
    turn = slots.take_now("retain")
    try:
        answer = alone.post("perform_cleanup")
    finally:
        slots.run(turn)

    assert refused(answer) == (200, "conflict")
