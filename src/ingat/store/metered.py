"""A store that times what is read and written through it, and is otherwise the one behind it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter
from typing import TypeVar

from ingat.core.errors import StoreError
from ingat.core.meter import Meter, Timer, is_fault
from ingat.store.contract import Elsewhere, Scrubbed, Store, Tx

T = TypeVar("T")


class MeteredStore:
    """Any store, with its reads and writes told to a meter. A read inside a read counts as two."""

    def __init__(self, behind: Store, meter: Meter) -> None:
        self.behind, self._meter = behind, meter
        self.url = behind.url

    def read(self, fn: Callable[[Tx], T]) -> T:
        """Run `fn` against one consistent view of all committed writes."""
        begun = perf_counter()
        try:
            value = self.behind.read(fn)
        except BaseException as error:
            self._fell(self._meter.reads, perf_counter() - begun, error)
            raise
        self._meter.reads.observe(perf_counter() - begun)
        return value

    def write(self, fn: Callable[[Tx], T], *, alone: bool = False) -> T:
        """Run `fn` in a transaction of its own and return its value after the commit."""
        begun = started = perf_counter()

        def timed(tx: Tx) -> T:
            nonlocal started
            started = perf_counter()
            return fn(tx)

        try:
            value = self.behind.write(timed, alone=alone)
        except BaseException as error:
            self._fell(self._meter.writes, perf_counter() - begun, error)
            raise
        self._meter.writes.observe(perf_counter() - begun, waited_s=started - begun)
        return value

    async def awrite(self, fn: Callable[[Tx], T]) -> T:
        """Like `write`, awaiting the commit without holding a thread."""
        begun = started = perf_counter()

        def timed(tx: Tx) -> T:
            nonlocal started
            started = perf_counter()
            return fn(tx)

        try:
            value = await self.behind.awrite(timed)
        except BaseException as error:
            self._fell(self._meter.writes, perf_counter() - begun, error)
            raise
        self._meter.writes.observe(perf_counter() - begun, waited_s=started - begun)
        return value

    def check(self) -> list[str]:
        """Return what the engine finds wrong with its own files; empty when all is well."""
        return self.behind.check()

    def size_bytes(self) -> int:
        """Return what the store takes on disk."""
        return self.behind.size_bytes()

    def used_bytes(self) -> int:
        """Return what the rows take up; see the contract."""
        return self.behind.used_bytes()

    def scrub(
        self,
        traces: Sequence[bytes],
        *,
        users: Sequence[str] | None = None,
        rewrite: bool = False,
        timeout_s: float = 10.0,
    ) -> Scrubbed:
        """Let nothing stay of rows that were deleted; see the contract."""
        return self.behind.scrub(traces, users=users, rewrite=rewrite, timeout_s=timeout_s)

    def elsewhere(self) -> tuple[Elsewhere, ...]:
        """Return where the engine has copies of rows that stay when the rows are deleted."""
        return self.behind.elsewhere()

    def close(self) -> None:
        """Finish the writes that wait and let go of every connection. A second call does nothing."""
        self.behind.close()

    def _fell(self, timer: Timer, seconds: float, error: BaseException) -> None:
        fault = is_fault(error)
        timer.observe(seconds, fault=fault)
        if fault and isinstance(error, StoreError):
            self._meter.failed(error)
