"""What is taken away as a whole is found whatever its rows look like."""

from __future__ import annotations

import json

from ingat.memory import Memory
from tests.lifecycle.carried import exported, take
from tests.lifecycle.dump import truth


def test_a_session_whose_messages_are_numbered_far_apart_goes_at_once(full: Memory, other: Memory) -> None:
    file = json.loads(exported(full))
    session = next(row for row in file["sessions"] if row["message_count"])
    for row in file["messages"]:
        if row["session_id"] == session["id"]:
            row["seq"] += (1 << 47) if row["seq"] > 1 else 0
    session["last_seq"] = 1 << 48
    assert take(other, json.dumps(file).encode()).errors == ()
    before = truth(other)
    operation = other.erase.session(session["id"], force=True, reason="tidied")
    other.undo(operation.id)

    assert operation.counts["message"] == session["message_count"]
    assert truth(other) == before
