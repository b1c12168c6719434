"""`ingat move` tells what it moved, refuses what it cannot, and shows no password."""

from __future__ import annotations

import os
import shlex
import signal
from pathlib import Path

import pexpect
import pytest

from ingat.cli import move as command
from ingat.core.reports import MoveReport
from ingat.lifecycle.move import Progress, Step, move
from tests import postgres
from tests.cli.runner import PROGRAM, Ingat


@pytest.fixture
def other(ingat: Ingat) -> str:
    """The URL of a store that is not there yet, beside one with a memory."""
    ingat.said("remember", "ana", "lives in Porto", "--subject", "home")
    return f"sqlite:///{ingat.folder / 'other.db'}"


def test_a_store_is_moved_and_what_to_do_next_is_said(ingat: Ingat, other: str) -> None:
    said = ingat.said("move", ingat.url, other)

    assert f"were moved to {other}." in said
    assert f"INGAT_STORE={other}" in said
    assert f"The source {ingat.url} is unchanged." in said
    assert "Porto" in ingat.said("recall", "ana", "Where is home?", "--store", other)
    assert "Porto" in ingat.said("recall", "ana", "Where is home?")


def test_files_follow(ingat: Ingat, other: str) -> None:
    ingat.said("backup", "create")

    said = ingat.said("move", ingat.url, other)

    assert f"were copied from {ingat.folder}/ingat.db.data to {ingat.folder}/other.db.data." in said
    assert ingat.json("backup", "verify", "latest", "--store", other)


def test_a_folder_of_its_own_is_named_in_the_end(ingat: Ingat, other: str, tmp_path: Path) -> None:
    said = ingat.said("move", ingat.url, other, "--data-to", "elsewhere")

    assert f"INGAT_DATA={tmp_path}/elsewhere" in said


def test_json_names_every_table(ingat: Ingat, other: str) -> None:
    report = ingat.json("move", ingat.url, other)

    rows = {table["name"]: table["rows"] for table in report["tables"]}
    assert (rows["memory"], rows["user_profile"], rows["recall_entry"]) == (1, 1, 1)
    assert report["rows"] == report["rows_copied"] == sum(rows.values())
    assert {len(table["sha256"]) for table in report["tables"]} == {64}
    assert (report["source"], report["target"], report["dry_run"]) == (ingat.url, other, False)


def test_a_dry_run_only_counts(ingat: Ingat, other: str) -> None:
    said = ingat.said("move", ingat.url, other, "--dry-run")

    assert f"would be moved to {other}." in said
    assert "INGAT_STORE" not in said
    assert not (ingat.folder / "other.db").exists()


def test_one_folder_for_both_is_left_where_it_is(ingat: Ingat, other: str, tmp_path: Path) -> None:
    folder = str(tmp_path / "ingat.db.data")
    ingat.said("backup", "create")

    said = ingat.said("move", ingat.url, other, INGAT_DATA=folder)

    assert f"Files stay in {folder}, which both stores use." in said
    assert not (tmp_path / "other.db.data").exists()


def test_two_folders_of_the_source_are_not_guessed_between(ingat: Ingat, other: str, tmp_path: Path) -> None:
    ingat.said("backup", "create")

    result = ingat("move", ingat.url, other, INGAT_DATA=str(tmp_path / "shared"))
    assert result.exit_code == 2
    assert "--data-from" in result.stderr
    assert not (tmp_path / "other.db").exists()

    beside = str(tmp_path / "ingat.db.data")
    said = ingat.said("move", ingat.url, other, "--data-from", beside, INGAT_DATA=str(tmp_path / "shared"))
    assert f"were copied from {beside} to {tmp_path}/shared." in said
    assert (tmp_path / "shared" / "restore-points").is_dir()


def test_a_target_that_is_not_empty_is_refused(ingat: Ingat, other: str) -> None:
    ingat.said("remember", "ben", "likes tea", "--store", other)

    error = ingat.refused("move", ingat.url, other, code="conflict")

    assert "user_profile" in error["details"]["tables"]
    assert "holds 1 user, 1 memory. " in error["message"]


def test_a_source_that_is_not_there_is_refused_and_not_made(ingat: Ingat, other: str) -> None:
    missing = ingat.folder / "missing.db"

    ingat.refused("move", f"sqlite:///{missing}", other, code="store_unavailable")

    assert not missing.exists()
    assert not (ingat.folder / "other.db").exists()


def test_the_stores_are_named_by_place(ingat: Ingat, other: str) -> None:
    result = ingat("move", ingat.url, other, "--store", ingat.url)

    assert result.exit_code == 2
    assert "leave out --store" in result.stderr


def test_a_password_is_never_shown(ingat: Ingat, other: str) -> None:
    with postgres.empty_store() as url:
        secret = url.replace("postgres@", "postgres:geheim@")
        result = ingat("move", ingat.url, secret)
        failed = ingat("move", ingat.url, "postgresql://ingat:geheim@127.0.0.1:1/x", "--json")

    assert result.exit_code == 0, result.output
    assert "The password is left out here" in result.stdout
    assert failed.exit_code == 1
    assert "geheim" not in result.output + failed.output


def test_ctrl_c_says_how_to_go_on(ingat: Ingat, other: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(source: str, target: str, *, progress: Progress, **given: object) -> MoveReport:
        def tell(step: Step, done: int, total: int) -> None:
            progress(step, done, total)
            if step == "check":
                os.kill(os.getpid(), signal.SIGINT)

        return move(source, target, progress=tell, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(command, "move", interrupted)
    result = ingat("move", ingat.url, other)
    monkeypatch.undo()

    assert result.exit_code == 130
    assert "Interrupted. At least " in result.stderr
    assert "the source is unchanged. Run the same command again to go on." in result.stderr
    assert ingat("users", "list", "--store", other).exit_code == 1
    assert "went on from an earlier one" in ingat.said("move", ingat.url, other)


@pytest.mark.parametrize("step", ["at once", "rows"])
def test_ctrl_c_before_a_row_is_copied_says_so(
    ingat: Ingat, other: str, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def interrupted(source: str, target: str, *, progress: Progress, **given: object) -> MoveReport:
        if step == "rows":
            progress("rows", 0, 12)
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "move", interrupted)
    result = ingat("move", ingat.url, other)

    assert result.exit_code == 130
    assert "Interrupted before a row was copied. The source is unchanged" in result.stderr
    assert "Run the same command again." in result.stderr


def test_ctrl_c_before_the_folders_are_known_says_so(ingat: Ingat, other: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*given: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "_source_data", interrupted)

    assert "Interrupted before a row was copied." in ingat("move", ingat.url, other).stderr


def test_on_a_terminal_a_bar_shows_how_far_it_is(ingat: Ingat, other: str) -> None:
    variables = {name: value for name, value in ingat.environment().items() if name != "COLUMNS"}
    for more, wanted in [(other, True), (f"{other}2 --json", False)]:
        shown, code = pexpect.run(
            f"{shlex.join([*PROGRAM, 'move', ingat.url])} {more}",
            env={**variables, "TERM": "xterm"},
            withexitstatus=True,
            encoding="utf-8",
            dimensions=(30, 80),
            timeout=60,
        )
        assert (code, "Comparing rows" in shown) == (0, wanted), shown
