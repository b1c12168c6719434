"""`ingat erase` shows what would go, asks, and says how to bring it back; `ingat undo` does."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from ingat.memory import Memory
from tests.cli.runner import PROGRAM, Ingat


@pytest.fixture
def session(ingat: Ingat) -> str:
    """A session of two messages, of Budi."""
    made: str = ingat.json("sessions", "create", "--user", "budi", "--name", "Repair")["id"]
    ingat.said("messages", "append", made, "user", "The pipe leaks")
    ingat.said("messages", "append", made, "user", "It leaks again")
    return made


def there(ingat: Ingat, session: str) -> bool:
    return ingat("sessions", "show", session).exit_code == 0


def test_a_dry_run_says_what_would_go(ingat: Ingat, session: str) -> None:
    said = ingat.said("erase", "session", session, "--dry-run")

    assert said == "Would be deleted: 1 session, 2 messages. Nothing was deleted.\n"
    assert there(ingat, session)


def test_with_yes_it_goes_and_the_way_back_is_told(ingat: Ingat, session: str) -> None:
    result = ingat("erase", "session", session, "--yes", "--reason", "asked for")
    (operation,) = ingat.json("operations", "list")["operations"]

    assert result.exit_code == 0
    assert not there(ingat, session)
    assert f"To bring it back: ingat undo {operation['id']}" in result.stderr
    assert (operation["reason"], operation["counts"]) == ("asked for", {"session": 1, "message": 2})
    assert operation["actor"].startswith("cli:")


def test_undo_asks_nothing_and_brings_it_back(ingat: Ingat, session: str) -> None:
    operation = ingat.json("erase", "session", session, "--yes")["id"]

    undone = ingat.json("undo", operation)

    assert undone["undone_by"].startswith("cli:")
    assert len(ingat.json("messages", "list", "--session", session)["messages"]) == 2
    assert ingat.json("recall", "budi", "what leaks?")["hits"]
    assert ingat.refused("undo", operation, code="conflict")["details"]["undone_at"] == undone["undone_at"]


def test_undo_without_an_id_brings_back_what_was_erased_last(ingat: Ingat, session: str) -> None:
    ingat.json("logs", "add", "x")
    first = ingat.json("erase", "session", session, "--yes")["id"]
    second = ingat.json("erase", "logs", "--yes")["id"]

    assert [ingat.json("undo")["id"], ingat.json("undo")["id"]] == [second, first]
    assert there(ingat, session)
    ingat.refused("undo", code="operation_not_found")


def test_without_a_terminal_and_without_yes_it_is_refused(ingat: Ingat, session: str) -> None:
    result = ingat("erase", "session", session)

    assert result.exit_code == 2
    assert "Give --yes to delete, or --dry-run" in result.stderr
    ingat.refused("erase", "session", session, code="usage", exit_code=2)
    assert there(ingat, session)


def asked(ingat: Ingat, *words: str, typed: str) -> subprocess.CompletedProcess[str]:
    """Run a command whose questions are answered on a terminal, and return what it said."""
    keyboard, terminal = os.openpty()
    os.write(keyboard, typed.encode())
    try:
        return subprocess.run(
            [*PROGRAM, *words],
            stdin=terminal,
            capture_output=True,
            text=True,
            env=ingat.environment(),
            timeout=60,
            check=False,
        )
    finally:
        os.close(keyboard)
        os.close(terminal)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such terminals")
@pytest.mark.parametrize(("typed", "gone"), [("y\n", True), ("n\n", False), ("\n", False)], ids=["yes", "no", "enter"])
def test_on_a_terminal_it_asks(ingat: Ingat, session: str, typed: str, gone: bool) -> None:
    done = asked(ingat, "erase", "session", session, typed=typed)

    assert "Repair · budi" in done.stderr
    assert "1 session, 2 messages" in done.stderr
    assert "Delete it? A restore point is made first. [y/N]" in done.stderr
    assert there(ingat, session) is not gone
    assert (done.returncode, "Nothing was deleted." in done.stderr) == ((0, False) if gone else (1, True))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such terminals")
def test_the_question_before_log_entries_go_is_in_words(ingat: Ingat) -> None:
    for number in range(2):
        ingat.said("logs", "add", f"entry {number}", "--category", "mine")
    filters = ["--category", "mine", "--until", "2099-06-01T00:00:00"]
    done = asked(ingat, "erase", "logs", *filters, typed="y\n")

    assert re.search(r"category mine, until 2099-06-01 00:00:00 [+-]\d\d:\d\d: 2 log entries", done.stderr)
    assert "Delete them? A restore point is made first." in done.stderr
    assert re.search(r"what +log entries, category mine, until 2099-06-01 00:00:00 ", done.stdout)
    assert not set("{}") & set(done.stdout + done.stderr)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such terminals")
def test_the_question_before_all_log_entries_go_says_so(ingat: Ingat) -> None:
    ingat.said("logs", "add", "entry")
    done = asked(ingat, "erase", "logs", typed="n\n")

    assert "all log entries: 1 log entry" in done.stderr
    assert "Delete it?" in done.stderr


def test_what_is_not_there_is_refused_before_anybody_is_asked(ingat: Ingat) -> None:
    ingat.refused("erase", "session", "ghost", code="session_not_found")
    ingat.refused("erase", "snapshot", "ghost", code="snapshot_not_found")
    ingat.refused("undo", "ghost", code="operation_not_found")


def test_a_protected_user_needs_force(ingat: Ingat, session: str) -> None:
    ingat.said("users", "protect", "budi")

    error = ingat.refused("erase", "session", session, "--yes", code="protected_user")
    assert "--force" in error["message"]
    assert (
        ingat.json("erase", "session", session, "--yes", "--force", "--reason", "asked for")["counts"]["message"] == 2
    )


def test_log_entries_go_by_filter(ingat: Ingat) -> None:
    with Memory(ingat.url, embedder=None) as memory:
        memory.logs.add("something happened", level="info", category="mine")
        memory.logs.add("something happened", level="error", category="mine")

    assert ingat.said("erase", "logs", "--category", "mine", "--level", "error", "--dry-run").startswith(
        "Would be deleted: 1 log entry."
    )
    assert ingat.json("erase", "logs", "--category", "mine", "--level", "error", "--yes")["counts"] == {"log": 1}
    with Memory(ingat.url, embedder=None) as memory:
        assert [entry.level for entry in memory.logs.list(category="mine")] == ["info"]


def test_where_nothing_fits_nobody_is_asked(ingat: Ingat) -> None:
    assert ingat.said("erase", "logs", "--category", "ghost") == "There is nothing to delete.\n"
    assert ingat.json("operations", "list")["operations"] == []


def test_a_snapshot_goes_and_comes_back(ingat: Ingat) -> None:
    snapshot = ingat.json("snapshots", "save", "desk", '{"a": 1}')["id"]
    operation = ingat.json("erase", "snapshot", snapshot, "--yes")

    assert operation["counts"] == {"snapshot": 1}
    ingat.said("undo", operation["id"])
    assert ingat.json("snapshots", "show", snapshot)["state"] == {"a": 1}


def test_operations_are_listed_for_people(ingat: Ingat, session: str) -> None:
    assert "Nothing was deleted yet." in ingat.said("operations", "list")
    operation = ingat.json("erase", "session", session, "--yes", "--reason", "asked for")["id"]
    ingat.said("undo", operation)

    said = ingat.said("operations", "list", COLUMNS="240")
    assert "1 session, 2 messages" in said
    assert "asked for" in said
    assert "undone" in said
    assert operation in ingat.said("operations", "show", operation)


def test_an_operation_is_shown_in_words(ingat: Ingat, session: str) -> None:
    operation = ingat.json("erase", "session", session, "--yes")["id"]
    shown = ingat.said("operations", "show", operation)

    assert re.search(rf"^what +session {session}$", shown, re.MULTILINE)
    assert re.search(r"^deleted +1 session, 2 messages$", shown, re.MULTILINE)
    assert "dry_run" not in shown
    assert not set("{}") & set(shown)


def test_what_retention_took_has_its_reason_in_the_readers_language(ingat: Ingat) -> None:
    ingat.said("logs", "add", "old", "--at", "2020-01-01T00:00:00Z")
    (operation,) = ingat.json("retain")["operations"]

    assert re.search(r"^why +the retention policy$", ingat.said("operations", "show", operation), re.MULTILINE)
    assert "kebijakan retensi" in ingat.said("operations", "show", operation, INGAT_LANG="id")


# -- people, and parts of what they said ---------------------------------------------------------------------------


@pytest.fixture
def budi(ingat: Ingat, session: str) -> str:
    """Budi, with a name and a product."""
    ingat.said("users", "save", "budi", "--name", "Budi Santoso", "--product", "F57A")
    return "budi"


def users(ingat: Ingat) -> list[str]:
    return [user["user_id"] for user in ingat.json("users", "list")["users"]]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such terminals")
@pytest.mark.parametrize(("typed", "gone"), [("y\n", True), ("n\n", False)], ids=["yes", "no"])
def test_before_a_user_goes_it_shows_who_it_is(ingat: Ingat, budi: str, typed: str, gone: bool) -> None:
    done = asked(ingat, "erase", "user", budi, typed=typed)

    for line in ("user: budi", "name: Budi Santoso", "product: F57A", "created: 2", "1 user, 1 session, 2 messages"):
        assert line in done.stderr
    assert "Delete this user with everything that is theirs? A restore point is made first. [y/N]" in done.stderr
    assert (users(ingat) == []) is gone


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such terminals")
def test_a_protected_user_is_refused_before_anybody_is_asked(ingat: Ingat, budi: str) -> None:
    ingat.said("users", "save", budi, "--flags", "sop_pending=true")

    done = asked(ingat, "erase", "user", budi, typed="y\n")
    assert "Protected (flags.sop_pending)" in done.stderr
    assert "--force with --reason" in done.stderr
    assert "[y/N]" not in done.stderr
    done = asked(ingat, "erase", "user", budi, "--force", typed="y\n")
    assert "--force needs a reason" in done.stderr
    assert users(ingat) == ["budi"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such terminals")
def test_with_force_it_warns_and_asks(ingat: Ingat, budi: str) -> None:
    ingat.said("users", "protect", budi)

    done = asked(ingat, "erase", "user", budi, "--force", "--reason", "asked for by Budi", typed="y\n")

    assert "Protected: protected." in done.stderr
    assert users(ingat) == []


def test_a_user_goes_with_yes_and_comes_back(ingat: Ingat, budi: str) -> None:
    operation = ingat.json("erase", "user", budi, "--yes", "--reason", "test user")

    assert (operation["scope"], operation["target"], operation["counts"]["message"]) == ("user", "budi", 2)
    assert users(ingat) == []
    assert re.search(r"^what +user budi$", ingat.said("operations", "show", operation["id"]), re.MULTILINE)
    ingat.json("undo", operation["id"])
    assert users(ingat) == ["budi"]


def test_a_dry_run_tells_of_the_protection(ingat: Ingat, budi: str) -> None:
    ingat.said("users", "protect", budi)
    result = ingat("erase", "user", budi, "--dry-run")

    assert result.stdout == "Would be deleted: 1 user, 1 session, 2 messages. Nothing was deleted.\n"
    assert "Protected (protected): it needs --force and --reason." in result.stderr
    assert users(ingat) == ["budi"]


def test_messages_go_by_id_and_by_time(ingat: Ingat, session: str) -> None:
    first = ingat.json("messages", "list", "--session", session)["messages"][0]["id"]

    assert ingat.json("erase", "messages", session, "--message", first, "--yes")["counts"] == {"message": 1}
    assert ingat.json("erase", "messages", session, "--until", "2000-01-01", "--yes")["counts"] == {}
    assert ingat.json("erase", "messages", session, "--since", "2000-01-01", "--yes")["counts"] == {"message": 1}
    error = ingat.refused("erase", "messages", session, "--yes", code="invalid_input")
    assert "--message, or by --since and --until" in error["message"]


def test_a_memory_goes(ingat: Ingat) -> None:
    memory = ingat.json("remember", "budi", "prefers mornings")["id"]

    assert ingat.json("erase", "memory", "budi", memory, "--yes")["counts"] == {"memory": 1}
    ingat.refused("erase", "memory", "budi", memory, "--yes", code="memory_not_found")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such terminals")
@pytest.mark.parametrize(
    ("typed", "gone"),
    [("YES\n", True), ("yes\n", False), ("y\n", False), ("\n", False)],
    ids=["YES", "yes", "y", "enter"],
)
def test_everything_wants_exactly_yes(ingat: Ingat, budi: str, typed: str, gone: bool) -> None:
    done = asked(ingat, "erase", "everything", "--reason", "a new beginning", typed=typed)

    assert "everything: 1 user, 1 session, 2 messages" in done.stderr
    assert "Type YES to go on" in done.stderr
    assert (users(ingat) == []) is gone
    assert (done.returncode, "Nothing was deleted." in done.stderr) == ((0, False) if gone else (1, True))


def test_everything_needs_a_reason(ingat: Ingat, budi: str) -> None:
    error = ingat.refused("erase", "everything", "--yes", code="invalid_input")

    assert "--reason" in error["message"]
    assert users(ingat) == ["budi"]
    assert ingat.json("erase", "everything", "--yes", "--reason", "a new beginning")["counts"]["user"] == 1
