"""Cut: what is to be taken away as a whole: which rows to carry into the restore point, and which then go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from ingat.lifecycle.restorepoints import Line
from ingat.store.contract import Tx
from ingat.store.tables.removal import Doomed


class Cut(Protocol):
    """Says what goes; `lifecycle.erase.erase_rows` takes it away. To be inherited from.

    `erase_rows` calls `collect` in a reading transaction, within `keeping`, and once the restore point is verified
    `doom` and `also` in one writing transaction; then `rest` in further ones, until it names nothing; then `done`. When
    `doom` finds a change, all begins again with `collect`, so that a cut must not remember anything of a try before.
    """

    user_id: str | None = None
    """Whose rows they are, for the audit trail: an id, known by the end of `collect`. None: nobody's, or several's."""

    protected_by: tuple[str, ...] = ()
    """What protects it, known by the end of `collect` or `count`: shown by a dry run."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said once it is done, such as who stays."""
        return ()

    def keeping(self) -> AbstractContextManager[None]:
        """Return what keeps files in their places that `collect` reads: it is entered before the transaction begins."""
        return nullcontext()

    def collect(self, tx: Tx) -> Iterable[Line]:
        """Return the rows that the restore point is to hold, one by one, what is referred to first."""
        ...

    def doom(self, tx: Tx, counts: Mapping[str, int]) -> Doomed | None:
        """Return which rows go now: exactly those collected, or the first part; None when they have changed since.

        `counts` are the collected rows of each kind. An empty Doomed takes nothing away, and `also` is done all the
        same.
        """
        ...

    def also(self, tx: Tx) -> None:
        """Do what else belongs into the transaction, once the rows are gone."""
        return

    def rest(self, tx: Tx) -> Doomed | None:
        """Return which rows go in a further transaction; None when there are no more.

        A row that is named here and is gone already is no conflict. As long as `went` is not called, it is the same
        part that is meant: the transaction may have been undone and be run again.
        """
        return None

    def went(self) -> None:
        """Note that the part which `doom` or `rest` named last is gone: its transaction was committed."""
        return

    def done(self) -> None:
        """Do what must wait until the rows are gone for good, such as removing files."""
        return

    def told(self, counts: Mapping[str, int]) -> dict[str, int]:
        """Return how many rows of each kind the operation is to say that it took away or changed.

        `counts` are the lines of each kind that were collected in the end.
        """
        return dict(counts)

    def count(self, tx: Tx) -> dict[str, int] | None:
        """Return how many rows of each kind `collect` would return, when that is known without it; else None.

        Raises what `collect` raises.
        """
        return None
