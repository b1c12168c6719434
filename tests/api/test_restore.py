"""`POST /v1/restore` takes a file as the body, as it is."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from ingat.memory import Memory
from tests.api.server import Server, running

KLAR = {each: {"history": [{"role": "user", "content": "Halo"}]} for each in ("628111", "628222", "628333")}


def test_users_may_be_named_more_than_once(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        answer = server.ask("POST", "/v1/restore?users=628111&users=628333&reason=a+test", KLAR)

        assert answer.status == 200
        assert answer.json["added"]["user"] == 2
        assert answer.json["operation"]["reason"] == "a test"
        assert {each.user_id for each in server.memory.users.list().items} == {"628111", "628333"}
        undone = server.ask("POST", f"/v1/operations/{answer.json['operation']['id']}/undo", {})
        assert undone.status == 200
        assert server.memory.users.list().items == ()


def test_a_backup_comes_as_the_file_that_it_is(tmp_path: Path) -> None:
    with Memory(":memory:", embedder=None) as memory:
        memory.users.save("ana", name="Ana")
        name = memory.backups.create().name
        raw = memory._points._folder.file(name).read_bytes()

    with running(tmp_path) as server:
        assert _sent(server, raw)["added"]["user"] == 1
        assert server.memory.users.get("ana").name == "Ana"
        packed = _sent(server, gzip.compress(json.dumps(KLAR).encode()))
        assert packed["added"]["user"] == 3


def test_what_is_wrong_has_its_code(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        assert server.ask("POST", "/v1/restore", {"a": 1}).code == "invalid_file"
        assert server.ask("POST", "/v1/restore?prefer=newest", KLAR).code == "invalid_input"
        assert server.ask("POST", "/v1/restore?users=628999", KLAR).code == "user_not_found"
        assert server.memory.users.list().items == ()


def _sent(server: Server, raw: bytes) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {server.admin}", "Content-Type": "application/gzip"}
    with urlopen(Request(f"{server.url}/v1/restore", raw, headers)) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def test_undoing_it_does_not_take_away_who_is_protected_unless_forced(tmp_path: Path) -> None:
    with Memory(":memory:", embedder=None) as memory:
        memory.users.save("ana", flags={"sop_pending": "refund"})
        raw = memory._points._folder.file(memory.backups.create().name).read_bytes()

    with running(tmp_path) as server:
        operation = _sent(server, raw)["operation"]
        path = f"/v1/operations/{operation['id']}/undo"

        assert operation["counts"] == {"user": 1}
        assert server.ask("POST", path, {}).code == "protected_user"
        assert server.ask("POST", path, {"force": True}).json["taken_away"] == {"user": 1}
