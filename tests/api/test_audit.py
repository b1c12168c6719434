"""`/v1/audit` says who did what, by the key that was used; only an admin prunes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.api.server import Server, running


def test_an_entry_names_the_key_that_did_it(server: Server, user: str) -> None:
    service = server.memory.keys.create("service", name="bot")
    server.ask("DELETE", f"/v1/users/{user}?reason=asked%20for", key=service.key)
    (entry,) = server.ask("GET", f"/v1/audit?user_id={user}").json["audit"]

    assert (entry["actor"], entry["action"], entry["scope"]) == (f"key:{service.id}", "erase", "user")
    assert (entry["user_id"], entry["reason"], entry["counts"]) == (user, "asked for", {"user": 1})


def test_a_user_key_reads_nothing_of_it(server: Server, user: str) -> None:
    key = server.user_key(user)

    for verb, path in (("GET", "/v1/audit"), ("GET", "/v1/audit/verify"), ("POST", "/v1/audit/prune")):
        assert server.ask(verb, path, key=key).code == "forbidden"


def test_only_an_admin_prunes_it(server: Server) -> None:
    service = server.memory.keys.create("service").key

    assert server.ask("GET", "/v1/audit", key=service).status == 200
    assert server.ask("POST", "/v1/audit/prune", {"before": 1}, key=service).code == "forbidden"
    assert server.ask("POST", "/v1/audit/prune", {"before": 1}, key=server.admin).json["entries"] == 0


def test_tampering_is_told(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        assert server.ask("GET", "/v1/audit/verify").json["whole"]
        server.memory.store.write(lambda tx: tx.run("UPDATE audit_text SET reason = 'x' WHERE seq = 1"))

        check = server.ask("GET", "/v1/audit/verify").json
        assert (check["whole"], check["problems"]) == (False, ["The words of entry 1 (target or reason) were changed."])


@pytest.mark.parametrize("question", ["since=-1", "cursor=x", "until=x"])
def test_a_wrong_filter_is_refused(server: Server, question: str) -> None:
    assert server.ask("GET", f"/v1/audit?{question}").code == "invalid_input"
