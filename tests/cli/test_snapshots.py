"""Snapshots, retention and jobs on the command line, for people."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.runner import Ingat
from tests.engine import behind, store_url


def test_a_state_comes_from_a_file_from_standard_input_or_as_it_is_written(ingat: Ingat, tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text('\ufeff{"from": "file"}', encoding="utf-8")
    ingat.said("snapshots", "save", "a", "@state.json")
    assert ingat("snapshots", "save", "a", "-", typed='{"from": "input"}').exit_code == 0
    ingat.said("snapshots", "save", "a", '{"from": "words"}')

    found = ingat.json("snapshots", "list")["snapshots"]
    states = [ingat.json("snapshots", "show", head["id"])["state"]["from"] for head in found]
    assert states == ["words", "input", "file"]


@pytest.mark.parametrize(
    ("state", "told"),
    [("@missing.json", "cannot be read"), ("@list.json", "holds no JSON object"), ("[1]", "neither key=value nor")],
)
def test_what_is_no_state_is_refused(ingat: Ingat, tmp_path: Path, state: str, told: str) -> None:
    (tmp_path / "list.json").write_text("[1]", encoding="utf-8")
    result = ingat("snapshots", "save", "a", state)

    assert result.exit_code == 2
    assert told in result.stderr
    assert ingat.json("snapshots", "list")["snapshots"] == []


def test_an_export_can_be_imported_into_another_store(ingat: Ingat, tmp_path: Path) -> None:
    saved = ingat.json("snapshots", "save", "a", '{"x": 1}', "--description", "d")
    (tmp_path / "out.json").write_text(ingat.said("snapshots", "export", saved["id"]), encoding="utf-8")

    taken = ingat.json("snapshots", "import", "@out.json", INGAT_STORE=store_url(tmp_path / "other.db"))

    assert taken == saved


def test_a_load_says_that_nothing_was_restored(ingat: Ingat) -> None:
    saved = ingat.json("snapshots", "save", "a", '{"x": 1}')
    result = ingat("snapshots", "load", saved["id"])

    assert "Nothing was restored" in result.stderr
    assert '{"x":1}' in result.stdout


def test_a_comparison_shows_each_change(ingat: Ingat) -> None:
    first, second = (ingat.json("snapshots", "save", "a", json.dumps({"x": n}))["id"] for n in (1, 2))

    assert "/x" in ingat.said("snapshots", "compare", first, second)
    assert "equal" in ingat.said("snapshots", "compare", first, first)


@pytest.mark.parametrize("value", ["0", "-1"])
def test_a_policy_of_zeros_or_negatives_is_refused_and_nothing_changes(ingat: Ingat, value: str) -> None:
    before = ingat.json("retention", "show")
    options = [f"--{name.replace('_', '-')}={value}" for name in before if name != "auto_archive_sessions"]
    for option in options:
        error = ingat.refused("retention", "set", option, code="invalid_settings")
        assert "Nothing was changed" in error["message"]
    ingat.refused("retention", "set", "--max-sessions=5", *options[:1], code="invalid_settings")

    assert ingat.json("retention", "show") == before
    assert ingat.json("retention", "history") == {"policies": [], "next": None}


def test_the_history_of_the_policy_names_who_set_what(ingat: Ingat) -> None:
    assert "the defaults hold" in ingat.said("retention", "history")
    ingat.said("retention", "set", "--max-sessions", "50")

    (version,) = ingat.json("retention", "history")["policies"]
    assert version["actor"].startswith("cli:")
    assert "max_sessions 50" in ingat.said("retention", "history")


def test_jobs_are_shown_with_their_state(ingat: Ingat) -> None:
    ingat.said("jobs", "stop", "retain")
    ingat.said("jobs", "run", "measure")

    shown = ingat.said("jobs", "list")
    assert "stopped" in shown
    assert "waiting" in shown
    ingat.refused("jobs", "run", "nothing", code="job_not_found")


def test_a_state_that_is_none_names_the_ways_to_give_one(ingat: Ingat) -> None:
    result = ingat("snapshots", "save", "x", "nojson")

    assert result.exit_code == 2
    assert "JSON object" in result.stderr
    assert "@FILE" in result.stderr
    assert "- for standard input" in result.stderr


def test_a_policy_out_of_bounds_names_the_option_and_readable_bounds(ingat: Ingat) -> None:
    result = ingat("retention", "set", "--max-sessions", "0")

    assert result.exit_code == 1
    assert "--max-sessions must be a whole number from 1 to 1,000,000,000; it is 0." in result.stderr


def test_a_policy_of_which_nothing_is_given_is_said_so(ingat: Ingat) -> None:
    result = ingat("retention", "set")

    assert result.exit_code == 2
    assert "Nothing was given to change" in result.stderr
    assert ingat.json("retention", "history")["policies"] == []


def test_a_job_that_is_stopped_is_said_to_be(ingat: Ingat) -> None:
    stopped, started = ingat.said("jobs", "stop", "retain"), ingat.said("jobs", "start", "retain")

    assert "stopped: no server runs it until `ingat jobs start retain`" in stopped
    assert "every 24 h" in stopped
    assert "stopped" not in started
    assert "every_ms" not in stopped


@pytest.mark.parametrize("columns", ["80", "160"])
def test_the_result_of_a_job_is_a_list_for_people(ingat: Ingat, columns: str) -> None:
    ingat.said("logs", "add", "old", "--at", "2020-01-01T00:00:00Z")
    retained = ingat.said("jobs", "run", "retain", COLUMNS=columns)
    measured = ingat.said("jobs", "run", "measure", COLUMNS=columns)
    idle = ingat.said("jobs", "run", "expire", COLUMNS=columns)

    assert re.search(r"^  log entries deleted +1$", retained, re.MULTILINE)
    assert re.search(r"^  sessions +total 0, active 0, closed 0, archived 0$", measured, re.MULTILINE)
    assert re.search(r"^last result +nothing was to be done$", idle, re.MULTILINE)
    assert "every 15 min" in idle
    assert not set("{}") & set(retained + measured + idle)


def test_the_result_of_the_backup_job_is_told_in_rows_and_sizes(ingat: Ingat) -> None:
    ingat.said("users", "save", "628111")

    made = ingat.said("jobs", "run", "backup", INGAT_LANG="id")
    assert re.search(r"^  ukuran +[\d,.]+ (bita|KiB)$", made, re.MULTILINE)
    assert re.search(r"^  isi +1 pengguna$", made, re.MULTILINE)


def test_a_result_of_another_version_is_shown_all_the_same(ingat: Ingat) -> None:
    ingat.said("jobs", "run", "expire")
    behind(ingat.url, "UPDATE job SET last_result = ?", '{"sessions_shut": 3, "ids": ["a", "b"], "whole": true}')

    assert re.search(r"sessions shut +3\n  ids +a, b\n  whole +yes", ingat.said("jobs", "stop", "expire"))


def test_a_snapshot_is_shown_in_words(ingat: Ingat) -> None:
    saved = ingat.json("snapshots", "save", "a", json.dumps({f"setting_{n}": n for n in range(20)}), "--auto")
    shown = ingat.said("snapshots", "show", saved["id"], COLUMNS="80")

    assert re.search(r"^saved +automatic$", shown, re.MULTILINE)
    assert "is_auto" not in shown
    assert re.search(r'^ +"setting_7": 7,$', shown, re.MULTILINE)
    assert saved["sha256"] in shown
