"""What every request passes: host names, sizes, rates, time limits, and mistakes of our own."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingat.core.context import Context
from ingat.lifecycle.turn import Answer
from ingat.memory import Memory
from tests.api.server import Server, running
from tests.engine import held_by_another, is_postgres, store_at, store_url


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Server]:
    """A server that takes little: 1 KiB, 0.5 s, and a store that waits 50 ms for another writer."""
    memory = Memory(**store_at(tmp_path / "ingat.db"), embedder="none", busy_timeout_ms=50)
    with running(tmp_path, memory=memory, max_request_bytes=1_024, request_timeout_s=0.5) as server:
        yield server


def _status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "LOCALHOST:8081", "[::1]:8081", "[::1]"])
def test_loopback_names_are_answered(server: Server, host: str) -> None:
    assert server.ask("GET", "/healthz", key=None, headers={"Host": host}).status == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8081", "[::2]", ""])
def test_other_host_names_are_refused(server: Server, host: str) -> None:
    answer = server.raw(f"GET /healthz HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())

    assert _status(answer) == 421
    assert b'"code":"host_not_allowed"' in answer


def test_two_host_names_are_refused(server: Server) -> None:
    answer = server.raw(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n")

    assert _status(answer) in (400, 421)


@pytest.mark.parametrize(
    ("settings", "host"),
    [
        ({"allowed_hosts": ("memory.example",)}, "Memory.Example:443"),
        ({"host": "memory.example"}, "memory.example"),
        ({"allowed_hosts": ("*",)}, "any.example"),
    ],
)
def test_host_names_of_the_settings_are_answered(tmp_path: Path, settings: dict[str, Any], host: str) -> None:
    with running(tmp_path, **settings) as server:
        assert server.ask("GET", "/healthz", key=None, headers={"Host": host}).status == 200


def test_a_body_that_is_announced_too_large_is_refused_unread(small: Server) -> None:
    answer = small.raw(
        b"POST /v1/users HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n"
        b"Authorization: Bearer " + small.service.encode() + b"\r\n\r\n"
    )

    assert _status(answer) == 413
    assert b'"code":"request_too_large"' in answer


def test_a_body_in_chunks_is_refused_where_it_grows_too_large(small: Server) -> None:
    chunk = b"200\r\n" + b"x" * 512 + b"\r\n"
    answer = small.raw(
        b"POST /v1/users HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n"
        b"Authorization: Bearer " + small.service.encode() + b"\r\n\r\n" + chunk * 3
    )

    assert _status(answer) == 413


def test_a_body_in_small_chunks_is_read(small: Server) -> None:
    parts = [b'{"user_id"', b': "in', b'-chunks"}']
    body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    answer = small.raw(
        b"POST /v1/users HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n"
        b"Authorization: Bearer " + small.service.encode() + b"\r\n\r\n" + body
    )

    assert _status(answer) == 201
    assert small.memory.users.get("in-chunks").user_id == "in-chunks"


def test_a_body_of_just_the_limit_is_taken(small: Server) -> None:
    frame = len(b'{"user_id": "u", "name": ""}')

    fits = small.ask("POST", "/v1/users", b'{"user_id": "u", "name": "' + b"x" * (1_024 - frame) + b'"}')
    over = small.ask("POST", "/v1/users", b'{"user_id": "u", "name": "' + b"x" * (1_025 - frame) + b'"}')

    assert (fits.status, over.status) == (201, 413)


def test_a_client_that_stops_sending_is_answered_and_nothing_begun(small: Server) -> None:
    answer = small.raw(
        b"POST /v1/users HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n"
        b"Authorization: Bearer " + small.service.encode() + b'\r\n\r\n{"user_id": '
    )

    assert _status(answer) == 408
    assert b'"begun":false' in answer


def test_a_client_that_goes_away_leaves_the_server_alive(small: Server) -> None:
    with socket.create_connection(("127.0.0.1", small.port)) as connection:
        connection.sendall(
            b"POST /v1/users HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n"
            b"Authorization: Bearer " + small.service.encode() + b'\r\n\r\n{"user_id": '
        )

    assert small.ask("GET", "/v1/users").json["users"] == []


def test_work_that_takes_too_long_is_answered_and_goes_on_behind(tmp_path: Path) -> None:
    memory = Memory(**store_at(tmp_path / "ingat.db"), embedder="none", busy_timeout_ms=20_000)
    with running(tmp_path, memory=memory, request_timeout_s=0.3) as server:
        assert server.ask("GET", "/v1/users").status == 200
        with held_by_another(store_url(tmp_path / "ingat.db")):
            answer = server.ask("POST", "/v1/users", {"user_id": "slow"})

        assert (answer.status, answer.code) == (504, "request_timeout")
        assert answer.json["error"]["details"] == {"begun": True}
        memory.users.save("after")
        assert [each.user_id for each in memory.users.list()] == ["after", "slow"]


def test_a_time_out_leaves_a_session_usable(tmp_path: Path) -> None:
    memory = Memory(**store_at(tmp_path / "ingat.db"), embedder="none", busy_timeout_ms=20_000)
    with running(tmp_path, memory=memory, request_timeout_s=0.3) as server:
        path = f"/v1/sessions/{memory.sessions.create('u').id}/messages"
        assert server.ask("GET", path).status == 200
        with held_by_another(store_url(tmp_path / "ingat.db")):
            late = server.ask("POST", path, {"role": "user", "content": "late"})
        answer = server.ask("POST", path, {"role": "user", "content": "in time"})

        assert (late.status, answer.status) == (504, 201)
        stored = [each["content"] for each in server.ask("GET", path).json["messages"]]
        assert stored in (["in time"], ["late", "in time"])


def test_a_store_that_another_process_holds_answers_busy(small: Server, tmp_path: Path) -> None:
    with held_by_another(store_url(tmp_path / "ingat.db")):
        answer = small.ask("POST", "/v1/users", {"user_id": "x"})

    assert (answer.status, answer.code, answer.headers["retry-after"]) == (503, "store_busy", "1")
    assert small.ask("POST", "/v1/users", {"user_id": "x"}).status == 201


def _on_writer(memory: Memory, pragma: str) -> None:
    memory.store.behind._conn.execute(pragma)  # type: ignore[attr-defined]


def _writable(memory: Memory, *, yes: bool) -> None:
    """Let the database take writes or none from now on."""
    if not is_postgres():
        _on_writer(memory, f"PRAGMA query_only = {'OFF' if yes else 'ON'}")
        return
    writer = memory.store.behind._writer  # type: ignore[attr-defined]
    writer._conn.execute(f"SET default_transaction_read_only = {'off' if yes else 'on'}")


@pytest.mark.sqlite_only("limits the size of the store's file")
def test_a_full_store_says_so_and_can_still_be_read(tmp_path: Path) -> None:
    with running(tmp_path) as full:
        session = full.memory.sessions.create("u").id
        _on_writer(full.memory, "PRAGMA max_page_count = 1")

        answer = full.ask("POST", f"/v1/sessions/{session}/messages", [{"role": "user", "content": "x" * 9_000}] * 100)

        assert (answer.status, answer.code) == (507, "store_full")
        assert full.ask("GET", f"/v1/sessions/{session}/messages").json == {"messages": []}


def test_a_store_that_cannot_be_written_says_so_and_is_not_ready(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        assert server.ask("GET", "/readyz", key=None).json == {"status": "ready"}
        _writable(server.memory, yes=False)

        answer, ready = server.ask("POST", "/v1/users", {"user_id": "x"}), server.ask("GET", "/readyz", key=None)

        assert (answer.status, answer.code) == (503, "store_read_only")
        assert server.ask("GET", "/v1/users").status == 200
        _writable(server.memory, yes=True)
    assert (ready.status, ready.code) == (503, "store_read_only")


def test_a_busy_store_is_ready(small: Server, tmp_path: Path) -> None:
    with held_by_another(store_url(tmp_path / "ingat.db")):
        assert small.ask("GET", "/readyz", key=None).status == 200


def test_a_closed_store_is_alive_but_not_ready(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        server.memory.close()

        alive, ready = server.ask("GET", "/healthz", key=None), server.ask("GET", "/readyz", key=None)

    assert (alive.status, alive.json) == (200, {"status": "ok"})
    assert ready.status == 503


def test_a_key_that_asks_too_often_is_told_when_to_come_back(tmp_path: Path) -> None:
    with running(tmp_path, rate_limit_per_minute=3) as server:
        answers = [server.ask("GET", "/v1/users") for _ in range(4)]

        assert [each.status for each in answers] == [200, 200, 200, 429]
        assert answers[3].code == "rate_limited"
        assert 1 <= int(answers[3].headers["retry-after"]) <= 20
        assert server.ask("GET", "/v1/users", key=server.admin).status == 200


def test_wrong_keys_of_one_address_are_limited_and_right_ones_are_not(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        wrong = [server.ask("GET", "/v1/users", key=f"wrong {n}").status for n in range(60)]

        assert (wrong[0], wrong[-1]) == (401, 429)
        assert server.ask("GET", "/v1/users").status == 200
        assert server.ask("GET", "/v1/users", key=server.admin).status == 200


def test_a_mistake_of_ours_is_logged_without_what_was_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def broken(text: str, context: Context) -> Answer:
        raise RuntimeError(f"cannot answer {text}")

    memory = Memory(**store_at(tmp_path / "ingat.db"), embedder="none", answerer=broken)
    with running(tmp_path, memory=memory) as server:
        answer = server.ask("POST", "/v1/chat", {"user_id": "u", "text": "my pin is 4711"})

    assert (answer.status, answer.code) == (500, "internal_error")
    assert b"4711" not in answer.body
    (entry,) = [vars(record) for record in caplog.records if record.name == "ingat.api"]
    assert (entry["error"], entry["route"]) == ("RuntimeError", "/v1/chat")
    assert entry["log_id"] == answer.json["error"]["details"]["log_id"]
    assert "4711" not in str(entry)


@pytest.mark.parametrize("path", ["/healthz", "/v1/users", "/v1/nothing", "/", "/assets/ingat.css"])
def test_every_answer_carries_the_security_headers(server: Server, path: str) -> None:
    headers = server.ask("GET", path).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "referrer-policy" in headers
    assert "cache-control" in headers


def test_no_other_site_may_read_the_answers(server: Server) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}

    for method in ("OPTIONS", "GET"):
        headers = server.ask(method, "/v1/users", headers=asked).headers
        assert not [name for name in headers if name.startswith("access-control")]


def test_requests_follow_each_other_on_one_connection(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    statuses = []
    for path, key in (("/v1/users", server.service), ("/v1/users", "wrong"), ("/v1/no", server.service), ("/", "")):
        connection.request("GET", path, headers={"Authorization": f"Bearer {key}"} if key else {})
        response = connection.getresponse()
        response.read()
        statuses.append(response.status)
    connection.close()

    assert statuses == [200, 401, 404, 200]


def test_a_request_under_way_at_shutdown_is_answered(tmp_path: Path) -> None:
    with running(tmp_path) as server, socket.create_connection(("127.0.0.1", server.port)) as connection:
        body = b'{"user_id": "last"}'
        connection.sendall(
            b"POST /v1/users HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nExpect: 100-continue\r\n"
            b"Content-Length: %d\r\nAuthorization: Bearer %s\r\n\r\n" % (len(body), server.service.encode())
        )
        assert _status(connection.recv(1_000)) == 100  # the server waits for the body
        server.stop_soon()
        connection.sendall(body)

        assert _status(connection.recv(1_000)) == 201
