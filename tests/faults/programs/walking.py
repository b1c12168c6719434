"""Do something destructive again and again, each time killed one step later, and look at what is left each time.

Arguments: an empty folder, what to do (a name of ACTS), and which steps: `all`, or every how manieth. Before and after
each write of a file, each transaction and each check of a restore point is a step. Prints a line for each thing that is
wrong, and in the end `walked` with the number of steps.

Each look is a process of its own, forked from this one, which never opens a store.
"""

from __future__ import annotations

import io
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ingat.core.errors import IngatError
from ingat.lifecycle.copyfolder import CopyFolder
from ingat.lifecycle.restorepoints import RestorePoints
from ingat.memory import Memory
from ingat.store.sqlite.engine import SQLiteStore
from ingat.testing import TurnableClock
from tests.lifecycle.dump import truth

LABEL = "label"
PERSON, ALIAS, WORD = "628111222333", "telegram-4711-x", "Zyxwvut"
LONG = 3_650


def opened(folder: Path, *, hours: float = 1) -> tuple[Memory, TurnableClock]:
    clock = TurnableClock()
    clock.turn(hours=hours)
    return Memory(f"sqlite:///{folder}/store.db", embedder=None, now=clock), clock


def fill(folder: Path) -> None:
    """Make the store: a person with something of everything, somebody else, a backup, and what came after it."""
    memory, clock = opened(folder, hours=0)
    with memory:
        memory.users.save(PERSON, name=WORD)
        memory.users.alias(PERSON, ALIAS)
        memory.sessions.create(PERSON, id="theirs")
        memory.sessions.append_many("theirs", [{"role": "user", "content": f"{WORD} {n}"} for n in range(5)])
        memory.remember(PERSON, f"{WORD} likes tea", subject="drink")
        memory.artifacts.save(io.BytesIO(WORD.encode() * 9), name="f", user_id=PERSON)
        memory.snapshots.save("state", state={"w": WORD}, user_id=PERSON)
        memory.logs.add("an entry", user_id=PERSON)
        memory.sessions.create("ben", id="bens")
        memory.sessions.append("bens", "user", "the boiler")
        memory.artifacts.save(io.BytesIO(b"a picture"), name="g", user_id="ben")
        memory.backups.create(reason="all")
        clock.turn(minutes=1)
        memory.users.save("ben", name="Ben")
        memory.remember(PERSON, f"{WORD} likes milk", subject="drink")
        memory.erase.session("theirs")
        memory.artifacts.save(io.BytesIO(b"later"), name="h", user_id=PERSON)
        memory.sessions.create(PERSON, id="theirs too")
        memory.sessions.append_many("theirs too", [{"role": "user", "content": f"{WORD} {n}"} for n in range(5)])


def backup_of(memory: Memory) -> str:
    return next(each.name for each in memory.backups.list().items if each.kind == "backup")


def last(memory: Memory) -> str:
    return memory.operations.list().items[0].id


ACTS: dict[str, tuple[Callable[[Memory], object] | None, Callable[[Memory], object]]] = {
    "erase-user": (None, lambda memory: memory.erase.user(PERSON)),
    "erase-everything": (None, lambda memory: memory.erase.everything(reason="a new beginning")),
    "erase-artifact": (None, lambda memory: memory.erase.artifact(memory.artifacts.list(user_id="ben").items[0].id)),
    "undo-erase": (lambda memory: memory.erase.user(PERSON), lambda memory: memory.undo()),
    "redo-erase": (
        lambda memory: (memory.erase.user(PERSON), memory.undo()),
        lambda memory: memory.redo(),
    ),
    "restore-current": (None, lambda memory: memory.backups.restore(backup_of(memory), prefer="current")),
    "restore-backup": (None, lambda memory: memory.backups.restore(backup_of(memory), prefer="backup")),
    "undo-restore": (
        lambda memory: memory.backups.restore(backup_of(memory), prefer="backup"),
        lambda memory: memory.undo(),
    ),
    "redo-restore": (
        lambda memory: (memory.backups.restore(backup_of(memory), prefer="backup"), memory.undo()),
        lambda memory: memory.redo(),
    ),
    "backup": (None, lambda memory: memory.backups.create(reason="once more")),
    "purge": (None, lambda memory: memory.purge(PERSON, reason="asked")),
}
"""What can be done: what comes before it, and it."""


class Steps:
    """Counts steps, and ends the process at the one that is wanted; 0: at none."""

    def __init__(self, wanted: int, label: Path) -> None:
        self.wanted, self.label, self.number = wanted, label, 0

    def step(self, label: str) -> None:
        self.number += 1
        if self.number == self.wanted:
            self.label.write_text(label)
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: Any, name: str, *, really: bool = True) -> None:
        real = getattr(owner, name)

        def then(*arguments: Any, **named: Any) -> Any:
            self.step(f"before {name}")
            value = real(*arguments, **named) if really else None
            self.step(f"after {name}")
            return value

        setattr(owner, name, then)

    def install(self) -> None:
        self.around(os, "fsync", really=False)  # a kill leaves what was written to the system
        self.around(os, "replace")
        self.around(os, "unlink")
        self.around(RestorePoints, "verify")
        self.around(CopyFolder, "delete")
        self.around(SQLiteStore, "scrub")
        write = SQLiteStore.write

        def then(store: SQLiteStore, work: Callable[..., Any], *, alone: bool = False) -> Any:
            def within(tx: Any) -> Any:
                value = work(tx)
                self.step("before commit")
                return value

            value = write(store, within, alone=alone)
            self.step("after commit")
            return value

        SQLiteStore.write = then  # type: ignore[assignment]


def in_child(work: Callable[[], object]) -> int:
    """Do something in a process of its own, and return how it ended."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        try:
            work()
            sys.stdout.flush()
            os._exit(0)
        except SystemExit as end:
            os._exit(int(end.code or 0))
        except BaseException:
            traceback.print_exc(file=sys.stdout)
            sys.stdout.flush()
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def did(folder: Path, act: Callable[[Memory], object], wanted: int = 0) -> None:
    """Do it, and note the number of steps, when it is not killed before."""
    memory, _ = opened(folder)
    steps = Steps(wanted, folder.with_suffix(".label"))
    steps.install()
    with memory:
        act(memory)
        folder.with_suffix(".steps").write_text(str(steps.number))


def seen(folder: Path) -> str:
    memory, _ = opened(folder)
    with memory:
        return repr(truth(memory))


def note(folder: Path, name: str) -> None:
    folder.with_name(name).write_text(seen(folder))


def check(folder: Path, what: str) -> None:
    """Look at what a kill left; AssertionError where it is neither what was nor what was to be."""
    before, after = (folder.with_name(f"{what}.{each}").read_text() for each in ("before", "after"))
    _, act = ACTS[what]
    memory, clock = opened(folder)
    with memory:
        whole(memory)
        now = repr(truth(memory))
        if what == "purge":
            certificate = memory.purge(PERSON, reason="asked again")
            assert certificate.complete, certificate
            assert now == before or memory.audit.list(action="purge").items
        else:
            assert now in (before, after), "neither what was nor what was to be"
            if now == before:
                act(memory)
        assert repr(truth(memory)) == after, "a second run does not complete it"
        whole(memory)
        if what.startswith(("erase", "restore")):
            memory.undo()
            assert repr(truth(memory)) == before, "it cannot be undone"
        elif what.startswith("undo"):
            memory.redo()
            memory.undo()
            assert repr(truth(memory)) == after, "it cannot be done again"
        whole(memory)
        # what nobody needs is removed some day
        clock.turn(days=LONG)
        memory.retention.set(backup_keep_last=1)
        kept = memory.backups.create(reason="later").name
        memory.backups.prune()
        points = folder / "store.db.data" / "restore-points"
        assert [each.name for each in points.iterdir()] == [kept], sorted(points.iterdir())
    if what == "purge":
        words = [each.encode() for each in (PERSON, ALIAS, WORD)]
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert not [path.name for path in files if any(word in path.read_bytes() for word in words)]


def whole(memory: Memory) -> None:
    trail = memory.audit.verify()
    assert trail.whole, trail.problems
    bad = [each for each in memory.doctor() if each.state == "bad"]
    assert not bad, bad
    for operation in memory.operations.list().items:
        assert operation.restore_point is None or memory._points.is_whole(operation.restore_point), operation
    for each in memory.artifacts.list().items:
        try:
            memory.artifacts.read(lambda piece: None, each.id)
        except IngatError as error:
            raise AssertionError(f"artifact {each.name} has no file") from error


def main(root: Path, what: str, every: str) -> None:
    first, act = ACTS[what]
    base = root / "base"
    base.mkdir()
    assert in_child(lambda: fill(base)) == 0
    if first is not None:
        assert in_child(lambda: did(base, first)) == 0
    assert in_child(lambda: note(base, f"{what}.before")) == 0
    unharmed = root / "unharmed"
    shutil.copytree(base, unharmed)
    assert in_child(lambda: did(unharmed, act)) == 0
    assert in_child(lambda: note(unharmed, f"{what}.after")) == 0
    number = int(unharmed.with_suffix(".steps").read_text())
    for wanted in range(1, number + 1, 1 if every == "all" else int(every)):
        folder = root / f"step{wanted}"
        shutil.copytree(base, folder)
        ended = in_child(lambda: did(folder, act, wanted))  # noqa: B023  # called at once
        label = folder.with_suffix(".label")
        if ended != -signal.SIGKILL:
            print(f"step {wanted}: ended with {ended}, and was not killed")
        elif in_child(lambda: check(folder, what)):  # noqa: B023
            print(f"step {wanted}: wrong when killed {label.read_text()}")
        shutil.rmtree(folder)
    print("walked", number)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
