"""`ingat backup`: copies for people and programs, and exit codes that say when one cannot be used."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.runner import Ingat


def filled(ingat: Ingat) -> str:
    """Fill a store and make a backup; return its name."""
    session = ingat.json("sessions", "create", "--user", "ana")["id"]
    ingat.said("messages", "append", session, "user", "The fan rattles")
    name: str = ingat.json("backup", "create", "--reason", "before the move")["name"]
    return name


def file_of(ingat: Ingat, name: str) -> Path:
    return ingat.folder / "ingat.db.data" / "restore-points" / name


def test_a_backup_is_shown_with_size_rows_and_local_time(ingat: Ingat) -> None:
    name = filled(ingat)
    shown = ingat.said("backup", "show", name)

    assert name in shown
    assert "1 user, 1 session, 1 message" in shown
    assert "before the move" in shown
    assert re.search(r"size +\d[\d.,]* (bytes|KiB)", shown)
    assert re.search(r"time +\d{4}-\d\d-\d\d \d\d:\d\d [+-]\d\d:\d\d", shown)


@pytest.mark.parametrize("columns", ["60", "80", "120"])
def test_copies_are_listed_in_every_width_and_names_can_be_copied(ingat: Ingat, columns: str) -> None:
    name = filled(ingat)
    ingat.said("erase", "logs", "--yes")
    listed = ingat.said("backup", "list", COLUMNS=columns)

    assert name in "".join(listed.split())
    assert all(len(line) <= int(columns) for line in listed.splitlines())


def test_a_sound_copy_verifies_and_a_damaged_one_ends_with_1(ingat: Ingat) -> None:
    name = filled(ingat)
    assert "Every byte of it was read" in ingat.said("backup", "verify", name)
    assert ingat.json("backup", "verify", name)["problem"] is None

    file_of(ingat, name).write_bytes(b"damaged")
    for words in (["backup", "verify", name], ["backup", "verify", name, "--json"]):
        result = ingat(*words)
        assert result.exit_code == 1
        assert "cannot be used" in result.stdout.replace("\n", " ")
    assert "not usable" in ingat.said("backup", "list")


def test_the_difference_is_a_table_of_kinds_with_examples(ingat: Ingat) -> None:
    name = filled(ingat)
    ingat.said("users", "save", "ana", "--name", "Ana")
    shown = ingat.said("backup", "diff", name, COLUMNS="80")

    assert "only in backup" in shown
    assert "different: user ana" in shown
    assert all(len(line) <= 80 for line in shown.splitlines())


def test_what_is_not_there_is_refused(ingat: Ingat) -> None:
    filled(ingat)

    ingat.refused("backup", "show", "../../etc/passwd", code="backup_not_found")
    ingat.refused("backup", "mirror", code="invalid_settings")


def test_a_dry_run_says_that_nothing_was_deleted(ingat: Ingat) -> None:
    filled(ingat)

    assert "No copy is to be deleted." in ingat.said("backup", "prune", "--dry-run")
    assert ingat.json("backup", "prune", "--dry-run")["kept"] == 1


def test_copies_are_brought_to_the_second_place(ingat: Ingat) -> None:
    name = filled(ingat)
    far = str(ingat.folder / "far")

    assert name in ingat.said("backup", "mirror", INGAT_BACKUP_MIRROR=far)
    assert "There already: 1." in ingat.said("backup", "mirror", INGAT_BACKUP_MIRROR=far)
    (ingat.folder / "a file").write_text("x")
    failed = ingat("backup", "mirror", INGAT_BACKUP_MIRROR=str(ingat.folder / "a file"))
    assert failed.exit_code == 1
    assert "could not be brought to the second place" in failed.stderr.replace("\n", " ")


def test_an_encrypted_copy_is_locked_without_its_passphrase_and_the_passphrase_is_never_shown(ingat: Ingat) -> None:
    secret = "correct horse battery staple"
    ingat.variables["INGAT_BACKUP_PASSPHRASE"] = secret
    name = filled(ingat)
    told = ingat.said("backup", "list") + ingat.said("backup", "show", name) + ingat.said("doctor")
    assert "encrypted" in told
    del ingat.variables["INGAT_BACKUP_PASSPHRASE"]
    told += ingat.said("backup", "list")
    error = ingat.refused("backup", "diff", name, code="backup_locked")

    assert secret not in told + json.dumps(error)


def test_a_restore_that_meets_other_versions_asks(ingat: Ingat) -> None:
    name = filled(ingat)
    ingat.said("users", "save", "ana", "--name", "Ana")

    refused = ingat("backup", "restore", name, "--prefer", "backup")
    assert refused.exit_code == 2
    assert "Give --yes" in refused.stderr
    assert ingat.json("users", "show", "ana")["name"] == "Ana"
    assert "Replaced: 1 user" in ingat.said("backup", "restore", name, "--prefer", "backup", "--yes")


def test_latest_is_the_newest_backup_whatever_came_since(ingat: Ingat) -> None:
    ingat.refused("backup", "show", "latest", code="backup_not_found")
    name = filled(ingat)
    ingat.json("users", "save", "who-goes")
    ingat.json("erase", "user", "who-goes", "--yes")

    assert ingat.json("backup", "show", "latest")["name"] == name
    assert ingat.json("backup", "verify", "latest")["problem"] is None
    assert ingat.json("backup", "diff", "latest")["name"] == name
    assert ingat.json("backup", "restore", "latest", "--dry-run")["dry_run"]


def test_a_second_place_that_lacks_its_package_is_told_once_as_a_sentence(ingat: Ingat) -> None:
    made = ingat("backup", "create", INGAT_BACKUP_MIRROR="s3://bucket/folder")
    told = " ".join(made.stderr.split())
    assert made.exit_code == 0
    assert told.count("Install s3fs to access S3") == 1
    assert "The second place of backups lacks copies" in told
    assert "[error" not in told


def test_without_the_package_for_encryption_all_else_works_and_the_list_says_why_copies_are_locked(
    ingat: Ingat, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INGAT_BACKUP_PASSPHRASE", "a secret")
    filled(ingat)
    monkeypatch.setattr("ingat.lifecycle.encryption._is_installed", lambda: False)

    assert "locked (package cryptography missing)" in " ".join(ingat.said("backup", "list").split())
    ingat.said("users", "list")
    told = ingat.refused("backup", "create", code="missing_extra")
    assert "INGAT_EXTRAS=encryption bin/run" in told["message"]
    assert ingat("doctor").exit_code == 1

    monkeypatch.delenv("INGAT_BACKUP_PASSPHRASE")
    assert "locked (no passphrase set)" in " ".join(ingat.said("backup", "list").split())
