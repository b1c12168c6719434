"""Artifacts over HTTP: kept as they are sent, bounded, and kept to whose key it is."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.api.server import Answer, Server, running

BYTES = bytes(range(256)) * 3_000


def save(
    server: Server, data: bytes = BYTES, query: str = "", *, key: str = "", content_type: str | None = None
) -> Answer:
    headers = {} if content_type is None else {"Content-Type": content_type}
    return server.ask("POST", f"/v1/artifacts?name=model.bin{query}", data, key=key, headers=headers)


def read(server: Server, artifact_id: str, *, key: str = "", method: str = "GET") -> Answer:
    return server.ask(method, f"/v1/artifacts/{artifact_id}/content", key=key)


@pytest.mark.parametrize("data", [b"", BYTES, gzip.compress(b"packed already")], ids=["empty", "binary", "gzip"])
def test_bytes_come_back_as_they_were_sent(server: Server, data: bytes) -> None:
    saved = save(server, data)
    answer = read(server, saved.json["id"])

    assert (saved.status, answer.status, answer.body) == (201, 200, data)
    assert saved.json["size_bytes"] == len(data)


def test_what_is_known_of_it_stands_in_the_query(server: Server, user: str) -> None:
    objects = "&metrics=" + quote('{"auc": 0.9}') + "&metadata=" + quote('{"by": "ünit"}')
    saved = save(server, query=f"&kind=model&user_id={user}{objects}").json

    assert (saved["kind"], saved["user_id"]) == ("model", user)
    assert (saved["metrics"], saved["metadata"]) == ({"auc": 0.9}, {"by": "ünit"})


@pytest.mark.parametrize("text", ["[1]", "x", "1", "", "{", '"a"'], ids=str)
def test_what_is_no_object_is_refused_by_name(server: Server, text: str) -> None:
    answer = save(server, b"small", f"&metrics={quote(text)}")

    assert (answer.status, answer.code, answer.json["error"]["details"]) == (400, "invalid_input", {"field": "metrics"})


@pytest.mark.parametrize(
    ("query", "content_type", "found"),
    [
        ("", "text/csv; charset=utf-8", "text/csv; charset=utf-8"),
        ("", "application/x-www-form-urlencoded", None),
        ("", "application/octet-stream", None),
        ("", None, None),
        ("&media_type=text/csv", "text/plain", "text/csv"),
    ],
    ids=["header", "form", "bytes", "nothing", "argument"],
)
def test_the_media_type_is_that_of_the_argument_or_of_the_header(
    server: Server, query: str, content_type: str | None, found: str | None
) -> None:
    saved = save(server, query=query, content_type=content_type).json

    assert saved["media_type"] == found
    assert read(server, saved["id"]).headers["content-type"] == (found or "application/octet-stream")


def test_a_download_is_an_attachment_that_no_browser_opens(server: Server) -> None:
    name = quote('<script>"Übung"%0a.html')
    saved = server.ask("POST", f"/v1/artifacts?name={name}&media_type=text/html", b"<script>").json
    headers = read(server, saved["id"]).headers

    assert headers["content-disposition"].startswith('attachment; filename="<script>__bung__0a.html"; filename*=UTF-8')
    assert headers["content-disposition"].endswith(f"''{quote(saved['name'], safe='')}")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("default-src 'none'")


def test_a_head_request_gets_no_body(server: Server) -> None:
    answer = read(server, save(server).json["id"], method="HEAD")

    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["content-length"]) == len(BYTES)


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Encoding": "gzip"},
        {"Content-Type": "no type"},
    ],
    ids=["form", "packed", "type"],
)
def test_a_body_that_is_not_the_file_is_refused(server: Server, headers: dict[str, str]) -> None:
    answer = server.ask("POST", "/v1/artifacts?name=a", b"body", headers=headers)

    assert (answer.status, answer.code) == (400, "invalid_input")


@pytest.mark.parametrize("name", ["..%2F..%2Fevil", "%2Fetc%2Fpasswd", "a%0Ab", "", "%00"])
def test_a_hostile_name_is_refused(server: Server, name: str) -> None:
    assert server.ask("POST", f"/v1/artifacts?name={name}", b"x").status == 400


def test_a_file_beyond_the_limit_is_refused_and_not_kept(tmp_path: Path) -> None:
    with running(tmp_path, max_import_bytes=100_000) as server:
        announced = save(server, b"x" * 100_001)
        kept = save(server, b"x" * 100_000)

        assert (announced.status, announced.code) == (413, "request_too_large")
        assert kept.status == 201
        assert len(server.memory.artifacts.list().items) == 1


def test_a_key_of_a_user_touches_only_its_own(server: Server, new_user: Callable[[], str]) -> None:
    mine, other = new_user(), new_user()
    key = server.user_key(mine)
    theirs = save(server, query=f"&user_id={other}").json["id"]
    nobodys = save(server).json["id"]
    own = save(server, key=key).json

    assert own["user_id"] == mine
    assert save(server, query=f"&user_id={other}", key=key).status == 403
    assert [each["id"] for each in server.ask("GET", "/v1/artifacts", key=key).json["artifacts"]] == [own["id"]]
    for artifact_id in (theirs, nobodys):
        for method, path in (("GET", ""), ("GET", "/content"), ("DELETE", "")):
            assert server.ask(method, f"/v1/artifacts/{artifact_id}{path}", key=key).code == "artifact_not_found"
    assert read(server, own["id"], key=key).body == BYTES
    assert server.ask("DELETE", f"/v1/artifacts/{own['id']}", key=key).status == 200


def test_a_session_of_another_gets_nothing(server: Server, session: str, new_user: Callable[[], str]) -> None:
    answer = save(server, query=f"&session_id={session}", key=server.user_key(new_user()))

    assert (answer.status, answer.code) == (404, "session_not_found")


def test_a_damaged_file_is_an_error_and_no_download(server: Server) -> None:
    saved = save(server, b"damaged soon").json
    server.memory._files.path(saved["sha256"]).write_bytes(b"damaged now!")
    answer = read(server, saved["id"])

    assert (answer.status, answer.code) == (503, "store_corrupt")
    assert "content-disposition" not in answer.headers
