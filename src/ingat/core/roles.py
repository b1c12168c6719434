"""Roles: what a person may use of a model's context, and who wins when two roles meet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ingat.core.errors import InvalidSettings, UnknownRole
from ingat.core.given import shown
from ingat.core.limits import MAX_BUDGET, MIN_BUDGET

DEFAULT_BUDGETS: Mapping[str, int] = {"admin": 100_000, "godfather": 100_000, "blocked": 0, "client": 4_000}
"""Context budget of each role in tokens."""

DEFAULT_ROLE = "client"
BLOCKED = "blocked"


class Roles:
    """The roles of one deployment, with their budgets in tokens.

    When two users are merged, the role with precedence wins: admin before godfather before blocked, then the
    deployment's own roles by budget, largest first (of equal ones the first given), and client last.
    """

    def __init__(self, budgets: Mapping[str, int] | None = None) -> None:
        self._budgets = dict(DEFAULT_BUDGETS)
        for role, budget in (budgets or {}).items():
            if not isinstance(budget, int) or isinstance(budget, bool) or budget < 0:
                raise InvalidSettings(f"The budget of role {role!r} must be a whole number of tokens, 0 or more.")
            if role == BLOCKED and budget:
                raise InvalidSettings("The role 'blocked' has no budget: give the user another role instead.")
            if role != BLOCKED and not MIN_BUDGET <= budget <= MAX_BUDGET:
                raise InvalidSettings(f"The budget of role {role!r} must be from {MIN_BUDGET} to {MAX_BUDGET} tokens.")
            self._budgets[role] = budget
        own = [role for role in self._budgets if role not in DEFAULT_BUDGETS]
        own.sort(key=lambda role: -self._budgets[role])
        self._order = (*(role for role in DEFAULT_BUDGETS if role != DEFAULT_ROLE), *own, DEFAULT_ROLE)

    def names(self) -> tuple[str, ...]:
        """Return the roles in order of precedence."""
        return self._order

    def check(self, role: str) -> str:
        """Return the role, or raise UnknownRole."""
        if not isinstance(role, str) or role not in self._budgets:
            raise UnknownRole(
                f"There is no user role {shown(role)}; known: {', '.join(self._order)}.", known=list(self._order)
            )
        return role

    def budget(self, role: str) -> int:
        """Return the tokens that a context for this role may have; a role no longer configured has the client's."""
        return self._budgets.get(role, self._budgets[DEFAULT_ROLE])

    def strongest(self, roles: Iterable[str]) -> str:
        """Return the role that comes first in the order of precedence."""
        given = set(roles)
        return next((role for role in self._order if role in given), DEFAULT_ROLE)
