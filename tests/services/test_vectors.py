"""Vectors are filled in behind the writes, in batches, and never hold a write up."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ingat.memory import Memory
from ingat.services.vectors import MAX_WAITING, VectorFiller
from ingat.store.tables import recall as table
from ingat.testing import CountingEmbedder, open_memory
from tests.engine import same_store, store_at, store_url


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


def test_what_does_not_fit_into_the_queue_is_found_in_the_store(tmp_path: Path) -> None:
    with open_memory(**store_at(tmp_path / "store.db"), embedder=None) as store_only:
        say(store_only, 600)
        embedder = CountingEmbedder()
        waiting = VectorFiller(store_only.store, embedder)
        waiting.add("ana", range(MAX_WAITING + 1), ["x"] * (MAX_WAITING + 1))

        assert waiting.waiting() == 0
        assert waiting.flush(60)
        assert store_only.store.read(lambda tx: table.counts(tx, embedder.fingerprint)) == (600, 0)
        waiting.close()


def test_an_entry_that_waits_is_not_queued_again(memory: Memory, embedder: CountingEmbedder) -> None:
    say(memory, 1)
    filler(memory).flush(60)
    held = threading.Event()
    release = threading.Event()

    class Slow(CountingEmbedder):
        def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
            held.set()
            release.wait(60)
            return super().encode(texts)

    slow = VectorFiller(memory.store, Slow())
    slow.add("ana", [1], ["x"])
    assert held.wait(60)
    for _ in range(3):
        slow.add("ana", [1, 2], ["x", "y"])

    assert slow.waiting() == 1
    release.set()
    slow.close()


def test_closing_finishes_what_waits(tmp_path: Path) -> None:
    url = store_url(tmp_path / "store.db")
    with open_memory(**same_store(url)) as memory:
        say(memory, 1_000)
    with open_memory(**same_store(url)) as memory:
        assert memory.stats().vectors_missing == 0


def test_closing_does_not_wait_for_ever_for_an_embedder(tmp_path: Path) -> None:
    release = threading.Event()

    class Stuck(CountingEmbedder):
        def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
            release.wait(60)
            return super().encode(texts)

    with open_memory(**store_at(tmp_path / "store.db"), embedder=None) as memory:
        say(memory, 300)
        stuck = VectorFiller(memory.store, Stuck())
        stuck.add_user("ana")
        stuck.close(timeout_s=0.05)

        assert not release.is_set()
        release.set()


def test_a_write_is_kept_and_told_where_no_thread_can_be_started(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "ingat-vectors":
            raise RuntimeError("can't start new thread")
        start(thread)

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        say(memory, 3)
        assert filler(memory).flush(60)
        assert memory.stats().vectors_missing == 3
    say(memory, 1)
    filler(memory).flush(60)

    assert memory.stats().vectors_missing == 0


def test_closing_works_where_no_thread_could_be_started(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        filler(memory).add("ana", [1], ["x"])
        filler(memory).close()

    assert filler(memory).waiting() == 0


def test_what_failed_is_tried_again_after_the_next_success(memory: Memory, embedder: CountingEmbedder) -> None:
    with embedder.failure():
        say(memory, 300)
        filler(memory).flush(60)
    memory.remember("budi", "Budi rows")
    filler(memory).flush(60)

    assert memory.stats().vectors_missing == 0


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
        workers = [thread for thread in threading.enumerate() if thread.name == "ingat-vectors"]
        assert filler(memory).flush(60)
        for thread in workers:  # it is to have ended, loudly, while this test still runs
            thread.join(60)

        say(memory, 3)
        assert filler(memory).flush(60)
        assert memory.stats().vectors_missing == 3
