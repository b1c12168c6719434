"""A mention is an id that stands as a word of its own, in a text or anywhere in a value of JSON."""

from __future__ import annotations

from typing import Any

import pytest

from ingat.lifecycle.mention import Mention, words_of

IDS = ("628111", "ana", "anonymous:01ab", "budi@example.org", "a.b")


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("call 628111 now", {"628111"}),
        ("628111@c.us", {"628111"}),
        ("ANA, Ana and ana", {"ana"}),
        ("(budi@example.org)", {"budi@example.org"}),
        ("of anonymous:01ab.", {"anonymous:01ab"}),
        ({"to": ["x", {"628111": 1}]}, {"628111"}),
        ({"phone": 628111}, {"628111"}),
        (["line\n628111\nline"], {"628111"}),
        ("banana joana ana_b 6281112 0628111", set()),
        ("axb budi@example.orgs anonymous:01abc", set()),
        (True, set()),
        (None, set()),
        ("", set()),
    ],
    ids=str,
)
def test_an_id_is_found_as_a_word_of_its_own(value: Any, named: set[str]) -> None:
    mention = Mention(IDS)
    assert mention.found_in(value) == named
    assert mention.is_in(value) == bool(named)


@pytest.mark.parametrize("known_as", ["7", "12345", "me"])
def test_an_id_that_may_be_another_word_or_number_is_named_by_a_text_that_is_nothing_else(known_as: str) -> None:
    mention = Mention([known_as])
    assert mention.is_in({"user_id": known_as})
    assert not mention.is_in(f"deleted {known_as} rows", {"count": int(known_as) if known_as.isdigit() else 0})
    assert Mention([known_as], told_apart=True).is_in(f"deleted {known_as} rows")


def test_the_words_that_may_be_ids_are_found_whatever_stands_around_them() -> None:
    text = 'for 628111222@c.us ("budi@example.org.", telegram-4711-x) at ' + "." * 100_000
    found = set(words_of(text, {"web:visitor": [62811122233]}))
    assert found >= {"628111222", "budi@example.org", "telegram-4711-x", "web:visitor", "62811122233"}


def test_without_ids_nothing_is_named() -> None:
    assert not Mention().is_in("anything")
    assert not Mention([""]).is_in("")


def test_ids_can_be_added() -> None:
    mention = Mention(["ana"])
    mention.add(["ben", "c.d"])
    assert mention.found_in("ana ben c.d") == {"ana", "ben", "c.d"}
