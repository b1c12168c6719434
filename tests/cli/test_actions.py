"""Every command that stands for an action does what the action does."""

from __future__ import annotations

from typing import Any

import pytest

from ingat.actions import ACTIONS
from tests.cli.runner import Ingat

WORDS: dict[str, list[str]] = {
    "artifacts list": ["--user", "628111", "--kind", "dataset"],
    "artifacts show": ["{artifact}"],
    "audit list": ["--user", "628111", "--action", "erase"],
    "audit prune": ["2020-01-01", "--yes"],
    "audit verify": [],
    "backup create": ["--reason", "before the move"],
    "backup diff": ["{backup}"],
    "backup list": ["--limit", "5"],
    "backup mirror": [],
    "backup prune": ["--dry-run"],
    "backup restore": ["{backup}", "--user", "628111", "--dry-run"],
    "backup show": ["{backup}"],
    "backup verify": ["{backup}"],
    "chat say": ["628111", "is the air conditioner repaired?"],
    "context": ["628111", "--session", "{session}", "--query", "air conditioner"],
    "doctor": [],
    "erase artifact": ["{artifact}", "--force", "--reason", "asked for", "--dry-run"],
    "erase everything": ["--reason", "a new beginning", "--dry-run"],
    "erase memory": ["628111", "{memory}", "--dry-run"],
    "erase messages": ["{session}", "--message", "{message}", "--dry-run"],
    "erase user": ["628111", "--reason", "asked for", "--dry-run"],
    "erase logs": ["--category", "chat", "--yes"],
    "erase session": ["{session}", "--force", "--dry-run"],
    "erase snapshot": ["{old_snapshot}", "--dry-run"],
    "jobs list": [],
    "jobs run": ["measure"],
    "jobs start": ["retain"],
    "jobs stop": ["retain"],
    "keys create": ["--role", "user", "--user", "628111"],
    "keys list": [],
    "keys revoke": ["{key}"],
    "logs add": ["Scanner executed", "--level", "warn", "--category", "scanner", "--data", "seconds=4"],
    "logs list": ["--min-level", "info", "--search", "session"],
    "logs stats": [],
    "memories edit": ["628111", "{memory}", "--text", "prefers the early morning"],
    "memories list": ["628111", "--kind", "fact", "--ascending"],
    "memories retire": ["628111", "{memory}"],
    "memories show": ["628111", "{memory}"],
    "memories supersede": ["628111", "{memory}", "prefers the evening"],
    "messages append": ["{session}", "assistant", "A technician comes tomorrow", "--metadata", "model=none"],
    "messages history": ["628111"],
    "messages list": ["--session", "{session}"],
    "messages search": ["628111", "rattles", "--sort", "oldest"],
    "messages show": ["628111", "{message}"],
    "operations list": ["--limit", "5"],
    "operations show": ["{operation}"],
    "purge user": ["628111", "--reason", "asked for", "--force", "--yes", "--dry-run"],
    "recall": ["628111", "what rattles?", "--explain", "--kind", "message", "--kind", "fact"],
    "reindex": ["--user", "628111"],
    "remember": ["628111", "has a cat", "--kind", "note", "--message", "{message}"],
    "retention history": [],
    "retention set": ["--max-sessions", "50", "--no-auto-archive-sessions"],
    "retention show": [],
    "sessions archive": ["{session}"],
    "sessions close": ["{session}"],
    "sessions create": ["--user", "628111", "--name", "second"],
    "sessions list": ["--user", "628111", "--state", "active"],
    "sessions open": ["628111", "--channel", "telegram:7"],
    "sessions reopen": ["{closed}"],
    "sessions reset": ["{session}"],
    "sessions show": ["{session}"],
    "sessions unarchive": ["{archived}"],
    "sessions update": ["{session}", "--name", "repair", "--description", ""],
    "snapshots compare": ["{state}", "{state}"],
    "snapshots export": ["{state}"],
    "snapshots import": ['{"name": "taken", "state_data": {"x": 1}}'],
    "snapshots list": ["--user", "628111", "--manual"],
    "snapshots load": ["{state}"],
    "snapshots save": ["before", '{"x": [1, 2]}', "--auto", "--metadata", "by=test"],
    "snapshots show": ["{state}", "--user", "628111"],
    "expire": ["--dry-run"],
    "retain": ["--dry-run"],
    "stats": [],
    "redo": ["{undone}"],
    "undo": ["{operation}"],
    "users alias": ["628111", "telegram:7"],
    "users list": ["--search", "bud", "--protected"],
    "users merge": ["other", "628111"],
    "users protect": ["628111", "--unprotected"],
    "users save": ["628111", "--product", "F57A", "--flags", '{"vip": true}', "--slots", "visits=3"],
    "users show": ["+62 8111"],
    "users unalias": ["628111", "budi@example.org"],
}

ONCE = {"memories retire", "memories supersede", "redo", "sessions reopen", "undo", "users merge", "users unalias"}
"""Commands that are refused the second time."""


@pytest.fixture
def ids(ingat: Ingat) -> dict[str, str]:
    """A store with a little of everything, and the ids of what is in it."""
    ingat.variables["INGAT_BACKUP_MIRROR"] = str(ingat.folder / "second place")
    ingat.said("users", "save", "628111", "--name", "Budi")
    ingat.said("users", "alias", "628111", "budi@example.org")
    ingat.said("users", "protect", "628111")
    ingat.said("users", "save", "other")
    session, closed, archived = (
        ingat.json("sessions", "create", "--user", "628111", "--name", name)["id"] for name in "abc"
    )
    message = ingat.json("messages", "append", session, "user", "The air conditioner rattles at night")["id"]
    ingat.said("sessions", "close", closed)
    ingat.said("sessions", "archive", archived)
    memory = ingat.json("remember", "628111", "prefers mornings", "--subject", "visit time")["id"]
    key = ingat.json("keys", "create")["id"]
    state = ingat.json("snapshots", "save", "kept", "x=1", "--user", "628111")["id"]
    old_snapshot = ingat.json("snapshots", "save", "old", "{}")["id"]
    dataset = ingat.folder / "a.csv"
    dataset.write_text("a,b")
    artifact = ingat.json("artifacts", "save", str(dataset), "--user", "628111", "--kind", "dataset")["id"]
    operation = ingat.json("erase", "session", ingat.json("sessions", "create")["id"], "--yes")["id"]
    undone = ingat.json("undo", ingat.json("erase", "session", ingat.json("sessions", "create")["id"], "--yes")["id"])
    backup = ingat.json("backup", "create")["name"]
    return {
        "backup": backup,
        "session": session,
        "closed": closed,
        "archived": archived,
        "message": message,
        "memory": memory,
        "key": key,
        "state": state,
        "old_snapshot": old_snapshot,
        "artifact": artifact,
        "operation": operation,
        "undone": undone["id"],
    }


def test_the_words_of_every_command_are_tried() -> None:
    assert WORDS.keys() == {action.command for action in ACTIONS if action.streams is None}  # those have their own


@pytest.mark.parametrize("command", sorted(WORDS))
def test_a_command_answers_in_json_and_for_people(ingat: Ingat, ids: dict[str, str], command: str) -> None:
    words = [
        *command.split(),
        *(word.format_map(ids) if word[:1] == "{" and " " not in word else word for word in WORDS[command]),
    ]

    answer = ingat.json(*words)
    action = next(action for action in ACTIONS if action.command == command)
    assert isinstance(answer, dict)
    assert action.wrap is None or action.wrap in answer
    if command not in ONCE:
        assert ingat.said(*words).strip()


def test_flags_come_as_pairs_or_as_json(ingat: Ingat) -> None:
    saved = ingat.json("users", "save", "budi", "--slots", '{"a": {"b": 1}}', "--slots", "c=2", "--slots", "d=x=y")

    assert saved["slots"] == {"a": {"b": 1}, "c": 2, "d": "x=y"}


def test_null_takes_a_key_away(ingat: Ingat) -> None:
    ingat.said("users", "save", "budi", "--slots", "a=1", "--slots", "b=2")

    assert ingat.json("users", "save", "budi", "--slots", "a=null")["slots"] == {"b": 2}


def test_an_empty_value_clears_a_field_and_the_rest_stays(ingat: Ingat) -> None:
    ingat.said("users", "save", "budi", "--name", "Budi", "--product", "F57A")
    saved = ingat.json("users", "save", "budi", "--name", "")

    assert (saved["name"], saved["product"]) == (None, "F57A")


def test_attachments_are_kept_and_recalled(ingat: Ingat) -> None:
    session = ingat.json("sessions", "open", "budi")["id"]
    ingat.said("messages", "append", session, "user", "--attachment", '{"kind": "image", "caption": "a rusty pipe"}')

    assert ingat.json("recall", "budi", "which pipe?")["hits"][0]["text"].endswith("a rusty pipe")


def test_a_time_filter_takes_dates(ingat: Ingat) -> None:
    session = ingat.json("sessions", "open", "budi")["id"]
    for day, text in (("2024-05-01", "the pipe leaks"), ("2025-05-01T12:00+07:00", "the pipe is repaired")):
        ingat.said("messages", "append", session, "user", text, "--at", day)

    found = ingat.json("recall", "budi", "pipe", "--since", "2025-01-01")["hits"]

    assert [hit["text"] for hit in found] == ["the pipe is repaired"]
    assert found[0]["at"] == 1_746_075_600_000


def test_pages_lead_to_the_next(ingat: Ingat) -> None:
    for name in "abc":
        ingat.said("users", "save", name)
    first: Any = ingat.json("users", "list", "--limit", "2")
    second = ingat.json("users", "list", "--limit", "2", "--cursor", first["next"])

    assert [user["user_id"] for user in [*first["users"], *second["users"]]] == ["a", "b", "c"]
    assert second["next"] is None


def test_a_new_key_is_shown_once_and_listed_without_its_secret(ingat: Ingat) -> None:
    made = ingat.json("keys", "create", "--role", "admin")
    listed = ingat.said("keys", "list", "--json")

    assert made["key"].startswith("ingat_")
    assert made["id"] in listed
    assert made["key"] not in listed


def test_what_is_remembered_has_its_vectors_when_the_command_ends(ingat: Ingat) -> None:
    ingat.said("remember", "budi", "has a cat")

    assert ingat.json("stats")["vectors_missing"] == 0
