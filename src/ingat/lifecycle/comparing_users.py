"""Comparing users: who the people of a copy are in a store by now, and what of their profiles comes back."""

from __future__ import annotations

from typing import Any, cast

from msgspec.structs import replace

from ingat.core.backups import Prefer
from ingat.core.errors import ContentTooLong
from ingat.core.json import encode_object
from ingat.core.protection import Protection
from ingat.core.records import User
from ingat.core.roles import DEFAULT_ROLE
from ingat.lifecycle.mention import Mention
from ingat.lifecycle.plan import Change, Plan
from ingat.lifecycle.purged import Purged
from ingat.lifecycle.tally import Tally
from ingat.store.contract import Tx
from ingat.store.tables import users

TEXTS = ("name", "gender", "product", "address", "language")
OBJECTS = ("flags", "slots", "metadata")


class UserComparer:
    """The users of one copy: call `take` with each, then `finish`.

    Held in memory: their ids and aliases, and the profiles of those whom others of the copy may have been merged into.
    """

    def __init__(
        self, tx: Tx, plan: Plan, tally: Tally, purged: Purged, protection: Protection, prefer: Prefer, now: int
    ) -> None:
        self._tx, self._plan, self._tally, self._purged = tx, plan, tally, purged
        self._protection, self._prefer, self._now = protection, prefer, now
        self._owners: dict[str, str | None] = {}
        self._names: dict[str, str] = {}
        self._fresh: set[str] = set()
        self._changing: dict[str, Change] = {}
        self._gone, self.gone_sessions = Mention(), set[str]()

    def are_named_in(self, *values: Any) -> bool:
        """Return whether texts or values of JSON name one of those of this copy who were purged."""
        return self._gone.is_in(*values)

    def owner(self, kind: str, user_id: str, created_at: int) -> str | None:
        """Return who the user of a row is by now, added when there is nobody; None for one who was purged.

        Rows of people who were purged are counted here. `created_at` is when the row was made.
        """
        if user_id not in self._owners:
            if self._is_purged(user_id, created_at):
                self._tally.purged[kind] += 1
                return None
            found = users.resolve(self._tx, user_id) or self._names.get(user_id)
            if found is None:
                bare = User(user_id=user_id, created_at=created_at, updated_at=created_at)
                self._add(bare)
                self._tally.note(f"The copy has no profile of {user_id!r}: the user is there with nothing but the id.")
                found = user_id
            self._owners[user_id] = found
        owner = self._owners[user_id]
        if owner is None:
            self._tally.purged[kind] += 1
        return owner

    def known(self, user_id: str, created_at: int) -> tuple[str, bool]:
        """Return who the user of a row is that needs nobody, such as a log entry, and whether they were purged."""
        if user_id in self._owners:
            found = self._owners[user_id]
            return found or user_id, found is None
        if self._is_purged(user_id, created_at):
            return user_id, True
        return users.resolve(self._tx, user_id) or self._names.get(user_id) or user_id, False

    def is_fresh(self, user_id: str) -> bool:
        """Return whether a user comes with this copy: they have nothing yet."""
        return user_id in self._fresh

    def take(self, given: User) -> None:
        """Compare one user."""
        if self._is_purged(given.user_id, given.created_at):
            self._owners[given.user_id] = None
            self._gone.add([given.user_id, *given.aliases])
            self._tally.purged["user"] += 1
            return
        owner = users.resolve(self._tx, given.user_id) or self._names.get(given.user_id)
        self._owners[given.user_id] = owner or given.user_id
        if owner is None:
            self._add(replace(given, aliases=tuple(sorted(self._free(given, given.user_id)))))
            self._tally.added["user"] += 1
        elif owner in self._fresh:
            self._tally.note(f"{given.user_id!r} is an alias of {owner!r}, whose profile comes back.")
            self._tally.unchanged["user"] += 1
        else:
            self._compare(cast(User, users.get(self._tx, owner)), given)

    def finish(self) -> None:
        """Plan what several users of the copy change of one who is there."""
        for change in self._changing.values():
            self._plan.add("user", change)
        self._changing.clear()

    def _add(self, user: User) -> None:
        self._plan.add("user", Change(None, user))
        self._fresh.add(user.user_id)
        for name in (user.user_id, *user.aliases):
            self._names[name] = user.user_id

    def _is_purged(self, user_id: str, created_at: int) -> bool:
        if not self._purged.is_purged(user_id, created_at):
            return False
        self._tally.note("People who were purged stay away, with all that was theirs.")
        return True

    def _compare(self, known: User, given: User) -> None:
        known_change = self._changing.get(known.user_id)
        there = known if known_change is None else cast(User, known_change.after)
        more = [each for each in self._free(given, there.user_id) if each not in there.aliases]
        other = [name for name in (*TEXTS, *OBJECTS, "role") if getattr(there, name) != getattr(given, name)]
        if there.protected != given.protected:
            other.append("protected")
        if not other and not more:
            self._tally.unchanged["user"] += 1
            return
        # of somebody who was merged into them only the gaps are filled: the values are not theirs
        backup = self._prefer == "backup" and given.user_id == there.user_id
        after = self._as_in_copy(there, given) if backup else self._filled(there, given)
        filled = [name for name in other if getattr(after, name) != getattr(there, name)] + ["aliases"] * bool(more)
        left = [name for name in other if getattr(after, name) != getattr(given, name)]
        if filled:
            aliases = tuple(sorted({*there.aliases, *more}))
            self._names |= dict.fromkeys(more, there.user_id)
            at = max(self._now, there.updated_at)
            change = Change(known, replace(after, aliases=aliases, updated_at=at))
            if known_change is not None or _may_be_several(known, given):
                self._changing[known.user_id] = change
            else:
                self._plan.add("user", change)
        said = f"Other values: {', '.join(other) or 'aliases'}."
        if filled and not backup:
            said += f" Filled in: {', '.join(filled)}."
        kept: Prefer = "backup" if filled and (backup or not left) else "current"
        self._tally.conflict("user", there.user_id, there.user_id, kept, said)

    def _as_in_copy(self, there: User, given: User) -> User:
        values: dict[str, Any] = {name: getattr(given, name) for name in (*TEXTS, *OBJECTS, "role")}
        values["flags"] = self._protection.kept(given.flags, there.flags)
        if (there.protected and not given.protected) or values["flags"] != given.flags:
            self._tally.note(f"User {there.user_id!r} is protected, and stays so.")
        created_at = min(there.created_at, given.created_at)
        return replace(there, **values, protected=there.protected or given.protected, created_at=created_at)

    def _filled(self, there: User, given: User) -> User:
        filled, notes = fill_gaps(there, given)
        for note in notes:
            self._tally.note(note)
        return filled

    def _free(self, given: User, owner: str) -> list[str]:
        """Return the aliases of a user in the copy that nobody else has by now; the others are told of."""
        free = []
        for alias in given.aliases:
            at = self._purged.purged_at(alias)
            if alias == owner or (at is not None and given.updated_at <= at):
                continue
            whose = users.resolve(self._tx, alias) or self._names.get(alias)
            if whose in (None, owner):
                free.append(alias)
            else:
                self._tally.note(f"{alias!r} names another user by now: {owner!r} does not get it back.")
        return free


def _may_be_several(there: User, given: User) -> bool:
    """Return whether another user of the same copy may be one with this user by now."""
    return given.user_id != there.user_id or not {*there.aliases} <= {*given.aliases}


def fill_gaps(there: User, given: User) -> tuple[User, list[str]]:
    """Return a user with what another version knows of them that this one does not, and what is to be said of it.

    Nothing that is there is changed. A role is a gap while it is the one that everybody begins with, and who was
    protected is protected. Aliases stay as they are.
    """
    notes: list[str] = []
    values: dict[str, Any] = {name: getattr(given, name) for name in TEXTS if getattr(there, name) is None}
    for name in OBJECTS:
        own, more = getattr(there, name), getattr(given, name)
        if not more.keys() - own.keys():
            continue
        joined = {**more, **own}
        try:
            encode_object(joined, name)
        except ContentTooLong:
            notes.append(f"The {name} of both do not fit into one object: {there.user_id!r} keeps its own.")
        else:
            values[name] = joined
    if there.role == DEFAULT_ROLE:
        values["role"] = given.role
    return replace(there, **values, protected=there.protected or given.protected), notes
