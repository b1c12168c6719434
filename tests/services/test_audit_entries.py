"""What is entered in the audit trail, in the transaction of the act itself; people are found by every name."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from ingat.core.audit import AuditEntry
from ingat.core.errors import InvalidInput, KeyNotFound, StoreError, UserNotFound
from ingat.core.policy import RetentionPolicy
from ingat.memory import Memory
from ingat.testing import TurnableClock
from tests.engine import contents, refuse_inserts

FILE = (
    b'{"format": "ingat-export", "version": 1,'
    b' "users": [{"user_id": "new", "created_at": 1000, "updated_at": 1000, "role": "client"}]}'
)


def entries(memory: Memory, **filters: Any) -> list[AuditEntry]:
    return list(memory.audit.list(**filters).items)


def told(memory: Memory) -> list[tuple[str, str, str | None, str | None]]:
    """Return (action, user, target, reason) of every entry, oldest first."""
    return [(each.action, each.user_id or "", each.target, each.reason) for each in reversed(entries(memory))]


def test_protecting_a_user_is_entered_once(memory: Memory) -> None:
    memory.users.save("ana")
    for protected in (True, True, False):
        memory.users.protect("ana", protected)

    assert told(memory) == [("users.protect", "ana", "ana", ""), ("users.unprotect", "ana", "ana", "")]


def test_a_new_role_is_entered_with_the_old_one(memory: Memory) -> None:
    memory.users.save("ana", name="Ana")
    memory.users.save("ana", role="client")
    memory.users.save("ana", role="admin")
    memory.users.save("ben", role="godfather")

    assert told(memory) == [
        ("users.role", "ana", "ana", "client → admin"),
        ("users.role", "ben", "ben", "client → godfather"),
    ]


def test_keys_are_entered_without_their_secrets(memory: Memory) -> None:
    fresh = memory.keys.create("service", name="bot")
    for _ in range(2):
        memory.keys.revoke(fresh.id)

    assert told(memory) == [
        ("keys.create", "", f"{fresh.id} bot", "service"),
        ("keys.revoke", "", f"{fresh.id} bot", "service"),
    ]
    assert fresh.key not in str(memory.store.read(lambda tx: tx.all("SELECT * FROM audit_text")))


def test_the_first_key_is_entered(memory: Memory) -> None:
    first = memory.keys.create_first()
    memory.keys.create_first()

    assert first is not None
    assert [(each.action, each.target) for each in entries(memory)] == [("keys.create", f"{first.id} first key")]


def test_a_change_of_policy_is_entered_with_both_values(memory: Memory) -> None:
    memory.retention.set(max_sessions=7, log_retention_days=30)
    memory.retention.set(max_sessions=7)

    usual = RetentionPolicy()
    assert told(memory) == [
        (
            "retention.set",
            "",
            None,
            f"log_retention_days {usual.log_retention_days} → 30, max_sessions {usual.max_sessions} → 7",
        )
    ]


def test_stopping_and_starting_a_job_is_entered(memory: Memory) -> None:
    memory.jobs.stop("retain")
    memory.jobs.start("retain")

    assert [(action, target) for action, _, target, _ in told(memory)] == [
        ("jobs.stop", "retain"),
        ("jobs.start", "retain"),
    ]


def test_an_export_is_entered_with_who_and_what(memory: Memory) -> None:
    memory.users.save("ana")
    memory.users.alias("ana", "628111")
    memory.export(io.BytesIO().write, user_id="628111")
    memory.export(io.BytesIO().write)
    whole, part = entries(memory)

    assert (part.action, part.scope, part.user_id, part.target) == ("export", "user", "ana", "ana")
    assert (whole.action, whole.scope, whole.user_id) == ("export", "store", None)
    assert part.counts["users"] == 1


def test_an_export_of_nobody_is_not_entered(memory: Memory) -> None:
    with pytest.raises(UserNotFound):
        memory.export(io.BytesIO().write, user_id="nobody")

    assert entries(memory) == []


def test_an_import_is_entered_unless_it_brought_nothing(memory: Memory) -> None:
    memory.import_from(io.BytesIO(FILE), dry_run=True)
    report = memory.import_from(io.BytesIO(FILE))
    memory.import_from(io.BytesIO(FILE))

    assert not report.errors, report.errors
    (entry,) = entries(memory)
    assert (entry.action, entry.counts["users"]) == ("import", 1)


def test_erasing_is_entered_with_its_operation_and_restore_point(memory: Memory) -> None:
    session = memory.sessions.create("ana")
    operation = memory.erase.session(session.id, reason="asked for")
    (entry,) = entries(memory)

    assert (entry.action, entry.scope, entry.user_id, entry.target) == ("erase", "session", "ana", session.id)
    assert (entry.at, entry.reason) == (operation.created_at, "asked for")
    assert (entry.operation_id, entry.restore_point) == (operation.id, operation.restore_point)
    assert entry.counts == operation.counts


ACTS: dict[str, Callable[[Memory], object]] = {
    "protect": lambda memory: memory.users.protect("ana"),
    "role": lambda memory: memory.users.save("ana", role="admin"),
    "merge": lambda memory: memory.users.merge("ben", "ana"),
    "key": lambda memory: memory.keys.create(),
    "policy": lambda memory: memory.retention.set(max_sessions=7),
    "job": lambda memory: memory.jobs.stop("retain"),
    "erase": lambda memory: memory.erase.session("talk"),
    "import": lambda memory: memory.import_from(io.BytesIO(FILE)),
}


@pytest.mark.parametrize("name", ACTS)
def test_what_cannot_be_entered_is_not_done(memory: Memory, name: str) -> None:
    memory.users.save("ana")
    memory.users.save("ben")
    memory.sessions.create("ana", id="talk")

    refuse_inserts(memory.store, "audit_entry")
    before = memory.store.read(contents)

    with pytest.raises(StoreError):
        ACTS[name](memory)
    assert memory.store.read(contents) == before


def test_what_is_refused_is_not_entered(memory: Memory) -> None:
    memory.users.save("ana")
    with pytest.raises(UserNotFound):
        memory.users.protect("nobody")
    with pytest.raises(KeyNotFound):
        memory.keys.revoke("none")
    with pytest.raises(InvalidInput):
        memory.users.merge("ana", "ana")

    assert entries(memory) == []


# -- people by every name ----------------------------------------------------------------------------------------------


def test_somebody_is_found_by_id_and_alias(memory: Memory) -> None:
    memory.users.save("ana")
    memory.users.alias("ana", "628111")
    memory.users.protect("ana")
    memory.users.alias("ana", "budi@example.org")

    for name in ("ana", "+62 8111", "628111@c.us", "budi@example.org"):
        assert [each.action for each in entries(memory, user_id=name)] == ["users.protect"]


def test_an_erased_user_is_found_by_every_name(memory: Memory) -> None:
    memory.users.save("ana")
    memory.users.alias("ana", "628111")
    memory.erase.user("ana")

    for name in ("ana", "628111"):
        (entry,) = entries(memory, user_id=name)
        assert (entry.action, entry.user_id) == ("erase", "ana")


def test_after_a_merge_everything_is_found_under_each_id(memory: Memory, clock: TurnableClock) -> None:
    for name in ("ana", "ben"):
        memory.users.save(name)
        memory.users.protect(name)
        clock.turn(seconds=1)
    memory.users.merge("ben", "ana")

    for name in ("ana", "ben"):
        found = entries(memory, user_id=name)
        assert [each.action for each in found] == ["users.merge", "users.protect", "users.protect"]
        assert [each.user_id for each in found] == ["ana", "ben", "ana"]


def test_after_merge_and_erasure_everything_is_found_under_each_id(memory: Memory, clock: TurnableClock) -> None:
    for name in ("ana", "ben"):
        memory.users.save(name)
        memory.users.protect(name)
    memory.users.merge("ben", "ana")
    clock.turn(seconds=1)
    memory.erase.user("ana", force=True, reason="asked for")

    for name in ("ana", "ben"):
        assert entries(memory, user_id=name)[0].action == "erase"
        assert len(entries(memory, user_id=name)) == 4


def test_an_alias_that_was_taken_away_finds_them_no_longer(memory: Memory) -> None:
    memory.users.save("ana")
    memory.users.alias("ana", "628111")
    memory.users.protect("ana")
    memory.users.unalias("ana", "628111")

    assert entries(memory, user_id="628111") == []
    assert len(entries(memory, user_id="ana")) == 1


def test_everything_that_was_done_is_one_whole_chain(memory: Memory) -> None:
    memory.users.save("ana", role="admin")
    memory.users.save("ben")
    memory.users.merge("ben", "ana")
    memory.erase.session(memory.sessions.create("ana").id)
    memory.undo(memory.erase.user("ana").id)
    check = memory.audit.verify()

    assert check.whole, check.problems
    assert check.entries == 5
