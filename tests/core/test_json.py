"""JSON objects that people bring are checked before they are kept."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingat.core.errors import ContentTooLong, IngatError, InvalidInput, InvalidText
from ingat.core.json import MAX_JSON_BYTES, decode_object, encode_object

_KEYS = st.text(st.characters(codec="utf-8"))
_LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | _KEYS
_VALUES = st.recursive(
    _LEAVES.filter(lambda value: value not in (float("inf"), float("-inf"))),
    lambda inner: st.lists(inner) | st.dictionaries(_KEYS, inner),
    max_leaves=20,
)


@given(st.dictionaries(_KEYS, _VALUES))
def test_an_object_comes_back_as_it_was(value: dict[str, Any]) -> None:
    assert decode_object(encode_object(value, "metadata")) == value


def test_nothing_kept_is_an_empty_object() -> None:
    assert decode_object(None) == {}


@pytest.mark.parametrize("value", [None, [], "text", 5, {"a"}, {"a": object()}, {"a": {1, object()}}])
def test_what_is_no_json_object_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        encode_object(value, "metadata")

    assert caught.value.code == "invalid_input"


@pytest.mark.parametrize("value", [{"a": "\ud800"}, {"\udc00": 1}, {"a": [{"b": "x\udfff"}]}])
def test_half_of_a_surrogate_pair_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(InvalidText):
        encode_object(value, "metadata")


def test_a_large_object_is_refused() -> None:
    with pytest.raises(ContentTooLong) as caught:
        encode_object({"a": "x" * MAX_JSON_BYTES}, "metadata")

    assert caught.value.details["max_bytes"] == MAX_JSON_BYTES


@pytest.mark.parametrize("depth", [70, 500, 900, 100_000])
def test_a_deeply_nested_object_is_refused(depth: int) -> None:
    """What could be written from a shallow stack and not be read back from a deep one must not be kept."""
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"a": value}

    with pytest.raises(IngatError) as caught:
        encode_object(value, "metadata")

    assert caught.value.code == "invalid_input"


def test_brackets_in_texts_are_not_nesting() -> None:
    value = {"a": "[{" * 1_000, "b": [[]] * 200}

    assert decode_object(encode_object(value, "metadata")) == value


def test_an_object_that_holds_itself_is_refused() -> None:
    value: dict[str, Any] = {}
    value["self"] = value

    with pytest.raises(InvalidInput):
        encode_object(value, "metadata")
