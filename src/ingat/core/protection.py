"""Protection: who must not be erased by accident: a user who is marked so, or whose flags say that a case is open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ingat.core.errors import InvalidInput, ProtectedUser
from ingat.core.records import User

PROTECTED_FLAGS = ("sop_pending", "active_intent")
"""Flags of a user that protect while they are set, unless the settings name others."""


def is_set(value: Any) -> bool:
    """Return whether a flag is set: it is not when it is null, false, 0, empty, or the text `none`."""
    return bool(value) and not (isinstance(value, str) and value.strip().lower() in ("", "none"))


class Protection:
    """Tells whether and by what a user is protected."""

    def __init__(self, flags: Iterable[str] = PROTECTED_FLAGS) -> None:
        self._flags = tuple(dict.fromkeys(flags))

    def reasons(self, user: User) -> tuple[str, ...]:
        """Return what protects the user: `protected` for the mark, `flags.NAME` for a flag; empty: nothing does."""
        mark = ("protected",) if user.protected else ()
        return mark + tuple(f"flags.{name}" for name in self._flags if is_set(user.flags.get(name)))

    def kept(self, flags: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
        """Return flags with those of `before` that protect, where `flags` would take the protection away."""
        names = (each for each in self._flags if is_set(before.get(each)) and not is_set(flags.get(each)))
        return {**flags, **{each: before[each] for each in names}}


class Guard(NamedTuple):
    """Stands before what is to be deleted: with `force` it lets pass, and with `dry_run` what is only shown."""

    protection: Protection
    force: bool = False
    dry_run: bool = False

    def admit(self, user: User, what: str | None = None) -> tuple[str, ...]:
        """Return what protects the user; raise ProtectedUser when that is anything and nobody forces it.

        `what` is what is to be deleted, when that is not the user.
        """
        reasons = self.protection.reasons(user)
        if reasons and not (self.force or self.dry_run):
            whose = f"User {user.user_id!r} is" if what is None else f"{what} belongs to user {user.user_id!r}, who is"
            raise ProtectedUser(
                f"{whose} protected ({', '.join(reasons)}). Nothing was deleted; `force` with a reason overrides it.",
                user_id=user.user_id,
                protected_by=list(reasons),
            )
        return reasons


def check_force(force: bool, reason: str) -> None:
    """Raise InvalidInput when something is forced without a reason."""
    if force and not reason.strip():
        raise InvalidInput("`force` needs a reason. Nothing was deleted; say why in `reason`.")
