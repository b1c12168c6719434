"""`ingat logs`, and what the commands and the server write into the log of the store."""

from __future__ import annotations

import json
import re
import shlex
import signal
import socket
import subprocess

import httpx
import pexpect
import pytest

from ingat.core.logs import NewLog
from ingat.memory import Memory
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


@pytest.mark.parametrize("columns", ["60", "80", "160"])
def test_an_entry_takes_one_line_with_the_second_and_whom_it_is_about(filled: Ingat, columns: str) -> None:
    hello, slow = filled.said("logs", "list", COLUMNS=columns).splitlines()

    assert re.fullmatch(
        r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d\d:\d\d  info   general · bot  hello  \(user ana\)", hello
    )
    assert slow.endswith('  warn   scanner · api  Scanner is slow  {"seconds":4}')


def test_an_added_entry_is_shown_as_in_a_list(ingat: Ingat) -> None:
    said = ingat.said("logs", "add", "it broke", "--level", "error", "--at", "2026-05-01T12:00:07Z")

    assert re.fullmatch(r"2026-05-01 \d\d:\d\d:07 [+-]\d\d:\d\d  error  general · api  it broke\n", said)


def on_a_terminal(ingat: Ingat, *words: str, columns: int) -> list[str]:
    """Return the lines that a command shows on a terminal of this width."""
    variables = {name: value for name, value in ingat.environment().items() if name != "COLUMNS"}
    shown, code = pexpect.run(
        shlex.join([*PROGRAM, *words]),
        env={**variables, "NO_COLOR": "1", "TZ": "Asia/Jakarta"},
        withexitstatus=True,
        encoding="utf-8",
        dimensions=(50, columns),
        timeout=60,
    )
    assert code == 0, shown
    return [line.rstrip() for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown).splitlines()]


@pytest.mark.parametrize("columns", [80, 120])
def test_on_a_terminal_a_long_entry_goes_on_below_and_the_zone_is_told_once(filled: Ingat, columns: int) -> None:
    message = "The connection to the warehouse was lost while the catalogue was being read; another try follows"
    filled.said("logs", "add", message, "--category", "system", "--data", "attempts=3", "--data", "warehouse=west")
    zone, *lines = on_a_terminal(filled, "logs", "list", columns=columns)

    assert zone == "Times are +07:00."
    assert not any("+07:00" in line for line in lines)
    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  info   system · api  The connection ", lines[0])
    assert lines[1].startswith("    ")
    assert f'{message} {{"attempts": 3, "warehouse": "west"}}' in " ".join(" ".join(lines).split())
    assert max(map(len, lines)) <= columns


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
        ("info", "session", f"Added message to session: {message}"),
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
        ("info", "session", f"Added message to session: {message}"),
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


def test_a_reader_of_a_stream_that_takes_nothing_does_not_hold_up_the_end(ingat: Ingat) -> None:
    filled = [NewLog(message="x" * 4_000) for _ in range(5_000)]
    with serving(ingat) as (server, hello), socket.socket() as reader:
        with Memory(ingat.url, embedder=None) as memory:
            memory.logs.add_many(filled)
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        host, _, port = hello["url"].removeprefix("http://").strip("/").partition(":")
        reader.connect((host, int(port)))
        head = (
            f"GET /v1/logs/stream?after=0 HTTP/1.1\r\nHost: {host}:{port}\r\nAuthorization: Bearer {hello['key']}\r\n"
        )
        reader.sendall(f"{head}\r\n".encode())
        assert reader.recv(64).startswith(b"HTTP/1.1 200")
        post(hello, "v1/sessions", {"user_id": "ana"})  # by then the stream has filled what the connection holds
        code, log = ended(server, signal.SIGTERM)

    assert (code, log) == (0, "")  # the time that open requests have would end it with an error in the log
