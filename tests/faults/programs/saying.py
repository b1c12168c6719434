"""Append messages to a session one after another, and print each once it is acknowledged, or that the store was busy.

Begins when a line comes on standard input. Arguments: the store's URL, its folder, the session, how many messages.
"""

from __future__ import annotations

import os
import sys

from ingat.core.errors import StoreBusy
from ingat.memory import Memory


def main(url: str, data: str, session_id: str, messages: str) -> None:
    with Memory(url, data=data, embedder=None, busy_timeout_ms=200) as memory:
        os.write(1, b"ready\n")
        sys.stdin.readline()
        said = 0
        while said < int(messages):
            try:
                kept = memory.sessions.append(session_id, "user", f"Said while it moves: {said}")
            except StoreBusy:
                os.write(1, b"busy\n")
                continue
            said += 1
            os.write(1, f"kept {kept.id}\n".encode())


main(*sys.argv[1:])
