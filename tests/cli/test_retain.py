"""`ingat retain` says what it did, and fails when some of it could not be done."""

from __future__ import annotations

import pytest

from ingat.core.reports import Failure, RetainReport
from ingat.memory import Memory
from tests.cli.runner import Ingat

REPORT = RetainReport(
    logs_deleted=1_200,
    sessions_archived=3,
    sessions_deleted=0,
    space_freed_bytes=3 << 20,
    last_cleanup=0,
    next_cleanup=1_736_154_000_000,
    snapshots_deleted=0,
    sessions_archived_by_age=2,
    sessions_archived_by_number=1,
    transcripts_compressed=7,
    compressed_from_bytes=4 << 20,
    compressed_to_bytes=1 << 20,
    restore_points_deleted=0,
    operations=("op1",),
    notes=("2 more than max_sessions (100) are not archived.",),
)


def test_a_pass_with_nothing_to_do_says_so_in_numbers(ingat: Ingat) -> None:
    said = ingat.said("retain")

    assert "sessions archived" in said
    assert "MiB" in said


def test_a_dry_run_is_said_to_be_one(ingat: Ingat) -> None:
    assert ingat.json("retain", "--dry-run")["dry_run"] is True
    assert ingat.json("retain")["dry_run"] is False


def test_people_are_shown_what_was_done_and_how_it_comes_back(ingat: Ingat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Memory, "retain", lambda memory, *, dry_run: REPORT)
    done = ingat("retain")

    assert done.exit_code == 0
    for words in ("3 (2 by age, 1 by number)", "7 (text of 4.0 MiB takes 1.0 MiB)", "1,200", "3.0 MiB"):
        assert words in done.stdout
    assert "ingat undo op1" in done.stderr
    assert "2 more than max_sessions" in done.stderr


@pytest.mark.parametrize("words", [("retain",), ("retain", "--json")], ids=["for people", "as JSON"])
def test_what_could_not_be_done_is_said_and_the_exit_code_is_1(
    ingat: Ingat, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    failed = RetainReport(
        **{
            **{name: getattr(REPORT, name) for name in REPORT.__struct_fields__},
            "failed": (Failure(id="logs", code="restore_point_failed", message="No restore point could be made."),),
        }
    )
    monkeypatch.setattr(Memory, "retain", lambda memory, *, dry_run: failed)
    done = ingat(*words)

    assert done.exit_code == 1
    assert "No restore point could be made." in done.stdout + done.stderr
