"""The recall policy refuses what cannot be meant."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from ingat.core.errors import InvalidSettings
from ingat.core.policy import RecallPolicy, RetentionPolicy


def test_the_defaults_are_valid() -> None:
    assert RecallPolicy().top_k == 5


@pytest.mark.parametrize(
    "values",
    [
        {"top_k": 0},
        {"top_k": -5},
        {"top_k": 1_001},
        {"top_k": True},
        {"top_k": 2.5},
        {"context_top_k": 0},
        {"recalled_percent": 81},
        {"recalled_percent": -1},
        {"profile_percent": 81},
        {"near_misses": -1},
        {"cache_mib": 0},
    ],
    ids=str,
)
def test_a_value_outside_its_limits_is_refused_by_name(values: dict[str, int]) -> None:
    with pytest.raises(InvalidSettings) as caught:
        RecallPolicy(**values)

    assert caught.value.code == "invalid_settings"
    assert f"recall.{next(iter(values))}" in caught.value.message


def test_recalled_lines_and_profile_leave_room_for_messages() -> None:
    with pytest.raises(InvalidSettings):
        RecallPolicy(recalled_percent=80, profile_percent=20)


def test_a_key_that_there_is_not_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="topk"):
        msgspec.convert({"topk": 1}, RecallPolicy)


def test_a_policy_does_not_change() -> None:
    with pytest.raises(AttributeError):
        RecallPolicy().top_k = 7  # type: ignore[misc]


NUMBERS = [name for name in RetentionPolicy.__struct_fields__ if name != "auto_archive_sessions"]


@pytest.mark.parametrize("value", [0, -1, True, 1.5, "7", None, 10**12], ids=repr)
@pytest.mark.parametrize("name", NUMBERS)
def test_no_number_of_retention_may_mean_everything_or_nothing(name: str, value: Any) -> None:
    with pytest.raises(InvalidSettings) as caught:
        RetentionPolicy(**{name: value})

    assert caught.value.details == {"field": name}


def test_a_number_with_thousands_of_digits_is_refused_like_any_other() -> None:
    with pytest.raises(InvalidSettings, match="far outside"):
        RetentionPolicy(max_sessions=10**5_000)


@pytest.mark.parametrize("name", NUMBERS)
def test_the_smallest_number_of_retention_is_one(name: str) -> None:
    values: dict[str, Any] = {name: 1}

    assert getattr(RetentionPolicy(**values), name) == 1
