"""Token counts stay near those of o200k_base, and cutting by them keeps what readers see in one piece."""

from __future__ import annotations

import importlib
import json
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingat.core.errors import InvalidInput, InvalidSettings, MissingExtra, TokenizerUnavailable
from ingat.core.tokens import MESSAGE_OVERHEAD_TOKENS, count_tokens, cut_to_tokens, open_tokenizer

REQUIRED = ("english", "indonesian", "hebrew", "chinese", "code")
PROSE = ("chat", "prose", "dialogue", "question", "technical", "formal")
LOWEST, HIGHEST = 0.90, 1.35
LONG = 40  # tokens; one token more or less weighs too much in shorter texts


class Sample(NamedTuple):
    """A text and how many o200k_base tokens it really has."""

    language: str
    kind: str
    held_out: bool
    tokens: int
    text: str

    @property
    def ratio(self) -> float:
        return count_tokens(self.text) / self.tokens


SAMPLES = [
    Sample(**row) for row in json.loads((Path(__file__).parent / "token_counts.json").read_text(encoding="utf-8"))
]
LONG_SAMPLES = [sample for sample in SAMPLES if sample.tokens >= LONG]


def sample_name(sample: Sample) -> str:
    return f"{sample.language}-{sample.kind}-{sample.tokens}{'-held-out' if sample.held_out else ''}"


@pytest.mark.parametrize("language", REQUIRED)
def test_samples_are_many_varied_and_a_third_held_out(language: str) -> None:
    mine = [sample for sample in SAMPLES if sample.language == language]
    assert len(mine) >= 12
    assert sum(sample.held_out for sample in mine) >= len(mine) / 3
    assert min(sample.tokens for sample in mine) < 20
    assert max(sample.tokens for sample in mine) > 1000


@pytest.mark.parametrize("sample", LONG_SAMPLES, ids=sample_name)
def test_no_long_sample_is_counted_more_than_a_tenth_too_low(sample: Sample) -> None:
    assert sample.ratio >= LOWEST


@pytest.mark.parametrize("sample", [s for s in LONG_SAMPLES if s.kind in PROSE], ids=sample_name)
def test_no_prose_sample_is_counted_more_than_a_third_too_high(sample: Sample) -> None:
    assert sample.ratio <= HIGHEST


@pytest.mark.parametrize("held_out", [False, True])
@pytest.mark.parametrize("language", sorted({sample.language for sample in SAMPLES}))
def test_sum_of_a_language_is_within_limits(language: str, held_out: bool) -> None:
    counted: dict[str, int] = defaultdict(int)
    for sample in SAMPLES:
        if sample.language == language and sample.held_out == held_out:
            counted["true"] += sample.tokens
            counted["ours"] += count_tokens(sample.text)
    assert LOWEST <= counted["ours"] / counted["true"] <= HIGHEST


def test_empty_text_has_no_tokens() -> None:
    assert count_tokens("") == 0


def test_every_single_character_counts_one_to_four_tokens() -> None:
    assert {count_tokens(chr(code_point)) for code_point in range(sys.maxunicode + 1)} <= {1, 2, 3, 4}


# Characters that meet in the splitting rules, mixed with any others (lone surrogates too).
any_text = st.one_of(
    st.text(st.sampled_from("aAbBzé'’ \t\r\n\u00a0\u20280125.,/-_({\\你שไ😂\u200d\ud800"), max_size=40),
    st.text(st.characters(exclude_categories=()), max_size=40),
)


@given(any_text)
def test_any_text_has_a_count_and_only_the_empty_one_has_none(text: str) -> None:
    assert (count_tokens(text) == 0) == (text == "")


@given(any_text, any_text)
def test_joined_text_counts_at_most_one_more_than_its_parts(start: str, end: str) -> None:
    assert count_tokens(start + end) <= count_tokens(start) + count_tokens(end) + 1


@given(any_text, any_text)
def test_joined_text_counts_at_least_its_start_and_about_its_end(start: str, end: str) -> None:
    assert count_tokens(start + end) >= count_tokens(start)
    assert count_tokens(start + end) >= count_tokens(end) - 1


def test_a_chat_message_costs_role_and_separators() -> None:
    assert MESSAGE_OVERHEAD_TOKENS == 4


# -- cutting --------------------------------------------------------------------------------------------------------


@given(any_text, st.integers(0, 30))
def test_cut_text_is_a_prefix_within_the_budget(text: str, budget: int) -> None:
    prefix = cut_to_tokens(text, budget)
    assert text.startswith(prefix)
    assert count_tokens(prefix) <= budget


@given(st.text(st.sampled_from("ab Z'\n.12你ש"), max_size=60), st.integers(0, 20))
def test_no_longer_prefix_fits(text: str, budget: int) -> None:
    prefix = cut_to_tokens(text, budget)
    assert prefix == text or count_tokens(text[: len(prefix) + 1]) > budget


@given(any_text)
def test_text_that_fits_is_returned_whole(text: str) -> None:
    assert cut_to_tokens(text, count_tokens(text)) == text


def by_code_point(text: str) -> int:
    return len(text)


@pytest.mark.parametrize(
    ("text", "budget", "expected"),
    [
        ("cafe\u0301s", 4, "caf"),
        ("ok 👩\u200d👧", 4, "ok "),
        ("ok 👩\u200d👧", 5, "ok "),
        ("ok 👍🏽", 4, "ok "),
        ("❤\ufe0f!", 1, ""),
        ("\U0001f1ee\U0001f1e9\U0001f1ee\U0001f1f1", 3, "\U0001f1ee\U0001f1e9"),
        ("a\ud83d\ude02", 2, "a"),
        ("a\r\nb", 2, "a"),
        ("กำ ที่", 5, "กำ "),
    ],
    ids=["accent", "before joiner", "after joiner", "skin tone", "variation", "flags", "surrogates", "crlf", "thai"],
)
def test_cut_tears_no_character_a_reader_sees(text: str, budget: int, expected: str) -> None:
    assert cut_to_tokens(text, budget, by_code_point) == expected


def test_sequence_longer_than_any_real_one_is_cut_to_fit() -> None:
    assert cut_to_tokens("e" + "\u0301" * 500, 300, by_code_point) == "e" + "\u0301" * 299


def test_cut_of_a_long_text_counts_few_and_short_prefixes() -> None:
    lengths: list[int] = []

    def recording(text: str) -> int:
        lengths.append(len(text))
        return count_tokens(text)

    prefix = cut_to_tokens("and so it goes on and on, " * 40_000, 1_000, recording)
    assert count_tokens(prefix) == 1_000
    assert len(lengths) <= 20
    assert max(lengths) <= 8_000


def test_negative_budget_is_refused() -> None:
    with pytest.raises(InvalidInput):
        cut_to_tokens("text", -1)


# -- plugging in an exact tokenizer ---------------------------------------------------------------------------------


@pytest.mark.parametrize("opened", [open_tokenizer, lambda: open_tokenizer("heuristic")], ids=["default", "named"])
def test_heuristic_is_the_default_tokenizer(opened: Callable[[], Any]) -> None:
    assert opened() is count_tokens


def test_exact_tokenizer_without_tiktoken_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tiktoken", None)
    with pytest.raises(MissingExtra, match=r"pip install ingat\[tokens\]"):
        open_tokenizer("o200k_base")


def by_byte() -> dict[str, Any]:
    """A complete, tiny encoding: one token a byte."""
    return {
        "name": "by_byte",
        "pat_str": r"[\s\S]",
        "mergeable_ranks": {bytes([value]): value for value in range(256)},
        "special_tokens": {"<|end|>": 256},
    }


def unreadable() -> dict[str, Any]:
    raise OSError("no such host")


@pytest.fixture
def own_encodings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tiktoken know two encodings that need no download, and no others."""
    pytest.importorskip("tiktoken")
    registry = importlib.import_module("tiktoken.registry")
    monkeypatch.setattr(registry, "ENCODING_CONSTRUCTORS", {"by_byte": by_byte, "unreadable": unreadable})
    monkeypatch.setattr(registry, "ENCODINGS", {})


@pytest.mark.usefixtures("own_encodings")
def test_exact_tokenizer_counts_as_tiktoken_does() -> None:
    count = open_tokenizer("by_byte")
    assert [count(""), count("a"), count("<|end|>"), count("\ud800") > 0] == [0, 1, 7, True]


@pytest.mark.usefixtures("own_encodings")
def test_unknown_tokenizer_is_refused_with_the_known_names() -> None:
    with pytest.raises(InvalidSettings, match="heuristic, by_byte"):
        open_tokenizer("o900k_base")


@pytest.mark.usefixtures("own_encodings")
def test_tokenizer_whose_table_cannot_be_read_says_so() -> None:
    with pytest.raises(TokenizerUnavailable, match="no such host"):
        open_tokenizer("unreadable")
