"""The keyring: access keys that were checked a moment ago, so that a request need not ask the store."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from time import monotonic

from ingat.core.records import Key

TRUST_S = 2.0
"""A check is trusted for so long: a key that another process revokes opens nothing after this time."""
MOST_KEYS = 10_000


class Keyring:
    """Answers for keys by the hash of their secret, and asks `check` when the last answer is too old.

    Secrets are compared as hashes of which a caller knows nothing, so that the time of an answer tells nothing about
    a secret. `forget` lets changes in this process act at once.
    """

    def __init__(self, check: Callable[[str], Awaitable[Key]]) -> None:
        self._check = check
        self._held: dict[bytes, tuple[Key, float]] = {}
        self._changes = 0

    def held(self, secret: str) -> Key | None:
        """Return the key when it was checked a moment ago."""
        found = self._held.get(_digest(secret))
        if found is None or found[1] < monotonic():
            return None
        return found[0]

    async def check(self, secret: str) -> Key:
        """Ask the store for the key and remember it, or raise Unauthorized."""
        changes, until = self._changes, monotonic() + TRUST_S
        key = await self._check(secret)
        if changes == self._changes:
            if len(self._held) >= MOST_KEYS:
                self._held.clear()
            self._held[_digest(secret)] = (key, until)
        return key

    def forget(self) -> None:
        """Trust no earlier check any more, those that are under way among them."""
        self._changes += 1
        self._held.clear()


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
