"""What operators look for in the log: who deleted, brought back, saved or changed what; never what was said."""

from __future__ import annotations

import logging

import pytest

from ingat.core.actor import acting_as
from ingat.testing import open_memory

SECRET = "the boiler code is 4711"


def test_deleting_bringing_back_saving_and_changing_are_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "ingat"), open_memory(embedder=None) as memory, acting_as("cli:ana"):
        session = memory.sessions.open("ana")
        memory.sessions.append(session.id, "user", SECRET)
        operation = memory.erase.session(session.id, reason="a test")
        memory.undo(operation.id)
        snapshot = memory.snapshots.save("desk", {"note": SECRET})
        memory.retention.set(max_sessions=50)
        memory.retention.set(max_sessions=50)

    told = [(record.getMessage(), getattr(record, "category", None)) for record in caplog.records]
    assert told[-4:] == [
        (f"Deleted (session): operation {operation.id}", "cleanup"),
        (f"Undone (session): operation {operation.id}", "cleanup"),
        (f"Snapshot saved: {snapshot.id}", "snapshot"),
        ("Retention policy changed", "policy"),
    ]
    assert [vars(record).get("actor") for record in caplog.records[-4:]] == ["cli:ana", "cli:ana", None, "cli:ana"]
    assert not [record for record in caplog.records if SECRET in str(vars(record))]
