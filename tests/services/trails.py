"""Audit trails for tests: entries, and changes behind the back of the program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ingat.services.audit import Audit
from ingat.store.contract import Store
from ingat.store.migrate import migrate
from ingat.store.open import open_store, schema_folder
from ingat.store.tables import audit


def opened_at(url: str, clock: Callable[[], int]) -> Store:
    opened = open_store(url)
    migrate(opened, schema_folder(url), clock=clock)
    return opened


def add(store: Store, at: int = 0, user_id: str | None = None, **more: Any) -> None:
    """Enter that a user was erased."""
    store.write(lambda tx: audit.append(tx, at, "erase", "user", user_id=user_id, **more))


def fill(store: Store, number: int = 6, at: int = 1_000) -> None:
    """Enter that so many users were erased, one each millisecond."""
    for n in range(number):
        add(store, at + n, f"user {n}", target=f"user {n}", reason="asked for", counts={"user": 1})


def run(store: Store, sql: str, *args: Any) -> None:
    """Change something behind the back of the program."""
    store.write(lambda tx: tx.run(sql, args))


def problem(kept: Audit) -> str:
    """Return the only problem that is found."""
    check = kept.verify()
    assert not check.whole
    (only,) = check.problems
    return only
