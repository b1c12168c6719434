"""Append messages to one session beside other processes, and print the number of each once it is acknowledged.

Begins when a line comes on standard input. Arguments: the store's URL, its folder, the session, how many messages.
"""

from __future__ import annotations

import sys

from ingat.memory import Memory


def main(url: str, data: str, session_id: str, messages: str) -> None:
    with Memory(url, data=data, embedder=None) as memory:
        print("ready", flush=True)
        sys.stdin.readline()
        for n in range(int(messages)):
            print(memory.sessions.append(session_id, "user", f"line {n}").seq, flush=True)


main(*sys.argv[1:])
