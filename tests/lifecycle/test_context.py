"""A context: profile, recalled lines and newest messages, never more than the budget."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingat.core import clock as real_clock
from ingat.core.context import Context
from ingat.core.errors import IngatError, InvalidLimit, SessionNotFound, UserBlocked
from ingat.core.policy import RecallPolicy
from ingat.core.roles import Roles
from ingat.core.tokens import MESSAGE_OVERHEAD_TOKENS, count_tokens
from ingat.lifecycle.context import ContextBuilder
from ingat.memory import Memory
from ingat.store.tables import settings as setting_table
from ingat.testing import CountingEmbedder, TurnableClock, filled_memory, open_memory
from tests.engine import same_store, store_url


def recount(context: Context) -> int:
    return sum(count_tokens(each["content"]) + MESSAGE_OVERHEAD_TOKENS for each in context.as_messages())


def talk(memory: Memory, session_id: str, exchanges: int, words: int = 12) -> None:
    for number in range(exchanges):
        line = f"about subject{number} " + "word " * words
        memory.sessions.append_many(
            session_id,
            [{"role": "user", "content": f"Question {line}"}, {"role": "assistant", "content": f"Answer {line}"}],
        )


@pytest.fixture
def session_id(memory: Memory) -> str:
    return memory.sessions.open("ana", "web").id


# -- the budget ----------------------------------------------------------------------------------------------------

_ALPHABETS = (
    "the boat is red and Ana moved to Porto last week ",
    "perahu merah itu milik saya, tolong ingatkan hari Jumat ",
    "הסירה האדומה שלי נמצאת בנמל של העיר ",
    "红色的船在港口里我上周搬到了波尔图",
    "def f(x): return {'a': [x, None], \"b\": 0x1F}\n\t# ",
    "👍👩‍👩‍👧🇵🇹é\u0301\u200b ",
    "กรุณาเตือนฉันในวันศุกร์ ",
)


@st.composite
def _texts(draw: st.DrawFn, most: int = 1_500) -> str:
    alphabet = draw(st.sampled_from(_ALPHABETS))
    length = draw(st.integers(1, 60) | st.integers(1, most))
    start = draw(st.integers(0, len(alphabet) - 1))
    text = (alphabet * (length // len(alphabet) + 2))[start : start + length]
    return text if text.strip() else "x"


_MESSAGES = st.lists(
    st.tuples(st.sampled_from(("user", "assistant", "system", "tool")), _texts(), st.none() | _texts(200)), max_size=14
)
_POLICIES = st.sampled_from(
    [
        RecallPolicy(),
        RecallPolicy(recalled_percent=75, profile_percent=15),
        RecallPolicy(recalled_percent=0, profile_percent=80),
        RecallPolicy(recalled_percent=80, profile_percent=0, context_top_k=200),
    ]
)


@settings(max_examples=120)
@given(
    messages=_MESSAGES,
    older=_MESSAGES,
    profile=st.none() | _texts(3_000),
    budget=st.none() | st.integers(64, 300) | st.integers(64, 5_000),
    role=st.sampled_from(("client", "godfather")),
    query=st.none() | _texts(),
    facts=st.lists(_texts(400), max_size=3),
    policy=_POLICIES,
)
def test_a_context_never_exceeds_its_budget(
    messages: list[tuple[str, str, str | None]],
    older: list[tuple[str, str, str | None]],
    profile: str | None,
    budget: int | None,
    role: str,
    query: str | None,
    facts: list[str],
    policy: RecallPolicy,
) -> None:
    with open_memory(embedder=CountingEmbedder(dim=8), recall=policy) as memory:
        memory.users.save("ana", name=profile, role=role, slots={"note": profile} if profile else {})
        for fact in facts:
            if fact.strip():
                memory.remember("ana", fact)
        for channel, lines in (("old", older), ("new", messages)):
            session = memory.sessions.open("ana", channel)
            memory.sessions.append_many(
                session.id,
                [
                    {"role": r, "content": text, "attachments": [{"caption": caption}] if caption else []}
                    for r, text, caption in lines
                ],
            )
        context = memory.context("ana", session.id, query, budget)

        limit = min(budget or 10**9, {"client": 4_000, "godfather": 100_000}[role])
        assert context.budget == limit
        assert recount(context) <= context.tokens <= limit
        _keeps_its_promises(context, messages)


def _keeps_its_promises(context: Context, messages: Sequence[tuple[str, str, str | None]]) -> None:
    shown = context.messages
    if not messages:
        assert shown == ()
        return
    assert [message.seq for message in shown[1:]] == sorted(message.seq for message in shown[1:])
    assert shown[-1].seq == len(messages)
    assert context.left_out == len(messages) - len(shown)
    starts = [place for place, (role, _, _) in enumerate(messages, 1) if role == "user"]
    if starts and not context.cut:
        assert shown[0].role == "user" or starts[-1] < shown[0].seq
    if not context.cut:
        assert [(m.content, m.role) for m in shown] == [(messages[m.seq - 1][1], messages[m.seq - 1][0]) for m in shown]
    assert not {hit.source_id for hit in context.recalled} & {message.id for message in shown}


@pytest.mark.parametrize("role", ["client", "godfather", "admin"])
def test_a_long_session_fills_the_budget_of_the_role_but_not_more(memory: Memory, role: str) -> None:
    memory.users.save("ana", role=role, name="Ana")
    session = memory.sessions.open("ana").id
    memory.sessions.append_many(
        session, [{"role": ("user", "assistant")[n % 2], "content": f"line {n} " + "word " * 200} for n in range(700)]
    )
    context = memory.context("ana", session)

    assert recount(context) <= context.tokens <= context.budget
    assert context.tokens > context.budget * 0.7


def test_a_budget_only_lowers_that_of_the_role(memory: Memory, session_id: str) -> None:
    memory.sessions.append(session_id, "user", "hello")

    assert memory.context("ana", session_id, budget=500).budget == 500
    assert memory.context("ana", session_id, budget=50_000).budget == 4_000


def test_nothing_is_deleted_to_fit(memory: Memory, session_id: str) -> None:
    talk(memory, session_id, 100)
    before = memory.sessions.messages(session_id, None)
    memory.context("ana", session_id, budget=100)

    assert memory.sessions.messages(session_id, None) == before


# -- what is shown -------------------------------------------------------------------------------------------------


def test_the_profile_comes_first(memory: Memory, session_id: str) -> None:
    memory.users.save("ana", name="Ana", slots={"city": "Porto"})
    memory.sessions.append(session_id, "user", "hello")
    first = memory.context("ana", session_id).as_messages()[0]

    assert first["role"] == "system"
    assert "Name: Ana" in first["content"]
    assert "city: Porto" in first["content"]


def test_the_profile_holds_the_facts_that_fit_whole(memory: Memory, session_id: str) -> None:
    memory.users.save("ana", name="Ana", slots={"a story": "word " * 400, "city": "Porto"})
    memory.sessions.append(session_id, "user", "hello")

    assert memory.context("ana", session_id, budget=300).profile.splitlines()[1:] == ["Name: Ana", "city: Porto"]


@pytest.mark.parametrize("budget", range(64, 200, 8))
def test_a_profile_is_never_a_heading_or_half_a_fact(memory: Memory, session_id: str, budget: int) -> None:
    memory.users.save("ana", name="Ana Maria de Sousa", slots={"city": "Porto"})
    memory.sessions.append(session_id, "user", "hello")
    lines = memory.context("ana", session_id, budget=budget).profile.splitlines()

    assert set(lines[1:]) <= {"Name: Ana Maria de Sousa", "city: Porto"}
    assert len(lines) != 1


def test_a_question_far_back_leads_its_exchange_and_is_recalled_for(memory: Memory, session_id: str) -> None:
    """Work by tools that was longer than what is read once left neither the question nor anything recalled."""
    memory.remember("ana", "The Saturn project is due on 5 May", kind="note")
    memory.sessions.append(session_id, "user", "When is the Saturn project due?")
    for number in range(60):
        memory.sessions.append(session_id, ("assistant", "tool")[number % 2], "word " * 100)
    context = memory.context("ana", session_id)

    assert context.messages[0].content == "When is the Saturn project due?"
    assert [hit.text for hit in context.recalled] == ["The Saturn project is due on 5 May"]
    assert context.messages[-1].seq == 61
    assert context.left_out == 61 - len(context.messages)
    assert recount(context) <= context.tokens <= context.budget


def test_a_long_question_far_back_is_cut_to_its_share(memory: Memory, session_id: str) -> None:
    memory.sessions.append(session_id, "user", "boat " * 5_000)
    for number in range(60):
        memory.sessions.append(session_id, ("assistant", "tool")[number % 2], "word " * 100)
    context = memory.context("ana", session_id)

    assert context.cut
    assert context.messages[0].content.startswith("boat boat")
    assert recount(context) <= context.tokens <= context.budget


@pytest.mark.parametrize("query", ["", " \n"])
def test_a_blank_query_is_none(memory: Memory, session_id: str, query: str) -> None:
    memory.remember("ana", "Ana has a red boat")
    memory.sessions.append(session_id, "user", "Where is my boat?")

    assert memory.context("ana", session_id, query) == memory.context("ana", session_id)
    assert memory.context("ana", query=query).recalled == ()


@pytest.mark.parametrize("words", [3, 60, 6_000])
def test_counts_of_another_tokenizer_are_made_anew(memory: Memory, session_id: str, words: int) -> None:
    def dearer(text: str) -> int:
        return count_tokens(text) * 3 // 2

    for number in range(100):
        memory.sessions.append(session_id, ("user", "assistant")[number % 2], "kata " * words)
    policy, now = RecallPolicy(), real_clock.now
    contexts = ContextBuilder(memory.store, memory.recaller, Roles(), dearer, policy, now, recount=True)
    context = contexts.build("ana", session_id)
    really = sum(dearer(each["content"]) + MESSAGE_OVERHEAD_TOKENS for each in context.as_messages())

    assert really <= context.tokens <= context.budget
    assert context.tokens > context.budget // 2 or context.left_out == 0


def test_earlier_sessions_are_recalled_for_the_last_question(session_id: str, memory: Memory) -> None:
    memory.sessions.append(session_id, "user", "My boat is red")
    new = memory.sessions.open("ana", "mail").id
    memory.sessions.append(new, "user", "What colour is my boat?")
    context = memory.context("ana", new)

    assert [hit.text for hit in context.recalled] == ["My boat is red"]
    assert [each["role"] for each in context.as_messages()] == ["system", "user"]


def test_a_query_says_what_to_recall_for(memory: Memory, session_id: str) -> None:
    memory.remember("ana", "Ana has a red boat", kind="note")
    memory.sessions.append(session_id, "user", "Hello there")

    assert memory.context("ana", session_id).recalled == ()
    assert [hit.text for hit in memory.context("ana", session_id, "boat").recalled] == ["Ana has a red boat"]


def test_lines_that_are_shown_are_not_recalled(memory: Memory, session_id: str) -> None:
    memory.sessions.append(session_id, "user", "My boat is red")
    memory.sessions.append(session_id, "user", "Is my boat blue?")

    assert memory.context("ana", session_id).recalled == ()


def test_lines_that_no_longer_fit_are_recalled(memory: Memory, session_id: str) -> None:
    memory.sessions.append(session_id, "user", "My boat is called Berlenga")
    talk(memory, session_id, 60)
    memory.sessions.append(session_id, "user", "What is my boat called?")
    context = memory.context("ana", session_id, budget=600)

    assert context.left_out > 100
    assert "My boat is called Berlenga" in [hit.text for hit in context.recalled]


def test_a_long_recalled_line_is_cut(memory: Memory, session_id: str) -> None:
    memory.remember("ana", "boat " + "word " * 5_000)
    memory.sessions.append(session_id, "user", "The boat?")
    (hit,) = memory.context("ana", session_id, budget=1_000).recalled

    assert hit.text.endswith("…")


def test_recall_can_be_switched_off(memory: Memory, session_id: str) -> None:
    memory.remember("ana", "Ana has a red boat")
    memory.sessions.append(session_id, "user", "boat")

    assert memory.context("ana", session_id, top_k=0).recalled == ()


def test_without_a_session_profile_and_recalled_lines_are_given() -> None:
    with filled_memory() as memory:
        context = memory.context("ana", query="What is Bruno allergic to?")

        assert context.messages == ()
        assert "Ana" in context.profile
        assert "My dog Bruno is allergic to chicken." in [hit.text for hit in context.recalled]


def test_an_unknown_user_has_an_empty_context(memory: Memory) -> None:
    context = memory.context("nobody", query="boat")

    assert (context.as_messages(), context.tokens, context.budget) == ([], 0, 4_000)
    assert memory.stats().users.total == 0


def test_a_context_is_given_under_an_alias(memory: Memory, session_id: str) -> None:
    memory.users.alias("ana", "+1 555 0100")
    memory.sessions.append(session_id, "user", "My boat is red")

    assert memory.context("15550100@c.us", session_id) == memory.context("ana", session_id)


def test_the_last_message_is_there_when_it_is_larger_than_the_budget(memory: Memory, session_id: str) -> None:
    memory.sessions.append(session_id, "user", "boat " * 50_000)
    context = memory.context("ana", session_id)

    assert context.cut
    assert context.messages[-1].content.startswith("boat boat")
    assert recount(context) <= context.tokens <= context.budget


def test_captions_are_shown_and_counted(memory: Memory, session_id: str) -> None:
    memory.sessions.append(session_id, "user", "Look", attachments=[{"kind": "image", "caption": "A red boat"}])
    context = memory.context("ana", session_id)

    assert context.as_messages()[-1]["content"] == "Look\nA red boat"
    assert recount(context) <= context.tokens


def test_memories_that_ended_are_not_in_the_context(memory: Memory, session_id: str, clock: TurnableClock) -> None:
    memory.remember("ana", "Ana lives in Lisbon", subject="home", kind="note")
    clock.turn(days=1)
    memory.remember("ana", "Ana lives in Porto", subject="home", kind="note")
    memory.sessions.append(session_id, "user", "Where is my home?")

    assert [hit.text for hit in memory.context("ana", session_id).recalled] == ["home: Ana lives in Porto"]


# -- the prompt cache ----------------------------------------------------------------------------------------------


def _same_prefix(one: list[dict[str, str]], other: list[dict[str, str]]) -> int:
    """Return how many messages two contexts have in common at the beginning."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


@pytest.mark.parametrize("recalling", [False, True])
def test_most_turns_begin_as_the_turn_before(memory: Memory, session_id: str, recalling: bool) -> None:
    memory.users.save("ana", name="Ana")
    for number in range(30):
        memory.remember("ana", f"Ana once asked about subject{number * 4} and subject{number * 3}")
    before: list[dict[str, str]] = []
    kept = total = 0
    for number in range(150):
        talk(memory, session_id, 1, words=10 + number % 20)
        memory.sessions.append(session_id, "user", f"What about subject{number}?")
        shown = memory.context("ana", session_id, top_k=None if recalling else 0).as_messages()
        if before:
            # all of the last context but its recalled lines and its last question
            total += 1
            kept += _same_prefix(before, shown) >= len(before) - 2
        before = shown
        memory.sessions.append(session_id, "assistant", "Noted.")

    assert kept / total >= 0.8


def test_two_contexts_of_one_moment_are_the_same(memory: Memory, session_id: str) -> None:
    talk(memory, session_id, 50)

    assert memory.context("ana", session_id) == memory.context("ana", session_id)


# -- refused -------------------------------------------------------------------------------------------------------


def test_a_blocked_user_has_no_context() -> None:
    with filled_memory() as memory, pytest.raises(UserBlocked):
        memory.context("noor", query="x")


@pytest.mark.parametrize("budget", [0, 63, -1, 10**12, True, 100.5])
def test_a_wrong_budget_is_refused(memory: Memory, session_id: str, budget: int) -> None:
    with pytest.raises(InvalidLimit):
        memory.context("ana", session_id, budget=budget)


@pytest.mark.parametrize("user", ["budi", "nobody"])
def test_anothers_session_is_not_shown(memory: Memory, session_id: str, user: str) -> None:
    memory.users.save("budi")
    memory.sessions.append(session_id, "user", "secret")

    with pytest.raises(SessionNotFound):
        memory.context(user, session_id)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"query": "\ud800"}, "invalid_text"),
        ({"top_k": -1}, "invalid_limit"),
        ({"session_id": "../x"}, "invalid_id"),
    ],
    ids=range(3),
)
def test_a_wrong_request_is_refused(memory: Memory, arguments: dict[str, str], code: str) -> None:
    with pytest.raises(IngatError) as caught:
        memory.context("ana", **arguments)  # type: ignore[arg-type]
    assert caught.value.code == code


def test_recalled_lines_can_stand_in_one_system_message_at_the_beginning(memory: Memory) -> None:
    memory.users.save("ana", name="Ana")
    memory.sessions.append(memory.sessions.open("ana", "mail").id, "user", "My boat is red")
    session = memory.sessions.open("ana", "web")
    memory.sessions.append(session.id, "user", "What colour is my boat?")

    shown = memory.context("ana", session.id).as_messages(one_system=True)

    assert [message["role"] for message in shown] == ["system", "user"]
    assert "Name: Ana" in shown[0]["content"]
    assert "My boat is red" in shown[0]["content"]


def test_a_store_counted_by_another_tokenizer_is_noticed_at_opening(tmp_path: Path) -> None:
    url = store_url(tmp_path / "ingat.db")
    with Memory(**same_store(url), embedder="none") as memory:
        session = memory.sessions.open("ana")
        memory.sessions.append_many(session.id, [{"role": "user", "content": "word " * 200}] * 40)
        memory.store.write(lambda tx: setting_table.put(tx, "tokenizer", "an older one"))
        memory.store.write(lambda tx: tx.run("UPDATE message SET tokens = 1"))
    with Memory(**same_store(url), embedder="none") as memory:
        context = memory.context("ana", session.id)

    assert recount(context) <= context.budget
