"""Purging over HTTP: an admin does it, and not even what the server reports of itself names the person afterwards."""

from __future__ import annotations

from pathlib import Path

from tests.api.server import Answer, Server, running
from tests.lifecycle.traces import files_with

PERSON, WORD = "628111222333", "Zyxwvut"


def a_person(server: Server) -> None:
    server.ask("PUT", f"/v1/users/{PERSON}", {"name": WORD})
    session = server.ask("POST", "/v1/sessions", {"user_id": PERSON}).json["id"]
    server.ask("POST", f"/v1/sessions/{session}/messages", {"role": "user", "content": f"{WORD} rattles"})
    server.ask("POST", f"/v1/users/{PERSON}/recall", {"query": "what rattles?"})


def purge(server: Server, user_id: str, **body: str) -> Answer:
    return server.ask("POST", f"/v1/users/{user_id}/purge", body, key=server.admin)


def test_only_an_admin_purges(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        a_person(server)
        refused = server.ask("POST", f"/v1/users/{PERSON}/purge", {"reason": "asked"})
        assert (refused.status, refused.code) == (403, "forbidden")
        assert server.ask("GET", f"/v1/users/{PERSON}").status == 200


def test_a_reason_is_needed(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        a_person(server)
        assert purge(server, PERSON).code == "invalid_input"
        assert purge(server, PERSON, reason=f"{WORD} asked").code == "invalid_input"
        assert purge(server, "nobody", reason="asked").code == "user_not_found"


def test_nothing_that_the_server_writes_names_the_person_afterwards(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        a_person(server)
        answer = purge(server, PERSON, reason="asked")
        assert (answer.status, answer.json["complete"]) == (200, True)
        assert server.ask("GET", f"/v1/users/{PERSON}").code == "user_not_found"
    assert files_with(tmp_path, PERSON, WORD) == {}
