"""Who gets in at `/api/memory`, what a request may look like, and how errors are answered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator

from ingat.api.openapi import openapi
from ingat.api.original.table import CALLS
from tests.api.original.wire import Wire, refused
from tests.api.server import Server, running

READS = {
    "logs",
    "sessions",
    "session",
    "messages",
    "search_messages",
    "snapshots",
    "snapshot",
    "export_snapshot",
    "export_all",
    "retention_policy",
    "stats",
}
WRITES = {
    "add_log",
    "clear_logs",
    "create_session",
    "update_session",
    "archive_session",
    "delete_session",
    "set_current_session",
    "add_message",
    "save_snapshot",
    "delete_snapshot",
    "import_snapshot",
    "import_all",
    "set_retention_policy",
    "start_auto_cleanup",
    "stop_auto_cleanup",
    "perform_cleanup",
}
ERASES = {"clear_logs", "delete_session", "delete_snapshot"}
Ask = Callable[[Wire], Any]


@pytest.fixture
def hers(server: Server) -> Wire:
    """A client with a key that is bound to one user."""
    return Wire(server, server.user_key("ana"))


def test_every_action_of_the_format_is_there_and_one_of_ours() -> None:
    actions = {verb: {call.action for call in calls} for verb, calls in CALLS.items()}

    assert actions == {"GET": READS, "POST": WRITES | {"load_snapshot"}, "DELETE": ERASES}


# -- keys


@pytest.mark.parametrize("verb", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("key", [None, "wrong"])
def test_without_a_key_nothing_is_answered(server: Server, verb: str, key: str | None) -> None:
    """Difference 13: the original answered everybody."""
    answer = server.ask(verb, "/api/memory?action=stats", key=key)

    assert refused(answer) == (401, "unauthorized")
    assert "www-authenticate" in answer.headers


STORE_WIDE: list[Ask] = [
    lambda wire: wire.get(),
    lambda wire: wire.get("logs"),
    lambda wire: wire.get("retention_policy"),
    lambda wire: wire.post("add_log", message="x"),
    lambda wire: wire.post("clear_logs"),
    lambda wire: wire.delete("clear_logs"),
    lambda wire: wire.post("delete_session", session_id="x"),
    lambda wire: wire.delete("delete_session", session_id="x"),
    lambda wire: wire.post("import_all", data_json="{}"),
    lambda wire: wire.post("set_retention_policy", policy={}),
    lambda wire: wire.post("start_auto_cleanup"),
    lambda wire: wire.post("stop_auto_cleanup"),
    lambda wire: wire.post("perform_cleanup"),
]


@pytest.mark.parametrize("ask", STORE_WIDE, ids=range(len(STORE_WIDE)))
def test_a_key_bound_to_a_user_may_not_touch_the_whole_store(hers: Wire, ask: Ask) -> None:
    assert refused(ask(hers)) == (403, "forbidden")


@pytest.mark.parametrize(
    "ask",
    [
        lambda wire: wire.post("create_session", name="x", user_id="bob"),
        lambda wire: wire.get("sessions", user_id="bob"),
        lambda wire: wire.get("search_messages", q="x", user_id="bob"),
        lambda wire: wire.get("snapshots", user_id="bob"),
        lambda wire: wire.get("export_all", user_id="bob"),
        lambda wire: wire.post("save_snapshot", name="x", state_data={}, user_id="bob"),
        lambda wire: wire.post("import_snapshot", snapshot_json="{}", user_id="bob"),
    ],
    ids=["create_session", "sessions", "search", "snapshots", "export_all", "save_snapshot", "import_snapshot"],
)
def test_a_key_bound_to_a_user_may_not_name_another(hers: Wire, ask: Ask) -> None:
    assert refused(ask(hers)) == (403, "forbidden")


@pytest.mark.parametrize(
    "ask",
    [
        lambda wire, given: wire.get("session", session_id=given),
        lambda wire, given: wire.get("messages", session_id=given),
        lambda wire, given: wire.get("search_messages", q="secret", session_id=given),
        lambda wire, given: wire.post("update_session", session_id=given, name="mine"),
        lambda wire, given: wire.post("archive_session", session_id=given),
        lambda wire, given: wire.post("set_current_session", session_id=given),
        lambda wire, given: wire.post("add_message", session_id=given, role="user", content="x"),
    ],
    ids=["session", "messages", "search", "update", "archive", "current", "add_message"],
)
def test_a_session_of_another_user_is_not_there(wire: Wire, hers: Wire, ask: Callable[[Wire, str], Any]) -> None:
    his = wire.session("his", user_id="bob")["id"]
    wire.say(his, "secret")

    found, unknown = ask(hers, his), ask(hers, "session_1700000000000_abcdefghi")

    assert refused(found) == refused(unknown) == (200, "session_not_found")
    assert found.body.replace(his.encode(), b"") == unknown.body.replace(b"session_1700000000000_abcdefghi", b"")
    assert wire.read("session", session_id=his)["session"]["name"] == "his"


@pytest.mark.parametrize(
    ("ask", "status"),
    [
        (lambda wire, given: wire.get("snapshot", snapshot_id=given), 200),
        (lambda wire, given: wire.get("export_snapshot", snapshot_id=given), 404),
        (lambda wire, given: wire.post("load_snapshot", snapshot_id=given), 200),
        (lambda wire, given: wire.delete("delete_snapshot", snapshot_id=given), 200),
    ],
    ids=["snapshot", "export", "load", "delete"],
)
def test_a_snapshot_of_another_user_is_not_there(
    wire: Wire, hers: Wire, ask: Callable[[Wire, str], Any], status: int
) -> None:
    his = wire.do("save_snapshot", name="his", state_data={"secret": 1}, user_id="bob")["snapshot"]["id"]

    assert refused(ask(hers, his)) == (status, "snapshot_not_found")
    assert wire.read("snapshot", snapshot_id=his)["snapshot"]["name"] == "his"


def test_a_key_bound_to_a_user_sees_and_makes_what_is_the_users(wire: Wire, hers: Wire) -> None:
    his, none = wire.session("his", user_id="bob"), wire.session("nobody's")
    wire.say(his["id"], "a secret of bob")
    wire.do("save_snapshot", name="his", state_data={}, user_id="bob")
    wire.do("save_snapshot", name="nobody's", state_data={})

    mine = hers.session("mine")
    hers.say(mine["id"], "a secret of ana")
    snapshot = hers.do("save_snapshot", name="mine", state_data={})["snapshot"]

    assert mine["user_id"] == snapshot["user_id"] == "ana"
    listed = {each["id"] for each in hers.read("sessions")["sessions"]}
    assert mine["id"] in listed
    assert {his["id"], none["id"]} & listed == set()
    assert {each["user_id"] for each in hers.read("snapshots")["snapshots"]} == {"ana"}
    found = hers.read("search_messages", q="secret")["results"]
    assert {each["content"] for each in found} == {"a secret of ana"}
    export = hers.read("export_all")["data_json"]
    assert "a secret of ana" in export
    assert "bob" not in export
    assert "nobody" not in export


def test_an_imported_snapshot_is_that_of_the_key(wire: Wire, hers: Wire) -> None:
    given = '{"name": "x", "state_data": {}, "user_id": "bob"}'

    assert hers.do("import_snapshot", snapshot_json=given)["snapshot"]["user_id"] == "ana"


@pytest.mark.parametrize("role", ["assistant", "system", "tool"])
def test_a_key_bound_to_a_user_speaks_as_that_user(hers: Wire, role: str) -> None:
    answer = hers.post("add_message", session_id=hers.session()["id"], role=role, content="x")

    assert refused(answer) == (403, "forbidden")


def test_a_key_bound_to_a_user_speaks_now_whatever_its_clock_says(hers: Wire) -> None:
    """Clients of the format send the time of their page with every message; the original did not heed it."""
    said = hers.say(hers.session()["id"], "x", timestamp="2001-01-01T00:00:00Z")

    assert said["timestamp"] > "2020"


def test_a_key_keeps_to_its_user_after_a_merge(alone: Wire) -> None:
    memory = alone.server.memory
    key = Wire(alone.server, alone.server.user_key("web-17"))
    session = key.session()["id"]
    key.do("set_current_session", session_id=session)
    memory.users.save("ana")
    memory.users.merge("web-17", "ana")

    assert key.read("session", session_id=session)["session"]["user_id"] == "ana"
    assert key.read("sessions")["current_session"]["id"] == session


def test_a_signed_in_browser_may_read_and_change_nothing(server: Server) -> None:
    cookie = server.ask("GET", f"/?key={server.service}", key=None).headers["set-cookie"].partition(";")[0]

    read = server.ask("GET", "/api/memory?action=sessions", key=None, headers={"Cookie": cookie})
    changed = server.ask(
        "POST", "/api/memory", {"action": "create_session", "name": "x"}, key=None, headers={"Cookie": cookie}
    )
    deleted = server.ask("DELETE", "/api/memory?action=clear_logs", key=None, headers={"Cookie": cookie})

    assert (read.status, read.json["success"]) == (200, True)
    assert refused(changed) == refused(deleted) == (401, "unauthorized")


# -- requests


@pytest.mark.parametrize(
    ("ask", "missing"),
    [
        (lambda wire: wire.get("session"), "session_id"),
        (lambda wire: wire.get("messages"), "session_id"),
        (lambda wire: wire.get("messages", session_id=""), "session_id"),
        (lambda wire: wire.get("search_messages"), "q"),
        (lambda wire: wire.get("snapshot"), "snapshot_id"),
        (lambda wire: wire.get("export_snapshot"), "snapshot_id"),
    ],
)
def test_what_is_missing_in_a_get_is_named(wire: Wire, ask: Ask, missing: str) -> None:
    answer = ask(wire)

    assert refused(answer) == (400, "invalid_input")
    assert missing in answer.json["error"]


@pytest.mark.parametrize(
    ("ask", "missing"),
    [
        (lambda wire: wire.delete("delete_session"), "session_id"),
        (lambda wire: wire.delete("delete_snapshot"), "snapshot_id"),
        (lambda wire: wire.delete(), "action"),
        (lambda wire: wire.post("create_session"), "name"),
        (lambda wire: wire.post("add_message", session_id="x", role="user"), "content"),
        (lambda wire: wire.post("save_snapshot", name="x"), "state_data"),
        (lambda wire: wire.post("import_all"), "data_json"),
        (lambda wire: wire.post("set_retention_policy"), "policy"),
    ],
)
def test_what_is_missing_elsewhere_is_named_as_not_done(wire: Wire, ask: Ask, missing: str) -> None:
    """The format has the status 400 for GET alone."""
    answer = ask(wire)

    assert refused(answer) == (200, "invalid_input")
    assert missing in answer.json["error"]


@pytest.mark.parametrize(
    "ask",
    [
        lambda wire: wire.get("nothing"),
        lambda wire: wire.get("add_log"),
        lambda wire: wire.get("logs", limit="many"),
        lambda wire: wire.get("logs", limit=-1),
        lambda wire: wire.get("logs", since="yesterday"),
        lambda wire: wire.get("logs", level="fatal"),
        lambda wire: wire.get("logs", categry="x"),
        lambda wire: wire.get("logs", user_id="ana"),
        lambda wire: wire.get("sessions", is_archived="perhaps"),
        lambda wire: wire.server.ask("GET", "/api/memory?limit=1&limit=2&action=logs"),
        lambda wire: wire.server.ask("POST", "/api/memory?action=clear_logs", {"action": "stop_auto_cleanup"}),
        lambda wire: wire.server.ask("POST", "/api/memory", []),
        lambda wire: wire.server.ask("POST", "/api/memory", b""),
        lambda wire: wire.server.ask("POST", "/api/memory", b"{"),
        lambda wire: wire.server.ask("POST", "/api/memory", b"\xff"),
        lambda wire: wire.server.ask("POST", "/api/memory", b"[" * 100_000),
        lambda wire: wire.server.ask("POST", "/api/memory", b'{"action": "create_session", "name": "\\ud800"}'),
        lambda wire: wire.server.ask("GET", "/api/memory?action=%ff"),
    ],
)
def test_what_cannot_be_used_is_refused_with_the_reason(wire: Wire, ask: Ask) -> None:
    status, code = refused(ask(wire))

    assert (status, code in ("invalid_input", "invalid_text")) == (400, True)


@pytest.mark.parametrize(
    "ask",
    [
        lambda wire: wire.post("nothing"),
        lambda wire: wire.post("logs"),
        lambda wire: wire.delete("nothing"),
        lambda wire: wire.post("create_session", name=1),
        lambda wire: wire.post("create_session", name="x", metadata=[]),
        lambda wire: wire.post("create_session", name="x", nickname="y"),
        lambda wire: wire.post("add_log", message="x", timestamp="soon"),
        lambda wire: wire.post("add_log", message="x", level="fatal"),
        lambda wire: wire.post("add_message", session_id="x", role="banana", content="x"),
        lambda wire: wire.post("clear_logs", filters=[]),
        lambda wire: wire.post("clear_logs", filters={"older": "2025-12-28"}),
        lambda wire: wire.delete("clear_logs", level=""),
        lambda wire: wire.delete("clear_logs", q="x"),
        lambda wire: wire.server.ask("POST", "/api/memory", {"action": 1}),
        lambda wire: wire.server.ask("POST", "/api/memory", {}),
    ],
)
def test_an_act_that_cannot_be_asked_so_is_answered_as_not_done(wire: Wire, ask: Ask) -> None:
    """The format says so with 200, and its clients look at `success`."""
    assert refused(ask(wire)) == (200, "invalid_input")


def test_what_an_action_of_get_has_no_use_for_is_left_out(wire: Wire) -> None:
    """Clients of the format send one set of parameters with every action."""
    given = {"limit": 50, "level": "", "category": "x", "q": "", "session_id": "x", "snapshot_id": "y"}

    assert wire.read("stats", **given).keys() == {"success", "stats"}
    assert wire.read("retention_policy", **given).keys() == {"success", "policy"}


@pytest.mark.parametrize(
    "ask",
    [
        lambda wire: wire.get("session", session_id="../etc"),
        lambda wire: wire.get("session", session_id="a\nb"),
        lambda wire: wire.get("snapshot", snapshot_id="x" * 290),
        lambda wire: wire.post("create_session", name="x\x00"),
        lambda wire: wire.post("create_session", name="x" * 20_000),
        lambda wire: wire.post("create_session", name="x", user_id="a/b"),
        lambda wire: wire.post("add_log", message=" "),
        lambda wire: wire.post("save_snapshot", name=" ", state_data={}),
        lambda wire: wire.get("sessions", project_id="x\x00"),
    ],
)
def test_what_the_memory_refuses_is_answered_as_not_done(wire: Wire, ask: Ask) -> None:
    assert refused(ask(wire))[0] == 200


def test_a_head_request_has_the_headers_of_a_get(wire: Wire) -> None:
    answer = wire.server.ask("HEAD", "/api/memory?action=sessions")

    assert (answer.status, answer.body) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


# -- errors of the server, in the form of the format


def test_other_methods_are_refused(server: Server) -> None:
    answer = server.ask("PUT", "/api/memory", {})

    assert refused(answer) == (405, "method_not_allowed")
    assert "POST" in answer.headers["allow"]


def test_a_foreign_host_is_refused(server: Server) -> None:
    assert refused(server.ask("GET", "/api/memory", headers={"Host": "evil.example"})) == (421, "host_not_allowed")


def test_a_body_that_is_too_large_is_refused(tmp_path: Path) -> None:
    with running(tmp_path, max_request_bytes=2_000) as server:
        answer = Wire(server).post("add_log", message="x" * 3_000)

    assert refused(answer) == (413, "request_too_large")


def test_a_key_that_asks_too_often_has_to_wait(tmp_path: Path) -> None:
    with running(tmp_path, rate_limit_per_minute=2) as server:
        answers = [Wire(server).get("sessions") for _ in range(4)]

    assert refused(answers[-1]) == (429, "rate_limited")
    assert int(answers[-1].headers["retry-after"]) >= 1


def test_a_mistake_of_the_server_has_the_form_too(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(wire.server.memory.retention, "get", broken)

    assert refused(wire.get("retention_policy")) == (500, "internal_error")


def test_other_addresses_keep_their_own_form(server: Server) -> None:
    assert server.ask("GET", "/v1/sessions", key=None).code == "unauthorized"


# -- the document


DOCUMENT = openapi()


@pytest.mark.parametrize("verb", ["get", "post", "delete"])
def test_the_document_names_every_action(verb: str) -> None:
    operation = DOCUMENT["paths"]["/api/memory"][verb]

    for call in CALLS[verb.upper()]:
        assert f"`{call.action}`: " in operation["description"]
    if verb == "post":
        refs = operation["requestBody"]["content"]["application/json"]["schema"]["oneOf"]
        actions = {
            DOCUMENT["components"]["schemas"][ref["$ref"].split("/")[-1]]["properties"]["action"]["enum"][0]
            for ref in refs
        }
    else:
        actions = set(operation["parameters"][0]["schema"]["enum"])
    assert actions == {call.action for call in CALLS[verb.upper()]}


def test_what_is_answered_fits_the_document(alone: Wire) -> None:
    session = alone.session(user_id="ana")["id"]
    alone.say(session, "x")
    snapshot = alone.do("save_snapshot", name="a", state_data={})["snapshot"]["id"]
    alone.do("add_log", message="x", session_id=session)
    asked = [
        *(("get", alone.get(action)) for action in READS),
        *(("get", alone.get(action, session_id=session)) for action in ("session", "messages")),
        *(("get", alone.get(action, snapshot_id=snapshot)) for action in ("snapshot", "export_snapshot")),
        ("get", alone.get("search_messages", q="x")),
        ("get", alone.get("export_snapshot", snapshot_id="y")),
        ("post", alone.post("update_session", session_id=session, name="z")),
        ("post", alone.post("load_snapshot", snapshot_id=snapshot)),
        ("post", alone.post("perform_cleanup")),
        ("post", alone.post("import_all", data_json="{}")),
        ("delete", alone.delete("clear_logs")),
        ("delete", alone.delete("delete_session", session_id=session)),
    ]
    for verb, answer in asked:
        responses = DOCUMENT["paths"]["/api/memory"][verb]["responses"]
        schema = responses[str(answer.status)]["content"]["application/json"]["schema"]

        OAS31Validator({**schema, "components": DOCUMENT["components"]}).validate(answer.json)
