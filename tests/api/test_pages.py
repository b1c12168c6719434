"""Lists over HTTP end early rather than grow large, and nothing is lost between them."""

from __future__ import annotations

from typing import Any

import pytest

from ingat.api import pages
from tests.api.server import Server

ROWS = 25


@pytest.fixture
def tight(monkeypatch: pytest.MonkeyPatch) -> int:
    """Pages of about 4 KiB, read 4 rows at a time; returns the bytes."""
    monkeypatch.setattr(pages, "MOST_BYTES", 4_096)
    monkeypatch.setattr(pages, "ROWS_AT_ONCE", 4)
    return 4_096


@pytest.fixture
def said(server: Server, session: str) -> list[str]:
    """What was said in a session: short and long texts."""
    texts = [f"line {n} " + "long " * (200 * (n % 3)) for n in range(ROWS)]
    server.memory.sessions.append_many(session, [{"role": "user", "content": text} for text in texts])
    return texts


def test_pages_of_a_session_are_bounded_and_go_back_without_a_gap(
    server: Server, session: str, said: list[str], tight: int
) -> None:
    seen: list[str] = []
    before = ""
    while True:
        answer = server.ask("GET", f"/v1/sessions/{session}/messages?limit=1000{before}")
        messages = answer.json["messages"]
        if not messages:
            break
        assert len(answer.body) <= tight + len('{"messages":[]}') + len(messages)
        seen = [each["content"] for each in messages] + seen
        before = f"&before={messages[0]['seq']}"

    assert seen == said


@pytest.mark.parametrize("listed", ["history", "newest", "oldest", "relevance"])
def test_pages_with_a_cursor_are_bounded_and_follow_without_a_gap(
    server: Server, user: str, said: list[str], tight: int, listed: str
) -> None:
    seen: list[str] = []
    cursor = None
    while True:
        if listed == "history":
            more = f"&cursor={cursor}" if cursor else ""
            answer = server.ask("GET", f"/v1/users/{user}/messages?limit=1000{more}")
        else:
            body: dict[str, Any] = {"words": "line", "sort": listed, "limit": 1_000, "cursor": cursor}
            answer = server.ask("POST", f"/v1/users/{user}/search", body)
        page = answer.json
        assert len(answer.body) <= tight + len(cursor or "") + 256
        seen += [each["content"] for each in page["messages"]]
        cursor = page["next"]
        if cursor is None:
            break

    assert sorted(seen) == sorted(said)
    if listed in ("history", "newest"):
        assert seen == said[::-1]


def test_a_page_that_fits_is_as_long_as_was_asked_for(
    server: Server, user: str, session: str, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "ROWS_AT_ONCE", 4)

    newest = server.ask("GET", f"/v1/sessions/{session}/messages?limit=10").json["messages"]
    page = server.ask("GET", f"/v1/users/{user}/messages?limit=10").json

    assert [each["content"] for each in newest] == said[-10:]
    assert [each["content"] for each in page["messages"]] == said[:-11:-1]
    assert page["next"] is not None


def test_a_row_that_is_larger_than_a_page_comes_alone(server: Server, user: str, session: str, tight: int) -> None:
    texts = ["x" * 10_000, "y" * 10_000]
    server.memory.sessions.append_many(session, [{"role": "user", "content": text} for text in texts])

    newest = server.ask("GET", f"/v1/sessions/{session}/messages").json["messages"]
    page = server.ask("GET", f"/v1/users/{user}/messages").json

    assert [each["content"] for each in newest] == texts[1:]
    assert [each["content"] for each in page["messages"]] == texts[1:]


def test_a_recall_keeps_its_best_hits(server: Server, user: str, said: list[str], tight: int) -> None:
    body = {"query": "which line is long?", "top_k": 20, "explain": True}
    bounded = server.ask("POST", f"/v1/users/{user}/recall", body)
    hits = server.memory.recall(user, "which line is long?", 20).hits

    found = [each["source_id"] for each in bounded.json["hits"]]
    assert len(bounded.body) <= tight + 1_024
    assert 0 < len(found) < len(hits)
    assert found == [hit.source_id for hit in hits[: len(found)]]


def test_lines_said_meanwhile_end_a_page_by_relevance_early(
    server: Server, user: str, session: str, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "ROWS_AT_ONCE", 4)
    search = server.memory.search

    def interrupted(*given: Any, **named: Any) -> Any:
        page = search(*given, **named)
        server.memory.sessions.append(session, "user", "one line more")
        return page

    found = pages.by_cursor(interrupted, "messages")(user_id=user, words="line", sort="relevance", limit=20)

    assert found.count(b'"content"') == 4
    assert b'"next":"' in found
