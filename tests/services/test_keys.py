"""Access keys: shown once, kept as a hash, gone when revoked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingat.core.errors import InvalidInput, InvalidText, KeyNotFound, Unauthorized
from ingat.core.records import NewKey
from ingat.memory import Memory
from ingat.store.contract import Tx
from ingat.testing import TurnableClock, open_memory
from tests.engine import store_at


def test_a_key_opens_what_it_was_made_for(memory: Memory) -> None:
    fresh = memory.keys.create("service", name="bot")
    key = memory.keys.check(fresh.key)

    assert (key.id, key.role, key.name, key.user_id) == (fresh.id, "service", "bot", None)


def test_keys_are_long_and_never_the_same(memory: Memory) -> None:
    secrets = {memory.keys.create().key for _ in range(50)}

    assert len(secrets) == 50
    assert all(len(secret) >= 40 for secret in secrets)


def test_a_secret_is_nowhere_in_the_store(tmp_path: Path) -> None:
    with open_memory(**store_at(tmp_path / "store.db")) as memory:
        secret = memory.keys.create("admin").key
        assert secret not in str(memory.keys.list())

    assert secret.encode() not in b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


@pytest.mark.parametrize("secret", ["", "ingat_", "x" * 100_000, "\ud800", "ingat_\x00", "кключ"], ids=range(6))
def test_another_secret_opens_nothing(memory: Memory, secret: str) -> None:
    memory.keys.create("admin")

    with pytest.raises(Unauthorized) as caught:
        memory.keys.check(secret)
    assert caught.value.code == "unauthorized"


def test_a_key_with_one_letter_changed_opens_nothing(memory: Memory) -> None:
    secret = memory.keys.create("admin").key
    changed = secret[:-1] + ("A" if secret[-1] != "A" else "B")

    with pytest.raises(Unauthorized):
        memory.keys.check(changed)


def test_a_revoked_key_opens_nothing(memory: Memory, clock: TurnableClock) -> None:
    fresh = memory.keys.create("admin")
    clock.turn(hours=1)
    revoked = memory.keys.revoke(fresh.id)
    clock.turn(hours=1)

    assert memory.keys.revoke(fresh.id) == revoked
    with pytest.raises(Unauthorized):
        memory.keys.check(fresh.key)


@pytest.mark.parametrize("unknown", ["nothing", "\ud800", "", "x" * 10_000], ids=range(4))
def test_an_unknown_key_is_not_revoked(memory: Memory, unknown: str) -> None:
    with pytest.raises((KeyNotFound, InvalidInput)):
        memory.keys.revoke(unknown)


def test_a_users_key_is_bound_to_the_person_behind_an_alias(memory: Memory) -> None:
    memory.users.save("ana")
    memory.users.alias("ana", "+1 555 0100")

    assert memory.keys.create("user", user_id="15550100@c.us").user_id == "ana"


@pytest.mark.parametrize(("role", "user_id"), [("user", None), ("service", "ana"), ("admin", "ana"), ("king", None)])
def test_only_a_users_key_is_bound_to_a_user(memory: Memory, role: str, user_id: str | None) -> None:
    with pytest.raises(InvalidInput):
        memory.keys.create(role, user_id)  # type: ignore[arg-type]
    assert memory.keys.list() == []


def test_a_name_that_cannot_be_kept_makes_no_key(memory: Memory) -> None:
    with pytest.raises(InvalidText):
        memory.keys.create(name="\x00")
    assert memory.keys.list() == []


def test_the_first_key_is_made_once(memory: Memory) -> None:
    first = memory.keys.create_first()

    assert first is not None
    assert first.role == "admin"
    memory.keys.revoke(first.id)
    assert memory.keys.create_first() is None


def test_a_store_with_a_key_gets_no_first_one(memory: Memory) -> None:
    memory.keys.create("service")

    assert memory.keys.create_first() is None


def test_many_who_start_at_once_make_one_first_key(memory: Memory) -> None:
    made: list[NewKey | None] = []
    threads = [threading.Thread(target=lambda: made.append(memory.keys.create_first())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len([key for key in made if key is not None]) == 1
    assert len(memory.keys.list()) == 1


@pytest.mark.parametrize("secret", [None, 5, b"ingat_"])
def test_what_is_no_text_opens_nothing(memory: Memory, secret: object) -> None:
    with pytest.raises(Unauthorized):
        memory.keys.check(secret)  # type: ignore[arg-type]


def test_a_key_made_while_its_user_is_merged_is_the_persons(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    memory.users.save("visitor")
    memory.users.save("ana")
    write = memory.store.write

    def merge_first(fn: Callable[[Tx], Any]) -> Any:
        monkeypatch.setattr(memory.store, "write", write)
        memory.users.merge("visitor", "ana")
        return write(fn)

    monkeypatch.setattr(memory.store, "write", merge_first)
    fresh = memory.keys.create("user", "visitor")

    assert fresh.user_id == memory.keys.check(fresh.key).user_id == "ana"
    assert [key.user_id for key in memory.keys.list()] == ["ana"]
