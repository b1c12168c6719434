"""What Ingat reports of itself gets into the log of the memory that it serves, and nowhere else."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from ingat.app.stored_log import storing
from ingat.core.settings import LogThreshold
from ingat.memory import Memory
from tests.api.server import running


def _records(memory: Memory) -> list[tuple[str, str]]:
    return [(entry.level, entry.message) for entry in memory.logs.after(0)]


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("debug", ["debug", "info", "warn", "error"]),
        ("info", ["info", "warn", "error"]),
        ("error", ["error"]),
        ("off", []),
    ],
)
def test_records_of_the_level_and_graver_ones_are_stored(
    memory: Memory, level: LogThreshold, expected: list[str]
) -> None:
    with storing(memory, level):
        for number in (10, 20, 30, 40):
            logging.getLogger("ingat.jobs").log(number, "it ran")
            logging.getLogger("another").log(number, "not ours")

    assert _records(memory) == [(each, "it ran") for each in expected]


def test_at_the_end_nothing_is_left_behind(memory: Memory) -> None:
    ours = logging.getLogger("ingat")
    before = (ours.level, list(ours.handlers))
    with storing(memory, "debug"):
        assert ours.isEnabledFor(logging.DEBUG)

    assert (ours.level, list(ours.handlers)) == before
    ours.error("too late")
    assert _records(memory) == []


def test_a_request_that_fails_is_found_by_its_log_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with running(tmp_path) as server, storing(server.memory, "info"):
        monkeypatch.setattr(server.memory.users, "_store", None)
        answer = server.ask("GET", "/v1/users")
        monkeypatch.undo()
        log_id = answer.json["error"]["details"]["log_id"]
        assert server.memory.log_queue.flush(20)
        (entry,) = server.ask("GET", f"/v1/logs?search={log_id}").json["logs"]

    assert (answer.status, entry["level"], entry["category"], entry["source"]) == (500, "error", "api", "ingat.api")
    assert entry["data"]["route"] == "/v1/users"
    assert entry["data"]["frames"]
