"""The index of a user: as new as the look at it, with the vectors that can be had, in bounded memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ingat.core.errors import IngatError, StoreCorrupt
from ingat.core.policy import RecallPolicy
from ingat.memory import Memory
from ingat.search.question import ask
from ingat.search.rank import search
from ingat.search.segment import Entry
from ingat.services.recall import index
from ingat.store.contract import Tx, Value
from ingat.store.tables import recall as table
from ingat.testing import CountingEmbedder, filled_memory, open_memory
from tests.engine import same_store, store_at, store_url


def texts(memory: Memory, query: str, user: str = "ana", **how: Any) -> list[str]:
    return [hit.text for hit in memory.recall(user, query, **how).hits]


# -- vectors -------------------------------------------------------------------------------------------------------


def test_without_an_embedder_the_words_work() -> None:
    with filled_memory(embedder=None) as memory:
        recall = memory.recall("ana", "chicken")

        assert (recall.mode, recall.note) == ("words", None)
        assert recall.hits[0].text == "My dog Bruno is allergic to chicken."


def test_vectors_that_are_missing_are_made_by_the_recall(tmp_path: Path) -> None:
    url = store_url(tmp_path / "store.db")
    with filled_memory(**same_store(url), embedder=None):
        pass
    embedder = CountingEmbedder()
    with open_memory(**same_store(url), embedder=embedder) as memory:
        assert memory.stats().vectors_missing == 11
        recall = memory.recall("ana", "chicken")
        assert memory.vectors is not None
        memory.vectors.flush()  # what the recall made is kept
        made = embedder.texts

        assert (recall.mode, recall.note) == ("words+vectors", None)
        assert made > 9
        memory.recall("ana", "chicken")
        assert embedder.texts == made + 1  # only the question


def test_vectors_that_a_recall_made_are_kept(tmp_path: Path) -> None:
    url = store_url(tmp_path / "store.db")
    with filled_memory(**same_store(url), embedder=None):
        pass
    with open_memory(**same_store(url)) as memory:
        memory.recall("ana", "chicken")
        assert memory.vectors is not None
        assert memory.vectors.flush(60)
        assert memory.stats().vectors_missing == 2  # Budi's


def test_vectors_of_another_embedder_are_not_used(tmp_path: Path) -> None:
    url = store_url(tmp_path / "store.db")
    with filled_memory(**same_store(url), embedder=CountingEmbedder(name="old")):
        pass
    embedder = CountingEmbedder(name="new")
    with open_memory(**same_store(url), embedder=embedder) as memory:
        recall = memory.recall("ana", "What is Bruno allergic to?", explain=True)

        assert recall.mode == "words+vectors"
        assert embedder.texts > 9


def test_while_the_embedder_fails_the_words_work_and_the_answer_says_so(
    memory: Memory, embedder: CountingEmbedder
) -> None:
    session = memory.sessions.open("ana")
    with embedder.failure():
        memory.sessions.append(session.id, "user", "My boat is red")
        recall = memory.recall("ana", "boat")

    assert [hit.text for hit in recall.hits] == ["My boat is red"]
    assert recall.mode == "words"
    assert recall.note is not None
    assert memory.recall("ana", "boat").mode == "words+vectors"


def test_the_note_ends_with_the_failure(memory: Memory, embedder: CountingEmbedder) -> None:
    session = memory.sessions.open("ana")
    with embedder.failure():
        memory.sessions.append(session.id, "user", "My boat is red")
        memory.recall("ana", "boat")

    assert memory.recall("ana", "boat").note is None


def test_what_one_recall_does_not_make_is_made_behind_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "MAX_ENCODED_NOW", 4)
    url = store_url(tmp_path / "store.db")
    with filled_memory(**same_store(url), embedder=None):
        pass
    with open_memory(**same_store(url)) as memory:
        assert memory.vectors is not None
        first = memory.recall("ana", "chicken")
        memory.vectors.flush()

        assert first.note is not None
        assert "are being made" in first.note
        assert memory.stats().vectors_missing == 2  # Budi's
        assert memory.recall("ana", "chicken").note is None


def test_what_was_said_while_the_embedder_was_away_gets_its_vectors_later(
    memory: Memory, embedder: CountingEmbedder
) -> None:
    session = memory.sessions.open("ana")
    assert memory.vectors is not None
    memory.sessions.append(session.id, "user", "My boat is red")
    memory.recall("ana", "boat")
    with embedder.failure():
        memory.sessions.append(session.id, "user", "My car is blue")
        memory.vectors.flush()
        memory.recall("ana", "car")
    memory.recall("ana", "car")
    memory.vectors.flush()

    assert memory.stats().vectors_missing == 0


class Watching(CountingEmbedder):
    """Writes, from another thread, each time it is called: only possible when no transaction waits for it."""

    def __init__(self) -> None:
        super().__init__()
        self.between: list[Callable[[], object]] = []

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if self.between and threading.current_thread().name != "ingat-vectors":
            act = self.between.pop()
            other = threading.Thread(target=act)
            other.start()
            other.join(30)
            assert not other.is_alive()
        return super().encode(texts)


@pytest.mark.parametrize("state", ["cold", "warm", "lacking"])
def test_the_embedder_works_outside_of_transactions(state: str) -> None:
    """In a store in memory a write waits for the reader, so this once never ended."""
    embedder = Watching()
    with open_memory(embedder=embedder) as memory:
        memory.sessions.append(memory.sessions.open("ana").id, "user", "My boat is red", author="Ana")
        if state == "warm":
            memory.recall("ana", "boat")
        if state == "lacking":
            assert memory.vectors is not None
            memory.vectors.flush()
            memory.store.write(lambda tx: tx.run("DELETE FROM recall_vector"))
        embedder.between = [lambda: memory.users.save("budi")] * 3

        assert texts(memory, "What colour is the boat of Ana?") == ["My boat is red"]
        assert len(embedder.between) < 3
        assert memory.users.get("budi").user_id == "budi"


def test_lines_that_come_while_the_question_is_encoded_do_not_push_hits_away() -> None:
    embedder = Watching()
    with open_memory(embedder=embedder) as memory:
        session = memory.sessions.open("ana")
        for number in range(5):
            memory.sessions.append(session.id, "user", f"piano lesson {number}")
        memory.recall("ana", "piano")

        def others() -> None:
            for number in range(5):
                memory.sessions.append(session.id, "user", f"piano piano {number}")
            memory.recall("ana", "piano")

        embedder.between = [others]

        assert len(texts(memory, "piano lesson", top_k=5)) == 5


def test_rows_that_are_newer_than_the_view_are_not_ranked(memory: Memory) -> None:
    session = memory.sessions.open("ana")
    for number in range(5):
        memory.sessions.append(session.id, "user", f"piano lesson {number}")
    done: list[int] = []

    def look(tx: Tx, found: index.Index) -> int:
        if not done:
            rows = found.segment.rows
            entry = table.entries_after(tx, "ana", 0, None)[0]
            found.segment.append([Entry(*(99, *entry[1:]))])  # type: ignore[arg-type]
            done.append(found.segment.rows - rows)
        asked = ask("piano", found.segment, view=found.view)
        return max(hit.row for hit in search(found.segment, asked, view=found.view, top_k=50).hits)

    indexes = index.Indexes(memory.store, None, None, 1 << 20, lambda user_id, positions, texts: None)

    assert indexes.look("ana", look) == 4
    assert done == [1]


# -- the cache ---------------------------------------------------------------------------------------------------


def test_the_indexes_in_memory_are_bounded() -> None:
    with open_memory(embedder=CountingEmbedder(dim=256), recall=RecallPolicy(cache_mib=1)) as memory:
        for user in range(12):
            session = memory.sessions.open(f"u{user}")
            memory.sessions.append_many(
                session.id, [{"role": "user", "content": f"line {n} of user {user}"} for n in range(400)]
            )
            assert texts(memory, "line 7", user=f"u{user}")
            users, size_bytes = memory.recaller.cached()
            assert size_bytes <= 1 << 20 or users == 1
        assert "line 7 of user 0" in texts(memory, "line 7", user="u0")


def test_a_forgotten_index_is_built_again(memory: Memory) -> None:
    memory.sessions.append(memory.sessions.open("ana").id, "user", "My boat is red")
    before = texts(memory, "boat")
    memory.recaller.forget_cache("ana")

    assert memory.recaller.cached() == (0, 0)
    assert texts(memory, "boat") == before
    memory.recaller.forget_cache()
    assert memory.recaller.cached() == (0, 0)


def test_recalls_and_writes_at_once_never_miss_what_was_acknowledged(tmp_path: Path) -> None:
    with open_memory(**store_at(tmp_path / "store.db")) as memory:
        session, missed, errors = memory.sessions.open("ana"), [], []

        def run(name: str) -> None:
            try:
                for number in range(25):
                    word = f"{name}{number}"
                    memory.sessions.append(session.id, "user", f"The word is {word}")
                    if word not in " ".join(texts(memory, word, top_k=3)):
                        missed.append(word)
            except IngatError as error:
                errors.append(error)

        threads = [threading.Thread(target=run, args=(name,)) for name in ("alpha", "beta", "gamma", "delta")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert (missed, errors) == ([], [])


def damage(memory: Memory, statement: str, *args: Value) -> None:
    memory.store.write(lambda tx: tx.run(statement, args))
    memory.recaller.forget_cache()


def test_damaged_vectors_are_made_anew(memory: Memory) -> None:
    memory.sessions.append(memory.sessions.open("ana").id, "user", "My boat is red")
    assert memory.vectors is not None
    memory.vectors.flush()
    damage(memory, "UPDATE recall_vector SET vectors = ?", b"\1\2")

    assert [hit.text for hit in memory.recall("ana", "boat").hits] == ["My boat is red"]
    memory.vectors.flush()
    assert memory.store.read(lambda tx: tx.one("SELECT MIN(LENGTH(vectors)) FROM recall_vector")) != (2,)


def test_a_damaged_index_says_what_to_do_and_can_be_rebuilt(memory: Memory) -> None:
    memory.sessions.append(memory.sessions.open("ana").id, "user", "My boat is red")
    damage(memory, "UPDATE recall_entry SET terms = ?", b"\1\2")

    with pytest.raises(StoreCorrupt, match="ingat reindex"):
        memory.recall("ana", "boat")
    memory.reindex()
    assert [hit.text for hit in memory.recall("ana", "boat").hits] == ["My boat is red"]
