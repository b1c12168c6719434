"""docs/api-memory.md is complete and true; its examples run."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import msgspec
import pytest

from ingat.api.original.logs import LogFilters
from ingat.api.original.table import CALLS, Call
from tests.api.server import running

FOLDER = Path(__file__).parent
ROOT = FOLDER.parents[2]
PAGE = (ROOT / "docs" / "api-memory.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^### `(\w+)`\n(.*?)(?=^##)", PAGE, re.MULTILINE | re.DOTALL))
EVERY = [(verb, call) for verb, calls in CALLS.items() for call in calls]
CLIENT = (ROOT / "src" / "ingat" / "web" / "assets" / "client.js").read_text(encoding="utf-8")


@pytest.mark.parametrize(("verb", "call"), EVERY, ids=[f"{verb} {call.action}" for verb, call in EVERY])
def test_an_action_has_a_section_with_what_it_takes_and_an_example(verb: str, call: Call) -> None:
    section = SECTIONS[call.action]

    assert f"**`{verb}`**" in section
    names = {field.encode_name for field in msgspec.structs.fields(call.asked)}
    assert [name for name in names if f"`{name}`" not in section] == []
    assert call.action in "".join(re.findall(r"```bash\n(.*?)```", section, re.DOTALL))


def test_filters_of_logs_stand_there() -> None:
    names = [field.encode_name for field in msgspec.structs.fields(LogFilters)]

    assert [name for name in names if f"`{name}`" not in SECTIONS["clear_logs"]] == []


def test_no_section_is_of_an_action_that_is_gone() -> None:
    assert SECTIONS.keys() == {call.action for _, call in EVERY}


def test_every_difference_has_a_test() -> None:
    numbers = re.findall(r"^\| (\d+) \|", PAGE.partition("## What is different")[2], re.MULTILINE)
    tests = "".join(path.read_text(encoding="utf-8") for path in FOLDER.glob("test_*.py"))
    cited = set(re.findall(r"\d+", " ".join(re.findall(r'"""Differences? ([\d, and]+)', tests))))

    assert numbers == [str(number) for number in range(1, 14)]
    assert set(numbers) - cited == set()


def test_every_method_of_the_client_is_listed() -> None:
    methods = re.findall(r"^  async (\w+)\(", CLIENT, re.MULTILINE)

    assert len(methods) == 30
    assert [name for name in methods if f"`{name}(" not in PAGE] == []


def test_every_code_of_the_client_is_listed() -> None:
    codes = re.search(r"one of the server's, or (.*)", CLIENT)

    assert codes is not None
    assert [code for code in re.findall(r"`(\w+)`", codes[1]) if f"| `{code}` |" not in PAGE] == []


def test_the_examples_run_one_after_another(tmp_path: Path) -> None:
    script = "\n".join(re.findall(r"```bash\n(.*?)```", PAGE, re.DOTALL))
    with running(tmp_path) as server:
        environment = {**os.environ, "INGAT": server.url, "KEY": server.service, "TMPDIR": str(tmp_path)}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer for answer in answers if not answer["success"]] == []
    assert len(answers) == len(re.findall(r"^(?:post|get|delete) ", script, re.MULTILINE))
    assert (tmp_path / "ingat-client.mjs").read_text(encoding="utf-8") == CLIENT
