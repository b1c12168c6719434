"""`ingat purge user` shows who would go, has the id typed, prints the certificate, and writes it into a file."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from tests.cli.runner import PROGRAM, Ingat


@pytest.fixture
def person(ingat: Ingat) -> str:
    ingat.said("users", "save", "628111222333", "--name", "Budi Santoso")
    ingat.said("users", "alias", "628111222333", "telegram:4711")
    ingat.said("remember", "628111222333", "likes tea")
    return "628111222333"


def there(ingat: Ingat, person: str) -> bool:
    return ingat("users", "show", person).exit_code == 0


def asked(ingat: Ingat, *words: str, typed: str) -> subprocess.CompletedProcess[str]:
    """Run a command whose question is answered on a terminal, and return what it said."""
    keyboard, terminal = os.openpty()
    os.write(keyboard, typed.encode())
    try:
        return subprocess.run(
            [*PROGRAM, *words],
            stdin=terminal,
            capture_output=True,
            text=True,
            env=ingat.environment() | {"COLUMNS": "80"},
            timeout=60,
            check=False,
        )
    finally:
        os.close(keyboard)
        os.close(terminal)


def test_a_dry_run_says_what_would_go(ingat: Ingat, person: str) -> None:
    result = ingat("purge", "user", person, "--reason", "asked", "--dry-run")

    assert result.exit_code == 0
    assert "A dry run: nothing was changed." in result.stderr
    assert "memories" in result.stdout
    assert "Certificate" not in result.stdout
    assert there(ingat, person)


def test_with_yes_it_is_done_and_certified(ingat: Ingat, person: str) -> None:
    certificate = ingat.json("purge", "user", person, "--reason", "asked", "--yes")

    assert certificate["complete"]
    assert {each["place"]: each["removed"] for each in certificate["searched"]}["memories"] == 1
    assert [each["code"] for each in certificate["remains"]][-1] == "audit"
    assert not there(ingat, person)


@pytest.mark.parametrize("typed", ["628111222333\n", "YES\n"], ids=["id", "YES"])
def test_the_id_is_typed_once_more(ingat: Ingat, person: str, typed: str) -> None:
    result = asked(ingat, "purge", "user", person, "--reason", "asked", typed=typed)

    assert result.returncode == 0
    for said in ("user: 628111222333", "name: Budi Santoso", "aliases: telegram:4711", "There is no way back."):
        assert said in result.stderr
    assert "Complete: nothing of the person is left where Ingat reaches." in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    assert not there(ingat, person)


@pytest.mark.parametrize("typed", ["\n", "y\n", "yes\n", "telegram:4711\n"], ids=["nothing", "y", "yes", "alias"])
def test_anything_else_purges_nobody(ingat: Ingat, person: str, typed: str) -> None:
    result = asked(ingat, "purge", "user", person, "--reason", "asked", typed=typed)

    assert result.returncode == 1
    assert "Nothing was purged." in result.stderr
    assert there(ingat, person)


def test_without_a_terminal_and_without_yes_it_is_refused(ingat: Ingat, person: str) -> None:
    result = ingat("purge", "user", person, "--reason", "asked")

    assert result.exit_code == 2
    assert "Give --yes to purge, or --dry-run" in " ".join(result.stderr.split())
    assert there(ingat, person)


def test_a_reason_is_needed_that_names_nobody(ingat: Ingat, person: str) -> None:
    assert ingat("purge", "user", person, "--yes").exit_code == 2
    ingat.refused("purge", "user", person, "--reason", "Budi Santoso asked", "--yes", code="invalid_input")
    assert there(ingat, person)


def test_a_protected_person_needs_force(ingat: Ingat, person: str) -> None:
    ingat.said("users", "protect", person)
    told = ingat.refused("purge", "user", person, "--reason", "asked", "--yes", code="protected_user")
    assert "Nothing was purged; --force overrides it" in told["message"]
    assert ingat.json("purge", "user", person, "--reason", "asked", "--yes", "--force")["complete"]


def test_a_dry_run_says_that_the_purge_is_refused_without_force(ingat: Ingat, person: str) -> None:
    words = ("purge", "user", person, "--reason", "asked", "--dry-run")
    assert "refused without --force" not in ingat(*words).stderr
    ingat.said("users", "protect", person)
    assert "refused without --force: the person is protected (protected)" in ingat(*words).stderr
    told = ingat.json(*words)
    assert (told["needs_force"], told["protected_by"]) == (True, ["protected"])


def test_the_certificate_is_written_into_a_file_that_was_not_there(ingat: Ingat, person: str) -> None:
    file = ingat.folder / "certificate.json"
    file.write_text("kept")
    words = ("purge", "user", person, "--reason", "asked", "--yes", "--output", str(file))
    result = ingat(*words)
    assert (result.exit_code, file.read_text()) == (1, "kept")
    assert there(ingat, person)

    file.unlink()
    ingat.said(*words)

    assert json.loads(file.read_text())["complete"]
    assert file.stat().st_mode & 0o777 == 0o600


def test_no_file_is_left_when_nothing_was_purged(ingat: Ingat) -> None:
    file = ingat.folder / "certificate.json"
    ingat.refused("purge", "user", "nobody", "--reason", "asked", "--yes", "--output", str(file), code="user_not_found")
    assert not file.exists()


def test_a_purge_that_is_not_complete_fails_and_says_what_lacks(ingat: Ingat, person: str) -> None:
    ingat.json("backup", "create")
    (folder,) = ingat.folder.rglob("restore-points")
    (folder.parent / "note.txt").write_text(f"about {person}")

    result = ingat("purge", "user", person, "--reason", "asked", "--yes")

    assert result.exit_code == 1
    assert "note.txt" in result.stdout
    assert "Not complete: see above, and purge again." in result.stdout
