"""Comparing memories: those of a copy take their places in the histories of a store."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from ingat.core.backups import Prefer
from ingat.core.records import MemoryItem
from ingat.core.timelines import arrange, key_of, over
from ingat.lifecycle.comparing_users import UserComparer
from ingat.lifecycle.plan import Change, Plan
from ingat.lifecycle.put import Ready
from ingat.lifecycle.settling import same_summary
from ingat.lifecycle.tally import Tally
from ingat.search.entry import Terms
from ingat.store.contract import Tx
from ingat.store.tables import expiry, memories

_OTHER = "It says something else, or holds at other times."


class Memories:
    """The memories that come, change and go, of people who are there; `plan` settles their subjects' histories."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx
        self._changes: dict[tuple[str, str], Change] = {}

    def add(self, change: Change) -> None:
        """Take a change."""
        item: MemoryItem = change.before or change.after
        self._changes[item.user_id, item.id] = change

    def plan(self, plan: Plan) -> list[Change]:
        """Put all changes into the plan, with those of other values that they end; return them."""
        lines: dict[tuple[str, str], list[MemoryItem]] = {}
        for change in list(self._changes.values()):
            for item in (change.before, change.after):
                if item is not None and item.subject is not None:
                    key = key_of(item.subject)
                    lines.setdefault((item.user_id, key), memories.of_subject(self._tx, item.user_id, key))
        coming: dict[tuple[str, str], list[MemoryItem]] = {}
        for (user_id, _), change in self._changes.items():
            if change.after is not None and change.after.subject is not None:
                coming.setdefault((user_id, key_of(change.after.subject)), []).append(change.after)
        for whose, items in coming.items():
            self._arrange(lines[whose], items)
        found = [each for each in self._changes.values() if not _alike(each.before, each.after)]
        for each in found:
            plan.add("memory", each)
        return found

    def _arrange(self, there: Iterable[MemoryItem], coming: list[MemoryItem]) -> None:
        staying = {item.id: item for item in there if (item.user_id, item.id) not in self._changes}
        for item in arrange([*staying.values(), *coming]):
            known = self._changes.get((item.user_id, item.id))
            if known is not None:
                self._changes[item.user_id, item.id] = known._replace(after=item)
            elif item != staying[item.id]:
                self._changes[item.user_id, item.id] = Change(staying[item.id], item)


def _alike(before: MemoryItem | None, after: MemoryItem | None) -> bool:
    """Whether a memory says the same of everything but when it was changed last."""
    if before is None or after is None:
        return before is after
    return before == replace(after, updated_at=before.updated_at)


class MemoryComparer:
    """The memories of one copy."""

    def __init__(self, tx: Tx, plan: Plan, tally: Tally, users: UserComparer, prefer: Prefer, now: int) -> None:
        self._tx, self._plan, self._tally, self._users = tx, plan, tally, users
        self._prefer, self._now = prefer, now
        self._changes = Memories(tx)
        self._told: dict[tuple[str, str], str] = {}

    def take(self, given: MemoryItem, ready: Ready) -> None:
        """Compare one memory."""
        owner = self._users.owner("memory", given.user_id, given.created_at)
        if owner is None:
            return
        item = replace(given, user_id=owner)
        if self._users.is_fresh(owner):
            self._plan.add("memory", Change(None, item, ready.terms))
            self._tally.added["memory"] += 1
            return
        there = memories.get(self._tx, owner, item.id)
        if there is None:
            self._absent(item, ready.terms)
        elif _alike(there, item):
            self._tally.unchanged["memory"] += 1
        elif self._prefer == "backup":
            self._told[owner, item.id] = "It said something else, or held at other times."
            self._changes.add(Change(there, self._beside_others(item), ready.terms))
        else:
            self._tally.conflict("memory", item.id, owner, "current", _OTHER)

    def finish(self) -> None:
        """Settle what came."""
        done = {(each.after.user_id, each.after.id) for each in self._changes.plan(self._plan)}
        for key in done:
            if key in self._told:
                self._tally.conflict("memory", key[1], key[0], "backup", self._told[key])
        self._tally.unchanged["memory"] += len(self._told.keys() - done)
        if not self._tally.unchanged["memory"]:
            del self._tally.unchanged["memory"]

    def _absent(self, item: MemoryItem, terms: Terms | None) -> None:
        twin = same_summary(self._tx, item)
        if twin is not None:
            self._tally.unchanged["memory"] += 1
            return
        self._changes.add(Change(None, self._beside_others(item), terms))
        self._tally.added["memory"] += 1

    def _beside_others(self, item: MemoryItem) -> MemoryItem:
        """Return a summary ended, when its session has another one by now that holds."""
        if item.kind != "summary" or item.session_id is None or over(item, self._now):
            return item
        ended = expiry.get(self._tx, item.session_id)
        own = None
        if ended is not None and ended.memory_id not in (None, item.id):
            own = memories.get(self._tx, item.user_id, ended.memory_id or "")
        if own is None or own.kind != "summary" or over(own, self._now):
            return item
        return replace(item, valid_to=max(item.valid_from, own.valid_from), superseded_by=own.id)
