"""Snapshots, retention and jobs over HTTP: whose they are, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingat.core.policy import RetentionPolicy
from tests.api.server import Server, running

NUMBERS = [name for name in RetentionPolicy.__struct_fields__ if name != "auto_archive_sessions"]
DEFAULTS = {name: getattr(RetentionPolicy(), name) for name in RetentionPolicy.__struct_fields__}


def save(server: Server, key: str, name: str = "a", **more: Any) -> dict[str, Any]:
    answer = server.ask("POST", "/v1/snapshots", {"name": name, "state": {"x": 1}, **more}, key=key)
    assert answer.status == 201, answer.json
    found: dict[str, Any] = answer.json
    return found


def test_a_key_bound_to_a_user_is_confined_to_that_users_snapshots(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        ana, budi = server.user_key("ana"), server.user_key("budi")
        mine, common = save(server, ana), save(server, server.service, user_id=None)

        assert mine["user_id"] == "ana"
        assert [each["id"] for each in server.ask("GET", "/v1/snapshots", key=ana).json["snapshots"]] == [mine["id"]]
        assert server.ask("GET", "/v1/snapshots", key=budi).json["snapshots"] == []
        for snapshot in (mine, common):
            address = f"/v1/snapshots/{snapshot['id']}"
            for verb, path in (
                ("GET", address),
                ("POST", f"{address}/load"),
                ("GET", f"{address}/export"),
                ("GET", f"{address}/compare/{snapshot['id']}"),
            ):
                assert server.ask(verb, path, key=budi).code == "snapshot_not_found"
                assert server.ask(verb, path).status == 200
        assert server.ask("GET", f"/v1/snapshots/{mine['id']}?user_id=ana", key=budi).code == "forbidden"


def test_a_key_bound_to_a_user_imports_for_that_user_and_gives_no_id(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        budi = server.user_key("budi")
        given = {"snapshot": {"name": "a", "state_data": {}, "user_id": "ana"}}

        assert server.ask("POST", "/v1/snapshots/import", given, key=budi).json["user_id"] == "budi"
        assert server.ask("POST", "/v1/snapshots", {"name": "a", "state": {}, "id": "x"}, key=budi).code == "forbidden"
        for path in ("/v1/retention", "/v1/retention/history", "/v1/jobs"):
            assert server.ask("GET", path, key=budi).code == "forbidden"


@pytest.mark.parametrize("value", [0, -1, -(10**15), 10**15, True, 1.5, "7", None, [1]], ids=str)
def test_a_policy_of_what_cannot_be_meant_is_refused_and_nothing_changes(tmp_path: Path, value: Any) -> None:
    with running(tmp_path) as server:
        for name in NUMBERS:
            answer = server.ask("PUT", "/v1/retention", {"auto_archive_sessions": False, name: value})
            assert (answer.status, name in str(answer.json)) == (400, True)

        assert server.ask("GET", "/v1/retention").json == DEFAULTS
        assert server.ask("GET", "/v1/retention/history").json == {"policies": [], "next": None}


def test_a_change_of_the_policy_is_recorded_with_the_key(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        changed = server.ask("PUT", "/v1/retention", {"max_sessions": 7})
        (version,) = server.ask("GET", "/v1/retention/history").json["policies"]

        assert changed.json == {**DEFAULTS, "max_sessions": 7} == version["policy"]
        keys = {key.id for key in server.memory.keys.list()}
        assert version["actor"].removeprefix("key:") in keys


def test_jobs_are_seen_stopped_started_and_run(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        assert not server.ask("POST", "/v1/jobs/measure/stop").json["enabled"]
        assert server.ask("POST", "/v1/jobs/measure/run").json["runs"] == 1
        assert server.ask("POST", "/v1/jobs/measure/start").json["enabled"]
        assert {job["name"]: job["runs"] for job in server.ask("GET", "/v1/jobs").json["jobs"]}["measure"] == 1
        assert server.ask("POST", "/v1/jobs/nothing/run").code == "job_not_found"
