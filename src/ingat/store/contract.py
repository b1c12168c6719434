"""The seam that every engine fills, with what must be atomic stated in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol, TypeVar

T = TypeVar("T")

Value = str | int | float | bytes | None
"""What a column holds on every engine. Booleans are cast to 0 or 1 before they come here."""

Row = tuple[Value, ...]


class Scrubbed(NamedTuple):
    """What a scrub looked through, which of the traces are in the engine's files, and whether it had to give up.

    `busy`: somebody went on reading an old state, so that what was deleted may still be in the files.
    """

    size_bytes: int
    found: tuple[bytes, ...]
    busy: bool


class Tx(Protocol):
    """One transaction. Statements use `?` as the place holder on every engine.

    A constraint that is hurt (NOT NULL too) raises StoreConflict, with the driver's words in `details["driver"]`.
    """

    def run(self, sql: str, args: Sequence[Value] = ()) -> int:
        """Run one statement and return the number of rows it changed (not reliable for `ON CONFLICT DO NOTHING`)."""
        ...

    def many(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        """Run one statement for each of the rows."""
        ...

    def one(self, sql: str, args: Sequence[Value] = ()) -> Row | None:
        """Run a query (or a statement with RETURNING) and return its first row, or None."""
        ...

    def all(self, sql: str, args: Sequence[Value] = ()) -> list[Row]:
        """Run a query (or a statement with RETURNING) and return all of its rows."""
        ...


class Store(Protocol):
    """A transactional store of rows.

    Errors: every driver error comes out as a `StoreError` (see core.errors); whatever else a function raises comes
    out as it is. After any error nothing of that function's writes is kept.
    """

    url: str

    def read(self, fn: Callable[[Tx], T]) -> T:
        """Run `fn` against one consistent view of all committed writes, those of this process included.

        Never waits for writers (a store in memory, which has one connection, does). `fn` must not write. A read inside
        a read shares its view; a read inside a write, and a write inside either, is refused with StoreClosed.
        """
        ...

    def write(self, fn: Callable[[Tx], T]) -> T:
        """Run `fn` in a transaction of its own and return its value after the commit.

        All or nothing: when `fn` raises, its writes are undone and the writes of others that are committed together
        with it are not. When the engine itself loses a transaction (a full disk, an I/O error), all that ran in it get
        an error and nothing of them is kept. When this returns, the write survives the death of the process (and, with
        `synchronous=FULL`, of the machine). `fn` may run on another thread, in the caller's copied context; it must
        do no I/O of its own and must not call `write`. Writers of one process are served in the order they came.
        """
        ...

    async def awrite(self, fn: Callable[[Tx], T]) -> T:
        """Like `write`, awaiting the commit without holding a thread.

        A cancelled call whose function has not started yet is not run; one that has started is committed.
        """
        ...

    def check(self) -> list[str]:
        """Return what the engine finds wrong with its own files; empty when all is well."""
        ...

    def size_bytes(self) -> int:
        """Return what the store takes on disk."""
        ...

    def used_bytes(self) -> int:
        """Return what rows and indexes take; space that is free to be used again is left out."""
        ...

    def scrub(self, traces: Sequence[bytes], *, rewrite: bool = False, timeout_s: float = 10.0) -> Scrubbed:
        """Let nothing stay of rows that were deleted, and return which of these byte strings the files still hold.

        Waits up to `timeout_s` for those who read an older state. With `rewrite` the files are written anew from the
        rows that there are, which keeps writers waiting and needs as much room again: what is found then stands in
        rows. May be called while others read and write, but not inside `read` or `write`.
        """
        ...

    def close(self) -> None:
        """Finish the writes that wait and let go of every connection. A second call does nothing."""
        ...
