"""Rows of people who were purged stay away, and those of people who came back later do not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest

from ingat.core.errors import SecretMissing
from ingat.core.logs import LogEntry
from ingat.core.records import MemoryItem, Message, User
from ingat.core.secret import Secret
from ingat.lifecycle.lines import Expiry, Record, StoredSession
from ingat.lifecycle.purged import Admittable, Purged
from ingat.memory import Memory
from ingat.store.tables import ledger
from ingat.store.tables.ledger import LedgerEntry

T = TypeVar("T")
AT = 1_000
ENTRY = LedgerEntry("p1", AT, "python", "asked")


@pytest.fixture
def secret() -> Secret:
    return Secret(None)


@pytest.fixture
def purged(memory: Memory, secret: Secret) -> Memory:
    """A memory from which `ana`, alias `628111`, was purged."""
    memory.store.write(lambda tx: ledger.insert(tx, secret, ["ana", "628111"], ENTRY))
    return memory


def within(memory: Memory, secret: Secret, work: Callable[[Purged], T]) -> T:
    return memory.store.read(lambda tx: work(Purged(tx, secret)))


def test_whoever_was_made_until_the_purge_is_purged(purged: Memory, secret: Secret) -> None:
    found = within(
        purged, secret, lambda one: [one.is_purged(*each) for each in [("ana", AT), ("628111", 1), ("ana", AT + 1)]]
    )
    assert found == [True, True, False]
    assert within(purged, secret, lambda one: one.purged_at("ben")) is None


def test_a_second_purge_moves_the_time(purged: Memory, secret: Secret) -> None:
    later = ENTRY._replace(purge_id="p2", at=2 * AT)
    purged.store.write(lambda tx: ledger.insert(tx, secret, ["ana"], later))
    assert within(purged, secret, lambda one: (one.purged_at("ana"), one.purged_at("628111"))) == (2 * AT, AT)


def test_the_ledger_holds_no_id(purged: Memory) -> None:
    rows = purged.store.read(lambda tx: tx.all("SELECT * FROM purge_ledger"))
    assert not any("ana" in str(row) or "628111" in str(row) for row in rows)


def test_another_key_or_none_is_missed_and_none_is_made(purged: Memory, tmp_path: Path) -> None:
    for secret in (Secret(tmp_path), Secret(None)):
        with pytest.raises(SecretMissing, match="is not there"):
            within(purged, secret, lambda one: one.purged_at("ana"))
    assert list(tmp_path.iterdir()) == []
    other = Secret(tmp_path)
    other.fingerprint()
    with pytest.raises(SecretMissing, match="not the one"):
        within(purged, other, lambda one: one.purged_at("ana"))
    with pytest.raises(SecretMissing):
        purged.store.write(lambda tx: ledger.insert(tx, other, ["ben"], ENTRY))


def test_where_nobody_was_purged_no_key_is_needed(memory: Memory, tmp_path: Path) -> None:
    assert not within(memory, Secret(tmp_path), lambda one: one.is_purged("ana", 1))
    assert list(tmp_path.iterdir()) == []


def user(user_id: str, at: int, *aliases: str) -> User:
    return User(user_id=user_id, role="client", aliases=aliases, created_at=at, updated_at=at)


def session(user_id: str, session_id: str, at: int) -> StoredSession:
    return StoredSession(
        user_id=user_id,
        id=session_id,
        state="closed",
        message_count=0,
        created_at=at,
        updated_at=at,
        active_at=at,
    )


def log(message: str, at: int = 1, **fields: str) -> LogEntry:
    return LogEntry(seq=1, id="l", at=at, level="info", category="c", source="s", message=message, **fields)  # type: ignore[arg-type]


def message(user_id: str, session_id: str, at: int) -> Message:
    return Message(id="m", session_id=session_id, user_id=user_id, seq=1, role="user", content="x", tokens=1, at=at)


def admitted(memory: Memory, secret: Secret, *rows: tuple[str, Record]) -> list[bool]:
    def work(purged: Purged) -> list[bool]:
        those = Admittable(purged)
        return [those.admit(kind, row) is not None for kind, row in rows]

    return within(memory, secret, work)


def test_everything_of_a_purged_user_is_left_out(purged: Memory, secret: Secret) -> None:
    rows: list[tuple[str, Record]] = [
        ("user", user("ana", 1, "628111")),
        ("user", user("ben", 1)),
        ("session", session("ana", "s1", AT + 5)),
        ("session", session("ben", "s2", 1)),
        ("message", message("ana", "s1", AT + 5)),
        ("message", message("ben", "s2", 1)),
        ("expiry", Expiry(session_id="s1", cause="reset", expired_at=1)),
        ("expiry", Expiry(session_id="s2", cause="reset", expired_at=1)),
        ("log", log("x", session_id="s1")),
        ("log", log("x", user_id="ana")),
        ("log", log("to 628111 it went")),
        ("log", log("to 6281110 it went")),
    ]
    assert admitted(purged, secret, *rows) == [each not in (0, 2, 4, 6, 8, 9, 10) for each in range(len(rows))]


def test_rows_of_one_who_came_back_are_let_in(purged: Memory, secret: Secret) -> None:
    rows: list[tuple[str, Record]] = [
        ("user", user("ana", AT + 1)),
        ("session", session("ana", "s1", AT + 2)),
        ("message", message("ana", "s1", 5)),
        ("log", log("ana", user_id="ana", at=5)),
    ]
    assert admitted(purged, secret, *rows) == [True] * 4


def test_rows_without_their_user_go_by_their_own_time(purged: Memory, secret: Secret) -> None:
    item = MemoryItem(user_id="ana", id="i", kind="fact", text="x", valid_from=1, created_at=AT, updated_at=AT)
    rows: list[tuple[str, Record]] = [
        ("session", session("628111", "s1", AT)),
        ("session", session("ana", "s2", AT + 1)),
        ("message", message("ana", "s2", AT)),
        ("message", message("ana", "s2", AT + 1)),
        ("memory", item),
    ]
    assert admitted(purged, secret, *rows) == [False, True, False, True, False]


def test_a_user_comes_in_without_an_alias_that_was_purged(purged: Memory, secret: Secret) -> None:
    def admit(one: Purged) -> Record | None:
        return Admittable(one).admit("user", user("ben", 1, "628111", "b"))

    found = within(purged, secret, admit)
    assert isinstance(found, User)
    assert found.aliases == ("b",)
