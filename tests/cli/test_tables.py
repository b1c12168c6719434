"""What people see fits the terminal, tells local times, and can be read in a pipe."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator

import pytest

from ingat.cli.recalled import PARTS
from tests.cli.runner import Ingat


@pytest.fixture
def in_jakarta(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Asia/Jakarta")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def session(ingat: Ingat) -> str:
    found: str = ingat.json("sessions", "open", "budi", "--channel", "whatsapp:budi")["id"]
    ingat.said("messages", "append", found, "user", "my [bold] air conditioner rattles", "--at", "1746075600000")
    return found


@pytest.mark.usefixtures("in_jakarta")
def test_times_of_a_list_are_local_and_their_offset_is_told_once(ingat: Ingat, session: str) -> None:
    shown = ingat.said("messages", "list", "--session", session)

    assert "2025-05-01 12:00  user" in shown
    assert shown.count("+07:00") == 1
    assert "time (+07:00)" in shown.splitlines()[0]


@pytest.mark.usefixtures("in_jakarta")
def test_times_of_one_record_are_local_with_their_offset(ingat: Ingat, session: str) -> None:
    assert "2025-05-01 12:00 +07:00" in ingat.said("sessions", "show", session)


@pytest.mark.usefixtures("in_jakarta")
def test_a_recalled_line_tells_when_who_what_and_why(ingat: Ingat, session: str) -> None:
    shown = ingat.said("recall", "budi", "what rattles?").splitlines()

    assert shown[:3] == [
        "1. 2025-05-01 12:00 +07:00  user",
        "   my [bold] air conditioner rattles",
        "   shares rattles with the question",
    ]


def test_explained_parts_add_up_to_the_score(ingat: Ingat, session: str) -> None:
    hit = ingat.json("recall", "budi", "what rattles?", "--explain")["hits"][0]
    shown = ingat.said("recall", "budi", "what rattles?", "--explain")

    assert sum(part["value"] for part in hit["parts"]) == pytest.approx(hit["score"], abs=1e-3)
    assert f"together   {hit['score']:.3f}" in shown


def test_every_part_of_a_score_has_a_word_for_people(ingat: Ingat, session: str) -> None:
    hit = ingat.json("recall", "budi", "what rattles?", "--explain")["hits"][0]

    assert {part["name"] for part in hit["parts"]} <= set(PARTS)


def test_near_misses_are_listed_with_why_not(ingat: Ingat, session: str) -> None:
    ingat.said("remember", "budi", "owns two parrots")
    shown = ingat.said("recall", "budi", "what rattles?", "--explain")

    assert "Not chosen:" in shown
    assert "owns two parrots" in shown


def test_nothing_that_fits_is_said_and_not_counted(ingat: Ingat) -> None:
    result = ingat("recall", "budi", "what rattles?")

    assert "Nothing that is remembered fits" in result.stdout
    assert "0 lines" not in result.stderr


def test_a_long_line_is_cut_for_people_only(ingat: Ingat) -> None:
    text = "rattles" + " very loudly" * 400
    ingat.said("remember", "budi", text)
    shown = ingat.said("recall", "budi", "what rattles?", COLUMNS="1000").splitlines()[1]

    assert shown.endswith("…")
    assert 380 <= len(shown.strip()) <= 400
    assert ingat.json("recall", "budi", "what rattles?")["hits"][0]["text"] == text


def test_a_blank_line_stands_between_hits_and_not_after_them(ingat: Ingat) -> None:
    ingat.said("remember", "budi", "the fan rattles")
    ingat.said("remember", "budi", "the door rattles")
    lines = ingat.said("recall", "budi", "what rattles?").splitlines()

    assert lines.count("") == 1
    assert lines[-1]


def test_a_terminal_gets_no_blanks_at_line_ends_either(ingat: Ingat, session: str) -> None:
    shown = ingat.said("recall", "budi", "what rattles?", "--explain", FORCE_COLOR="1", TERM="xterm")

    assert "\x1b[" in shown
    assert [line for line in re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines() if line.endswith(" ")] == []


@pytest.mark.parametrize("columns", [20, 40, 60, 80, 100])
@pytest.mark.parametrize("words", [["sessions", "list"], ["users", "list"], ["messages", "list", "--user", "budi"]])
def test_tables_fit_the_terminal(ingat: Ingat, session: str, columns: int, words: list[str]) -> None:
    shown = ingat.said(*words, COLUMNS=str(columns))

    assert max(len(line) for line in shown.splitlines()) <= columns
    assert not any(line.endswith(" ") for line in shown.splitlines())


def test_where_the_offset_of_the_clock_changed_each_time_has_its_own(
    ingat: Ingat, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = ingat.json("sessions", "open", "budi")["id"]
    for at in ("2025-01-15T12:00:00Z", "2025-07-15T12:00:00Z"):
        ingat.said("messages", "append", session, "user", "it rattles", "--at", at)
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        shown = ingat.said("messages", "list", "--session", session)
    time.tzset()

    assert "2025-01-15 13:00 +01:00" in shown
    assert "2025-07-15 14:00 +02:00" in shown


@pytest.mark.parametrize("lang", ["en", "id"])
@pytest.mark.parametrize("columns", [80, 120])
def test_words_stay_whole_and_ids_can_be_copied(ingat: Ingat, columns: int, lang: str) -> None:
    session = ingat.json("sessions", "open", "budi", "--channel", "whatsapp:budi", "--name", "Repair of the fridge")[
        "id"
    ]
    ingat.said("messages", "append", session, "user", "it rattles")
    saved = ingat.json("snapshots", "save", "Before the experiment", '{"a": 1}', "--user", "budi")["id"]
    ingat.said("snapshots", "save", "Afterwards", '{"a": 1}', "--auto")
    gone = ingat.json("erase", "session", session, "--yes", "--reason", "asked for by telephone")["id"]
    ingat.said("undo", gone)
    variables = {"COLUMNS": str(columns), "INGAT_LANG": lang}
    sessions, snapshots, operations, jobs = (
        ingat.said(word, "list", **variables) for word in ("sessions", "snapshots", "operations", "jobs")
    )

    for shown, words in [
        (sessions, [session, "whatsapp:budi", "Repair", "fridge"]),
        (snapshots, [saved, "experiment", "Afterwards", "budi"]),
        (operations, [gone, "telephone"]),
        (jobs, ["expire", "measure"]),
    ]:
        assert max(map(len, shown.splitlines())) <= columns
        assert [word for word in words if word not in re.split(r"\s+", shown)] == []
    assert len(snapshots.splitlines()) <= 6


def test_columns_of_numbers_are_set_to_the_right(ingat: Ingat) -> None:
    for _ in range(2):
        ingat.said("snapshots", "save", "a", '{"a": 1}')
    ingat.said("snapshots", "save", "b", json.dumps({"a": "x" * 2_000}))
    heading, _, *rows = ingat.said("snapshots", "list", COLUMNS="80").splitlines()

    edge = heading.index("bytes") + len("bytes")
    assert {row[:edge].split()[-1] for row in rows if not row.startswith("   ")} == {"2,008", "7"}


@pytest.mark.parametrize("columns", ["40", "80", "160"])
def test_yes_and_no_are_words(ingat: Ingat, columns: str) -> None:
    assert re.search(r"^auto_archive_sessions +yes$", ingat.said("retention", "show", COLUMNS=columns), re.MULTILINE)
    assert re.search(
        r"^auto_archive_sessions +ya$", ingat.said("retention", "show", COLUMNS=columns, INGAT_LANG="id"), re.MULTILINE
    )


def test_ids_are_never_cut(ingat: Ingat, session: str) -> None:
    assert session in ingat.said("sessions", "list", COLUMNS="60")
    assert session in ingat.said("sessions", "list", COLUMNS="80")


def test_output_that_is_no_terminal_has_no_colour(ingat: Ingat, session: str) -> None:
    assert "\x1b" not in ingat.said("recall", "budi", "what rattles?", "--explain")


def test_doctor_prints_value_target_and_state(ingat: Ingat, session: str) -> None:
    checks = ingat.json("doctor")["checks"]
    shown = ingat("doctor")

    assert {check["state"] for check in checks} == {"ok"}
    assert {"value", "target", "state"} <= checks[0].keys()
    assert shown.stdout.splitlines()[0].split() == ["check", "value", "target", "state"]
    assert "The store is sound." in shown.stderr


@pytest.mark.parametrize("words", [["messages", "list", "--user", "budi"], ["recall", "budi", "rattles"]])
def test_a_message_cannot_steer_the_terminal(ingat: Ingat, session: str, words: list[str]) -> None:
    ingat.said(
        "messages", "append", session, "user", "it rattles \x1b[2J\x1b]0;mine\x07 again", "--author", "\x1b[1mme"
    )
    shown = ingat.said(*words)

    assert "rattles \ufffd[2J" in shown
    assert not set("\x1b\x07") & set(shown)
