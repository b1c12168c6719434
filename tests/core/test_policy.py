"""The recall policy refuses what cannot be meant."""

from __future__ import annotations

import msgspec
import pytest

from ingat.core.errors import InvalidSettings
from ingat.core.policy import RecallPolicy


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
