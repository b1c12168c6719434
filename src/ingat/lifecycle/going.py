"""Going: the messages of a plan that go or are replaced, found while it is made, so that the writing has little to do.

Whoever writes a message raises the version of its user, and whoever takes one away or builds the index anew the epoch
too: while both are as they were, nothing is to be compared.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby, islice

from ingat.core.records import Message
from ingat.lifecycle.plan import Change, Plan
from ingat.lifecycle.put import AT_ONCE
from ingat.store.contract import Tx
from ingat.store.tables import messages, recall, users
from ingat.store.tables.removal import DoomedMessages, DoomedSession

Whose = tuple[str, str]
"""A session, by user and id."""


class Going:
    """The messages of one try: `add` each change, `settle` in the same transaction; then ask in the one that writes."""

    def __init__(self) -> None:
        self._standing: dict[str, users.Standing | None] = {}
        self._seqs: defaultdict[Whose, array[int]] = defaultdict(lambda: array("q"))
        self._ids: defaultdict[Whose, list[str]] = defaultdict(list)
        self._places: dict[Whose, array[int]] = {}

    def clear(self) -> None:
        """Forget everything, so that the next try can begin."""
        self._standing.clear()
        self._seqs.clear()
        self._ids.clear()
        self._places.clear()

    def add(self, change: Change) -> None:
        """Take a change of a message."""
        self._standing[_owner(change)] = None
        if change.before is not None:
            self._seqs[change.before.user_id, change.before.session_id].append(change.before.seq)
            _note(self._ids, change)

    def settle(self, tx: Tx) -> None:
        """Note how the users of the messages stand, and where these are in their index."""
        for user_id in self._standing:
            self._standing[user_id] = users.exact(tx, user_id)
        self._place(tx, self._ids)
        self._ids.clear()

    def is_unchanged(self, tx: Tx, plan: Plan) -> bool:
        """Return whether the messages are as they were; those of users who were written to are compared one by one."""
        written = {user_id for user_id, known in self._standing.items() if users.exact(tx, user_id) != known}
        if not written:
            return True
        ids: defaultdict[Whose, list[str]] = defaultdict(list)
        for user_id, some in _batches(each for each in plan.of("message") if _owner(each) in written):
            keys = [(each.before or each.after).id for each in some]
            there = {each.id: each for each in messages.get_many(tx, user_id, keys)}
            for key, change in zip(keys, some, strict=True):
                if there.get(key) != change.before:
                    return False
                if change.before is not None:
                    _note(ids, change)
        self._place(tx, ids)
        return True

    def sessions(self, gone: Collection[Whose], people: Collection[str]) -> list[DoomedSession]:
        """Return sessions that go as a whole; of `people`, who go too, the index goes with them."""
        return [DoomedSession(*whose, () if whose[0] in people else self._placed(whose)) for whose in sorted(gone)]

    def messages(self, gone: Collection[Whose]) -> list[DoomedMessages]:
        """Return the messages of sessions that stay."""
        return [
            DoomedMessages(*whose, seqs, self._placed(whose)) for whose, seqs in self._seqs.items() if whose not in gone
        ]

    def _placed(self, whose: Whose) -> Sequence[int]:
        return self._places.get(whose, ())

    def _place(self, tx: Tx, ids: dict[Whose, list[str]]) -> None:
        for user_id, several in groupby(sorted(ids), key=lambda whose: whose[0]):
            known = recall.positions(tx, user_id)
            for whose in several:
                self._places[whose] = array("q", (known[each] for each in ids[whose] if each in known))


def _owner(change: Change) -> str:
    message: Message = change.before or change.after
    return message.user_id


def _note(ids: defaultdict[Whose, list[str]], change: Change) -> None:
    ids[change.before.user_id, change.before.session_id].append(change.before.id)


def _batches(changes: Iterable[Change]) -> Iterator[tuple[str, list[Change]]]:
    for user_id, several in groupby(changes, key=_owner):
        while some := list(islice(several, AT_ONCE)):
            yield user_id, some
