"""Going: rows of a plan are compared again only where their user was written to since, and then one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ingat.lifecycle.restorepoints import RestorePoints
from ingat.memory import Memory
from ingat.store.tables import messages
from tests.lifecycle.dump import index, truth


def _meanwhile(monkeypatch: pytest.MonkeyPatch, act: Callable[[], Any]) -> None:
    """Let something be done once, between the collecting of rows and their removal."""
    verify, left = RestorePoints.verify, [act]

    def verified(self: RestorePoints, *given: Any, **options: Any) -> Any:
        if left:
            left.pop()()
        return verify(self, *given, **options)

    monkeypatch.setattr(RestorePoints, "verify", verified)


def _restored(memory: Memory) -> tuple[str, str]:
    """Erase a session and restore it; return the operation and another session of the same user."""
    gone, other = memory.sessions.create("ana"), memory.sessions.create("ana")
    for number in range(7):
        memory.sessions.append(gone.id, "user", f"The gate opens at {number}.")
        memory.sessions.append(other.id, "user", f"The shop closes at {number}.")
    name = memory.backups.create().name
    memory.erase.session(gone.id)
    report = memory.backups.restore(name)
    assert report.operation is not None
    return report.operation.id, other.id


def test_undoing_a_restore_takes_no_others_along_when_the_user_goes_on_writing(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation, other = _restored(memory)
    _meanwhile(monkeypatch, lambda: memory.sessions.append(other, "user", "And tomorrow?"))

    undone = memory.undo(operation)

    assert undone.notes == ()
    assert [each.id for each in memory.sessions.list(user_id="ana").items] == [other]
    assert len(memory.sessions.messages(other)) == 8
    assert len(index(memory)) > 0
    assert [check.name for check in memory.doctor() if check.state == "bad"] == []


def test_an_index_that_was_built_anew_meanwhile_loses_the_right_entries(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation, other = _restored(memory)
    _meanwhile(monkeypatch, lambda: memory.reindex("ana"))

    memory.undo(operation)

    assert len(memory.sessions.messages(other)) == 7
    assert [check.name for check in memory.doctor() if check.state == "bad"] == []


def test_messages_are_not_compared_when_nobody_wrote(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    operation, other = _restored(memory)
    before = truth(memory)
    writing: list[str] = []
    get_many = messages.get_many
    _meanwhile(monkeypatch, lambda: writing.append("now"))

    def counted(*given: Any) -> Any:
        writing.extend("read" for _ in writing[:1])
        return get_many(*given)

    monkeypatch.setattr(messages, "get_many", counted)

    memory.undo(operation)

    assert writing == ["now"]
    assert len(memory.sessions.messages(other)) == 7
    memory.redo(operation)
    assert truth(memory) == before
