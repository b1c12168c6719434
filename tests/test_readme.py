"""What the README shows is run as it stands there."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.sqlite_only("follows the first steps, which keep the store in a file")

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
BIN = Path(sys.executable).parent


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def _environment(store: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("INGAT_")}
    return {**kept, "INGAT_STORE": f"sqlite:///{store}", "PATH": f"{BIN}{os.pathsep}{kept['PATH']}"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The address and the key of a server on a free port, read from what it prints."""
    command = [str(BIN / "ingat"), "serve", "--port", "0"]
    process = subprocess.Popen(
        command, env=_environment(tmp_path / "readme.db"), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    found = None
    for line in process.stdout:
        found = re.search(r"(http://127\.0\.0\.1:\d+)/\?key=(\S+)", line)
        if found:
            break
    assert found is not None, "the server did not print its address"
    yield found.group(1), found.group(2)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 0


def test_python_example_runs_in_ten_lines(tmp_path: Path) -> None:
    example = _blocks("python")[0]
    assert len(example.strip().splitlines()) <= 10
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", example],
        cwd=tmp_path,
        env=_environment(tmp_path / "unused.db"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "rattles at night, please come in the morning | shares" in done.stdout
    assert "Name: Budi" in done.stdout
    assert (tmp_path / "ingat.db").is_file()


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_example_runs_in_five_lines(server: tuple[str, str], tmp_path: Path) -> None:
    address, key = server
    lines = _blocks("bash")[1].strip().splitlines()
    assert len(lines) == 5
    answers = []
    for line in lines:
        command = line.replace("localhost:8081", address.removeprefix("http://"))
        done = subprocess.run(
            ["bash", "-c", command], env={**os.environ, "KEY": key}, capture_output=True, text=True, check=True
        )
        answers.append(json.loads(done.stdout))
    user, session, message, recall, context = answers
    assert user["name"] == "Budi"
    assert session["id"] == "s1"
    assert message["seq"] == 1
    assert [hit["source_id"] for hit in recall["hits"]] == [message["id"]]
    assert context["messages"][0]["content"] == "My air conditioner rattles"
    assert context["tokens"] <= context["budget"]


def test_the_commands_of_operation_run_one_after_another(tmp_path: Path) -> None:
    environment = _environment(tmp_path / "ingat.db")
    subprocess.run([sys.executable, "-c", _blocks("python")[0]], cwd=tmp_path, env=environment, check=True)

    done = subprocess.run(
        ["bash", "-euc", _blocks("bash")[2]],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert re.search(r"^undone  ", done.stdout, re.MULTILINE)
    (user,) = json.loads((tmp_path / "budi.json").read_bytes())["users"]
    assert user["name"] == "Budi"


def test_the_two_commands_are_there() -> None:
    commands = [line.split("#")[0].strip() for line in _blocks("bash")[0].strip().splitlines()]
    assert commands == ["bin/run", "bin/run chat"]
    for command in commands:
        assert os.access(ROOT / command.split()[0], os.X_OK)


def test_every_link_leads_to_a_file() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", README)
    assert targets
    assert [target for target in targets if "://" not in target and not (ROOT / target).exists()] == []


def test_it_opens_with_what_ingat_is_in_three_sentences() -> None:
    opening = " ".join(README.split("\n\n")[1].split())
    assert len(re.findall(r"[.!?](?:\s|$)", opening)) == 3
