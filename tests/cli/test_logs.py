"""`ingat logs`, and what the commands and the server write into the log of the store."""

from __future__ import annotations

import json
import signal
import subprocess

import httpx
import pytest

from tests.cli.runner import PROGRAM, Ingat
from tests.cli.test_serve import ended, post, serving


@pytest.fixture
def filled(ingat: Ingat) -> Ingat:
    ingat.said("logs", "add", "Scanner is slow", "--level", "warn", "--category", "scanner", "--data", "seconds=4")
    ingat.said("logs", "add", "hello", "--source", "bot", "--user", "ana")
    return ingat


def test_entries_are_listed_readably(filled: Ingat) -> None:
    said = filled.said("logs", "list")

    assert said.index("hello") < said.index("Scanner is slow")
    assert '{"seconds":4}' in said
    assert "warn" in said


def test_the_list_takes_filters(filled: Ingat) -> None:
    assert [row["message"] for row in filled.json("logs", "list", "--min-level", "warn")["logs"]] == ["Scanner is slow"]
    assert filled.json("logs", "list", "--level", "error")["logs"] == []
    assert "There are no log entries." in filled.said("logs", "list", "--level", "error")


def test_statistics_are_shown(filled: Ingat) -> None:
    said = filled.said("logs", "stats")

    assert [line.split() for line in said.splitlines()[:3]] == [["entries", "2"], ["info", "1"], ["warn", "1"]]
    assert filled.json("logs", "stats")["by_category"] == {"general": 1, "scanner": 1}


def test_a_wrong_level_is_refused(ingat: Ingat) -> None:
    assert ingat("logs", "add", "x", "--level", "loud").exit_code == 2


def test_follow_prints_what_is_there_and_what_comes(filled: Ingat) -> None:
    follower = subprocess.Popen(
        [*PROGRAM, "logs", "follow", "--json", "--min-level", "warn", "--lines", "5"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=filled.environment(),
    )
    try:
        assert follower.stdout is not None
        assert json.loads(follower.stdout.readline())["message"] == "Scanner is slow"
        filled.said("logs", "add", "not this one")
        filled.said("logs", "add", "it broke", "--level", "error")
        assert json.loads(follower.stdout.readline())["message"] == "it broke"
        follower.send_signal(signal.SIGINT)
        _, log = follower.communicate(timeout=60)
    finally:
        follower.kill()
        follower.communicate()

    assert (follower.returncode, log) == (0, "")


def _stored(ingat: Ingat, *words: str) -> list[tuple[str, str, str]]:
    rows = ingat.json("logs", "list", *words)["logs"]
    return [(row["level"], row["category"], row["message"]) for row in reversed(rows)]


def test_commands_write_what_they_report(ingat: Ingat) -> None:
    session = ingat.json("sessions", "open", "ana")["id"]
    message = ingat.json("messages", "append", session, "user", "my fan rattles")["id"]
    ingat.said("recall", "ana", "fan")

    assert _stored(ingat) == [
        ("info", "session", f"Session created: {session}"),
        ("info", "chat", f"Added message to session: {message}"),
        ("info", "recall", "Recalled 1 memories"),
    ]


@pytest.mark.parametrize("level", ["warn", "off"])
def test_a_higher_level_writes_less(ingat: Ingat, level: str) -> None:
    ingat.said("sessions", "open", "ana", INGAT_LOG_LEVEL=level)

    assert _stored(ingat) == []


def test_messages_are_noted_when_it_is_set(ingat: Ingat) -> None:
    session = ingat.json("sessions", "open", "ana")["id"]
    ingat.said(
        "messages", "append", session, "user", "my fan rattles", INGAT_LOG_MESSAGES="true", INGAT_LOG_LEVEL="off"
    )

    assert _stored(ingat)[1:] == [("info", "chat", "user message sent")]


@pytest.mark.parametrize(("variable", "value"), [("INGAT_LOG_LEVEL", "loud"), ("INGAT_LOG_MESSAGES", "often")])
def test_a_wrong_setting_is_refused_by_its_name(ingat: Ingat, variable: str, value: str) -> None:
    result = ingat("stats", **{variable: value})

    assert result.exit_code == 1
    assert variable in result.stderr


def test_workers_write_what_they_report(ingat: Ingat) -> None:
    with serving(ingat, "--workers", "2") as (server, hello):
        session = post(hello, "v1/sessions", {"user_id": "ana"})["id"]
        message = post(hello, f"v1/sessions/{session}/messages", {"role": "user", "content": "my fan rattles"})["id"]
        _, log = ended(server, signal.SIGTERM)

    told = _stored(ingat, "--session", session)
    assert sorted(told) == [
        ("info", "chat", f"Added message to session: {message}"),
        ("info", "session", f"Session created: {session}"),
    ]
    assert log == ""


def test_with_debug_the_server_tells_of_requests_on_standard_error(ingat: Ingat) -> None:
    ingat.variables["INGAT_LOG_LEVEL"] = "debug"
    with serving(ingat) as (server, hello):
        session = post(hello, "v1/sessions", {"user_id": "ana"})["id"]
        _, log = ended(server, signal.SIGTERM)

    assert f"Session created: {session}" in log
    assert ("info", "session", f"Session created: {session}") in _stored(ingat, "--session", session)


def test_a_server_with_a_stream_open_ends_at_once(ingat: Ingat) -> None:
    with serving(ingat, "--workers", "2") as (server, hello):
        headers = {"Authorization": f"Bearer {hello['key']}"}
        with httpx.stream("GET", hello["url"] + "v1/logs/stream", headers=headers, timeout=60) as answer:
            lines = answer.iter_lines()
            assert next(lines) == "retry: 2000"
            server.send_signal(signal.SIGTERM)
            rest = list(lines)
        code, log = ended(server, signal.SIGTERM)

    assert rest[-1] == ""
    assert (code, log) == (0, "")
