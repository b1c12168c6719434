"""Forks: a store opened before `os.fork` is refused in the child, where its connections must not be touched."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Protocol
from weakref import WeakSet


class Forkable(Protocol):
    """A store whose connections do not survive a fork: closing them in the child would do as much harm as using."""

    def abandon(self) -> Sequence[object]:
        """Refuse everything from now on without touching the connections, and return what holds these."""
        ...


_open: WeakSet[Forkable] = WeakSet()
_of_parent: list[object] = []


def abandon_in_child(store: Forkable) -> None:
    """Have a store abandoned in every process that is forked off from now on."""
    _open.add(store)


def _abandon_all() -> None:
    for store in list(_open):
        _of_parent.extend(store.abandon())
    _open.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_abandon_all)
