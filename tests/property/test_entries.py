"""What is stored can be found again by its own words, and comes back letter by letter."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ingat.memory import Memory
from ingat.search.entry import analyse
from ingat.testing import open_memory

_TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=300)
_WORDS = st.sampled_from(
    (
        "boat",
        "harbours",
        "moving",
        "allergic",
        "perahu",
        "pelabuhan",
        "mengingatkan",
        "הסירה",
        "בנמל",
        "红色的船",
        "港口",
        "หมาแดง",
        "лодка",
        "Straße",
        "x86",
        "2025",
        "naïve",
    )
)


@pytest.fixture(scope="module")
def memory(engine: str) -> Iterator[Memory]:
    with open_memory(embedder=None) as opened:
        yield opened


@given(_TEXTS, st.none() | _TEXTS, st.lists(_TEXTS, max_size=2))
def test_a_message_comes_back_letter_by_letter(
    memory: Memory, content: str, author: str | None, captions: list[str]
) -> None:
    assume(content.strip() or captions)
    session = memory.sessions.create("ana")
    said = memory.sessions.append(
        session.id, "user", content, author=author, attachments=[{"caption": caption} for caption in captions]
    )

    assert memory.sessions.messages(session.id) == [said]
    assert (said.content, said.author, [each.caption for each in said.attachments]) == (content, author, captions)


@given(st.lists(_WORDS, min_size=1, max_size=6), st.data())
def test_a_line_is_recalled_by_any_of_its_words(memory: Memory, words: list[str], data: st.DataObject) -> None:
    session = memory.sessions.create()
    said = memory.sessions.append(session.id, "user", " ".join(words))
    asked = data.draw(st.sampled_from(words))

    assert [hit.source_id for hit in memory.recall(session.user_id, asked).hits] == [said.id]
    assert [message.id for message in memory.search(session.user_id, asked)] == [said.id]


@given(_TEXTS, st.none() | _TEXTS)
def test_terms_are_whole_records_and_the_same_each_time(text: str, author: str | None) -> None:
    terms = analyse(text, author=author, at_ms=0)

    assert (len(terms.terms) % 5, len(terms.pairs) % 4) == (0, 0)
    assert terms.words >= 0
    assert analyse(text, author=author, at_ms=0) == terms


@given(st.lists(st.sampled_from(("message", "fact")), min_size=1, max_size=12))
def test_every_line_has_one_entry(memory: Memory, kinds: list[str]) -> None:
    session = memory.sessions.create()
    for number, kind in enumerate(kinds):
        if kind == "message":
            memory.sessions.append(session.id, "user", f"boat {number}")
        else:
            memory.remember(session.user_id, f"boat {number}")

    assert len(memory.recall(session.user_id, "boat", 100).hits) == len(kinds)
    assert all(check.state == "ok" for check in memory.doctor())
