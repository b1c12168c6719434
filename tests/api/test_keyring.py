"""The keyring."""

from __future__ import annotations

import asyncio

import pytest

from ingat.api import keyring
from ingat.api.keyring import Keyring
from ingat.core.errors import Unauthorized
from ingat.core.records import Key
from ingat.memory import Memory


class Asked:
    """Asks the keys of a store, and counts how often."""

    def __init__(self, memory: Memory) -> None:
        self.memory, self.times = memory, 0

    async def __call__(self, secret: str) -> Key:
        self.times += 1
        return self.memory.keys.check(secret)


def test_a_key_is_trusted_for_a_moment_after_a_check(monkeypatch: pytest.MonkeyPatch) -> None:
    moment = [100.0]
    monkeypatch.setattr(keyring, "monotonic", lambda: moment[0])
    with Memory(":memory:", embedder="none") as memory:
        made = memory.keys.create("service")
        ring = Keyring(asked := Asked(memory))

        assert ring.held(made.key) is None
        asyncio.run(ring.check(made.key))
        held = ring.held(made.key)
        moment[0] += keyring.TRUST_S + 0.01

        assert held is not None
        assert held.id == made.id
        assert ring.held(made.key) is None
        assert asked.times == 1


def test_a_key_that_is_refused_is_not_held() -> None:
    with Memory(":memory:", embedder="none") as memory:
        ring = Keyring(Asked(memory))

        with pytest.raises(Unauthorized):
            asyncio.run(ring.check("wrong"))
        assert ring.held("wrong") is None


def test_a_check_that_was_under_way_when_keys_changed_is_not_trusted() -> None:
    async def revoked_meanwhile(secret: str) -> Key:
        key = memory.keys.check(secret)
        memory.keys.revoke(key.id)
        ring.forget()
        return key

    with Memory(":memory:", embedder="none") as memory:
        made = memory.keys.create("service")
        ring = Keyring(revoked_meanwhile)

        asyncio.run(ring.check(made.key))

        assert ring.held(made.key) is None


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "MOST_KEYS", 3)
    with Memory(":memory:", embedder="none") as memory:
        ring = Keyring(Asked(memory))
        for _ in range(10):
            asyncio.run(ring.check(memory.keys.create("service").key))

        assert len(ring._held) <= 3
