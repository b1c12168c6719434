"""The tables job and job_slot: what is done by the clock, and the turns of it."""

from __future__ import annotations

from typing import NamedTuple, cast

from ingat.store.contract import Tx


class JobRow(NamedTuple):
    """What is kept of a job."""

    enabled: bool
    last_started_at: int | None
    last_finished_at: int | None
    last_error: str | None
    last_result: str | None
    runs: int
    failures: int


class Slot(NamedTuple):
    """One turn of a job. `seen_at` is when its process was last known to be at it."""

    number: int
    claimed_by: str
    claimed_at: int
    seen_at: int
    finished_at: int | None


_NEW = JobRow(True, None, None, None, None, 0, 0)
_SLOT = "slot, claimed_by, claimed_at, seen_at, finished_at"


def get(tx: Tx, name: str) -> JobRow:
    """Return what is kept of a job; one that nothing is kept of is enabled and never ran."""
    row = tx.one(
        "SELECT enabled, last_started_at, last_finished_at, last_error, last_result, runs, failures FROM job"
        " WHERE name = ?",
        (name,),
    )
    if row is None:
        return _NEW
    found = JobRow(*row)  # type: ignore[arg-type]  # the columns' types
    return found._replace(enabled=bool(found.enabled))


def slots(tx: Tx, name: str, limit: int) -> list[Slot]:
    """Return the last turns of a job, newest first."""
    rows = tx.all(f"SELECT {_SLOT} FROM job_slot WHERE job = ? ORDER BY slot DESC LIMIT ?", (name, limit))
    return [Slot(*row) for row in rows]  # type: ignore[arg-type]  # the columns' types


def enable(tx: Tx, name: str, enabled: bool, now: int) -> None:
    """Let the scheduler run a job, or no longer."""
    _ensure(tx, name, now)
    tx.run("UPDATE job SET enabled = ?, updated_at = ? WHERE name = ?", (int(enabled), now, name))


def claim(tx: Tx, name: str, number: int, by: str, now: int, keep: int) -> bool:
    """Take a turn, and return whether nobody had; of a job's older turns the newest `keep` stay."""
    taken = tx.one(
        "INSERT INTO job_slot (job, slot, claimed_by, claimed_at, seen_at) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (job, slot) DO NOTHING RETURNING slot",
        (name, number, by, now, now),
    )
    if taken is None:
        return False
    _ensure(tx, name, now)
    tx.run("UPDATE job SET last_started_at = ?, updated_at = ? WHERE name = ?", (now, now, name))
    tx.run("DELETE FROM job_slot WHERE job = ? AND slot < ?", (name, number - keep))
    return True


def renew(tx: Tx, name: str, number: int, by: str, now: int) -> None:
    """Say that a turn still goes on."""
    tx.run(
        "UPDATE job_slot SET seen_at = ? WHERE job = ? AND slot = ? AND claimed_by = ? AND finished_at IS NULL",
        (now, name, number, by),
    )


def finish(tx: Tx, name: str, number: int, now: int, *, error: str | None, result: str | None) -> None:
    """Record the end of a turn, and what came of it; a result of None leaves the last one."""
    tx.run("UPDATE job_slot SET finished_at = ?, seen_at = ? WHERE job = ? AND slot = ?", (now, now, name, number))
    tx.run(
        "UPDATE job SET last_finished_at = ?, last_error = ?, last_result = COALESCE(?, last_result),"
        " runs = runs + 1, failures = failures + ?, updated_at = ? WHERE name = ?",
        (now, error, result, int(error is not None), now, name),
    )


def count_slots(tx: Tx, name: str) -> int:
    """Return how many turns of a job are kept."""
    return cast("tuple[int]", tx.one("SELECT COUNT(*) FROM job_slot WHERE job = ?", (name,)))[0]


def _ensure(tx: Tx, name: str, now: int) -> None:
    tx.run(
        "INSERT INTO job (name, enabled, runs, failures, updated_at) VALUES (?, 1, 0, 0, ?)"
        " ON CONFLICT (name) DO NOTHING",
        (name, now),
    )
