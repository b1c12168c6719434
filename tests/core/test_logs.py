"""What is given as the data of a log entry is always kept as an object."""

from __future__ import annotations

from typing import Any

import pytest

from ingat.core.logs import as_data


@pytest.mark.parametrize(
    ("given", "kept"), [(None, {}), ({"a": 1}, {"a": 1}), ({}, {}), ("x", {"value": "x"}), ([], {"value": []})]
)
def test_data_is_an_object_whatever_is_given(given: Any, kept: dict[str, Any]) -> None:
    assert as_data(given) == kept
