"""Artifacts are listed and looked for by an index, whatever is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from ingat.memory import Memory
from ingat.store.contract import Tx
from ingat.store.tables import artifacts
from tests.store.test_session_plans import Explaining

FILTERS: list[dict[str, Any]] = [
    {},
    {"user_id": "ana"},
    {"user_id": ""},
    {"session_id": "s"},
    {"user_id": "ana", "session_id": "s"},
    {"kind": "model"},
    {"user_id": "ana", "kind": "model"},
]
LOOKS: dict[str, Callable[[Tx], object]] = {
    "all": lambda tx: artifacts.after(tx, "", 10),
    "of a user": lambda tx: artifacts.of_user_after(tx, "ana", 0, "", 10),
    "files of all": lambda tx: artifacts.files_after(tx, None, "", 10),
    "files of a user": lambda tx: artifacts.files_after(tx, "ana", "", 10),
    "named": lambda tx: artifacts.named(tx, ["a" * 64]),
    "keys of a user": lambda tx: artifacts.keys_of(tx, "ana"),
}


def plan_of(look: Callable[[Tx], object]) -> str:
    def explain(tx: Tx) -> str:
        explaining = Explaining(tx)
        look(cast(Tx, explaining))
        (plan,) = explaining.plans
        return plan

    with Memory(":memory:", embedder="none") as memory:
        return memory.store.read(explain)


@pytest.mark.parametrize("filters", FILTERS, ids=str)
def test_a_page_is_read_in_the_order_of_an_index(filters: dict[str, Any]) -> None:
    plan = plan_of(lambda tx: artifacts.page(tx, 10, **filters))

    assert "INDEX artifact_" in plan
    assert "TEMP B-TREE" not in plan


@pytest.mark.parametrize("what", LOOKS)
def test_what_is_looked_for_is_found_by_an_index(what: str) -> None:
    plan = plan_of(LOOKS[what])

    assert plan.startswith("SEARCH")
    assert "TEMP B-TREE" not in plan
