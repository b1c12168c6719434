"""`ingat expire` says what it did, and fails when some of it could not be done."""

from __future__ import annotations

import re

import pytest

from ingat.core.reports import ExpireReport, Failure
from ingat.memory import Memory
from tests.cli.runner import Ingat


@pytest.fixture
def idle(ingat: Ingat) -> str:
    """A session whose only message is from January 2025."""
    session_id: str = ingat.json("sessions", "create", "--user", "628111")["id"]
    said = ["messages", "append", session_id, "user", "My air conditioner is an F57A", "--at", "2025-01-06T09:00:00Z"]
    ingat.said(*said)
    return session_id


def test_an_idle_session_is_closed_and_remembered(ingat: Ingat, idle: str) -> None:
    said = ingat.said("expire")

    assert [line.split() for line in said.splitlines()] == [
        ["sessions", "closed", "1"],
        ["of", "these", "with", "nothing", "to", "remember", "0"],
        ["summaries", "written", "1"],
        ["summaries", "missing", "0"],
    ]
    assert ingat.json("sessions", "show", idle)["state"] == "closed"
    assert "F57A" in ingat.json("memories", "list", "628111", "--kind", "summary")["memories"][0]["text"]


def test_a_dry_run_is_said_to_be_one_and_changes_nothing(ingat: Ingat, idle: str) -> None:
    done = ingat("expire", "--dry-run")

    assert "dry run" in done.stderr
    assert ingat.json("expire", "--dry-run")["session_ids"] == [idle]
    assert ingat.json("sessions", "show", idle)["state"] == "active"


@pytest.mark.parametrize("words", [("expire",), ("expire", "--json")], ids=["for people", "as JSON"])
def test_what_could_not_be_done_is_said_and_the_exit_code_is_1(
    ingat: Ingat, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    failed = (Failure(id="talk", code="store_full", message="The disk is full."),)
    report = ExpireReport(expired=2, summarised=1, empty=0, pending=1, failed=failed)
    monkeypatch.setattr(Memory, "expire", lambda memory, *, dry_run: report)
    done = ingat(*words)

    assert done.exit_code == 1
    assert "The disk is full." in done.stdout + done.stderr


def test_a_reset_prints_the_new_session(ingat: Ingat) -> None:
    first = ingat.json("sessions", "open", "628111", "--channel", "web")["id"]
    second = ingat.json("sessions", "reset", first)

    assert (second["channel"], second["state"]) == ("web", "active")
    assert second["id"] != first
    ingat.refused("sessions", "reset", "nobody", code="session_not_found")


def test_a_dry_run_says_how_many_summaries_would_be_written(ingat: Ingat, idle: str) -> None:
    said = ingat.said("expire", "--dry-run")

    assert re.search(r"^sessions that would be closed +1$", said, re.MULTILINE)
    assert re.search(r"^summaries that would be written +1$", said, re.MULTILINE)
    assert ingat.json("expire")["summarised"] == 1
