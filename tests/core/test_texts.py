"""Texts are kept unchanged or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingat.core.errors import ContentTooLong, InvalidText
from ingat.core.texts import MAX_CONTENT_BYTES, check_text


@given(st.text(st.characters(codec="utf-8", exclude_characters="\x00")))
def test_a_text_is_kept_as_it_is(text: str) -> None:
    assert check_text(text, "content") == text


@pytest.mark.parametrize("text", ["\x00", "a\x00b", "\ud83d", "ok \udc00 ok"], ids=ascii)
def test_nul_and_half_surrogates_are_refused(text: str) -> None:
    with pytest.raises(InvalidText) as caught:
        check_text(text, "content")

    assert caught.value.code == "invalid_text"


@pytest.mark.parametrize("text", [None, 5, b"bytes", ["a"]])
def test_what_is_no_text_is_refused(text: object) -> None:
    with pytest.raises(InvalidText):
        check_text(text, "content")  # type: ignore[arg-type]


@pytest.mark.parametrize("letter", ["x", "é", "字", "👍"])
def test_the_limit_counts_bytes(letter: str) -> None:
    size = len(letter.encode())
    most = MAX_CONTENT_BYTES // size

    assert len(check_text(letter * most, "content")) == most
    with pytest.raises(ContentTooLong) as caught:
        check_text(letter * (most + 1), "content")
    assert caught.value.details == {"size_bytes": size * (most + 1), "max_bytes": MAX_CONTENT_BYTES}
