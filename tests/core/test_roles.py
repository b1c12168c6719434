"""Roles, their budgets and their precedence."""

from __future__ import annotations

import pytest

from ingat.core.errors import InvalidSettings, UnknownRole
from ingat.core.roles import Roles


@pytest.mark.parametrize(
    ("role", "budget"), [("client", 4_000), ("godfather", 100_000), ("admin", 100_000), ("blocked", 0)]
)
def test_a_role_has_its_budget(role: str, budget: int) -> None:
    assert Roles().budget(role) == budget


@pytest.mark.parametrize(
    ("given", "strongest"),
    [
        (("client", "admin", "blocked", "godfather"), "admin"),
        (("client", "blocked", "godfather"), "godfather"),
        (("client", "blocked"), "blocked"),
        (("client",), "client"),
        (("gone",), "client"),
        ((), "client"),
    ],
)
def test_the_strongest_of_several_roles_wins(given: tuple[str, ...], strongest: str) -> None:
    assert Roles().strongest(given) == strongest


@pytest.mark.parametrize(
    ("given", "strongest"),
    [
        (("client", "vip"), "vip"),
        (("vip", "gold"), "gold"),
        (("small", "client"), "small"),
        (("vip", "blocked"), "blocked"),
        (("gold", "godfather"), "godfather"),
        (("even", "vip"), "vip"),
    ],
)
def test_a_deployments_own_roles_stand_by_budget_between_blocked_and_client(
    given: tuple[str, ...], strongest: str
) -> None:
    roles = Roles({"client": 8_000, "small": 100, "vip": 50_000, "gold": 200_000, "even": 50_000})

    assert roles.strongest(given) == strongest
    assert roles.names() == ("admin", "godfather", "blocked", "gold", "vip", "even", "small", "client")


def test_an_unknown_role_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(UnknownRole) as caught:
        Roles().check("king")

    assert caught.value.code == "unknown_role"
    assert caught.value.details["known"] == ["admin", "godfather", "blocked", "client"]


def test_a_deployment_changes_budgets_and_adds_roles() -> None:
    roles = Roles({"client": 8_000, "vip": 20_000})

    assert (roles.budget("client"), roles.budget("vip"), roles.budget("admin")) == (8_000, 20_000, 100_000)


@pytest.mark.parametrize(
    "budgets",
    [{"client": -1}, {"client": 0}, {"client": 63}, {"vip": 10**9}, {"blocked": 100}, {"client": True}],
)
def test_a_budget_that_cannot_be_used_is_refused(budgets: dict[str, int]) -> None:
    with pytest.raises(InvalidSettings):
        Roles(budgets)


def test_a_budget_that_is_no_whole_number_is_refused() -> None:
    with pytest.raises(InvalidSettings):
        Roles({"client": 4000.5})  # type: ignore[dict-item]
