"""Vectors are filled in behind the writes, in batches, and never hold a write up."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from ingat.memory import Memory
from ingat.services.vectors import MAX_WAITING, VectorFiller
from ingat.testing import CountingEmbedder, open_memory


def say(memory: Memory, number: int) -> None:
    session = memory.sessions.open("ana")
    memory.sessions.append_many(
        session.id, [{"role": "user", "content": f"The boat has number {n}"} for n in range(number)]
    )


def filler(memory: Memory) -> VectorFiller:
    assert memory.vectors is not None
    return memory.vectors


def test_vectors_are_there_after_a_flush(memory: Memory) -> None:
    say(memory, 30)
    memory.remember("ana", "Ana has a boat")

    assert filler(memory).flush(60)
    assert (filler(memory).waiting(), memory.stats().vectors_missing) == (0, 0)


def test_many_texts_go_to_the_embedder_together(memory: Memory, embedder: CountingEmbedder) -> None:
    say(memory, 500)
    filler(memory).flush(60)

    assert embedder.calls < 20
    assert embedder.texts >= 500


def test_a_write_does_not_wait_for_a_failing_embedder(memory: Memory, embedder: CountingEmbedder) -> None:
    with embedder.failure():
        say(memory, 3)
        filler(memory).flush(60)

    assert memory.stats().messages.total == 3
    assert memory.stats().vectors_missing == 3


def test_a_sweep_makes_what_is_missing(memory: Memory, embedder: CountingEmbedder) -> None:
    with embedder.failure():
        say(memory, 600)
        filler(memory).flush(60)
    seen: list[int] = []

    assert filler(memory).sweep(seen.append) == 600
    assert memory.stats().vectors_missing == 0
    assert seen == sorted(seen)
    assert seen[-1] == 600
    assert filler(memory).sweep() == 0


def test_what_does_not_fit_into_the_queue_is_left_to_the_sweep() -> None:
    with open_memory(embedder=None) as store_only:
        waiting = VectorFiller(store_only.store, CountingEmbedder())
        waiting.add("ana", range(MAX_WAITING + 1), ["x"] * (MAX_WAITING + 1))

        assert waiting.waiting() == 0
        waiting.close()


def test_an_entry_that_is_gone_gets_no_vectors(memory: Memory) -> None:
    filler(memory).add("nobody", [1, 2], ["a", "b"])

    assert filler(memory).flush(60)
    assert [check.state for check in memory.doctor()] == ["ok"] * len(memory.doctor())


def test_closing_twice_is_closing_once(memory: Memory) -> None:
    say(memory, 10)
    filler(memory).close()
    filler(memory).close()
    filler(memory).add("ana", [1], ["x"])

    assert filler(memory).waiting() == 0


class Broken(CountingEmbedder):
    """Breaks the contract: raises something else than EmbedderUnavailable, once."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if self.calls == 0:
            self.calls += 1
            raise ZeroDivisionError
        return super().encode(texts)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_embedder_that_breaks_its_contract_leaves_nobody_waiting() -> None:
    with open_memory(embedder=Broken()) as memory:
        say(memory, 3)
        assert filler(memory).flush(60)

        say(memory, 3)
        assert filler(memory).flush(60)
        assert memory.stats().vectors_missing == 3
