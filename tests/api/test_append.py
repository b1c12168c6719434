"""Appending over HTTP: one message, lists, many clients at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.api.server import Server


def test_64_clients_at_once_lose_nothing_and_keep_one_order(server: Server, session: str) -> None:
    def send(number: int) -> int:
        body = {"role": "user", "content": f"message {number}"}
        return int(server.ask("POST", f"/v1/sessions/{session}/messages", body).json["seq"])

    with ThreadPoolExecutor(64) as pool:
        places = list(pool.map(send, range(256)))

    stored = server.memory.sessions.messages(session, limit=None)
    assert sorted(places) == list(range(1, 257))
    assert {f"message {number}": place for number, place in enumerate(places)} == {
        each.content: each.seq for each in stored
    }


def test_a_list_is_kept_in_its_order(server: Server, session: str) -> None:
    body = [{"role": "user", "content": f"line {number}", "author": "Budi"} for number in range(40)]

    answer = server.ask("POST", f"/v1/sessions/{session}/messages", body)

    assert answer.status == 201
    assert [each["content"] for each in answer.json["messages"]] == [f"line {number}" for number in range(40)]


def test_a_list_with_one_wrong_message_keeps_nothing(server: Server, session: str) -> None:
    body = [{"role": "user", "content": "good"}, {"role": "narrator", "content": "bad"}]

    answer = server.ask("POST", f"/v1/sessions/{session}/messages", body)

    assert (answer.status, answer.code) == (400, "unknown_role")
    assert server.memory.sessions.messages(session) == []


def test_an_empty_list_keeps_nothing(server: Server, session: str) -> None:
    answer = server.ask("POST", f"/v1/sessions/{session}/messages", [])

    assert (answer.status, answer.json) == (200, {"messages": []})


def test_a_large_answer_is_whole(server: Server, session: str) -> None:
    body = [{"role": "user", "content": "x" * 300_000, "metadata": {"n": n}} for n in range(3)]

    answer = server.ask("POST", f"/v1/sessions/{session}/messages", body)

    assert [(each["content"], each["metadata"]) for each in answer.json["messages"]] == [
        (each["content"], each["metadata"]) for each in body
    ]


def test_everything_of_a_message_comes_back(server: Server, session: str) -> None:
    body: dict[str, Any] = {
        "role": "user",
        "content": "Lihat foto ini: 空调坏了 🛠",
        "author": "Budi",
        "attachments": [{"kind": "image", "url": "https://example.org/a.jpg", "caption": "the drip tray"}],
        "metadata": {"wa": {"id": 7}, "empty": None},
        "at": 1_700_000_000_000,
        "id": f"my-{session}",
    }

    sent = server.ask("POST", f"/v1/sessions/{session}/messages", body).json
    (read,) = server.ask("GET", f"/v1/sessions/{session}/messages").json["messages"]

    assert sent == read
    assert {name: read[name] for name in body} == body


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"role": "user", "content": ""}, "empty_content"),
        ({"role": "user", "content": "x" * ((1 << 20) + 1)}, "content_too_long"),
        ({"role": "narrator", "content": "x"}, "unknown_role"),
        ({"role": "user", "content": "a\0b"}, "invalid_text"),
        ({"role": "user", "content": "\ud800"}, "invalid_text"),
        ({"role": "user", "content": "\udc00 x"}, "invalid_text"),
        ({"role": "user", "content": "x", "author": "\ud83d"}, "invalid_text"),
        ({"role": "user", "content": "x", "metadata": {"\ud800": 1}}, "invalid_text"),
        ({"role": "user", "content": "x", "id": "../x"}, "invalid_id"),
        ({"role": "user", "content": "x", "at": -1}, "invalid_input"),
        ({"role": "user", "content": 5}, "invalid_input"),
        ({"content": "x"}, "invalid_input"),
        ({"role": "user", "content": "x", "attachments": [{"colour": "red"}]}, "invalid_input"),
    ],
)
def test_a_wrong_message_gets_its_code_and_is_not_kept(
    server: Server, session: str, body: dict[str, Any], code: str
) -> None:
    for sent in (body, [{"role": "user", "content": "fine"}, body]):
        answer = server.ask("POST", f"/v1/sessions/{session}/messages", sent)

        assert (answer.status, answer.code) == (400, code)
    assert server.memory.sessions.messages(session) == []


@pytest.mark.parametrize(("act", "code"), [("close", "session_closed"), ("archive", "session_archived")])
def test_a_session_that_is_not_active_takes_no_message(server: Server, session: str, act: str, code: str) -> None:
    server.ask("POST", f"/v1/sessions/{session}/{act}")

    answer = server.ask("POST", f"/v1/sessions/{session}/messages", {"role": "user", "content": "x"})

    assert (answer.status, answer.code) == (409, code)


def test_a_blocked_user_is_refused(server: Server, session: str, user: str) -> None:
    server.memory.users.save(user, role="blocked")

    answer = server.ask("POST", f"/v1/sessions/{session}/messages", {"role": "user", "content": "x"})

    assert (answer.status, answer.code) == (403, "user_blocked")
