"""Records are frozen, and a page reads like a sequence."""

from __future__ import annotations

import pytest

from ingat.core.records import Page, User


def test_a_page_reads_like_a_sequence() -> None:
    page = Page(items=("a", "b"), next="more")

    assert (list(page), len(page), page[1]) == (["a", "b"], 2, "b")


def test_a_record_does_not_change() -> None:
    user = User(user_id="ana", created_at=1, updated_at=1)

    with pytest.raises(AttributeError):
        user.name = "Ana"  # type: ignore[misc]
