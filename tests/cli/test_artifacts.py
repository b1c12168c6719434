"""`ingat artifacts`: files go in and come out as they are, and nothing is written over by accident."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from tests.cli.runner import PROGRAM, Ingat

BYTES = bytes(range(256)) * 3_000


@pytest.fixture
def file(ingat: Ingat) -> Path:
    path = ingat.folder / "model.bin"
    path.write_bytes(BYTES)
    return path


def saved(ingat: Ingat, file: Path, *words: str) -> str:
    return str(ingat.json("artifacts", "save", str(file), *words)["id"])


def test_a_file_goes_in_under_its_own_name_and_comes_out_as_it_was(ingat: Ingat, file: Path) -> None:
    output = ingat.folder / "out.bin"
    artifact = ingat.json("artifacts", "save", str(file), "--kind", "model", "--metrics", "auc=0.9", "--metrics", "n=2")
    said = ingat.said("artifacts", "read", artifact["id"], "--output", str(output))

    assert (artifact["name"], artifact["kind"], artifact["metrics"]) == ("model.bin", "model", {"auc": 0.9, "n": 2})
    assert output.read_bytes() == BYTES
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    assert "768,000 bytes" in said


def test_people_see_what_is_known(ingat: Ingat, file: Path) -> None:
    said = ingat.said("artifacts", "save", str(file), "--name", "Model 1", "--user", "628111", "--media-type", "a/b")
    listed = ingat.said("artifacts", "list")

    for word in ("Model 1", "628111", "a/b", "768,000 bytes"):
        assert word in said
    for word in ("Model 1", "628111", "768,000"):
        assert word in listed


def test_a_file_that_is_there_is_written_over_only_when_told(ingat: Ingat, file: Path) -> None:
    artifact = saved(ingat, file)
    there = ingat.folder / "there.bin"
    there.write_text("mine")

    ingat.refused("artifacts", "read", artifact, "--output", str(there), code="invalid_input")
    assert there.read_text() == "mine"
    ingat.said("artifacts", "read", artifact, "--output", str(there), "--force")
    assert there.read_bytes() == BYTES


def test_a_folder_is_no_output(ingat: Ingat, file: Path) -> None:
    ingat.refused(
        "artifacts", "read", saved(ingat, file), "--output", str(ingat.folder), "--force", code="invalid_input"
    )


def test_nothing_is_written_of_an_artifact_that_is_not_there(ingat: Ingat) -> None:
    ingat.refused("artifacts", "read", "missing", "--output", str(ingat.folder / "out"), code="artifact_not_found")

    assert not (ingat.folder / "out").exists()


def test_a_damaged_file_leaves_no_output(ingat: Ingat, file: Path) -> None:
    artifact = ingat.json("artifacts", "save", str(file))
    sha256 = artifact["sha256"]
    kept = ingat.folder / "ingat.db.data" / "artifacts" / sha256[:2] / sha256[2:4] / sha256
    kept.write_bytes(b"x" * len(BYTES))
    ingat.refused("artifacts", "read", artifact["id"], "--output", str(ingat.folder / "out"), code="store_corrupt")

    assert [each.name for each in ingat.folder.iterdir() if "out" in each.name] == []


def test_a_pipe_goes_in_and_out(ingat: Ingat) -> None:
    def run(*words: str, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        return subprocess.run([*PROGRAM, "artifacts", *words], input=data, capture_output=True, env=ingat.environment())

    refused = run("save", "-", data=BYTES)
    assert (refused.returncode, b"--name" in refused.stderr) == (2, True)
    run("save", "-", "--name", "piped", data=BYTES)
    (artifact,) = ingat.json("artifacts", "list")["artifacts"]

    assert run("read", artifact["id"], "--output", "-").stdout == BYTES


@pytest.mark.parametrize("words", [["../../evil"], ["missing.bin"], ["."]], ids=str)
def test_a_file_that_cannot_be_read_is_refused(ingat: Ingat, words: list[str]) -> None:
    ingat.refused("artifacts", "save", *words, code="invalid_file")


def test_a_name_that_is_a_path_is_refused(ingat: Ingat, file: Path) -> None:
    ingat.refused("artifacts", "save", str(file), "--name", "../../evil", code="invalid_input")


@pytest.mark.skipif(os.getuid() == 0, reason="root reads every file")
def test_a_file_of_another_is_refused(ingat: Ingat, file: Path) -> None:
    file.chmod(0)
    ingat.refused("artifacts", "save", str(file), code="invalid_file")


def test_erasing_asks_or_is_told_and_undo_brings_it_back(ingat: Ingat, file: Path) -> None:
    artifact = saved(ingat, file)
    operation = ingat.json("erase", "artifact", artifact, "--yes", "--reason", "wrong data")
    assert ingat.json("artifacts", "list")["artifacts"] == []

    ingat.said("undo", operation["id"])
    ingat.said("artifacts", "read", artifact, "--output", str(ingat.folder / "back.bin"))
    assert (ingat.folder / "back.bin").read_bytes() == BYTES
