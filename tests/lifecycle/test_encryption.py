"""Encrypted copies: the passphrase opens them, nothing else does, and no byte can be changed, swapped or cut unseen."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import pytest

from ingat.core.errors import BackupLocked, MissingExtra
from ingat.lifecycle.copyfile import Damaged
from ingat.lifecycle.encryption import CHUNK_BYTES, TAG_BYTES, Header, Vault, header_of
from ingat.testing import open_memory
from tests.engine import same_store, store_url

SECRET = "correct horse battery staple"
SIZES = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 3 * CHUNK_BYTES + 17]


@pytest.fixture(scope="module")
def vault() -> Vault:
    return Vault(SECRET)


def sealed(vault: Vault, content: bytes, salt: str | None = None) -> bytes:
    file = io.BytesIO()
    writer = vault.writer(file, store="s", whole=True, salt=salt)
    for start in range(0, len(content), 50_000):
        writer.write(content[start : start + 50_000])
    writer.finish()
    assert writer.tell() == len(content)
    return file.getvalue()


def opened(vault: Vault, raw: bytes) -> BinaryIO:
    return vault.reader(io.BytesIO(raw))


@pytest.mark.parametrize("size", SIZES)
def test_what_is_sealed_opens(vault: Vault, size: int) -> None:
    content = os.urandom(size)
    raw = sealed(vault, content)

    assert opened(vault, raw).read() == content
    assert size < 40 or content[:40] not in raw


def test_any_place_can_be_read(vault: Vault) -> None:
    content = os.urandom(3 * CHUNK_BYTES + 17)
    file = opened(vault, sealed(vault, content))

    assert file.seek(0, io.SEEK_END) == len(content)
    for place in (2 * CHUNK_BYTES - 5, 0, len(content) - 3, CHUNK_BYTES):
        file.seek(place)
        assert file.read(10) == content[place : place + 10]


def test_a_plain_file_is_given_back_as_it_is(vault: Vault) -> None:
    assert opened(vault, b"\x1f\x8b plain").read() == b"\x1f\x8b plain"


def test_the_same_content_is_sealed_differently_each_time(vault: Vault) -> None:
    salt = "00" * 16
    first, second = sealed(vault, b"hello", salt), sealed(vault, b"hello", salt)

    assert first != second
    assert opened(vault, first).read() == opened(vault, second).read() == b"hello"


def test_another_passphrase_is_told_from_damage(vault: Vault) -> None:
    with pytest.raises(BackupLocked, match="another passphrase"):
        opened(Vault("wrong"), sealed(vault, b"hello"))


def test_without_a_passphrase_it_is_locked_and_its_header_is_known(vault: Vault) -> None:
    raw = sealed(vault, b"hello")

    with pytest.raises(BackupLocked, match="no passphrase"):
        opened(Vault(), raw)
    found = header_of(io.BytesIO(raw))
    assert found is not None
    header, _ = found
    assert (header.store, header.whole) == ("s", True)


def test_a_passphrase_typed_on_another_keyboard_opens_it() -> None:
    raw = sealed(Vault("caf\u00e9"), b"hello")

    assert opened(Vault("cafe\u0301"), raw).read() == b"hello"


def _start(raw: bytes) -> int:
    return raw.index(b"\n") + 1


STEP = CHUNK_BYTES + TAG_BYTES


def flip_first(raw: bytes) -> bytes:
    return _flip(raw, _start(raw))


def flip_last(raw: bytes) -> bytes:
    return _flip(raw, len(raw) - 1)


def _flip(raw: bytes, place: int) -> bytes:
    return raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :]


def swap(raw: bytes) -> bytes:
    at = _start(raw)
    return raw[:at] + raw[at + STEP : at + 2 * STEP] + raw[at : at + STEP] + raw[at + 2 * STEP :]


def drop_first(raw: bytes) -> bytes:
    at = _start(raw)
    return raw[:at] + raw[at + STEP :]


def drop_last(raw: bytes) -> bytes:
    return raw[: _start(raw) + 2 * STEP]


def cut(raw: bytes) -> bytes:
    return raw[:-5]


def lengthen(raw: bytes) -> bytes:
    return raw + b"\0" * 40


def no_pieces(raw: bytes) -> bytes:
    return raw[: _start(raw)]


def another_store(raw: bytes) -> bytes:
    return raw.replace(b'"store":"s"', b'"store":"t"', 1)


CHANGES = [flip_first, flip_last, swap, drop_first, drop_last, cut, lengthen, no_pieces, another_store]


@pytest.mark.parametrize("change", CHANGES, ids=lambda each: each.__name__)
def test_what_was_changed_is_not_read(vault: Vault, change: Callable[[bytes], bytes]) -> None:
    raw = sealed(vault, os.urandom(2 * CHUNK_BYTES + 100))

    with pytest.raises(Damaged):
        opened(vault, change(raw)).read()


def test_the_end_is_proved_by_the_last_piece(vault: Vault) -> None:
    raw = sealed(vault, os.urandom(2 * CHUNK_BYTES + 100))
    file = opened(vault, raw[: _start(raw) + STEP])

    with pytest.raises(Damaged):
        file.read()


@pytest.mark.parametrize(
    "values",
    [
        {"n": 1 << 24},
        {"r": 0},
        {"n": -2, "r": -8},
        {"p": 1_000_000},
        {"n": 1000},
        {"chunk_bytes": 0},
        {"version": 2},
        {"kdf": "none"},
        {"salt": "zz"},
    ],
    ids=str,
)
def test_a_header_that_asks_for_too_much_or_nonsense_is_refused(vault: Vault, values: dict[str, Any]) -> None:
    raw = sealed(vault, b"hello")
    header = msgspec.structs.replace(msgspec.json.decode(raw[: _start(raw)], type=Header), **values)

    with pytest.raises(Damaged):
        opened(vault, msgspec.json.encode(header) + b"\n" + raw[_start(raw) :]).read()


def test_the_passphrase_is_in_no_representation(vault: Vault) -> None:
    assert SECRET not in repr(vault)
    assert SECRET not in repr(Vault(SECRET).__class__)


def test_one_key_opens_all_files_of_a_salt(vault: Vault) -> None:
    fresh = Vault(SECRET)
    raws = [sealed(fresh, b"hello", "11" * 16) for _ in range(5)]

    assert [opened(fresh, raw).read() for raw in raws] == [b"hello"] * 5
    assert len(fresh._keys) == 1


def test_without_the_package_nothing_is_written_unencrypted_and_copies_are_locked(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = sealed(vault, b"hello")
    monkeypatch.setattr("ingat.lifecycle.encryption._is_installed", lambda: False)
    without = Vault(SECRET)

    assert without.lacks_package
    with pytest.raises(MissingExtra, match=r"ingat\[encryption\]"):
        without.writer(io.BytesIO(), store="", whole=True, salt=None)
    with pytest.raises(BackupLocked) as locked:
        opened(without, raw)
    assert locked.value.details["locked"] == "missing_extra"
    assert not Vault().lacks_package


def test_without_the_package_only_acts_that_need_a_copy_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = store_url(tmp_path / "store.db")
    with open_memory(**same_store(url), backup_passphrase=SECRET) as memory:
        memory.users.save("ann")
        memory.backups.create()
    monkeypatch.setattr("ingat.lifecycle.encryption._is_installed", lambda: False)

    with open_memory(**same_store(url), backup_passphrase=SECRET) as memory:
        memory.users.save("ben")
        (listed,) = memory.backups.list().items
        checks = {each.name: each.state for each in memory.doctor()}
        with pytest.raises(MissingExtra):
            memory.backups.create()
        with pytest.raises(MissingExtra):
            memory.erase.user("ann")
        assert [each.user_id for each in memory.users.list().items] == ["ann", "ben"]

    assert (listed.kind, listed.locked) == ("backup", "missing_extra")
    assert checks["encryption of backups"] == "bad"
