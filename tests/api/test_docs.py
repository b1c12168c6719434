"""docs/api.md and docs/errors.md are complete and true; their examples run."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from ingat.actions import ACTIONS, Action, arguments_of
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
    assert f"answers {201 if action.created else 200}" in section
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
        done = _bash(server, strict + script)

        assert done.returncode == 0, done.stdout[-500:] + done.stderr
        assert server.memory.stats().messages.total == 5


def _bash(server: Server, script: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "INGAT": server.url, "KEY": server.admin}
    return subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=False)
