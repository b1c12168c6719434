"""Who is protected from being erased, and by what."""

from __future__ import annotations

from typing import Any

import pytest

from ingat.core.errors import InvalidInput, ProtectedUser
from ingat.core.protection import Guard, Protection, check_force, is_set
from ingat.core.records import User


def user(**fields: Any) -> User:
    return User(user_id="ana", created_at=0, updated_at=0, **fields)


@pytest.mark.parametrize("value", [None, False, 0, 0.0, "", " ", [], {}, "none", "None"], ids=repr)
def test_a_flag_without_a_value_is_not_set(value: Any) -> None:
    assert not is_set(value)


@pytest.mark.parametrize("value", [True, 1, -1, "F57A", "no", [0], {"step": None}], ids=repr)
def test_a_flag_with_a_value_is_set(value: Any) -> None:
    assert is_set(value)


def test_what_protects_is_named() -> None:
    given = user(protected=True, flags={"sop_pending": True, "active_intent": "none", "vip": True})

    assert Protection().reasons(given) == ("protected", "flags.sop_pending")
    assert Protection(["vip", "vip"]).reasons(given) == ("protected", "flags.vip")
    assert Protection([]).reasons(user(flags={"sop_pending": True})) == ()


def test_who_is_protected_is_not_admitted() -> None:
    with pytest.raises(ProtectedUser, match=r"'ana'.*flags\.active_intent.*force") as caught:
        Guard(Protection()).admit(user(flags={"active_intent": "repair"}))
    assert caught.value.details["protected_by"] == ["flags.active_intent"]


def test_what_belongs_to_a_protected_user_is_named() -> None:
    with pytest.raises(ProtectedUser, match="^Session 's1' belongs to user 'ana'"):
        Guard(Protection()).admit(user(protected=True), "Session 's1'")


@pytest.mark.parametrize("way", ["force", "dry_run"])
def test_force_and_a_dry_run_pass_and_are_told(way: str) -> None:
    guard = Guard(Protection(), **{way: True})
    assert guard.admit(user(protected=True)) == ("protected",)
    assert guard.admit(user()) == ()


def test_force_needs_a_reason() -> None:
    check_force(False, "")
    check_force(True, "asked for")
    with pytest.raises(InvalidInput, match="reason"):
        check_force(True, " \n")
