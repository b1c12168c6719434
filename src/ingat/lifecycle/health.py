"""Health: whether the parts of a store agree with each other, and whether what has to be done is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from ingat.core import clock
from ingat.core.audit import AuditCheck
from ingat.core.dates import HOUR_MS
from ingat.core.errors import StoreCorrupt
from ingat.core.records import Check
from ingat.core.reports import Job
from ingat.core.stats import Target
from ingat.lifecycle.growth import large_users
from ingat.lifecycle.measure import Measurer
from ingat.search.embed.contract import Embedder
from ingat.store.contract import Store
from ingat.store.files import Files
from ingat.store.tables import artifacts, health, measures, purging, recall

LATE = 3
"""A job that has not begun for so many of its intervals is late."""
SUMMARY_LATE_MS = HOUR_MS
"""A summary that is missing for longer is told of; before that it may be under way."""

ADVICE_OF_TARGETS = {
    "response time": "look at `ingat stats` for what takes long; a smaller top_k and budget make contexts faster",
    "added by memory": "look at `ingat stats` for what takes long; a smaller top_k and budget make contexts faster",
    "active sessions": "`ingat expire` closes idle sessions; the job `expire` does so by the clock",
    "store size": "`ingat retain` archives and compresses old sessions and prunes logs",
    "error rate": "`ingat logs list --min-level error` shows what failed",
    "expiry rate": "`ingat expire` closes idle sessions; the job `expire` does so by the clock",
}
JOB_FAILED = "`ingat jobs list` shows the error; `ingat jobs run` tries again"
JOB_LATE = "no server runs the scheduler: `ingat serve`, or `ingat jobs run` by cron"
JOB_STOPPED = "it was stopped; `ingat jobs start` lets the scheduler run it again"
SUMMARIES_MISSING = "`ingat expire` writes them"
USERS_LARGE = "`ingat stats` names them; `ingat retain` archives and compresses old sessions"
PURGES_UNFINISHED = "purge the person again: the same command goes on where it stopped; its certificate says what lacks"
AUDIT_BROKEN = "`ingat audit verify` says what was changed; copy the store and its data directory before anything else"
FILES_GONE = (
    "check INGAT_DATA (data directory) first; else put them back from a copy of the data directory, restore a"
    " backup, or erase the artifacts"
)
FILES_AT_ONCE = 500


class Doctor:
    """Looks through one store."""

    def __init__(
        self,
        store: Store,
        embedder: Embedder | None,
        measurer: Measurer,
        jobs: Callable[[], Sequence[Job]],
        audit: Callable[[], AuditCheck],
        files: Files,
        places: Callable[[], Sequence[Check]],
        user_bytes: int,
        now: clock.Clock,
    ) -> None:
        self._store, self._embedder, self._measurer, self._jobs = store, embedder, measurer, jobs
        self._audit, self._files, self._user_bytes, self._now = audit, files, user_bytes, now
        self._places = places

    def look(self) -> list[Check]:
        """Look through the whole store and return what was checked, each with value, target and state.

        Rows (the engine's own integrity check, owners, order within sessions), counters (messages and tokens that
        sessions keep), index (an entry for each message and memory, vectors of the embedder in use), the chain of the
        audit trail, files of artifacts, summaries, jobs, the data directory, backups, sizes, and the targets
        of which enough was measured. Reads only. A damaged file is a finding, not an error.
        """
        faults = self._store.check()
        found = [
            _check("files", f"{len(faults)} faults", "0 faults", bool(faults), "; ".join(faults[:3]) or None),
        ]
        try:
            found += self._agreement()
            found.append(self._trail())
            found.append(self._artifacts())
            if self._embedder is not None:
                found += self._vectors(self._embedder.fingerprint)
            found += self._work()
            found += [
                check_of(target)
                for target in self._measurer.stats().targets
                if target.week is None and target.state != "unknown"
            ]
        except StoreCorrupt as error:
            found.append(_check("reading every row", "not possible", "possible", True, error.message))
        return found

    def _agreement(self) -> list[Check]:
        return [
            _check(name, f"{number} rows", "0 rows", number > 0, advice if number else None)
            for name, number, advice in self._store.read(health.disagreements)
        ]

    def _trail(self) -> Check:
        problems = len(self._audit().problems)
        return _check("audit trail", f"{problems} faults", "0 faults", problems > 0, AUDIT_BROKEN if problems else None)

    def _artifacts(self) -> Check:
        """Count the files of artifacts that are gone or have another size; their bytes are compared on reading."""
        bad, after = 0, ""
        while some := self._store.read(lambda tx, last=after: artifacts.files_after(tx, None, last, FILES_AT_ONCE)):  # type: ignore[misc]
            bad += sum(not self._files.has(*each) for each in some)
            after = some[-1][0]
        return _check("files of artifacts missing", f"{bad} files", "0 files", bad > 0, FILES_GONE if bad else None)

    def _vectors(self, fingerprint: str) -> list[Check]:
        entries, missing = self._store.read(lambda tx: recall.counts(tx, fingerprint))
        foreign = self._store.read(lambda tx: health.foreign_vectors(tx, fingerprint))
        return [
            Check(
                name="vectors missing",
                value=f"{missing} of {entries}",
                target="0",
                state="warn" if missing else "ok",
                advice="they are made behind the writes; `ingat reindex` makes them now" if missing else None,
            ),
            Check(
                name="vectors of another embedder",
                value=str(foreign),
                target="0",
                state="warn" if foreign else "ok",
                advice="`ingat reindex` replaces them" if foreign else None,
            ),
        ]

    def _work(self) -> list[Check]:
        before = self._now() - SUMMARY_LATE_MS
        missing = self._store.read(lambda tx: measures.summaries_missing(tx, before))
        large = len(large_users(self._store, self._user_bytes))
        purges = len(self._store.read(purging.marks))
        return [
            _warning(
                "sessions whose summary is missing", f"{missing} sessions", "0 sessions", missing, SUMMARIES_MISSING
            ),
            _warning("users beyond the size of the settings", f"{large} users", "0 users", large, USERS_LARGE),
            _warning("purges that did not end", f"{purges} purges", "0 purges", purges, PURGES_UNFINISHED),
            *self._places(),
            *(self._job(job) for job in self._jobs()),
        ]

    def _job(self, job: Job) -> Check:
        begun = job.last_started_at
        late = begun is not None and job.enabled and self._now() - begun > LATE * job.every_ms
        advice = JOB_FAILED if job.last_error else JOB_LATE if late else None if job.enabled else JOB_STOPPED
        when = "never ran" if begun is None else f"{datetime.fromtimestamp(begun / 1000, UTC):%Y-%m-%d %H:%M} UTC"
        return Check(
            name=f"job {job.name}",
            value=f"{when}: {job.last_error}" if job.last_error else when,
            target=f"every {job.every_ms / HOUR_MS:g} h" if job.enabled else "stopped",
            state="warn" if advice else "ok",
            advice=advice,
        )


def check_of(target: Target) -> Check:
    """Return a target of which enough was measured as a line of the doctor."""
    assert target.state != "unknown"
    assert target.value is not None
    sign, beyond = ("≥", "<") if target.better == "higher" else ("<", ">")
    alert = "" if target.alert is None else f"; alert {beyond} {target.alert:,g} {target.unit}"
    return Check(
        name=target.name,
        value=f"{target.value:,.1f} MB" if target.unit == "MB" else f"{target.value:,.6g} {target.unit}",
        target=f"{sign} {target.target:,g} {target.unit}{alert}",
        state=target.state,
        advice=None if target.state == "ok" else ADVICE_OF_TARGETS[target.name],
    )


def _check(name: str, value: str, target: str, bad: bool, advice: str | None) -> Check:
    return Check(name=name, value=value, target=target, state="bad" if bad else "ok", advice=advice)


def _warning(name: str, value: str, target: str, number: int, advice: str) -> Check:
    return Check(
        name=name, value=value, target=target, state="warn" if number else "ok", advice=advice if number else None
    )
