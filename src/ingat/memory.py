"""Memory: the store, the embedder and the services of one memory, under the names that people expect."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from ingat.core import clock
from ingat.core.backups import Certificate, Prefer, RestoreReport
from ingat.core.context import Context
from ingat.core.dates import HOUR_MS
from ingat.core.errors import IngatError, SecretMissing, StoreClosed
from ingat.core.meter import Meter
from ingat.core.policy import RecallPolicy
from ingat.core.protection import PROTECTED_FLAGS, Protection
from ingat.core.records import Check, MemoryItem, MemoryKind, Message, Page, Recall, Source, Turn
from ingat.core.reports import ExpireReport, ExportReport, ImportReport, Operation, RetainReport
from ingat.core.roles import Roles
from ingat.core.secret import Secret
from ingat.core.settings import Settings, Synchronous, data_directory
from ingat.core.stats import Stats, Totals
from ingat.core.targets import Sizes
from ingat.core.tokens import open_tokenizer
from ingat.faces import SessionFace, StatelessSessions, UserFace
from ingat.lifecycle.backups import Backups, back_up
from ingat.lifecycle.context import ContextBuilder, counts_are_of_another
from ingat.lifecycle.copyhealth import copy_checks
from ingat.lifecycle.datahealth import data_checks
from ingat.lifecycle.encryption import Vault
from ingat.lifecycle.erase import Eraser
from ingat.lifecycle.expire import Expirer
from ingat.lifecycle.exporting import ExportFormat
from ingat.lifecycle.extract import Extractive
from ingat.lifecycle.health import Doctor
from ingat.lifecycle.jobs import Jobs, Work
from ingat.lifecycle.measure import Measurer
from ingat.lifecycle.metered import MeteredRestorePoints, metered_summariser
from ingat.lifecycle.migration import bring_up_to_date
from ingat.lifecycle.mirror import Mirror, open_mirror
from ingat.lifecycle.move_stores import refuse_unfinished
from ingat.lifecycle.purge import Purger
from ingat.lifecycle.quote import Quoter
from ingat.lifecycle.reindex import Progress, reindex_terms
from ingat.lifecycle.restore import Restorer
from ingat.lifecycle.restorepoints import FOLDER, RestorePoints
from ingat.lifecycle.retain import Retainer
from ingat.lifecycle.stateless import Silent, Stateless
from ingat.lifecycle.summaries import Summariser
from ingat.lifecycle.transfer import Transfer
from ingat.lifecycle.turn import Answerer, Turns
from ingat.lifecycle.undo import Undoer
from ingat.search.embed.contract import Embedder
from ingat.search.embed.metered import metered
from ingat.search.embed.open import open_embedder
from ingat.search.neighbours import shipped_neighbours
from ingat.services.artifacts import Artifacts
from ingat.services.audit import Audit
from ingat.services.current import CurrentSessions
from ingat.services.keys import Keys
from ingat.services.logqueue import LogQueue
from ingat.services.logs import Logs
from ingat.services.memories import Memories
from ingat.services.messages import noting
from ingat.services.operations import Operations
from ingat.services.recall import Recaller, SearchSort
from ingat.services.retention import Retention
from ingat.services.sealer import Sealer
from ingat.services.snapshots import Snapshots
from ingat.services.vectors import VectorFiller
from ingat.store.contract import Store
from ingat.store.files import Files
from ingat.store.metered import MeteredStore
from ingat.store.off import OffStore
from ingat.store.open import MEMORY, is_there, open_store, schema_folder

_log = logging.getLogger("ingat.memory")


class Memory:
    """A memory for chatbots in one store. A context manager; safe to use from many threads.

    `url` is `sqlite:///relative.db`, `sqlite:////absolute.db`, `postgresql://user@host/database` or `:memory:`; the
    store is made when it is not there. `synchronous` NORMAL survives the death of the process, FULL also loss of power,
    as every write on PostgreSQL does. `embedder` is `static`, `none`, or an object with the methods of
    `search.embed.contract.Embedder`. `answerer` answers in `chat`, `summariser` makes the summaries of sessions that
    expire. With `log_messages` a log entry is written for every message: who spoke, not what was said. `data` is the
    folder of restore points, by default the one that `core.settings.data_directory` names; copies are also brought to
    `backup_mirror`, a folder or a URL of fsspec, and encrypted when there is a `backup_passphrase`. With `enabled`
    False nothing is remembered and nothing is written: see lifecycle.stateless.

    Raises InvalidSettings and the StoreErrors that `store.open` names.
    """

    def __init__(
        self,
        url: str = "sqlite:///ingat.db",
        *,
        synchronous: Synchronous = "NORMAL",
        busy_timeout_ms: int = 5_000,
        embedder: str | Embedder | None = "static",
        tokenizer: str = "heuristic",
        role_budgets: dict[str, int] | None = None,
        recall: RecallPolicy | None = None,
        answerer: Answerer | None = None,
        summariser: Summariser | None = None,
        data: str | None = None,
        log_messages: bool = False,
        enabled: bool = True,
        language: str = "en",
        user_hint_bytes: int = Sizes().user_bytes,
        store_hint_bytes: int = Sizes().store_bytes,
        protected_flags: Sequence[str] = PROTECTED_FLAGS,
        backup_mirror: str | None = None,
        backup_passphrase: str | None = None,
        now: clock.Clock = clock.now,
    ) -> None:
        # what is no text is refused when it is opened
        folder = data_directory(url, data) if isinstance(url, str) else None
        vault, mirror = Vault(backup_passphrase), _mirror(backup_mirror, folder)
        roles, policy, count = Roles(role_budgets), recall or RecallPolicy(), open_tokenizer(tokenizer)
        self.embedder = open_embedder(embedder or "none") if embedder is None or isinstance(embedder, str) else embedder
        meter = self.meter = Meter(now)
        points = MeteredRestorePoints(folder, meter, vault=vault, mirror=mirror)
        opened, recount = _open(url, synchronous, busy_timeout_ms, tokenizer, enabled, points, folder, now)
        timed = MeteredStore(opened, meter)
        self.store: MeteredStore | OffStore = timed if enabled else OffStore(timed)
        off = None if enabled else Stateless(self.store, roles, count, now, answerer or Silent(language))
        encoder = metered(self.embedder, meter) if self.embedder and enabled else None
        self.vectors = VectorFiller(self.store, encoder) if encoder else None
        committed = self._committed = self.vectors.add if self.vectors else _nobody
        self.logs = Logs(self.store, now)
        self.log_queue = LogQueue(self.logs.add_many, now)
        self._protection = Protection(protected_flags)
        self.users = UserFace(self.store, roles, self._protection, now)
        self._expirer = Expirer(self.store, metered_summariser(summariser or Extractive(), meter), now, committed)
        noted = noting(self.log_queue.put, now) if log_messages else None
        parts = (self.store, count, now, committed, self._expirer, meter, noted)
        self.sessions = SessionFace(*parts) if off is None else StatelessSessions(*parts, stateless=off)
        self.memories = Memories(self.store, now, committed)
        self.keys = Keys(timed, now)
        self.current_sessions = CurrentSessions(self.store, now)
        self.recaller = Recaller(self.store, encoder, shipped_neighbours(), policy, now, committed, meter)
        self._looker = off or self.recaller
        contexts = ContextBuilder(self.store, self.recaller, roles, count, policy, now, recount=recount, meter=meter)
        self._contexts = off or contexts
        answers = answerer or Quoter(self.recaller, language)
        self._turns = off or Turns(self.sessions, self.sessions, contexts, self.users.get, answers, meter)
        self._sizes = Sizes(user_hint_bytes, store_hint_bytes)
        self._roles, self._count = roles, count
        self._files = Files(self.store, folder)
        secret = Secret(folder)
        self._transfer = Transfer(self.store, roles, count, now, committed, self._files, secret)
        self._operate(folder, points, secret, now)

    def _operate(self, data: Path | None, points: RestorePoints, secret: Secret, now: clock.Clock) -> None:
        """Bind what operators do: logs, snapshots, policy, erasing, transfer and jobs."""
        self.snapshots = Snapshots(self.store, now)
        self.retention = Retention(self.store, now)
        self.operations = Operations(self.store)
        self.audit, self._sealer = Audit(self.store, secret, now), Sealer(self.store, secret, now)
        self.artifacts = Artifacts(self.store, self._files, now)
        self.erase = Eraser(self.store, points, self._files, now, self._protection)
        self._points = points
        committed, restoring = self._committed, (self.store, points, self._files, secret)
        self._undoer = Undoer(*restoring, self._protection, now, committed)
        self._restorer = Restorer(*restoring, self._protection, self._roles, self._count, now, committed)
        self._purger = self._make_purger(points, secret, data, now)
        self.backups = Backups(self.store, points, self._restorer, self._files, now)
        self._retainer = Retainer(self.store, points, now, self.audit.prune, self._files)
        self.log_queue.watch(
            lambda: self.logs.stats().total,
            lambda: self.retention.get().max_log_entries,
            self._retainer.prune_logs,
        )
        fingerprint = self.embedder.fingerprint if self.embedder else None
        self._measurer = Measurer(self.store, fingerprint, self.meter, self._sizes, now)
        self.jobs = Jobs(self.store, self._works(mirrored=points.mirror is not None), now)
        self._doctor = Doctor(
            self.store,
            self.embedder,
            self._measurer,
            self.jobs.list,
            self.audit.verify,
            self._files,
            lambda: [*data_checks(self.store, points, secret, data), *copy_checks(self.store, points, now())],
            self._sizes.user_bytes,
            now,
        )

    def _works(self, *, mirrored: bool) -> dict[str, Work]:
        """Return what the scheduler does, by the names of the jobs."""
        return {
            "expire": Work("Close idle sessions and remember a summary of each", self.expire, lambda: HOUR_MS // 4),
            "retain": Work(
                "Apply the retention policy",
                self.retain,
                lambda: self.retention.get().cleanup_frequency_hours * HOUR_MS,
            ),
            "backup": Work(
                "Copy the whole store, delete copies that are old, and bring the others to the second place",
                lambda: back_up(self.backups, mirrored=mirrored),
                lambda: 24 * HOUR_MS,
            ),
            "measure": Work("Keep the day's measures", self._measure, lambda: HOUR_MS),
        }

    def _make_purger(self, points: RestorePoints, secret: Secret, data: Path | None, now: clock.Clock) -> Purger:
        return Purger(
            self.store,
            points,
            self._files,
            secret,
            now,
            data=data,
            protection=self._protection,
            flush=self.log_queue.flush,
            forget=self.recaller.forget_cache,
        )

    @classmethod
    def from_settings(cls, settings: Settings, **overrides: Any) -> Self:
        """Open the memory that the settings describe; `overrides` are arguments of the constructor."""
        arguments: dict[str, Any] = {
            "url": settings.store,
            "synchronous": settings.synchronous or "NORMAL",
            "busy_timeout_ms": settings.busy_timeout_ms,
            "embedder": settings.embedder,
            "tokenizer": settings.tokenizer,
            "role_budgets": settings.role_budgets,
            "recall": settings.recall,
            "data": settings.data,
            "log_messages": settings.log_messages,
            "enabled": settings.enabled,
            "user_hint_bytes": settings.user_hint_bytes,
            "store_hint_bytes": settings.store_hint_bytes,
            "backup_mirror": settings.backup_mirror,
            "backup_passphrase": settings.passphrase(),
            "protected_flags": settings.protected_flags,
        }
        return cls(**{**arguments, **overrides})

    def remember(
        self,
        user_id: str,
        text: str,
        *,
        subject: str | None = None,
        kind: MemoryKind = "fact",
        valid_from: int | None = None,
        session_id: str | None = None,
        message_ids: Sequence[str] = (),
        metadata: dict[str, Any] | None = None,
    ) -> MemoryItem:
        """Keep a fact or note about the user. See services.memories."""
        return self.memories.remember(
            user_id,
            text,
            subject=subject,
            kind=kind,
            valid_from=valid_from,
            session_id=session_id,
            message_ids=message_ids,
            metadata=metadata,
        )

    def recall(
        self,
        user_id: str,
        query: str,
        top_k: int | None = None,
        *,
        explain: bool = False,
        session_id: str | None = None,
        since: int | None = None,
        until: int | None = None,
        kinds: Sequence[Source] | None = None,
        author: str | None = None,
        role: str | None = None,
        as_of: int | None = None,
        exclude: Sequence[str] = (),
    ) -> Recall:
        """Return the lines of this user that fit the question, best first. See services.recall."""
        return self._looker.recall(
            user_id,
            query,
            top_k,
            explain=explain,
            session_id=session_id,
            since=since,
            until=until,
            kinds=kinds,
            author=author,
            role=role,
            as_of=as_of,
            exclude=exclude,
        )

    def search(
        self,
        user_id: str,
        words: str,
        *,
        session_id: str | None = None,
        since: int | None = None,
        until: int | None = None,
        author: str | None = None,
        role: str | None = None,
        sort: SearchSort = "newest",
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Message]:
        """Return the user's messages that hold every word. See services.recall."""
        return self.recaller.search(
            user_id,
            words,
            session_id=session_id,
            since=since,
            until=until,
            author=author,
            role=role,
            sort=sort,
            limit=limit,
            cursor=cursor,
        )

    def context(
        self,
        user_id: str,
        session_id: str | None = None,
        query: str | None = None,
        budget: int | None = None,
        *,
        top_k: int | None = None,
    ) -> Context:
        """Return what a model is given of this user, within the budget of the role. See lifecycle.context."""
        return self._contexts.build(user_id, session_id, query, budget, top_k=top_k)

    def chat(self, user_id: str, text: str, channel: str = "default") -> Turn:
        """Store what the person said, answer from what is remembered, and store the answer. See lifecycle.turn."""
        return self._turns.exchange(user_id, text, channel)

    def reindex(self, user_id: str | None = None, *, progress: Progress | None = None) -> int:
        """Rebuild terms and vectors of one user or of all; return how many entries were written."""
        owner = self.users.get(user_id).user_id if user_id is not None else None
        return reindex_terms(self.store, owner, progress, self.vectors.fill_user if self.vectors else None)

    def expire(self, *, dry_run: bool = False) -> ExpireReport:
        """Close every idle session, and write every summary that is missing. See lifecycle.expire."""
        return self._expirer.expire(dry_run=dry_run)

    def retain(self, *, dry_run: bool = False) -> RetainReport:
        """Apply the retention policy. See lifecycle.retain."""
        return self._retainer.retain(dry_run=dry_run)

    def undo(self, operation_id: str | None = None, *, force: bool = False) -> Operation:
        """Take back what an operation did, by default the last one. See lifecycle.undo."""
        return self._undoer.undo(operation_id, force=force)

    def redo(self, operation_id: str | None = None, *, force: bool = False) -> Operation:
        """Do again what was undone, by default what was undone last. See lifecycle.undo."""
        return self._undoer.redo(operation_id, force=force)

    def restore(
        self,
        source_file: BinaryIO,
        *,
        users: Sequence[str] = (),
        sessions: Sequence[str] = (),
        prefer: Prefer = "current",
        reason: str = "",
        dry_run: bool = False,
    ) -> RestoreReport:
        """Bring back what a file holds: a backup, a restore point, or a backup of klar. See lifecycle.restore."""
        return self._restorer.file(
            source_file, users=users, sessions=sessions, prefer=prefer, reason=reason, dry_run=dry_run
        )

    def purge(self, user_id: str, *, reason: str, force: bool = False, dry_run: bool = False) -> Certificate:
        """Remove a person everywhere, from restore points too; there is no way back. See lifecycle.purge."""
        return self._purger.purge(user_id, reason=reason, force=force, dry_run=dry_run)

    def export(
        self,
        write: Callable[[bytes], object],
        *,
        user_id: str | None = None,
        format: ExportFormat = "json",
        include_logs: bool = True,
    ) -> ExportReport:
        """Write everything, or one user's part, as of one moment, piece by piece. See lifecycle.transfer."""
        report = self._transfer.export(write, user_id=user_id, format=format, include_logs=include_logs)
        self.meter.file("export", report.size_bytes)
        return report

    def import_from(self, source_file: BinaryIO, *, dry_run: bool = False) -> ImportReport:
        """Check an export as a whole, then merge it in one transaction. See lifecycle.transfer."""
        report = self._transfer.import_from(source_file, dry_run=dry_run)
        self.meter.file("import", report.size_bytes)
        return report

    def stats(self) -> Stats:
        """Return what the store holds and how this process works, beside the targets. See lifecycle.measure."""
        return self._measurer.stats()

    def doctor(self) -> list[Check]:
        """Look through the whole store and return what was checked."""
        return self._doctor.look()

    def close(self) -> None:
        """Finish what is being written and let go of the store. A second call does nothing."""
        self._expirer.close()
        if self.vectors is not None:
            self.vectors.close()
        self.log_queue.close()
        self._seal()
        self.store.close()
        self._points.close()
        self._files.close()

    def _measure(self) -> Totals:
        self._seal()
        return self._measurer.measure().totals

    def _seal(self) -> None:
        """Write down outside the store how far the audit trail has come; that it cannot be told is in the log."""
        if isinstance(self.store, OffStore):
            return
        try:
            self._sealer.seal()
        except StoreClosed:
            pass  # a second call of close
        except SecretMissing:
            pass  # the doctor tells of it, and whatever needs the key refuses
        except IngatError as error:
            _log.warning("The audit trail could not be sealed: %s", error.message)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _mirror(place: str | None, data: Path | None) -> Mirror | None:
    return open_mirror(place, None if data is None else data / FOLDER) if place else None


def _open(
    url: str,
    synchronous: Synchronous,
    busy_timeout_ms: int,
    tokenizer: str,
    enabled: bool,
    points: RestorePoints,
    data: Path | None,
    now: clock.Clock,
) -> tuple[Store, bool]:
    """Return the store, up to date, and whether its counts are of another tokenizer.

    A memory that is off makes no file.
    """
    used = url if enabled or is_there(url) else MEMORY
    opened = open_store(used, synchronous=synchronous, busy_timeout_ms=busy_timeout_ms)
    try:
        bring_up_to_date(opened, schema_folder(used), points, Files(opened, data), now)
        refuse_unfinished(opened)
        return opened, enabled and counts_are_of_another(opened, tokenizer)
    except BaseException:
        opened.close()
        raise


def _nobody(user_id: str, positions: Sequence[int], texts: Sequence[str]) -> None:
    """Take note of nothing: without an embedder there are no vectors to fill in."""
