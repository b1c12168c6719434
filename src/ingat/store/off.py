"""A store that keeps nothing new: what is there can be read, and every write is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from ingat.core.errors import MemoryOff
from ingat.store.contract import Elsewhere, Scrubbed, Store, Tx

T = TypeVar("T")


class OffStore:
    """Any store, read as it is and written to no more.

    A write that has nothing to keep says so by a method `passed()`, which returns its value without a transaction.
    """

    def __init__(self, behind: Store) -> None:
        self.behind = behind
        self.url = behind.url

    def read(self, fn: Callable[[Tx], T]) -> T:
        """Run `fn` against one consistent view of what was written before."""
        return self.behind.read(fn)

    def write(self, fn: Callable[[Tx], T], *, alone: bool = False) -> T:
        """Return the value of a write that has nothing to keep; raise MemoryOff for any other."""
        passed: Callable[[], T] | None = getattr(fn, "passed", None)
        if passed is not None:
            return passed()
        raise _refusal()

    async def awrite(self, fn: Callable[[Tx], T]) -> T:
        """Like `write`."""
        return self.write(fn)

    def check(self) -> list[str]:
        """Return what the engine finds wrong with its own files; empty when all is well."""
        return self.behind.check()

    def size_bytes(self) -> int:
        """Return what the store takes on disk."""
        return self.behind.size_bytes()

    def used_bytes(self) -> int:
        """Return what rows and indexes take up; see the contract."""
        return self.behind.used_bytes()

    def scrub(
        self,
        traces: Sequence[bytes],
        *,
        users: Sequence[str] | None = None,
        rewrite: bool = False,
        timeout_s: float = 10.0,
    ) -> Scrubbed:
        """Raise MemoryOff: nothing is deleted here."""
        raise _refusal()

    def elsewhere(self) -> tuple[Elsewhere, ...]:
        """Return where the engine has copies of rows that stay when the rows are deleted."""
        return self.behind.elsewhere()

    def close(self) -> None:
        """Let go of every connection. A second call does nothing."""
        self.behind.close()


def _refusal() -> MemoryOff:
    return MemoryOff(
        "Remembering is switched off, so nothing was written. What was kept before is still there; set `enabled` to"
        " true (INGAT_ENABLED) and start again."
    )
