"""Exports and imports over HTTP: streamed, bounded, and kept to whose key it is."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from ingat.lifecycle import outgoing, transfer
from ingat.memory import Memory
from tests.api.server import Answer, Server, running
from tests.engine import store_at

LINES = {"Content-Type": "application/x-ndjson"}
JSON = {"Content-Type": "application/json"}


def told(server: Server, user: str, text: str = "The boiler leaks") -> str:
    session = server.memory.sessions.open(user, "web")
    server.memory.sessions.append(session.id, "user", text)
    return session.id


def export_of(server: Server, user: str, form: str = "json", **options: Any) -> Answer:
    return server.ask("GET", f"/v1/export?user_id={user}&format={form}", **options)


@pytest.fixture
def file(tmp_path: Path) -> bytes:
    """The export of a user with one message."""
    with Memory(**store_at(tmp_path / "other.db"), embedder="none") as memory:
        session = memory.sessions.open("bea", "web")
        memory.sessions.append(session.id, "user", "The boiler leaks")
        pieces: list[bytes] = []
        memory.export(pieces.append, format="jsonl")
    return b"".join(pieces)


def test_an_export_is_a_download(server: Server, user: str) -> None:
    told(server, user)
    answer = export_of(server, user)

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"] == 'attachment; filename="ingat-export.json"'
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert answer.headers["cache-control"] == "no-store"
    assert [row["content"] for row in answer.json["messages"]] == ["The boiler leaks"]


def test_an_export_as_lines_has_its_own_media_type(server: Server, user: str) -> None:
    answer = export_of(server, user, "jsonl")

    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["content-disposition"].endswith('.jsonl"')
    assert json.loads(answer.body.splitlines()[-1])["kind"] == "end"


def test_a_head_request_gets_no_body(server: Server, user: str) -> None:
    answer = server.ask("HEAD", f"/v1/export?user_id={user}")

    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


def test_a_large_export_comes_whole(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        server.memory.sessions.create("ana", id="talk")
        server.memory.sessions.append_many("talk", [{"role": "user", "content": "x" * 5_000}] * 1_000)
        answer = export_of(server, "ana")

    assert len(answer.json["messages"]) == 1_000


def test_a_key_of_a_user_exports_that_user_only(server: Server, new_user: Callable[[], str]) -> None:
    mine, other = new_user(), new_user()
    told(server, other)
    key = server.user_key(mine)
    answer = server.ask("GET", "/v1/export", key=key)

    assert answer.json["user_id"] == mine
    assert [row["user_id"] for row in answer.json["users"]] == [mine]
    assert answer.json["messages"] == []
    assert export_of(server, other, key=key).status == 403


def test_a_key_of_a_user_imports_nothing(server: Server, user: str, file: bytes) -> None:
    answer = server.ask("POST", "/v1/import", file, key=server.user_key(user), headers=LINES)

    assert (answer.status, answer.code) == (403, "forbidden")


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/export"), ("POST", "/v1/import")])
def test_nobody_comes_in_without_a_key(server: Server, method: str, path: str) -> None:
    assert server.ask(method, path, key=None).status == 401


@pytest.mark.parametrize(
    "query",
    ["format=xml", "user_id=nobody", "include_logs=maybe", "limit=1"],
    ids=["format", "user", "flag", "unknown"],
)
def test_a_wrong_argument_of_an_export_gets_an_error_and_no_file(server: Server, query: str) -> None:
    answer = server.ask("GET", f"/v1/export?{query}")

    assert answer.status in (400, 404)
    assert "content-disposition" not in answer.headers


@pytest.mark.parametrize(
    ("pack", "headers"),
    [
        (bytes, LINES),
        (bytes, JSON),
        (gzip.compress, LINES | {"Content-Encoding": "gzip"}),
        (gzip.compress, LINES),
    ],
    ids=["lines", "json", "packed", "packed-unsaid"],
)
def test_a_file_is_imported(
    tmp_path: Path, file: bytes, pack: Callable[[bytes], bytes], headers: dict[str, str]
) -> None:
    with running(tmp_path) as server:
        tried = server.ask("POST", "/v1/import?dry_run=true", pack(file), headers=headers)
        assert server.memory.stats().users.total == 0
        answer = server.ask("POST", "/v1/import", pack(file), headers=headers)
        again = server.ask("POST", "/v1/import", pack(file), headers=headers)

        assert (answer.status, answer.json["imported"]["messages"]) == (200, 1)
        assert tried.json == {**answer.json, "dry_run": True}
        assert not any(again.json["imported"].values())
        assert server.memory.recall("bea", "boiler").hits


def test_what_one_server_exports_another_imports(tmp_path: Path, server: Server, user: str) -> None:
    told(server, user, "A rare word: xylophone")
    file = export_of(server, user, "jsonl").body
    with running(tmp_path) as other:
        other.ask("POST", "/v1/import", file, headers=LINES)

        assert export_of(other, user).json["messages"] == export_of(server, user).json["messages"]


def test_a_file_with_errors_is_refused_and_the_errors_are_told(tmp_path: Path) -> None:
    user = {"user_id": "ana", "role": "king", "created_at": 1, "updated_at": 1}
    with running(tmp_path) as server:
        answer = server.ask("POST", "/v1/import", {"format": "ingat-export", "version": 1, "users": [user]})
        tried = server.ask("POST", "/v1/import?dry_run=true", {"format": "ingat-export", "version": 1, "users": [user]})

        assert (answer.status, answer.code) == (400, "invalid_file")
        assert answer.json["error"]["details"]["errors"][0]["id"] == "users[0]"
        assert (tried.status, tried.json["errors"][0]["code"]) == (200, "unknown_role")
        assert server.memory.stats().users.total == 0


@pytest.mark.parametrize(
    ("body", "headers", "code"),
    [
        (b'{"foo":1}', JSON, "invalid_file"),
        (b"", JSON, "invalid_file"),
        (b"{}", {"Content-Type": "text/html"}, "invalid_input"),
        (b"{}", JSON | {"Content-Encoding": "br"}, "invalid_input"),
        (b"{}", JSON | {"Content-Encoding": "gzip"}, "invalid_input"),
        (gzip.compress(b"{}")[:-9], JSON | {"Content-Encoding": "gzip"}, "invalid_file"),
    ],
    ids=["foo", "empty", "html", "brotli", "not-packed", "cut"],
)
def test_a_body_that_is_no_export_is_refused(server: Server, body: bytes, headers: dict[str, str], code: str) -> None:
    answer = server.ask("POST", "/v1/import", body, headers=headers)

    assert (answer.status, answer.code) == (400, code)


def test_a_file_above_the_limit_is_refused_packed_or_not(tmp_path: Path, file: bytes) -> None:
    padded = file[: file.index(b"\n") + 1] + b"\n" * 20_000 + file[file.index(b"\n") + 1 :]
    with running(tmp_path, max_import_bytes=10_000) as server:
        for body in (padded, gzip.compress(padded)):
            answer = server.ask("POST", "/v1/import", body, headers=LINES)
            assert (answer.status, answer.code) == (413, "request_too_large")

        assert server.memory.stats().users.total == 0
        assert server.ask("POST", "/v1/import", file, headers=LINES).status == 200


def test_a_file_that_comes_in_chunks_is_bounded_too(tmp_path: Path) -> None:
    head = b"POST /v1/import HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n"
    with running(tmp_path, max_import_bytes=10_000) as server:
        access = f"Authorization: Bearer {server.service}\r\n\r\n".encode()
        answer = server.raw(head + access + (b"1000\r\n" + b"x" * 4096 + b"\r\n") * 4 + b"0\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 413")


def test_files_larger_than_other_requests_may_be_are_taken(tmp_path: Path, file: bytes) -> None:
    padded = file[: file.index(b"\n") + 1] + b"\n" * 50_000 + file[file.index(b"\n") + 1 :]
    with running(tmp_path, max_request_bytes=1_024) as server:
        assert server.ask("POST", "/v1/import", padded, headers=LINES).status == 200


def test_files_may_take_longer_than_other_requests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tmp_path, request_timeout_s=0.1, transfer_timeout_s=60) as server:
        told(server, "ana")
        _slow(monkeypatch, 0.5)

        assert export_of(server, "ana").status == 200


def test_a_file_that_takes_too_long_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tmp_path, transfer_timeout_s=0.1) as server:
        told(server, "ana")
        _slow(monkeypatch, 0.5)
        answer = export_of(server, "ana")

        assert (answer.status, answer.code) == (504, "request_timeout")
        assert "0.1 s" in answer.json["error"]["message"]


def _slow(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let the rows of an export come slowly."""
    quick = outgoing.outgoing

    def slow(*args: Any, **named: Any) -> Any:
        Event().wait(seconds)
        return quick(*args, **named)

    monkeypatch.setattr(transfer, "outgoing", slow)


def test_a_full_disk_is_told_as_such(server: Server, user: str, monkeypatch: pytest.MonkeyPatch, file: bytes) -> None:
    class NoRoom:
        def write(self, _: bytes) -> int:
            raise OSError(28, "No space left on device")

        def close(self) -> None:
            pass

    monkeypatch.setattr("ingat.api.files.SpooledTemporaryFile", lambda *_, **__: NoRoom())

    assert export_of(server, user).code == "store_full"
    assert server.ask("POST", "/v1/import", file, headers=LINES).code == "store_full"
