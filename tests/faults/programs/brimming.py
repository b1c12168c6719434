"""Do something destructive where files may not grow beyond a limit, with each limit that makes a difference.

Arguments: an empty folder, and what to do (a name of walking.ACTS). Prints a line for each thing that is wrong, and in
the end `tried` with the number of limits at which it failed.
"""

from __future__ import annotations

import resource
import shutil
import sys
from pathlib import Path

from ingat.core.errors import IngatError
from ingat.lifecycle.copyfolder import CopyFolder
from ingat.memory import Memory
from tests.faults.programs.walking import ACTS, PERSON, did, fill, in_child, note, opened, whole
from tests.lifecycle.dump import truth

NO_LIMIT = resource.RLIM_INFINITY
LIMITS = (0, 300, 1_000, 2_500, 5_000, 20_000, 40_000, 80_000, 120_000, 160_000, 200_000)
"""Bytes: files of artifacts and restore points first, then what the store writes."""
FAILED, WENT_WELL, WRONG = 3, 4, 1


def limit(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, NO_LIMIT))


def attempt(folder: Path, what: str, size: int) -> int:
    """Do it within a limit, look at what is left, do it without one; return how the first went."""
    before, after = (folder.with_name(f"{what}.{each}").read_text() for each in ("before", "after"))
    _, act = ACTS[what]
    memory, _ = opened(folder)
    with memory:
        files = _files(memory)
        limit(size)
        try:
            act(memory)
            how = WENT_WELL
        except IngatError:
            how = FAILED
        finally:
            limit(NO_LIMIT)
        now = repr(truth(memory))
        if what != "purge":
            assert now in (before, after), "neither what was nor what was to be"
            assert how == FAILED or now == after, "it said that it went well"
            assert how == WENT_WELL or now == before, "it said that it failed"
            assert how == WENT_WELL or _files(memory) == files, "a file was left, or went"
        whole(memory)
        if what == "purge":
            assert memory.purge(PERSON, reason="asked again").complete
        elif how == FAILED:
            act(memory)
        assert repr(truth(memory)) == after, "it does not work when there is room again"
        whole(memory)
    return how


def _files(memory: Memory) -> list[str]:
    folder = memory._points._folder
    assert isinstance(folder, CopyFolder)
    return sorted(path.name for path in folder.ready().iterdir())


def main(root: Path, what: str) -> None:
    first, act = ACTS[what]
    base, unharmed, number = root / "base", root / "unharmed", 0
    base.mkdir()
    assert in_child(lambda: fill(base)) == 0
    if first is not None:
        assert in_child(lambda: did(base, first)) == 0
    assert in_child(lambda: note(base, f"{what}.before")) == 0
    shutil.copytree(base, unharmed)
    assert in_child(lambda: did(unharmed, act)) == 0
    assert in_child(lambda: note(unharmed, f"{what}.after")) == 0
    for size in LIMITS:
        folder = root / f"limit{size}"
        shutil.copytree(base, folder)
        ended = in_child(lambda: sys.exit(attempt(folder, what, size)))  # noqa: B023  # called at once
        if ended == FAILED:
            number += 1
        elif ended != WENT_WELL:
            print(f"limit {size}: wrong")
        shutil.rmtree(folder)
    print("tried", number)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
