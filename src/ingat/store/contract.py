"""The seam that every engine fills, with what must be atomic stated in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol, TypeVar

from ingat.core.errors import StoreError

T = TypeVar("T")

Value = str | int | float | bytes | None
"""What a column holds on every engine. Booleans are cast to 0 or 1 before they come here."""

MISSING, TABLE = "missing", "table"
"""The detail of a StoreError that tells of a table that is not there."""

OUTCOME, UNKNOWN = "outcome", "unknown"
"""The detail of a StoreError that tells of a write that may have been kept, or may be kept yet: see `is_undecided`."""

Row = tuple[Value, ...]


class Elsewhere(NamedTuple):
    """A place that the engine's own machinery copies rows to, and that Ingat cannot clean.

    `code` says which, and is one of those that `core.backups.Remainder` lists; `names` tell more of it.
    """

    code: str
    names: tuple[str, ...] = ()


class Scrubbed(NamedTuple):
    """What a scrub looked through, which of the traces are in the engine's files, and whether it had to give up.

    `size_bytes` is 0 where the files cannot be looked through. `anew`: they were written anew from the rows that there
    are, so that what is found stands in rows. `busy`: somebody went on reading an old state, so that
    what was deleted may still be in the files; `holders` names them as far as they can be seen. `unwritten` names
    tables that had to be written anew and could not, for lack of room or rights. `elsewhere` tells what the scrub
    learned of places that it cannot clean, beside what `Store.elsewhere` tells.
    """

    size_bytes: int
    found: tuple[bytes, ...]
    busy: bool
    holders: tuple[str, ...] = ()
    unwritten: tuple[str, ...] = ()
    elsewhere: tuple[Elsewhere, ...] = ()
    anew: bool = False


def is_undecided(error: BaseException) -> bool:
    """Whether it tells of a write that may have been kept, or may be kept after a read that does not find it.

    Files that its rows would name must stay then.
    """
    return isinstance(error, StoreError) and error.details.get(OUTCOME) == UNKNOWN


class Tx(Protocol):
    """One transaction. Statements use `?` as the place holder on every engine.

    A constraint that is hurt (NOT NULL too) raises StoreConflict, with the driver's words in `details["driver"]`; a
    table that is not there raises StoreError with `details["missing"]` "table". After any error the function must end:
    on some engines no further statement is taken.
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
    out as it is. After any error nothing of that function's writes is kept, but for one that `is_undecided`.
    """

    url: str

    def read(self, fn: Callable[[Tx], T]) -> T:
        """Run `fn` against one consistent view of all committed writes, those of this process included.

        Never waits for writers (a store in memory, which has one connection, does). `fn` must not write. A read inside
        a read shares its view; a read inside a write, and a write inside either, is refused with StoreClosed.
        """
        ...

    def write(self, fn: Callable[[Tx], T], *, alone: bool = False) -> T:
        """Run `fn` in a transaction of its own and return its value after the commit.

        What it reads is as it was when it began, but for its own changes, and what others commit meanwhile cannot make
        that wrong: all writes have the outcome of one after another. An engine that lets writes of several processes
        run at once may therefore have to undo one and run `fn` again from its start, so `fn` must set anew whatever it
        keeps outside the transaction. With `alone` no other process writes while it runs.

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

    def scrub(
        self,
        traces: Sequence[bytes],
        *,
        users: Sequence[str] | None = None,
        rewrite: bool = False,
        timeout_s: float = 10.0,
    ) -> Scrubbed:
        """Let nothing stay of rows that were deleted, and return which of these byte strings the files still hold.

        `users` are the ids of those whose rows went, where only theirs did: an engine may leave alone what keeps the
        rows of others only. Waits up to `timeout_s` for those who read an older state or use what has to be locked.
        With `rewrite` all files are written anew from the rows that there are, which keeps others waiting and needs as
        much room again: what is found then stands in rows. May be called while others read and write, but not inside
        `read` or `write`.
        """
        ...

    def elsewhere(self) -> tuple[Elsewhere, ...]:
        """Return where the engine keeps or sends copies of rows that stay there when the rows are deleted.

        Empty for an engine that has only its own files, all of which `scrub` cleans.
        """
        ...

    def close(self) -> None:
        """Finish the writes that wait and let go of every connection. A second call does nothing."""
        ...
