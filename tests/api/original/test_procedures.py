"""The manual test procedure of the format's first program, with curl, line by line.

Its header `"Content-Type": "application/json"` is mended; the address is this server's, and every call brings a key.
"""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

import pytest

from tests.api.original.wire import Wire

LOGS = """
# Add log
curl -X POST $INGAT/api/memory \\
  -H "Content-Type: application/json" \\
  -d '{"action":"add_log","level":"info","category":"test","source":"api","message":"Test log"}'

# Get logs
curl "$INGAT/api/memory?action=logs&limit=10"
"""
SESSIONS = """
# Create session
curl -X POST $INGAT/api/memory \\
  -H "Content-Type: application/json" \\
  -d '{"action":"create_session","name":"Test Session"}'

# Get sessions
curl "$INGAT/api/memory?action=sessions"
"""
CLEANUP = """
# Perform cleanup
curl -X POST $INGAT/api/memory \\
  -H "Content-Type: application/json" \\
  -d '{"action":"perform_cleanup"}'

# Get stats
curl "$INGAT/api/memory?action=stats"
"""


def run(wire: Wire, procedure: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run the two calls of a procedure and return their answers."""
    with_key = 'curl() { command curl -sS --fail-with-body -H "Authorization: Bearer $KEY" "$@"; echo; }\n'
    environment = {**os.environ, "INGAT": wire.server.url, "KEY": wire.server.service}
    done = subprocess.run(
        ["bash", "-euc", with_key + procedure], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    return first, second


def test_log_management(alone: Wire) -> None:
    added, listed = run(alone, LOGS)

    assert added["success"] is True
    assert listed["logs"] == [added["log"]]
    assert added["log"]["message"] == "Test log"


def test_session_management(alone: Wire) -> None:
    created, listed = run(alone, SESSIONS)

    assert created["session"]["name"] == "Test Session"
    assert listed["sessions"] == [created["session"]]
    assert listed["current_session"] is None


def test_cleanup(alone: Wire) -> None:
    cleaned, asked = run(alone, CLEANUP)

    assert cleaned["stats"]["sessions_deleted"] == 0
    assert asked["stats"]["last_cleanup"] == cleaned["stats"]["last_cleanup"]


@pytest.mark.parametrize("procedure", [LOGS, SESSIONS, CLEANUP], ids=["logs", "sessions", "cleanup"])
def test_a_procedure_can_be_repeated(alone: Wire, procedure: str) -> None:
    for _ in range(2):
        assert all(answer["success"] for answer in run(alone, procedure))
