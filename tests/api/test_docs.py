"""docs/api.md and docs/errors.md are complete and true; their examples run."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingat.action import Action
from ingat.actions import ACTIONS, arguments_of
from ingat.api.status import status_of
from ingat.core import errors
from tests.api.server import Server, running

DOCS = Path(__file__).parents[2] / "docs"
API = (DOCS / "api.md").read_text(encoding="utf-8")
ERRORS = (DOCS / "errors.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"· \*\*`([A-Z]+ [^`]+)`\*\*(.*?)(?=\n##|\Z)", API, re.DOTALL))


@pytest.mark.parametrize("action", ACTIONS, ids=[f"{each.verb} {each.name}" for each in ACTIONS])
def test_an_action_has_a_section_with_all_of_its_arguments_and_an_example(action: Action) -> None:
    section = SECTIONS[action.http]

    wanted = set(arguments_of(action.name).__struct_fields__) - set(action.in_path)
    assert wanted == set(re.findall(r"^\| `(\w+)`", section, re.MULTILINE))
    assert f"answers {201 if action.created else 200} " in section
    assert ("200 when it was there" in section or "an empty one with 200" in section) == action.kept
    assert "curl" in section


def test_no_section_is_of_an_action_that_is_gone() -> None:
    assert SECTIONS.keys() == {action.http for action in ACTIONS}


def test_the_status_of_every_error_is_the_documented_one() -> None:
    documented = set(re.findall(r"^\| `(\w+)` \| (\d+) \|", ERRORS, re.MULTILINE))
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.IngatError)]

    assert documented == {(kind.code, str(status_of(kind("x")))) for kind in kinds} | {("request_timeout", "408")}


def test_the_examples_run_one_after_another(tmp_path: Path) -> None:
    script = "\n".join(re.findall(r"```bash\n(.*?)```", API, re.DOTALL))
    strict = 'set -euo pipefail\ncurl() { command curl --fail-with-body "$@" || { echo "FAILED: $*" >&2; exit 1; }; }\n'
    with running(tmp_path) as server:
        done = _bash(server, strict + script, tmp_path)

        assert done.returncode == 0, done.stdout[-500:] + done.stderr
        assert server.memory.stats().messages.total == 5
    found = [answer["hits"] for answer in _answers(done.stdout) if "hits" in answer]
    assert len(found) == SECTIONS["POST /v1/users/{user_id}/recall"].count("curl")
    assert all(found)


def test_after_thirty_wrong_keys_others_have_to_wait_but_not_a_right_one(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        wrong = [server.ask("GET", "/v1/stats", key=f"ingat_{n}").code for n in range(30)]
        another = server.ask("GET", "/v1/stats", key="ingat_another")
        right = server.ask("GET", "/v1/stats")

    assert set(wrong) == {"unauthorized"}
    assert (another.status, another.code) == (429, "rate_limited")
    assert int(another.headers["retry-after"]) >= 1
    assert right.status == 200


def test_an_unknown_user_has_nothing_but_is_not_found(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        assert server.ask("GET", "/v1/users/nobody").code == "user_not_found"
        for path in ("messages", "memories"):
            answer = server.ask("GET", f"/v1/users/nobody/{path}")
            assert (answer.status, answer.json[path]) == (200, [])
        assert server.ask("GET", "/v1/sessions?user_id=nobody").json["sessions"] == []
        assert server.ask("POST", "/v1/users/nobody/recall", {"query": "boiler"}).json["hits"] == []
        assert server.ask("POST", "/v1/users/nobody/search", {"words": "boiler"}).json["messages"] == []
        assert server.ask("POST", "/v1/users/nobody/context", {}).json["messages"] == []


def test_what_a_blocked_user_said_can_be_recalled_by_operators(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        session = server.memory.sessions.open("ana")
        server.memory.sessions.append(session.id, "user", "The boiler leaks")
        server.memory.users.save("ana", role="blocked")

        assert server.ask("POST", "/v1/users/ana/recall", {"query": "boiler"}).json["hits"]
        assert server.ask("POST", "/v1/users/ana/search", {"words": "boiler"}).json["messages"]
        assert server.ask("POST", "/v1/users/ana/context", {}).code == "user_blocked"


def test_a_budget_above_the_roles_is_lowered_to_it(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        server.memory.users.save("ana")

        assert server.ask("POST", "/v1/users/ana/context", {"budget": 50_000}).json["budget"] == 4_000


def _answers(printed: str) -> Iterator[dict[str, Any]]:
    """Return the JSON objects that were printed one after another."""
    decoder, place = json.JSONDecoder(), 0
    while place < len(printed):
        answer, place = decoder.raw_decode(printed, place)
        yield answer
        place += len(printed[place:]) - len(printed[place:].lstrip())


def _bash(server: Server, script: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "INGAT": server.url, "KEY": server.admin}
    return subprocess.run(
        ["bash", "-c", script], env=environment, cwd=folder, capture_output=True, text=True, check=False
    )
