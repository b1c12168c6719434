"""Never one person's words in another's chat."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingat.core.errors import IngatError, SessionNotFound
from ingat.memory import Memory
from ingat.testing import CountingEmbedder, open_memory

USERS = 12
_WORDS = ("boat", "red", "harbour", "Porto", "dog", "allergic", "chicken", "plan", "moved", "May", "perahu", "红色")


def line(owner: int, words: list[str], number: int) -> str:
    return f"{' '.join(words)} owner{owner}x said{number}"


@settings(max_examples=25)
@given(
    said=st.lists(
        st.tuples(
            st.integers(0, USERS - 1),
            st.lists(st.sampled_from(_WORDS), min_size=1, max_size=5),
            st.sampled_from(("message", "memory", "merge")),
        ),
        min_size=1,
        max_size=60,
    ),
    question=st.lists(st.sampled_from(_WORDS), min_size=1, max_size=4),
)
def test_no_user_ever_sees_anothers_line(said: list[tuple[int, list[str], str]], question: list[str]) -> None:
    """Users with nearly the same texts write, are merged and recalled; the owner is written into each line."""
    with open_memory(embedder=CountingEmbedder(dim=16, threshold=0.2)) as memory:
        merged: dict[int, int] = {}

        def person(owner: int) -> int:
            while owner in merged:
                owner = merged[owner]
            return owner

        for number, (owner, words, how) in enumerate(said):
            user = f"user{owner}"
            if how == "message":
                memory.sessions.append(memory.sessions.open(user).id, "user", line(owner, words, number))
            elif how == "memory":
                memory.remember(user, line(owner, words, number), subject=words[0])
            else:
                other = (owner + 1) % USERS
                try:
                    memory.users.merge(user, f"user{other}")
                    merged[person(owner)] = person(other)
                except IngatError:
                    continue
            memory.recall(user, " ".join(question))
        for owner in range(USERS):
            mine = {f"owner{each}x" for each in range(USERS) if person(each) == person(owner)}
            _sees_only(memory, f"user{owner}", " ".join(question), mine)


def _sees_only(memory: Memory, user: str, question: str, mine: set[str]) -> None:
    recall = memory.recall(user, question, 100, explain=True)
    shown = [hit.text for hit in recall.hits] + [miss.text for miss in recall.near_misses]
    shown += [message.content for message in memory.search(user, question, limit=1_000)]
    shown += [message.content for message in memory.sessions.history(user, 1_000)]
    shown += [item.text for item in memory.memories.list(user, history=True, limit=1_000)]
    shown += [hit.text for hit in memory.context(user, query=question).recalled]
    for text in shown:
        assert any(mark in text for mark in mine), (user, text)


@pytest.fixture(scope="module")
def crowd(engine: str) -> Iterator[Memory]:
    """Many users who said nearly the same, with the embedder that users get."""
    with open_memory(embedder="static") as memory:
        for number in range(60):
            session = memory.sessions.open(f"user{number}")
            memory.sessions.append(session.id, "user", f"My red boat lies in the harbour of Porto, berth {number}")
            memory.remember(f"user{number}", f"Has a red boat in Porto at berth {number}", subject="boat")
        yield memory


def test_a_crowd_with_one_story_is_kept_apart(crowd: Memory) -> None:
    for number in range(60):
        hits = crowd.recall(f"user{number}", "Where is my red boat?", 50).hits

        assert len(hits) == 2
        assert all(hit.text.endswith(f"berth {number}") for hit in hits)


def test_ids_of_others_open_nothing(crowd: Memory) -> None:
    theirs = crowd.sessions.list("user1")[0]
    message = crowd.sessions.messages(theirs.id)[0]
    item = crowd.memories.list("user1")[0]

    for act in (
        lambda: crowd.sessions.message("user2", message.id),
        lambda: crowd.memories.get("user2", item.id),
        lambda: crowd.context("user2", theirs.id),
    ):
        with pytest.raises(IngatError) as caught:
            act()
        assert caught.value.code.endswith("_not_found")
    assert crowd.recall("user2", "red boat", session_id=theirs.id).hits == ()
    assert crowd.search("user2", "boat", session_id=theirs.id).items == ()
    with pytest.raises(SessionNotFound):
        crowd.context("user2", theirs.id, "boat")
