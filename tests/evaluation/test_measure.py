from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from ingat.evaluation.dataset import Dataset
from ingat.evaluation.measure import Rating, evaluate, mean, rate
from ingat.evaluation.readers import read_dataset
from ingat.memory import Memory
from tests.evaluation.files import LOCOMO, written


@pytest.fixture
def memory() -> Iterator[Memory]:
    with Memory(":memory:") as opened:
        yield opened


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    return read_dataset("locomo", written(tmp_path, LOCOMO))


def test_all_gold_first_is_a_perfect_rating() -> None:
    assert rate(["a", "b", "x"], {"a", "b"}) == Rating(1, 1, 1, 1, 1)


def test_nothing_found_is_zero() -> None:
    assert rate([], {"a"}) == Rating(0, 0, 0, 0, 0)


def test_recall_counts_the_share_of_the_gold_within_each_depth() -> None:
    found = ["a", *"123456", "b", *"qrstuvw", "c", "z", "y", "w", "d"]

    rating = rate(found, {"a", "b", "c", "d", "missing"})

    assert (rating.recall_5, rating.recall_10, rating.recall_20, rating.all_10) == (0.2, 0.4, 0.8, 0)


def test_ndcg_discounts_by_rank_and_divides_by_the_best_order() -> None:
    rating = rate(["x", "a", "y", "b"], {"a", "b"})

    assert rating.ndcg_10 == pytest.approx((1 / math.log2(3) + 1 / math.log2(5)) / (1 + 1 / math.log2(3)))


def test_ndcg_of_more_than_ten_gold_lines_can_be_perfect() -> None:
    gold = [str(number) for number in range(15)]

    assert rate(gold, gold).ndcg_10 == pytest.approx(1)


def test_means_are_percent() -> None:
    scores = mean([Rating(1, 1, 1, 1, 1), Rating(0, 0.5, 1, 0, 0)])

    assert msgspec.to_builtins(scores) == {
        "R@5": 50,
        "R@10": 75,
        "R@20": 100,
        "nDCG@10": 50,
        "all@10": 50,
        "questions": 2,
    }


def test_an_evaluation_reports_overall_and_by_category(memory: Memory, dataset: Dataset) -> None:
    measured = evaluate(memory, dataset)

    assert (measured.questions, measured.skipped, measured.mode) == (3, 1, "words+vectors")
    assert {name: scores.questions for name, scores in measured.categories.items()} == {"multi-hop": 1, "single-hop": 2}
    assert measured.overall.recall_5 == 100
    assert measured.per_second > 0


def test_an_evaluation_leaves_no_vectors_to_make(memory: Memory, dataset: Dataset) -> None:
    evaluate(memory, dataset)

    assert memory.stats().vectors_missing == 0


def test_a_second_evaluation_imports_nothing_and_finds_the_same(memory: Memory, dataset: Dataset) -> None:
    first, second = evaluate(memory, dataset), evaluate(memory, dataset)

    assert (second.imported.messages, second.imported.already_there) == (0, 5)
    assert (first.overall, first.categories) == (second.overall, second.categories)


def test_without_an_embedder_the_mode_is_words(dataset: Dataset) -> None:
    with Memory(":memory:", embedder="none") as memory:
        assert evaluate(memory, dataset).mode == "words"


def test_lines_of_other_users_are_not_counted(memory: Memory, dataset: Dataset) -> None:
    other = memory.sessions.create("someone else")
    memory.sessions.append(other.id, "user", "What did Rani dig? What did Rani dig?")

    assert evaluate(memory, dataset).overall == evaluate(memory, dataset).overall
    assert evaluate(memory, dataset).overall.recall_5 == 100
