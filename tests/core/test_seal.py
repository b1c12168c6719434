"""The seal of the audit trail is written as a whole, read back, and refused when anything of it was changed."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from ingat.core.errors import StoreError
from ingat.core.seal import FILE, Sealing
from ingat.core.secret import Secret


@pytest.fixture
def sealing(tmp_path: Path) -> Sealing:
    return Sealing(Secret(tmp_path))


def test_what_is_sealed_is_read(sealing: Sealing) -> None:
    assert sealing.read() is None
    assert sealing.write(7, "ab", 1_000)

    found = sealing.read()
    assert found is not None
    assert (found.seq, found.hash, found.at) == (7, "ab", 1_000)


def test_only_its_owner_can_read_it(sealing: Sealing, tmp_path: Path) -> None:
    sealing.write(7, "ab", 1_000)

    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


def test_a_store_in_memory_has_none() -> None:
    sealing = Sealing(Secret(None))

    assert not sealing.write(7, "ab", 1_000)
    assert sealing.read() is None


@pytest.mark.parametrize("part", ["seq", "hash", "at", "signature"])
def test_a_change_is_found(sealing: Sealing, tmp_path: Path, part: str) -> None:
    sealing.write(7, "ab", 1_000)
    path = tmp_path / FILE
    changes = {"seq": ('"seq":7', '"seq":6'), "hash": ('"ab"', '"ac"'), "at": ("1000", "1001")}
    before, after = changes.get(part, ('"signature":"', '"signature":"0'))
    path.write_text(path.read_text().replace(before, after))

    with pytest.raises(StoreError, match=r"audit\.head was changed"):
        sealing.read()


def test_another_key_is_found(sealing: Sealing, tmp_path: Path) -> None:
    sealing.write(7, "ab", 1_000)
    (tmp_path / "secret.key").write_text("ab" * 32)

    with pytest.raises(StoreError, match="another key"):
        Sealing(Secret(tmp_path)).read()


def test_a_full_disk_leaves_the_seal_that_was_there(
    sealing: Sealing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealing.write(7, "ab", 1_000)

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(StoreError, match="The audit trail is kept"):
            sealing.write(8, "cd", 2_000)

    found = sealing.read()
    assert found is not None
    assert found.seq == 7
    assert {path.name for path in tmp_path.iterdir()} == {FILE, "secret.key"}
