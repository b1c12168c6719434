"""Outages: what a caller is told of a store that cannot be used, and what is for the log and for admins only."""

from __future__ import annotations

import logging
from time import monotonic

from ingat.core.errors import IngatError, StoreError
from ingat.store.contract import is_undecided

AGAIN_S = 60.0
"""The same error is logged once in this time, however many requests meet it."""
MOST_TOLD = 100
HIDDEN = frozenset({"driver", "url", "path"})
"""Details that tell where the store is, and what its driver says."""

_HAPPENED = {
    "store_unavailable": "The store cannot be reached. Nothing of what was being written was kept",
    "store_busy": "The store is busy with other work. Nothing of what was being written was kept",
    "store_full": "The store has no room left. Nothing of what was being written was kept",
    "store_read_only": "The store takes no writes. Nothing of what was being written was kept",
    "store_corrupt": "The store is damaged. It was left as it is",
    "store_error": "The store could not do it. Nothing of what was being written was kept",
}
_LATER = "; try it again later. Who runs this server finds more in its log."

_log = logging.getLogger("ingat.api")


class Outages:
    """Keeps from callers what is not theirs to know of the store, and logs it instead."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], float] = {}

    def disclosed(self, error: IngatError, *, admin: bool) -> IngatError:
        """Return the error to answer with: as it is for an admin key, and where it names neither place nor driver."""
        if not isinstance(error, StoreError) or error.code not in _HAPPENED or HIDDEN.isdisjoint(error.details):
            return error
        self._log(error)
        if admin:
            return error
        message = error.message if is_undecided(error) else _HAPPENED[error.code] + _LATER
        return type(error)(message, **{name: each for name, each in error.details.items() if name not in HIDDEN})

    def _log(self, error: StoreError) -> None:
        now, told = monotonic(), (error.code, error.message)
        if now < self._told.get(told, 0.0):
            return
        if len(self._told) >= MOST_TOLD:
            self._told.clear()
        self._told[told] = now + AGAIN_S
        _log.warning("Requests are refused (%s): %s", error.code, error.message)
