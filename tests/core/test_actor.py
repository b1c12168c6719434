"""Who acts is known to everything inside, and to nothing outside."""

from __future__ import annotations

import asyncio

from ingat.core.actor import acting_as, current_actor


def test_without_a_name_it_is_the_program() -> None:
    assert current_actor() == "python"


def test_the_innermost_name_holds() -> None:
    with acting_as("cli:ana"):
        with acting_as("scheduler"):
            assert current_actor() == "scheduler"
        assert current_actor() == "cli:ana"
    assert current_actor() == "python"


def test_an_error_ends_the_name() -> None:
    try:
        with acting_as("cli:ana"):
            raise ValueError
    except ValueError:
        pass
    assert current_actor() == "python"


def test_threads_and_tasks_have_the_name_of_who_began_them() -> None:
    async def act(name: str) -> list[str]:
        with acting_as(name):
            await asyncio.sleep(0)
            return [current_actor(), await asyncio.to_thread(current_actor)]

    async def together() -> list[list[str]]:
        return list(await asyncio.gather(act("key:a"), act("key:b")))

    assert asyncio.run(together()) == [["key:a", "key:a"], ["key:b", "key:b"]]
    assert current_actor() == "python"
