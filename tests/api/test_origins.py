"""Pages of other origins get in where the setting names them, and with a key only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.server import Answer, Server, running

PAGE = "http://localhost:5665"
ASKED = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Server]:
    """A server that pages of one origin may use."""
    with running(tmp_path, allowed_origins=(PAGE,)) as server:
        yield server


def _preflight(server: Server, origin: str) -> Answer:
    return server.ask("OPTIONS", "/api/memory", key=None, headers={"Origin": origin, **ASKED})


def test_a_page_of_a_named_origin_may_ask_with_a_key(opened: Server) -> None:
    answer = _preflight(opened, PAGE)

    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert "authorization" in answer.headers["access-control-allow-headers"].lower()
    assert {"GET", "POST", "DELETE"} <= set(answer.headers["access-control-allow-methods"].split(", "))


@pytest.mark.parametrize("origin", ["http://localhost:5666", "https://localhost:5665", "http://evil.example", "null"])
def test_a_page_of_another_origin_may_not(opened: Server, origin: str) -> None:
    answer = _preflight(opened, origin)
    read = opened.ask("GET", "/api/memory?action=sessions", headers={"Origin": origin})

    assert answer.status == 400
    assert "access-control-allow-origin" not in {**answer.headers, **read.headers}


def test_answers_and_errors_can_be_read_by_the_page(opened: Server) -> None:
    done = opened.ask("POST", "/api/memory", {"action": "create_session", "name": "x"}, headers={"Origin": PAGE})
    refused = opened.ask("GET", "/api/memory?action=session", headers={"Origin": PAGE})

    assert (done.status, refused.status) == (200, 400)
    assert done.headers["access-control-allow-origin"] == refused.headers["access-control-allow-origin"] == PAGE


def test_the_cookie_of_a_signed_in_browser_is_not_for_other_origins(opened: Server) -> None:
    cookie = opened.ask("GET", f"/?key={opened.service}", key=None).headers["set-cookie"].partition(";")[0]

    answer = opened.ask("GET", "/api/memory?action=sessions", key=None, headers={"Origin": PAGE, "Cookie": cookie})

    assert "access-control-allow-credentials" not in answer.headers


def test_without_the_setting_no_other_origin_gets_in(server: Server) -> None:
    answer = _preflight(server, PAGE)
    read = server.ask("GET", "/api/memory?action=sessions", headers={"Origin": PAGE})

    assert answer.status == 401
    assert "access-control-allow-origin" not in {**answer.headers, **read.headers}
