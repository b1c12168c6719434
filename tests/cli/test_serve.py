"""`ingat serve` as a process: it says where it answers, answers with the key, and ends without loss."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.cli.runner import PROGRAM, Ingat


@contextmanager
def serving(ingat: Ingat, *words: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """Start a server on a free port; it is ended when the test has not done so."""
    server = subprocess.Popen(
        [*PROGRAM, "serve", "--port", "0", "--json", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ingat.environment(),
    )
    try:
        assert server.stdout is not None
        line = server.stdout.readline()
        assert line, server.communicate()[1]
        yield server, json.loads(line)
    finally:
        if server.poll() is None:
            server.kill()
        server.communicate()


def ended(server: subprocess.Popen[str], number: int) -> tuple[int, str]:
    server.send_signal(number)
    _, log = server.communicate(timeout=60)
    return server.returncode, log


def post(hello: dict[str, Any], path: str, body: dict[str, Any]) -> Any:
    answer = httpx.post(hello["url"] + path, json=body, headers={"Authorization": f"Bearer {hello['key']}"})
    assert answer.is_success, answer.text
    return answer.json()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("workers", ["1", "2"])
def test_what_was_acknowledged_is_there_after_the_end(ingat: Ingat, workers: str, number: int) -> None:
    with serving(ingat, "--workers", workers) as (server, hello):
        session = post(hello, "v1/sessions", {"user_id": "budi"})
        post(hello, f"v1/sessions/{session['id']}/messages", {"role": "user", "content": "my dog is called Bruno"})
        code, log = ended(server, number)

    assert (code, log) == (0, "")
    assert ingat.json("recall", "budi", "dog")["hits"][0]["text"] == "my dog is called Bruno"


def test_without_a_key_nothing_is_told(ingat: Ingat) -> None:
    with serving(ingat) as (_, hello):
        assert httpx.get(hello["url"] + "v1/users").status_code == 401
        assert httpx.get(hello["url"] + "healthz").status_code == 200


def test_the_url_with_the_key_signs_a_browser_in(ingat: Ingat) -> None:
    with serving(ingat) as (_, hello), httpx.Client(follow_redirects=True) as browser:
        page = browser.get(hello["sign_in"])

    assert page.status_code == 200
    assert hello["key"] not in str(page.url)


def test_the_key_is_shown_at_the_first_start_only(ingat: Ingat) -> None:
    with serving(ingat) as (_, hello):
        assert hello["sign_in"] == f"{hello['url']}?key={hello['key']}"
    with serving(ingat) as (_, again):
        assert "key" not in again


def test_people_are_told_how_to_get_in(unmade: Ingat) -> None:
    server = subprocess.Popen(
        [*PROGRAM, "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=unmade.environment(),
    )
    assert server.stdout is not None
    said = [server.stdout.readline() for _ in range(5)]
    code, log = ended(server, signal.SIGINT)

    assert code == 0
    assert "?key=ingat_" in said[2]
    assert f"ingat keys create --role admin --store {shlex.quote(unmade.url)}" in said[3]
    first, *_, last = log.splitlines()
    assert first == f"A new store was made: {unmade.url}"
    assert last == "Stopped. Everything that was acknowledged is saved."


def test_a_port_that_is_taken_is_named(ingat: Ingat) -> None:
    with serving(ingat) as (_, hello):
        error = ingat.refused("serve", "--port", str(hello["port"]), code="conflict")

    assert f"Port {hello['port']} " in error["message"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--port", "70000"], "invalid_settings"),
        (["--host", "no.such.host.invalid", "--port", "0"], "invalid_settings"),
        (["--workers", "0"], "invalid_limit"),
        (["--workers", "2", "--store", ":memory:"], "invalid_limit"),
    ],
)
def test_what_cannot_be_served_is_refused(ingat: Ingat, words: list[str], code: str) -> None:
    ingat.refused("serve", *words, code=code)
