"""`ingat restore` brings back a file or a copy by its name, and asks where rows have other versions."""

from __future__ import annotations

import gzip
import json

import pytest

from tests.cli.runner import Ingat
from tests.cli.test_erase import asked


@pytest.fixture
def name(ingat: Ingat) -> str:
    """The name of a backup that holds Budi, who was erased since, and Ana, who has another name now."""
    ingat.said("users", "save", "budi", "--name", "Budi")
    session = ingat.json("sessions", "create", "--user", "budi", "--id", "repair")["id"]
    ingat.said("messages", "append", session, "user", "The pipe leaks")
    found: str = ingat.json("backup", "create")["name"]
    ingat.said("erase", "user", "budi", "--yes")
    return found


def test_a_backup_is_restored_by_its_name_and_the_way_back_is_told(ingat: Ingat, name: str) -> None:
    result = ingat("restore", name, "--reason", "erased by mistake")

    assert result.exit_code == 0
    assert "Added: 1 user, 1 session, 1 message" in result.stdout
    (operation,) = (each for each in ingat.json("operations", "list")["operations"] if each["kind"] == "restore")
    assert f"To take it back: ingat undo {operation['id']}" in result.stderr
    assert operation["reason"] == "erased by mistake"
    assert ingat.json("users", "show", "budi")["name"] == "Budi"
    assert "restoring" in ingat.said("operations", "list", COLUMNS="240")


def test_a_dry_run_restores_nothing(ingat: Ingat, name: str) -> None:
    said = ingat.said("restore", name, "--dry-run")

    assert said.startswith("Nothing was restored: this is what a restore would do.")
    assert "Added: 1 user" in said
    ingat.refused("users", "show", "budi", code="user_not_found")


def test_where_rows_have_other_versions_nobody_is_passed_over(ingat: Ingat, name: str) -> None:
    ingat.said("restore", name)
    ingat.said("users", "save", "budi", "--name", "Boedi")

    ingat.refused("restore", name, code="usage", exit_code=2)
    refused = asked(ingat, "restore", name, "--prefer", "backup", typed="n\n")
    assert refused.returncode == 1
    assert "user budi: Other values: name. (as in the copy)" in refused.stderr
    assert ingat.json("users", "show", "budi")["name"] == "Boedi"
    assert asked(ingat, "restore", name, "--prefer", "backup", typed="y\n").returncode == 0
    assert ingat.json("users", "show", "budi")["name"] == "Budi"
    assert ingat.json("restore", name, "--yes")["operation"] is None


def test_a_file_of_klar_is_restored_by_user(ingat: Ingat) -> None:
    file = ingat.folder / "backup.json.gz"
    people = {each: {"history": [{"role": "user", "content": "Halo"}]} for each in ("628111", "628222")}
    file.write_bytes(gzip.compress(json.dumps(people).encode()))

    report = ingat.json("restore", str(file), "--user", "628222")

    assert report["added"]["user"] == 1
    assert [each["user_id"] for each in ingat.json("users", "list")["users"]] == ["628222"]
    ingat.refused("restore", str(file), "--user", "628333", code="user_not_found")


def test_what_is_neither_file_nor_copy_is_refused(ingat: Ingat) -> None:
    assert "no file" in ingat.refused("restore", "nothing.json", code="backup_not_found")["message"]
    ingat.refused("restore", str(ingat.folder / "nothing.json"), code="invalid_file")
    other = ingat.folder / "other.json"
    other.write_text("[1, 2]")
    ingat.refused("restore", str(other), code="invalid_file")


def test_redo_does_again_what_undo_took_back(ingat: Ingat, name: str) -> None:
    restored = ingat.json("restore", name)["operation"]["id"]

    assert ingat.json("undo")["id"] == restored
    ingat.refused("users", "show", "budi", code="user_not_found")
    again = ingat("redo")
    assert "To take it back: ingat undo" in again.stderr
    assert ingat.json("users", "show", "budi")["name"] == "Budi"
    ingat.refused("redo", code="operation_not_found")


def test_what_a_restore_says_of_rows_is_translated(ingat: Ingat, name: str) -> None:
    ingat.said("restore", name)
    ingat.said("users", "save", "budi", "--name", "Boedi")

    said = ingat("restore", name, "--dry-run", INGAT_LANG="id").stderr
    assert "pengguna budi: Nilai lain: name. (tetap apa adanya)" in said
    assert "berbeda: pengguna budi" in ingat.said("backup", "diff", name, INGAT_LANG="id")
    ingat.said("restore", name, "--yes", "--prefer", "backup")
    assert "salinan dipulihkan" in ingat.said("audit", INGAT_LANG="id")


def test_a_redo_of_who_is_protected_names_the_option(ingat: Ingat) -> None:
    ingat.said("users", "save", "budi")
    ingat.said("erase", "user", "budi", "--yes")
    ingat.said("undo")
    ingat.said("users", "protect", "budi")

    assert "--force" in ingat.refused("redo", code="protected_user")["message"]
    assert "dilakukan lagi" in ingat.said("redo", "--force", INGAT_LANG="id")


def test_a_name_that_no_file_can_have_is_refused(ingat: Ingat) -> None:
    ingat.refused("restore", "a" * 10_000, code="backup_not_found")


def test_a_program_gets_its_object_alone_also_after_a_question(ingat: Ingat, name: str) -> None:
    ingat.said("restore", name)
    ingat.said("users", "save", "budi", "--name", "Boedi")
    done = asked(ingat, "restore", name, "--prefer", "backup", "--json", typed="y\n")

    assert "Replaced: 1 user" in done.stderr
    assert json.loads(done.stdout)["replaced"] == {"user": 1}
