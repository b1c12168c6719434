"""Slots: the turns of jobs, each taken by one process, however many there are."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from ingat.core import clock
from ingat.core.errors import Conflict, IngatError, StoreClosed
from ingat.core.faults import frames
from ingat.core.ids import new_id
from ingat.core.json import encode_object
from ingat.store.contract import Store, Tx
from ingat.store.tables import audit
from ingat.store.tables import jobs as table
from ingat.store.tables import settings as setting_table

PULSE_S = 5.0
"""How often a process says that it is still at a job."""
STALE_MS = 20_000
"""After so long without a word the process that was at a job counts as dead."""
SILENT_MS = 600_000
"""So long a process that is known to live may be silent: while another holds the store, none can say anything."""
BEAT_MS = 30_000
"""How often a scheduler says that it is there."""
_KEPT = 50
_MOST_ITEMS = 20
_MOST_CHARACTERS = 1_000
_SCHEDULER = "scheduler"
_PROCESS = new_id()
_BOOT, _PROCESSES = "/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"

_log = logging.getLogger("ingat.jobs")


class Work(NamedTuple):
    """What a job does, and how often (milliseconds)."""

    summary: str
    run: Callable[[], Struct]
    every_ms: Callable[[], int]


class Turn(NamedTuple):
    """A slot that was taken and is to be run."""

    job: str
    number: int
    by: str


class State(NamedTuple):
    """How a job stands: what is kept of it, whether it runs somewhere, and from when on it is due."""

    row: table.JobRow
    running: bool
    due_at: int
    every_ms: int


class Slots:
    """The turns of one store's jobs.

    A turn is a row that one process adds, so that each runs once. A job is due an interval after its last turn began,
    by the interval that holds when it is asked; a process that never ran it, or that begins anew, need not wait for
    that. A turn that was cut off (its process is dead) is made up for at once, but not a second time in a row: then the
    job waits for its interval, so that a job that kills its process does not do so for ever.
    """

    def __init__(self, store: Store, works: Mapping[str, Work], now: clock.Clock) -> None:
        self._store, self.works, self.now = store, works, now
        self._by = f"{_machine()}/{os.getpid()}.{_begun(os.getpid())}/{_PROCESS}"

    def states(self, began: int | None = None) -> dict[str, State]:
        """Return how every job stands; for who began at `began`, what has not run since then is due."""
        every = {name: work.every_ms() for name, work in self.works.items()}
        now = self.now()
        return self._store.read(lambda tx: {name: _state(tx, name, every[name], began, now) for name in every})

    def due(self, began: int) -> list[str]:
        """Return the jobs to run now."""
        now = self.now()
        return [
            name
            for name, state in self.states(began).items()
            if state.row.enabled and not state.running and state.due_at <= now
        ]

    def take(self, job: str, began: int) -> Turn | None:
        """Take the job's turn if it is still due, or return None: another process has it, or it was stopped."""
        every, now = self.works[job].every_ms(), self.now()

        def work(tx: Tx) -> Turn | None:
            state = _state(tx, job, every, began, now)
            if not state.row.enabled or state.running or state.due_at > now:
                return None
            return self._claim(tx, job, now)

        return self._store.write(work)

    def take_now(self, job: str) -> Turn:
        """Take a turn whether or not it is due; Conflict while the job runs somewhere."""
        every, now = self.works[job].every_ms(), self.now()

        def work(tx: Tx) -> Turn:
            turn = None if _state(tx, job, every, None, now).running else self._claim(tx, job, now)
            if turn is None:
                raise Conflict(f"The job {job} is running already; ask again when it has ended.", job=job)
            return turn

        return self._store.write(work)

    def run(self, turn: Turn) -> None:
        """Run a turn that was taken, and record what came of it; whatever it raises goes on after that."""
        try:
            with self._pulse(turn):
                report = self.works[turn.job].run()
            result = _encoded(report)
        except BaseException as error:
            self._end(turn, error=_told(error), result=None)
            raise
        self._end(turn, error=None, result=result)

    def enable(self, job: str, enabled: bool) -> None:
        """Let the scheduler run a job, or no longer."""
        now = self.now()

        def work(tx: Tx) -> None:
            table.enable(tx, job, enabled, now)
            audit.append(tx, now, "jobs.start" if enabled else "jobs.stop", "job", target=job)

        self._store.write(work)

    def beat(self, scheduler: str) -> None:
        """Say that this scheduler is there, unless one said so a moment ago."""
        now = self.now()
        if abs(now - self._store.read(_seen)[0]) >= BEAT_MS:
            self._store.write(lambda tx: setting_table.put(tx, _SCHEDULER, f"{now} {scheduler}"))

    def leave(self, scheduler: str) -> None:
        """Say that this scheduler is there no longer; another one says at its next look that it is."""

        def work(tx: Tx) -> None:
            if _seen(tx)[1] == scheduler:
                setting_table.put(tx, _SCHEDULER, f"0 {scheduler}")

        self._store.write(work)

    def scheduled(self) -> bool:
        """Return whether a scheduler is there, in this process or another."""
        return abs(self.now() - self._store.read(_seen)[0]) < 3 * BEAT_MS

    def _claim(self, tx: Tx, job: str, now: int) -> Turn | None:
        last = table.slots(tx, job, 1)
        turn = Turn(job, last[0].number + 1 if last else 1, self._by)
        return turn if table.claim(tx, job, turn.number, self._by, now, _KEPT) else None

    def _end(self, turn: Turn, *, error: str | None, result: str | None) -> None:
        now = self.now()
        try:
            self._store.write(lambda tx: table.finish(tx, turn.job, turn.number, now, error=error, result=result))
        except StoreClosed:
            _log.info("Job %s was cut off by the end of its process; it is made up for", turn.job)
        except IngatError as failure:
            _log.warning("The end of job %s was not recorded (%s): %s", turn.job, failure.code, failure.message)

    @contextmanager
    def _pulse(self, turn: Turn) -> Iterator[None]:
        """Say again and again that the turn goes on."""
        ended = threading.Event()
        thread = threading.Thread(target=self._renew, args=(turn, ended), name=f"ingat-pulse-{turn.job}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _renew(self, turn: Turn, ended: threading.Event) -> None:
        while not ended.wait(PULSE_S):
            try:
                self._store.write(partial(table.renew, name=turn.job, number=turn.number, by=turn.by, now=self.now()))
            except StoreClosed:
                return
            except IngatError as error:
                _log.warning("Job %s could not say that it goes on (%s): %s", turn.job, error.code, error.message)


def _state(tx: Tx, name: str, every_ms: int, began: int | None, now: int) -> State:
    row, last = table.get(tx, name), table.slots(tx, name, 2)
    running = bool(last) and _goes_on(last[0], now)
    return State(row, running, _due_at(last, running, every_ms, began, now), every_ms)


def _goes_on(slot: table.Slot, now: int) -> bool:
    """Whether a process is at the turn: one that has said so lately, or that is known to live."""
    if slot.finished_at is not None:
        return False
    lives = _lives(slot.claimed_by)
    return lives is not False and abs(now - slot.seen_at) < (SILENT_MS if lives else STALE_MS)


def _lives(by: str) -> bool | None:
    """Whether another process of this machine lives; None when nothing is known: of other machines, other containers.

    Of this very process neither: a turn of it may have ended without a word, when its store was closed.
    """
    machine, _, rest = by.partition("/")
    number, _, process = rest.partition("/")
    pid, _, begun = number.partition(".")
    if not machine or machine != _machine() or not pid.isdigit():
        return None
    if int(pid) == os.getpid():
        return None if process == _PROCESS else False
    return bool(begun) and _begun(int(pid)) == begun


def _begun(pid: int) -> str:
    """Return when a process of this machine began, in ticks since the machine did; "" for one that is not there.

    A number is used again for a later process, the two together are not.
    """
    try:
        # the name of the program stands in parentheses and may hold anything; state is the 3rd field, start the 22nd
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


@cache
def _machine() -> str:
    """Return what names the running machine and its table of processes; "" where that cannot be known."""
    try:
        return f"{Path(_BOOT).read_text().strip()}:{os.stat(_PROCESSES).st_ino}"
    except OSError:
        return ""


def _due_at(last: Sequence[table.Slot], running: bool, every_ms: int, began: int | None, now: int) -> int:
    if not last:
        return now
    newest = last[0]
    if began is not None and newest.claimed_at < began and not running:
        return now
    if newest.claimed_at - now >= every_ms:
        return now  # the clock was wrong when it ran, or is set back since
    if newest.finished_at is None and not running and (len(last) == 1 or last[1].finished_at is not None):
        return now
    return newest.claimed_at + every_ms


def _seen(tx: Tx) -> tuple[int, str]:
    at, _, by = (setting_table.get(tx, _SCHEDULER) or "0 ").partition(" ")
    return int(at), by


def _told(error: BaseException) -> str:
    """Return what is kept of an error: of one that is not ours its type and place, as what it says may be secret."""
    if isinstance(error, IngatError):
        return f"{error.code}: {error.message}"[:_MOST_CHARACTERS]
    place = frames(error, 1)
    return f"internal_error: {type(error).__name__}{' at ' + place[0] if place else ''}"[:_MOST_CHARACTERS]


def _encoded(report: Any) -> str:
    """Return a report as JSON of a bounded size: long lists and texts are cut."""
    plain = _bounded(msgspec.to_builtins(report))
    return encode_object(plain if isinstance(plain, dict) else {"result": plain}, "report of the job")


def _bounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _bounded(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_bounded(each) for each in value[:_MOST_ITEMS]]
    return value[:_MOST_CHARACTERS] if isinstance(value, str) else value
