"""A summary, whatever was said: within its words, made of what was said, and always the same."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingat.search.summary import MAX_WORDS, Turn, cut, sentences, summarise, words_in

PIECES = st.sampled_from(
    [
        "My order 48213 is late. ",
        "Hello! ",
        "谢谢。",
        "我叫李明。",
        "Who? ",
        "Dr. ",
        "3.5 ",
        "\n",
        "תודה רבה ",
        "x" * 400,
        " ",
        "!?…",
        "ok",
    ]
)
TEXTS = st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=12).map("".join))
TURNS = st.lists(st.builds(Turn, st.sampled_from(["Ana", "assistant"]), st.booleans(), TEXTS), max_size=12)


def squeezed(text: str) -> str:
    return "".join(text.split())


@given(TEXTS)
def test_sentences_hold_all_that_was_said_in_its_order(text: str) -> None:
    parts = sentences(text)

    assert squeezed("".join(parts)) == squeezed(text)
    assert all(part.strip() and len(part) <= 300 for part in parts)


@given(TURNS)
def test_a_summary_is_made_of_what_was_said_within_its_words(turns: list[Turn]) -> None:
    summary = summarise(turns)
    said = [squeezed(turn.text) for turn in turns]

    assert words_in(summary) <= MAX_WORDS
    assert bool(summary) == any(said)
    assert summarise(list(turns)) == summary
    for line in summary.split("\n") if summary else ():  # other line ends may stand within what was said
        speaker, _, rest = line.partition(": ")
        assert speaker in {"Ana", "assistant"} or any(squeezed(line) in text for text in said)
        assert set(squeezed(rest)) <= set("".join(said))


@given(TEXTS, st.integers(1, 50))
def test_a_text_is_cut_to_its_beginning(text: str, most: int) -> None:
    kept = cut(text, most)

    assert kept == text or squeezed(text).startswith(squeezed(kept))
    assert words_in(kept) <= most or len(sentences(text)[0]) >= len(kept)
