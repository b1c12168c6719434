"""`ingat audit` answers who did it, and how to bring it back; `verify` says what was changed; `prune` asks first."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cli.runner import Ingat
from tests.engine import behind


@pytest.fixture
def erased(ingat: Ingat) -> str:
    """A user who was erased; returns the operation."""
    ingat.said("users", "save", "628111")
    ingat.said("users", "alias", "628111", "budi@example.org")
    made: str = ingat.json("erase", "user", "628111", "--yes", "--reason", "asked for it")["id"]
    return made


def run(ingat: Ingat, sql: str) -> None:
    """Change something behind the back of the program."""
    behind(ingat.url, sql)


def only(ingat: Ingat, *words: str) -> dict[str, Any]:
    (entry,) = ingat.json("audit", *words)["audit"]
    assert isinstance(entry, dict)
    return entry


@pytest.mark.parametrize("name", ["628111", "+62 8111", "budi@example.org"])
def test_it_answers_who_deleted_somebody_and_how_to_bring_them_back(ingat: Ingat, erased: str, name: str) -> None:
    told = ingat.said("audit", "--user", name, COLUMNS="80").splitlines()

    assert len(told) == 4
    for words in ("cli:", "user deleted", "628111", "asked for it"):
        assert words in told[2]
    assert told[3] == f"   1 user · to bring it back: ingat undo {erased}"
    assert all(len(line) <= 80 for line in told)


def test_after_an_undo_it_says_so(ingat: Ingat, erased: str) -> None:
    ingat.said("undo", erased)
    told = ingat.said("audit", "--user", "628111")

    assert "undone: user" in told
    assert f"{erased}, undone" in told
    assert f"ingat undo {erased}" not in told


def test_the_word_list_may_be_left_out(ingat: Ingat, erased: str) -> None:
    assert ingat.json("audit") == ingat.json("audit", "list")
    assert only(ingat, "--action", "erase")["operation_id"] == erased
    assert ingat.json("audit", "--action", "purge") == {"audit": [], "next": None}


def test_filters_before_another_command_are_refused(ingat: Ingat, erased: str) -> None:
    result = ingat("audit", "--user", "628111", "verify")

    assert result.exit_code == 2
    assert "--user belongs behind the word verify, or nowhere" in result.stderr


def test_a_trail_without_entries_says_so(ingat: Ingat) -> None:
    assert ingat.said("audit") == "There is no such entry in the audit trail.\n"


def test_pages_go_on_by_cursor(ingat: Ingat) -> None:
    for name in ("a", "b", "c"):
        ingat.said("users", "save", name, "--role", "admin")
    first = ingat.json("audit", "--limit", "2")
    rest = ingat.json("audit", "--limit", "2", "--cursor", first["next"])

    assert [each["target"] for each in first["audit"] + rest["audit"]] == ["c", "b", "a"]


def test_a_session_is_named_with_its_user(ingat: Ingat) -> None:
    session = ingat.json("sessions", "create", "--user", "ana")["id"]
    operation = ingat.json("erase", "session", session, "--yes")["id"]
    told = ingat.said("audit", COLUMNS="80")

    assert "session deleted" in told
    assert "ana" in told
    assert f"   {session} · 1 session\n   to bring it back: ingat undo {operation}\n" in told


def test_a_narrow_terminal_shows_blocks(ingat: Ingat, erased: str) -> None:
    told = ingat.said("audit", COLUMNS="40")

    assert "whom" in told
    assert "628111" in told


def test_a_purged_person_is_a_pseudonym(ingat: Ingat, erased: str) -> None:
    subject = only(ingat)["subject"]
    run(ingat, "DELETE FROM pseudonym")
    run(ingat, "DELETE FROM audit_text")
    told = ingat.said("audit")

    assert f"{subject} (purged)" in told
    assert "(removed by a purge)" in told
    assert "628111" not in told
    assert "bring it back" not in told


def test_a_key_is_named(ingat: Ingat) -> None:
    key = ingat.json("keys", "create", "--name", "bot")["id"]
    ingat.said("users", "save", "ana", "--role", "admin")
    run(ingat, f"UPDATE audit_entry SET actor = 'key:{key}' WHERE action = 'users.role'")

    assert 'key "bot"' in ingat.said("audit")
    assert only(ingat, "--actor", f"key:{key}")["action"] == "users.role"


def test_verify_says_that_all_is_well(ingat: Ingat, erased: str) -> None:
    assert ingat.said("audit", "verify") == "The audit trail is whole: 1 entry.\n"
    assert ingat.json("audit", "verify") == {"entries": 1, "pruned": 0, "whole": True, "problems": []}


def test_verify_says_what_was_changed_and_fails(ingat: Ingat, erased: str) -> None:
    run(ingat, "UPDATE audit_text SET reason = 'a mistake'")
    result = ingat("audit", "verify")

    assert result.exit_code == 1
    assert "The words of entry 1 (target or reason) were changed." in result.stdout
    assert "Copy the store and its data directory" in result.stderr
    assert ingat("audit", "verify", "--json").exit_code == 1


def test_the_newest_entry_cannot_go_unnoticed(ingat: Ingat, erased: str) -> None:
    ingat.said("users", "save", "ana", "--role", "admin")
    run(ingat, "DELETE FROM audit_entry WHERE seq = 2")
    result = ingat("audit", "verify")

    assert result.exit_code == 1
    assert "Entry 2 is missing." in result.stdout


def test_the_doctor_looks_at_the_trail(ingat: Ingat, erased: str) -> None:
    assert "audit trail" in ingat.said("doctor")
    run(ingat, "UPDATE audit_entry SET actor = 'cli:eve'")
    result = ingat("doctor")

    assert result.exit_code == 1
    assert "`ingat audit verify` says what was changed" in result.stdout.replace("\n", " ")


def test_pruning_needs_a_yes(ingat: Ingat, erased: str) -> None:
    result = ingat("audit", "prune", "2099-01-01")

    assert result.exit_code == 2
    assert "Give --yes" in result.stderr
    assert len(ingat.json("audit")["audit"]) == 1


def test_pruning_keeps_the_newest_and_the_chain(ingat: Ingat, erased: str) -> None:
    ingat.said("users", "save", "ana", "--role", "admin")

    assert ingat.json("audit", "prune", "2099-01-01", "--yes") == {"entries": 1, "first_seq": 2}
    assert ingat.said("audit", "verify") == "The audit trail is whole: 2 entries, 1 before them pruned.\n"
    assert [each["action"] for each in ingat.json("audit")["audit"]] == ["audit.prune", "users.role"]


def test_who_a_restore_of_several_people_touched_is_found_by_each(ingat: Ingat) -> None:
    for name in ("628111", "628222"):
        ingat.said("users", "save", name)
    name = ingat.json("backup", "create")["name"]
    for each in ("628111", "628222"):
        ingat.said("erase", "user", each, "--yes")
    ingat.said("restore", name, "--yes")
    undone = ingat.said("undo")

    assert undone.startswith("Taken away: 2 users\n")
    for each in ("628111", "628222"):
        told = ingat.said("audit", "--user", each)
        assert "undone: restoring" in told
        assert "2 people" in told
        assert "2 users" in told
    assert "Put back: 2 users" in ingat.said("redo")


def test_nobody_of_an_id_is_told_apart_from_somebody_of_whom_nothing_was_entered(ingat: Ingat) -> None:
    ingat.said("users", "save", "628111")

    assert "Nobody of the id 628999 is known" in ingat("audit", "--user", "628999").stderr
    assert ingat("audit", "--user", "628111").stderr == ""


def test_an_action_that_is_never_entered_is_refused(ingat: Ingat) -> None:
    assert "erase, retain" in ingat.refused("audit", "--action", "nonsense", code="invalid_input")["message"]


def test_undoing_a_restore_of_somebody_protected_needs_force(ingat: Ingat) -> None:
    ingat.said("users", "save", "628111")
    ingat.said("users", "protect", "628111")
    name = ingat.json("backup", "create")["name"]
    ingat.said("erase", "user", "628111", "--yes", "--force", "--reason", "a test")
    ingat.said("restore", name, "--yes")

    told = ingat.refused("undo", code="protected_user")["message"]
    assert told.endswith("Nothing was changed; --force undoes it all the same.")
    assert ingat.json("undo", "--force")["taken_away"] == {"user": 1}
