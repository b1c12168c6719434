"""Measure: how much of what answers a question is recalled, how high, and how fast."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from time import perf_counter

from msgspec import Struct, field

from ingat.core.records import RecallMode
from ingat.evaluation.dataset import Dataset
from ingat.evaluation.importing import Imported, Progress, import_dataset
from ingat.memory import Memory

TOP_K = 20


class Scores(Struct, frozen=True, kw_only=True):
    """Means over questions, in percent.

    R@k is the share of a question's gold lines among the first k; nDCG@10 rewards gold lines that come early;
    all@10 is the share of questions with every gold line among the first 10.
    """

    recall_5: float = field(name="R@5")
    recall_10: float = field(name="R@10")
    recall_20: float = field(name="R@20")
    ndcg_10: float = field(name="nDCG@10")
    all_10: float = field(name="all@10")
    questions: int


class Measured(Struct, frozen=True, kw_only=True):
    """The result of an evaluation; `mode` is that of the recalls, `words` when any of them had no vectors."""

    overall: Scores
    categories: dict[str, Scores]
    questions: int
    skipped: int
    per_second: float
    mode: RecallMode
    imported: Imported


class Rating(Struct, frozen=True):
    """How well one question was answered; every value is from 0 to 1."""

    recall_5: float
    recall_10: float
    recall_20: float
    ndcg_10: float
    all_10: float


def rate(found: Sequence[str], gold: Collection[str]) -> Rating:
    """Return the rating of the lines found, best first, against the gold lines (at least one).

    nDCG@10 has gain 1 for a gold line and discount log2(rank + 1); the ideal order has all gold lines first.
    """
    right = [line in gold for line in found]
    gain = sum(1 / math.log2(place + 2) for place, hit in enumerate(right[:10]) if hit)
    ideal = sum(1 / math.log2(place + 2) for place in range(min(10, len(gold))))
    return Rating(
        sum(right[:5]) / len(gold),
        sum(right[:10]) / len(gold),
        sum(right[:20]) / len(gold),
        gain / ideal,
        float(sum(right[:10]) == len(gold)),
    )


def mean(ratings: Sequence[Rating]) -> Scores:
    """Return the means of ratings (at least one), in percent."""

    def percent(name: str) -> float:
        return round(100 * math.fsum(getattr(each, name) for each in ratings) / len(ratings), 2)

    return Scores(
        recall_5=percent("recall_5"),
        recall_10=percent("recall_10"),
        recall_20=percent("recall_20"),
        ndcg_10=percent("ndcg_10"),
        all_10=percent("all_10"),
        questions=len(ratings),
    )


def evaluate(memory: Memory, dataset: Dataset, progress: Progress | None = None) -> Measured:
    """Import the dataset where it is not there yet, ask the memory every question, and return how well it recalled.

    The questions are asked one after another as any user's would be, with the memory's own settings, once all
    vectors are made. `progress` is told of sessions while importing, then of questions.
    """
    imported = import_dataset(memory, dataset, progress)
    if memory.vectors is not None:
        memory.vectors.flush()
        memory.vectors.sweep()
    questions = list(dataset.questions())
    by_category: dict[str, list[Rating]] = {}
    mode: RecallMode = "words+vectors"
    spent_s = 0.0
    for done, (user_id, question) in enumerate(questions, 1):
        started = perf_counter()
        recalled = memory.recall(user_id, question.text, TOP_K)
        spent_s += perf_counter() - started
        mode = "words" if recalled.mode == "words" else mode
        rating = rate([hit.source_id for hit in recalled.hits], question.gold)
        by_category.setdefault(question.category, []).append(rating)
        if progress is not None:
            progress(done, len(questions))
    return Measured(
        overall=mean([rating for ratings in by_category.values() for rating in ratings]),
        categories={name: mean(by_category[name]) for name in sorted(by_category)},
        questions=len(questions),
        skipped=dataset.skipped,
        per_second=round(len(questions) / spent_s, 1),
        mode=mode,
        imported=imported,
    )
