"""Save or erase artifacts, and stop at a point that the test chooses, to be killed there.

Arguments: the store's URL, and what to do: `half` (stop while the bytes are being written), `put` (stop when the file
is in its place and its row is not committed), `gone` (erase the newest artifact, and stop when its row is gone and its
file is not), `cramped` (save where no file may grow beyond 100,000 bytes, and print the code of the error), `save`, or
`erase` (save and erase), both after a line was read, and as many times as a third argument says.
"""

from __future__ import annotations

import os
import resource
import sys
import threading
from io import BytesIO
from typing import Any

from ingat.core.errors import IngatError
from ingat.lifecycle.scope_artifacts import ArtifactRows
from ingat.memory import Memory
from ingat.store.tables import artifacts

BYTES = bytes(range(256)) * 3_000


def stop(*unused: Any) -> None:
    os.write(1, b"stopped\n")
    threading.Event().wait()


class Slow(BytesIO):
    """A file whose second piece never comes."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell():
            stop()
        return super().read(size)


def save(memory: Memory, source: BytesIO | None = None) -> str:
    return memory.artifacts.save(source or BytesIO(BYTES), name="model.bin", user_id="ana").id


def main(url: str, what: str, times: str = "1") -> None:
    with Memory(url, embedder=None) as memory:
        if what == "half":
            save(memory, Slow(BYTES))
        elif what == "put":
            artifacts.insert = stop  # type: ignore[assignment]
            save(memory)
        elif what == "gone":
            ArtifactRows.done = stop  # type: ignore[method-assign,assignment]
            memory.erase.artifact(memory.artifacts.list(limit=1).items[0].id)
        elif what == "cramped":
            resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
            try:
                save(memory)
            except IngatError as error:
                print(error.code, flush=True)
        else:
            sys.stdin.readline()
            for _ in range(int(times)):
                artifact_id = save(memory)
                if what == "erase":
                    memory.erase.artifact(artifact_id)
    os.write(1, b"done\n")


main(*sys.argv[1:])
