"""AsyncMemory does what Memory does, without holding up the event loop."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import pytest

from ingat.aio import MOST_CHARACTERS_ON_THE_LOOP, MOST_ON_THE_LOOP, THREADS, AsyncMemory, dressed
from ingat.core.errors import IngatError, StoreClosed
from ingat.core.records import NewMessage
from ingat.memory import Memory
from ingat.testing import CountingEmbedder, TurnableClock, filled_memory
from tests.engine import store_at

R = TypeVar("R")


def run(work: Callable[[AsyncMemory], Coroutine[Any, Any, R]], **arguments: Any) -> R:
    async def main() -> R:
        async with AsyncMemory(
            ":memory:", **{"embedder": CountingEmbedder(), "now": TurnableClock(), **arguments}
        ) as memory:
            return await work(memory)

    return asyncio.run(main())


async def through(memory: AsyncMemory) -> list[Any]:
    return [
        await memory.users.save("ana", name="Ana"),
        await memory.users.alias("ana", "a1"),
        await memory.users.protect("a1"),
        await memory.sessions.create("ana", id="s1", channel="web"),
        (await memory.sessions.open("ana", "web")).id,
        await memory.sessions.append("s1", "user", "My boat is red", id="m1"),
        await memory.sessions.append_many("s1", [NewMessage(role="assistant", content="Nice", id="m2")]),
        await memory.sessions.messages("s1"),
        await memory.sessions.history("ana"),
        await memory.sessions.message("ana", "m1"),
        await memory.recall("ana", "boat", explain=True),
        await memory.search("ana", "boats"),
        await memory.context("ana", "s1"),
        await memory.sessions.update("s1", name="Talk"),
        await memory.sessions.close("s1"),
        await memory.sessions.archive("s1"),
        await memory.sessions.unarchive("s1"),
        await memory.sessions.reopen("s1"),
        (await memory.remember("ana", "Ana sails")).text,
        len(await memory.memories.list("ana")),
        await memory.users.list(),
        (await memory.keys.create("admin")).role,
        await memory.reindex(),
        len(await memory.doctor()),
    ]


def directly(memory: Memory) -> list[Any]:
    return [
        memory.users.save("ana", name="Ana"),
        memory.users.alias("ana", "a1"),
        memory.users.protect("a1"),
        memory.sessions.create("ana", id="s1", channel="web"),
        memory.sessions.open("ana", "web").id,
        memory.sessions.append("s1", "user", "My boat is red", id="m1"),
        memory.sessions.append_many("s1", [NewMessage(role="assistant", content="Nice", id="m2")]),
        memory.sessions.messages("s1"),
        memory.sessions.history("ana"),
        memory.sessions.message("ana", "m1"),
        memory.recall("ana", "boat", explain=True),
        memory.search("ana", "boats"),
        memory.context("ana", "s1"),
        memory.sessions.update("s1", name="Talk"),
        memory.sessions.close("s1"),
        memory.sessions.archive("s1"),
        memory.sessions.unarchive("s1"),
        memory.sessions.reopen("s1"),
        memory.remember("ana", "Ana sails").text,
        len(memory.memories.list("ana")),
        memory.users.list(),
        memory.keys.create("admin").role,
        memory.reindex(),
        len(memory.doctor()),
    ]


def test_the_same_calls_have_the_same_results() -> None:
    """Every part of the face is used; ids are given where they are made, so that results can be compared."""
    with Memory(":memory:", embedder=CountingEmbedder(), now=TurnableClock()) as memory:
        expected = directly(memory)
    assert run(through) == expected


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda memory: memory.users.get("nobody"), "user_not_found"),
        (lambda memory: memory.sessions.append("nothing", "user", "x"), "session_not_found"),
        (lambda memory: memory.sessions.append("nothing", "user", ""), "empty_content"),
        (lambda memory: memory.sessions.append_many("nothing", [{"role": 5}]), "invalid_input"),
        (lambda memory: memory.sessions.append("nothing", "bot", "x"), "unknown_role"),
        (lambda memory: memory.sessions.append("nothing", "user", 5), "invalid_text"),
        (lambda memory: memory.recall("ana", ""), "empty_content"),
        (lambda memory: memory.sessions.open("../x"), "invalid_id"),
    ],
)
def test_errors_come_out_as_they_are(call: Callable[[AsyncMemory], Awaitable[Any]], code: str) -> None:
    async def work(memory: AsyncMemory) -> str:
        with pytest.raises(IngatError) as caught:
            await call(memory)
        return caught.value.code

    assert run(work) == code


def test_an_append_is_recalled_at_once() -> None:
    async def work(memory: AsyncMemory) -> list[str]:
        session = await memory.sessions.open("ana")
        await memory.sessions.append(session.id, "user", "My boat is red")
        return [hit.text for hit in (await memory.recall("ana", "boat")).hits]

    assert run(work) == ["My boat is red"]


def test_vectors_follow_an_awaited_append() -> None:
    async def work(memory: AsyncMemory) -> int:
        session = await memory.sessions.open("ana")
        await memory.sessions.append(session.id, "user", "My boat is red")
        assert memory.sync.vectors is not None
        await asyncio.to_thread(memory.sync.vectors.flush, 60)
        return (await memory.stats()).vectors_missing

    assert run(work) == 0


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": "word " * MOST_CHARACTERS_ON_THE_LOOP}],
        [{"role": "user", "content": "x"}] * (MOST_ON_THE_LOOP + 1),
    ],
    ids=["long", "many"],
)
def test_long_and_many_messages_are_analysed_beside_the_loop(
    monkeypatch: pytest.MonkeyPatch, messages: list[dict[str, str]]
) -> None:
    """A text of 1 MiB was once analysed on the event loop, which stood still meanwhile."""
    threads: list[int] = []

    async def work(memory: AsyncMemory) -> None:
        session = await memory.sessions.open("ana")
        appending = memory.sync.sessions.appending

        def seen(*args: Any) -> Any:
            threads.append(threading.get_ident())
            return appending(*args)

        monkeypatch.setattr(memory.sync.sessions, "appending", seen)
        await memory.sessions.append_many(session.id, messages)
        await memory.sessions.append(session.id, "user", "short")

    run(work)
    loop = threading.get_ident()
    assert [thread == loop for thread in threads] == [False, True]


def test_a_call_runs_in_the_context_of_its_caller() -> None:
    who = contextvars.ContextVar("who", default="nobody")
    seen: list[str] = []

    class Watching(TurnableClock):
        def __call__(self) -> int:
            seen.append(who.get())
            return super().__call__()

    async def work(memory: AsyncMemory) -> None:
        who.set("ana")
        seen.clear()
        await memory.users.save("ana")

    run(work, now=Watching())
    assert set(seen) == {"ana"}


def test_a_cancelled_call_leaves_the_memory_usable() -> None:
    async def work(memory: AsyncMemory) -> int:
        session = await memory.sessions.open("ana")
        tasks = [asyncio.create_task(memory.sessions.append(session.id, "user", f"line {n}")) for n in range(50)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        kept = {message.content for message in await memory.sessions.messages(session.id, None)}
        assert {f"line {n}" for n, answer in enumerate(done) if not isinstance(answer, BaseException)} <= kept
        return (await memory.sessions.append(session.id, "user", "last")).seq - len(kept)

    assert run(work) == 1


def test_one_memory_has_both_faces() -> None:
    async def main(memory: Memory) -> list[str]:
        face = AsyncMemory.over(memory)
        return [hit.text for hit in (await face.recall("ana", "Bruno", 1)).hits]

    with filled_memory() as memory:
        assert asyncio.run(main(memory)) == ["My dog Bruno is allergic to chicken."]


def test_closing_twice_is_closing_once(tmp_path: Path) -> None:
    async def main() -> None:
        memory = AsyncMemory(**store_at(tmp_path / "bot.db"), embedder=None)
        await memory.users.save("ana")
        await memory.close()
        await memory.close()
        for call in (lambda: memory.users.get("ana"), lambda: memory.sessions.append("s", "user", "x")):
            with pytest.raises(StoreClosed):
                await call()

    asyncio.run(main())


def test_no_thread_is_left_running() -> None:
    before = set(threading.enumerate())

    async def work(memory: AsyncMemory) -> None:
        await asyncio.gather(*(memory.users.save(f"u{n}") for n in range(20)))

    run(work)
    for thread in set(threading.enumerate()) - before:
        thread.join(60)
    assert set(threading.enumerate()) <= before


def test_what_is_slow_holds_up_nothing_of_another_kind() -> None:
    async def work(memory: AsyncMemory) -> list[str]:
        made = await memory.keys.create("service")
        go = threading.Event()

        def slow(method: Callable[..., Any]) -> Callable[..., bool]:
            return lambda: go.wait()

        waiting = [asyncio.ensure_future(dressed(memory, "recall", slow)()) for _ in range(3 * THREADS["search"])]
        try:
            await memory.users.save("ana", name="Ana")
            return [(await memory.keys.check(made.key)).role, (await memory.users.get("ana")).user_id]
        finally:
            go.set()
            await asyncio.gather(*waiting)

    assert run(work) == ["service", "ana"]


def test_threads_are_named_for_what_they_do() -> None:
    def name(method: Callable[..., Any]) -> Callable[..., str]:
        return lambda: threading.current_thread().name.rpartition("_")[0]

    async def work(memory: AsyncMemory) -> list[str]:
        methods = ("keys.check", "users.get", "users.save", "recall", "chat")
        return [await dressed(memory, each, name)() for each in methods]

    assert run(work) == ["ingat-keys", "ingat-read", "ingat-write", "ingat-search", "ingat-long"]
