"""Append messages through Memory and print each once it is acknowledged.

Arguments: the store's URL, the session, this process's name, the number of threads, the messages of each (0: without
end). Lines are `name-thread number seq`.
"""

from __future__ import annotations

import os
import sys
import threading

from ingat.memory import Memory


def main(url: str, session_id: str, name: str, threads: str, number: str) -> None:
    memory = Memory(url, busy_timeout_ms=60_000)

    def talk(author: str) -> None:
        n = 0
        while not int(number) or n < int(number):
            text = f"{author} says that door {n} is painted green"
            said = memory.sessions.append(session_id, "user", text, author=author, metadata={"n": n})
            os.write(1, f"{author} {n} {said.seq}\n".encode())
            n += 1

    running = [threading.Thread(target=talk, args=(f"{name}-{i}",)) for i in range(int(threads))]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    memory.close()


main(*sys.argv[1:])
