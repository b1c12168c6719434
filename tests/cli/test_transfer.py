"""`ingat export` writes a file whole or not at all; `ingat import ingat` brings it in, or says what is wrong."""

from __future__ import annotations

import gzip
import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from tests.cli.runner import PROGRAM, Ingat
from tests.engine import store_url


@pytest.fixture
def told(ingat: Ingat) -> Ingat:
    """A store with a user, a session and a message."""
    session = ingat.json("sessions", "open", "628111", "--channel", "web")["id"]
    ingat.said("messages", "append", session, "user", "The boiler leaks")
    return ingat


def other(ingat: Ingat) -> str:
    return store_url(ingat.folder / "other.db")


def test_an_export_to_standard_output_is_the_file_and_nothing_else(told: Ingat) -> None:
    document = json.loads(told.said("export"))

    assert [row["content"] for row in document["messages"]] == ["The boiler leaks"]


def test_an_export_to_a_file_is_for_its_owner_only(told: Ingat) -> None:
    said = told.said("export", "all.json")
    file = told.folder / "all.json"

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_bytes())["counts"]["messages"] == 1
    assert "1 user, 1 session, 1 message" in said
    assert [path.name for path in told.folder.iterdir() if "part" in path.name] == []


def test_an_export_tells_what_it_wrote_as_json(told: Ingat) -> None:
    report = told.json("export", "all.jsonl")

    assert report["counts"]["users"] == 1
    assert report["size_bytes"] == (told.folder / "all.jsonl").stat().st_size


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("a.json", b'{"format"'),
        ("a.jsonl", b'{"kind":"header"'),
        ("a.NDJSON.gz", b'{"kind":"header"'),
        ("a.gz", b'{"format"'),
    ],
)
def test_the_name_of_the_file_says_its_format(told: Ingat, name: str, first: bytes) -> None:
    told.said("export", name)
    raw = (told.folder / name).read_bytes()

    assert (gzip.decompress(raw) if name.endswith("gz") else raw).startswith(first)


def test_an_option_wins_over_the_name(told: Ingat) -> None:
    told.said("export", "a.json", "--format", "jsonl")

    assert (told.folder / "a.json").read_bytes().startswith(b'{"kind":"header"')


def test_a_file_that_is_there_is_written_anew_only_when_forced(told: Ingat) -> None:
    file = told.folder / "all.json"
    file.write_text("mine")
    told.refused("export", "all.json", code="invalid_input")
    assert file.read_text() == "mine"
    told.said("export", "all.json", "--force")

    assert json.loads(file.read_bytes())["counts"]["users"] == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_what_is_no_file_is_not_replaced_even_when_forced(told: Ingat) -> None:
    os.mkfifo(told.folder / "pipe")
    told.refused("export", "pipe", "--force", code="invalid_input")

    assert stat.S_ISFIFO((told.folder / "pipe").stat().st_mode)


def test_an_export_that_fails_leaves_the_file_as_it_was(told: Ingat) -> None:
    file = told.folder / "all.json"
    file.write_text("mine")
    told.refused("export", "all.json", "--force", "--user", "nobody", code="user_not_found")

    assert file.read_text() == "mine"
    assert [path.name for path in told.folder.iterdir() if "part" in path.name] == []


def test_a_file_that_cannot_be_written_is_told(told: Ingat) -> None:
    told.refused("export", "no/such/folder/all.json", code="invalid_file")


def test_an_export_of_one_user_has_that_user_only(told: Ingat) -> None:
    told.said("users", "save", "628222")
    document = json.loads(told.said("export", "--user", "628222", "--no-logs"))

    assert [row["user_id"] for row in document["users"]] == ["628222"]
    assert "logs" not in document


@pytest.mark.parametrize("name", ["all.json", "all.jsonl.gz"])
def test_what_was_exported_is_imported_into_another_store(told: Ingat, name: str) -> None:
    told.said("export", name)
    said = told.said("import", "ingat", name, "--store", other(told))
    found = told.json("messages", "list", "--user", "628111", "--store", other(told))
    again = told.json("import", "ingat", name, "--store", other(told))

    assert "1 message," in said
    assert [each["content"] for each in found["messages"]] == ["The boiler leaks"]
    assert not any(again["imported"].values())


def test_a_dry_run_keeps_nothing(told: Ingat) -> None:
    told.said("export", "all.json")
    said = told.said("import", "ingat", "all.json", "--dry-run", "--store", other(told))

    assert "Nothing was imported" in said
    assert told.json("users", "list", "--store", other(told))["users"] == []


def test_a_file_with_errors_is_told_line_by_line_and_fails(told: Ingat) -> None:
    user = {"user_id": "ana", "role": "king", "created_at": 1, "updated_at": 1}
    (told.folder / "bad.json").write_text(json.dumps({"format": "ingat-export", "version": 1, "users": [user]}))
    result = told("import", "ingat", "bad.json")
    as_json = told("import", "ingat", "bad.json", "--json")

    assert result.exit_code == as_json.exit_code == 1
    assert "users[0]" in result.stdout
    assert json.loads(as_json.stdout)["errors"][0]["code"] == "unknown_role"


@pytest.mark.parametrize("kind", ["ingat", "renata"])
def test_a_file_that_is_no_export_is_refused(told: Ingat, kind: str) -> None:
    (told.folder / "foo.json").write_text('{"foo":1}')

    told.refused("import", kind, "foo.json", code="invalid_file")
    told.refused("import", kind, "missing.json", code="invalid_file")


def test_the_export_of_the_first_program_is_imported(ingat: Ingat) -> None:
    message = {"id": "msg_1", "role": "user", "content": "No gaps", "timestamp": "2025-01-05T09:00:00.000Z"}
    document = {"version": "1.0.0", "sessions": [{"id": "session_1"}], "chat_messages": {"session_1": [message]}}
    (ingat.folder / "renata.json").write_text(json.dumps(document))
    ingat.said("import", "renata", "renata.json")

    assert ingat.json("messages", "list", "--session", "session_1")["messages"][0]["content"] == "No gaps"


def test_a_pipe_from_one_store_to_another(told: Ingat) -> None:
    environment = told.environment()
    export = subprocess.run([*PROGRAM, "export", "--format", "jsonl"], env=environment, capture_output=True, check=True)
    done = subprocess.run(
        [*PROGRAM, "import", "ingat", "-", "--json", "--store", other(told)],
        env=environment,
        input=export.stdout,
        capture_output=True,
        check=True,
    )

    assert json.loads(done.stdout)["imported"]["messages"] == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_told_and_leaves_nothing(told: Ingat, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def full(path: os.PathLike[str] | str, flags: int, mode: int = 0o777) -> int:
        return real("/dev/full", os.O_WRONLY) if str(path).endswith(".part") else real(path, flags, mode)

    monkeypatch.setattr("ingat.cli.transfer.os.open", full)
    error = told.refused("export", "all.json", code="invalid_file")

    assert "No space left" in error["message"]
    assert not (told.folder / "all.json").exists()
