"""The secret of a store is made once, agreed on by everybody, and only its owner can read it."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

import ingat
from ingat.core.errors import StoreError
from ingat.core.secret import FILE, Secret


def test_the_key_is_made_when_it_is_needed_and_found_again(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    first = Secret(folder)
    assert not first.is_there()
    assert not folder.exists()

    said = first.mac("purged", "ana")

    text = (folder / FILE).read_text()
    assert len(bytes.fromhex(text)) == 32
    assert [path.name for path in folder.iterdir()] == [FILE]
    again = Secret(folder)
    assert again.is_there()
    assert (again.mac("purged", "ana"), again.fingerprint()) == (said, first.fingerprint())


def test_macs_differ_by_purpose_by_value_and_by_key(tmp_path: Path) -> None:
    secret, other = Secret(tmp_path / "a"), Secret(tmp_path / "b")
    macs = [secret.mac("p", "ana"), secret.mac("q", "ana"), secret.mac("p", "ben"), other.mac("p", "ana")]
    assert len(set(macs)) == 4
    assert secret.fingerprint() != other.fingerprint()
    assert all(len(each) == 64 for each in macs)


def test_the_key_of_a_store_in_memory_is_never_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    secret = Secret(None)
    assert not secret.is_there()
    assert secret.mac("p", "ana") == secret.mac("p", "ana")
    assert secret.is_there()
    assert secret.path() is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_only_the_owner_can_read_it(tmp_path: Path) -> None:
    Secret(tmp_path / "data").fingerprint()
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "data" / FILE).stat().st_mode & 0o777 == 0o600


def test_threads_at_once_agree_on_one_key(tmp_path: Path) -> None:
    together = Barrier(8)

    def ask(_: int) -> str:
        secret = Secret(tmp_path / "data")
        together.wait(30)
        return secret.fingerprint()

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(ask, range(8)))) == 1
    assert [path.name for path in (tmp_path / "data").iterdir()] == [FILE]


def test_processes_at_once_agree_on_one_key(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from ingat.core.secret import Secret\n"
        "sys.stdin.readline(); print(Secret(Path(sys.argv[1])).fingerprint())"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(ingat.__file__).parents[1])}
    several = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path / "data")],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    assert len({each.communicate("go\n", timeout=60)[0] for each in several}) == 1


def test_a_file_system_without_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    said = Secret(tmp_path / "data").fingerprint()
    assert Secret(tmp_path / "data").fingerprint() == said
    assert [path.name for path in (tmp_path / "data").iterdir()] == [FILE]


@pytest.mark.parametrize("text", ["", "00" * 31, "zz" * 32, "00" * 65], ids=["empty", "short", "no hex", "long"])
def test_a_file_that_is_no_key_is_told_and_left(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingat.core.secret._UNFINISHED_S", 0.0)
    (tmp_path / FILE).write_text(text)
    with pytest.raises(StoreError, match="put the file back from a copy"):
        Secret(tmp_path).mac("p", "ana")
    assert (tmp_path / FILE).read_text() == text


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be made|cannot be used"):
        Secret(tmp_path / "file" / "data").fingerprint()
