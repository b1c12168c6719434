"""Recall: the lines that fit, only of this person, within the filters, each with its reason."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingat.core.errors import EmptyContent, InvalidInput
from ingat.core.policy import RecallPolicy
from ingat.memory import Memory
from ingat.testing import TurnableClock, filled_memory, open_memory
from tests.engine import same_store, store_url

HOUR = 3_600_000


@pytest.fixture(scope="module")
def shipped(engine: str) -> Iterator[Memory]:
    """A filled memory with the embedder that users get."""
    with filled_memory(embedder="static") as memory:
        yield memory


@pytest.fixture
def boats(memory: Memory, clock: TurnableClock) -> Memory:
    """Lines about boats in two sessions, two hours apart, and two memories."""
    for session, role, author, text in (
        ("s1", "user", "Ana", "My boat is red"),
        ("s1", "assistant", "Bot", "A red boat is lovely"),
        ("s2", "user", "Ana", "I sold the boat in May"),
        ("s2", "user", "Rui", "My boat is blue"),
    ):
        if session not in {each.id for each in memory.sessions.list("ana")}:
            memory.sessions.create("ana", id=session)
        memory.sessions.append(session, role, text, author=author)
        clock.turn(hours=2)
    memory.remember("ana", "Ana owned a boat")
    memory.remember("ana", "Ask about the boat later", kind="note")
    return memory


def texts(memory: Memory, query: str, user: str = "ana", **how: Any) -> list[str]:
    return [hit.text for hit in memory.recall(user, query, **how).hits]


# -- what is found -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("user", "query", "found"),
    [
        ("ana", "What food must Bruno not eat?", "My dog Bruno is allergic to chicken."),
        ("ana", "Which plan has two calendars?", "The Starter plan allows two calendars."),
        ("ana", "Where does Ana live now?", "home: Ana lives in Porto."),
        ("+62 811 0000 1111", "kapan saya harus bayar listrik?", "Tolong ingatkan saya bayar listrik hari Jumat."),
    ],
)
def test_the_line_that_answers_is_found(shipped: Memory, user: str, query: str, found: str) -> None:
    recall = shipped.recall(user, query)

    assert found in [hit.text for hit in recall.hits[:3]]
    assert recall.mode == "words+vectors"


def test_a_message_is_recalled_from_the_moment_it_is_said(memory: Memory) -> None:
    session = memory.sessions.open("ana")
    for number in range(20):
        memory.sessions.append(session.id, "user", f"The code of door {number} is number{number}")
        assert f"number{number}" in texts(memory, f"number{number}")[0]


def test_a_hit_tells_where_it_came_from(boats: Memory) -> None:
    hit = boats.recall("ana", "sold May").hits[0]
    message = boats.sessions.messages("s2")[0]

    assert (hit.text, hit.source, hit.source_id, hit.message_ids) == (
        message.content,
        "message",
        message.id,
        (message.id,),
    )
    assert (hit.session_id, hit.seq, hit.role, hit.author, hit.at) == ("s2", 1, "user", "Ana", message.at)
    assert "sold" in hit.terms
    assert "sold" in hit.why


def test_a_remembered_line_tells_where_it_came_from(memory: Memory) -> None:
    memory.sessions.create("ana", id="s1")
    memory.sessions.append_many("s1", [{"role": "user", "content": "Hello", "id": each} for each in ("m1", "m2")])
    item = memory.remember("ana", "Ana keeps bees", session_id="s1", message_ids=["m1", "m2"], valid_from=5)
    hit = memory.recall("ana", "bees").hits[0]

    assert (hit.source, hit.source_id, hit.session_id, hit.message_ids, hit.at) == (
        "fact",
        item.id,
        "s1",
        ("m1", "m2"),
        5,
    )
    assert hit.seq is None


@pytest.mark.parametrize("query", ["algebra", "the of and", "???", "👍"])
def test_nothing_fitting_gives_no_hit(boats: Memory, query: str) -> None:
    assert boats.recall("ana", query).hits == ()


def test_nothing_fitting_gives_no_hit_with_the_shipped_embedder(shipped: Memory) -> None:
    assert shipped.recall("ana", "quantum chromodynamics lattice").hits == ()


def test_an_unknown_user_has_no_lines_and_is_not_created(boats: Memory) -> None:
    assert boats.recall("nobody", "boat").hits == ()
    assert boats.stats().users.total == 1


def test_a_user_is_recalled_under_an_alias(boats: Memory) -> None:
    boats.users.alias("ana", "+1 555 0100")

    assert texts(boats, "boat", user="15550100@c.us") == texts(boats, "boat")


def test_at_most_top_k_hits_come_back_best_first(boats: Memory) -> None:
    all_hits = boats.recall("ana", "boat", 50).hits
    two = boats.recall("ana", "boat", 2).hits

    assert len(all_hits) == 6
    assert [hit.source_id for hit in two] == [hit.source_id for hit in all_hits[:2]]
    assert [hit.score for hit in all_hits] == sorted((hit.score for hit in all_hits), reverse=True)


def test_the_policy_says_how_many_hits_come_back() -> None:
    with filled_memory(recall=RecallPolicy(top_k=1)) as memory:
        assert len(memory.recall("ana", "Porto").hits) == 1


def test_a_recall_changes_nothing(boats: Memory) -> None:
    assert boats.vectors is not None
    boats.vectors.flush()
    before = boats.stats().messages, boats.stats().vectors_missing, boats.users.get("ana")
    first = boats.recall("ana", "red boat", explain=True)

    assert boats.recall("ana", "red boat", explain=True) == first
    assert (boats.stats().messages, boats.stats().vectors_missing, boats.users.get("ana")) == before


# -- filters -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "found"),
    [
        ({"session_id": "s1"}, {"My boat is red", "A red boat is lovely"}),
        ({"session_id": "unknown"}, set()),
        ({"author": "Rui"}, {"My boat is blue"}),
        ({"author": "Nobody"}, set()),
        ({"role": "assistant"}, {"A red boat is lovely"}),
        ({"kinds": ["fact"]}, {"Ana owned a boat"}),
        ({"kinds": ["note", "fact"]}, {"Ana owned a boat", "Ask about the boat later"}),
        ({"kinds": []}, set()),
        ({"session_id": "s2", "role": "user", "author": "Ana"}, {"I sold the boat in May"}),
    ],
    ids=range(9),
)
def test_filters_leave_only_what_they_allow(boats: Memory, how: dict[str, Any], found: set[str]) -> None:
    assert set(texts(boats, "boat", top_k=50, **how)) == found


def test_since_is_included_and_until_is_not(boats: Memory, clock: TurnableClock) -> None:
    first = clock() - 8 * HOUR

    assert set(texts(boats, "boat", since=first + 2 * HOUR, until=first + 6 * HOUR)) == {
        "A red boat is lovely",
        "I sold the boat in May",
    }


def test_a_filter_works_inside_the_search_not_on_its_best_hits(boats: Memory) -> None:
    assert texts(boats, "My red boat", top_k=1, session_id="s2") != []


def test_the_past_is_recalled_as_it_was(boats: Memory, clock: TurnableClock) -> None:
    first = clock() - 8 * HOUR

    assert set(texts(boats, "boat", top_k=50, as_of=first + 2 * HOUR)) == {"My boat is red", "A red boat is lovely"}
    assert texts(boats, "boat", as_of=first - 1) == []


def test_excluded_lines_are_left_out(boats: Memory) -> None:
    hits = boats.recall("ana", "boat", 50).hits
    left = boats.recall("ana", "boat", 50, exclude=[hits[0].source_id, hits[3].source_id, "unknown"]).hits

    assert {hit.source_id for hit in left} == {hit.source_id for hit in hits} - {hits[0].source_id, hits[3].source_id}


# -- explanation --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["boat", "What colour is my red boat?", "When did I sell the boat?"])
@pytest.mark.parametrize("how", [{}, {"session_id": "s1"}, {"author": "Ana"}], ids=str)
def test_the_parts_of_a_score_add_up(boats: Memory, query: str, how: dict[str, Any]) -> None:
    hits = boats.recall("ana", query, explain=True, **how).hits

    assert hits
    for hit in hits:
        assert math.isclose(sum(part.value for part in hit.parts), hit.score, abs_tol=1e-4)


def test_parts_are_only_given_when_asked_for(boats: Memory) -> None:
    recall = boats.recall("ana", "boat")

    assert all(hit.parts == () for hit in recall.hits)
    assert recall.near_misses == ()


def test_explaining_does_not_change_the_hits(boats: Memory) -> None:
    plain, explained = boats.recall("ana", "red boat", 3), boats.recall("ana", "red boat", 3, explain=True)

    assert [(hit.source_id, hit.score) for hit in plain.hits] == [(hit.source_id, hit.score) for hit in explained.hits]


def test_near_misses_tell_why_not(boats: Memory) -> None:
    boats.sessions.append("s2", "user", "Potatoes need water")
    recall = boats.recall("ana", "red boat", 1, explain=True, session_id="s2")
    why = {miss.text: miss.why_not for miss in recall.near_misses}

    assert len(recall.hits) == 1
    assert "last hit" in why["My boat is blue"] or "last hit" in why["I sold the boat in May"]
    assert "no word" in why["Potatoes need water"]
    assert "filter" in why["My boat is red"]
    assert recall.hits[0].text not in why


def test_the_parts_of_a_near_miss_add_up(boats: Memory) -> None:
    boats.sessions.append("s2", "user", "Potatoes need water")
    misses = boats.recall("ana", "red boat", 1, explain=True, session_id="s2").near_misses

    assert len(misses) > 2
    for miss in misses:
        assert math.isclose(sum(part.value for part in miss.parts), miss.score, abs_tol=1e-4)


def test_near_misses_are_as_many_as_the_policy_says() -> None:
    with open_memory(recall=RecallPolicy(near_misses=3)) as memory:
        session = memory.sessions.open("ana")
        memory.sessions.append_many(session.id, [{"role": "user", "content": f"boat {n}"} for n in range(20)])

        assert len(memory.recall("ana", "boat", explain=True).near_misses) == 3


# -- several memories and users ----------------------------------------------------------------------------------


def test_what_another_memory_writes_to_the_file_is_seen(tmp_path: Path) -> None:
    url = store_url(tmp_path / "store.db")
    with open_memory(**same_store(url)) as one, open_memory(**same_store(url)) as other:
        session = one.sessions.open("ana")
        one.sessions.append(session.id, "user", "My boat is red")
        assert texts(other, "boat") == ["My boat is red"]
        one.sessions.append(session.id, "user", "The boat has a leak")
        assert len(texts(other, "boat")) == 2
        item = other.remember("ana", "Ana sails", subject="hobby")
        assert texts(one, "hobby") == ["hobby: Ana sails"]
        other.memories.edit("ana", item.id, text="Ana rows")
        assert texts(one, "hobby") == ["hobby: Ana rows"]
        other.memories.retire("ana", item.id, valid_to=item.valid_from)
        assert texts(one, "hobby") == []


def test_a_merged_user_has_the_lines_of_both(boats: Memory) -> None:
    session = boats.sessions.open("visitor")
    boats.sessions.append(session.id, "user", "Is there a boat to Berlenga?")
    assert len(texts(boats, "boat", top_k=50)) == 6
    boats.users.merge("visitor", "ana")

    assert len(texts(boats, "boat", top_k=50)) == 7
    assert texts(boats, "Berlenga", user="visitor") == ["Is there a boat to Berlenga?"]


def test_an_id_that_is_used_anew_after_a_merge_starts_empty(memory: Memory, clock: TurnableClock) -> None:
    """The index of the merged user was once taken for that of the new one, because versions start at 0 again."""
    for number in range(3):
        memory.sessions.append(memory.sessions.open("visitor").id, "user", f"A boat, number {number}")
    memory.recall("visitor", "boat")
    memory.users.save("ana")
    memory.users.merge("visitor", "ana")
    memory.users.unalias("ana", "visitor")
    clock.turn(days=1)
    for number in range(6):
        memory.sessions.append(memory.sessions.open("visitor").id, "user", f"A train, number {number}")

        assert len(texts(memory, "train", user="visitor", top_k=50)) == number + 1
        assert texts(memory, "boat", user="visitor") == []


# -- refused -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"query": ""}, "empty_content"),
        ({"query": " \n"}, "empty_content"),
        ({"query": "x" * 70_000}, "content_too_long"),
        ({"query": "\x00"}, "invalid_text"),
        ({"query": "\ud800"}, "invalid_text"),
        ({"query": "x", "top_k": 0}, "invalid_limit"),
        ({"query": "x", "top_k": -5}, "invalid_limit"),
        ({"query": "x", "top_k": 10**9}, "invalid_limit"),
        ({"query": "x", "top_k": True}, "invalid_limit"),
        ({"query": "x", "since": -1}, "invalid_input"),
        ({"query": "x", "until": 10**30}, "invalid_input"),
        ({"query": "x", "as_of": "today"}, "invalid_input"),
        ({"query": "x", "kinds": "fact"}, "invalid_input"),
        ({"query": "x", "kinds": ["rumour"]}, "invalid_input"),
        ({"query": "x", "role": "bot"}, "invalid_input"),
        ({"query": "x", "session_id": "../x"}, "invalid_id"),
        ({"query": "x", "author": "\ud800"}, "invalid_text"),
    ],
    ids=lambda value: str(value).encode("unicode_escape")[:30].decode(),
)
def test_a_wrong_question_is_refused(memory: Memory, arguments: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        memory.recall("ana", **arguments)

    assert caught.value.code == code


def test_a_wrong_user_is_refused(memory: Memory) -> None:
    with pytest.raises(InvalidInput) as caught:
        memory.recall("../../evil", "x")
    assert caught.value.code == "invalid_id"
    with pytest.raises(EmptyContent):
        memory.recall("ana", "")


def test_a_hit_by_a_near_word_does_not_claim_the_word_itself(memory: Memory) -> None:
    session = memory.sessions.open("ana")
    memory.sessions.append(session.id, "user", "My car broke down on the way")

    (hit,) = memory.recall("ana", "vehicle?").hits

    assert hit.terms == ()
    assert hit.why == "holds words near to vehicle in the question"


@pytest.mark.parametrize(
    "how",
    [
        {"exclude": "m1"},
        {"exclude": [["m1"]]},
        {"exclude": [1]},
        {"exclude": 5},
        {"exclude": ["x"] * 10_001},
        {"kinds": [["fact"]]},
        {"kinds": 5},
    ],
    ids=range(7),
)
def test_a_list_that_is_none_is_refused(boats: Memory, how: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        boats.recall("ana", "boat", **how)
