"""Transfer: everything, or one user, as portable JSON, and back."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO

from ingat.core import clock
from ingat.core.errors import IngatError, InvalidFile, InvalidInput, MemoryOff, StoreError
from ingat.core.given import check_binary
from ingat.core.ids import normalise_user_id
from ingat.core.reports import ExportReport, Failure, ImportReport
from ingat.core.roles import Roles
from ingat.core.secret import Secret
from ingat.lifecycle.admitting import MOST_TOLD, Admission
from ingat.lifecycle.checking import Checker
from ingat.lifecycle.exporting import SECTIONS, ExportFormat, head, write_json, write_lines
from ingat.lifecycle.filing import Filing
from ingat.lifecycle.incoming import Incoming
from ingat.lifecycle.lines import KINDS
from ingat.lifecycle.outgoing import outgoing
from ingat.lifecycle.purged import Admittable, Purged
from ingat.lifecycle.put import prepare
from ingat.lifecycle.spool import ReadySpool
from ingat.search.entry import Committed
from ingat.store.contract import Store, Tx
from ingat.store.files import Files
from ingat.store.tables import audit, users

MAX_ERRORS = 100
"""Errors that a report lists; the rest is counted."""

_log = logging.getLogger("ingat.transfer")
_ONE = {**{name: kind for kind, name in SECTIONS.items()}, "retention_policies": "retention policy"}
_KIND_OF = {record: kind for kind, record in KINDS.items()}


class Transfer:
    """Exports and imports of one store."""

    def __init__(
        self,
        store: Store,
        roles: Roles,
        count_tokens: Callable[[str], int],
        now: clock.Clock,
        committed: Committed,
        files: Files,
        secret: Secret,
    ) -> None:
        """`committed` is told of users who have entries without vectors now: user, positions, no texts."""
        self._store, self._roles, self._count, self._now, self._committed = store, roles, count_tokens, now, committed
        self._files, self._secret = files, secret

    def export(
        self,
        write: Callable[[bytes], object],
        *,
        user_id: str | None = None,
        format: ExportFormat = "json",
        include_logs: bool = True,
    ) -> ExportReport:
        """Write everything, or one user's part, as of one moment, piece by piece, and return what was written.

        `format` is `json` (one object) or `jsonl` (a row a line, with a checksum): docs/export.md has the fields. Held
        in memory is a page of rows. Access keys, the recall index and restore points are never exported. Who
        exported what is entered in the audit trail once it is written. Raises UserNotFound, InvalidInput, StoreErrors,
        and what `write` raises.
        """
        if format not in ("json", "jsonl"):
            raise InvalidInput(f"There is no export format {format!r}; known: json, jsonl.")
        known, now = None if user_id is None else normalise_user_id(user_id), self._now()

        def read(tx: Tx) -> ExportReport:
            owner = None if known is None else users.required(tx, known).user_id
            kinds = outgoing(tx, owner, include_logs=include_logs, files=self._files)
            return (write_json if format == "json" else write_lines)(kinds, head(now, owner), write)

        report = self._store.read(read)
        self._note_export(now, known, report.counts)
        _log.info("Exported %s", _told(report.counts), extra=self._about("export", report.counts))
        return report

    def import_from(self, source_file: BinaryIO, *, dry_run: bool = False) -> ImportReport:
        """Check an export as a whole, then merge it in one transaction, and return what came in and what did not.

        Reads files of `export` in both formats and the export of the program that had this format first, also packed
        with gzip. With an error in the report nothing was imported. A row that is there already is skipped, so that a
        second import of a file imports nothing; one whose id has something else is given a new id, also where it is
        referred to; a user who is there is filled in where the store knows nothing, and never overwritten. `dry_run`
        gives the same report and keeps nothing. Raises InvalidFile for what is no export, was cut off or changed, or
        comes from a newer version, SecretMissing, and StoreErrors; nothing was imported then. Rows of people who were
        purged are skipped, and said so.
        """
        check_binary(source_file)
        now = self._now()
        with ReadySpool() as spool, Filing(self._files, dry_run=dry_run) as filing:
            incoming = Incoming(source_file, now)
            errors, missing = self._check(incoming, spool, filing)
            if errors:
                return ImportReport(
                    imported={}, skipped={}, errors=errors, size_bytes=incoming.size_bytes, dry_run=dry_run
                )

            self._secret.is_there()  # reads the key while nobody waits

            def work(tx: Tx) -> tuple[Admission, Admittable]:
                admission, rows = Admission(tx, now, missing), Admittable(Purged(tx, self._secret))
                for ready in spool:
                    record = rows.admit(_KIND_OF[type(ready.record)], ready.record)
                    if record is not None:
                        admission.admit(ready._replace(record=record))
                admission.finish()
                if dry_run:
                    raise _OnlyTried(admission, rows)
                if any(admission.imported.values()):
                    audit.append(tx, now, "import", "store", people=admission.people, counts=admission.imported)
                return admission, rows

            try:
                admission, rows = self._store.write(work)
            except _OnlyTried as tried:
                admission, rows = tried.admission, tried.rows
        self._files.drop(rows.files)
        report = _report(admission, rows, incoming, dry_run)
        if not dry_run:
            for user_id in admission.touched:
                self._committed(user_id, [0], ())
            _log.info("Imported %s", _told(report.imported), extra=self._about("import", report.imported))
        return report

    def _note_export(self, now: int, user_id: str | None, counts: dict[str, int]) -> None:
        """Write into the audit trail who took data out; a memory that is off keeps nothing of it."""

        def work(tx: Tx) -> None:
            owner = None if user_id is None else users.resolve(tx, user_id) or user_id
            scope, taken = "store" if owner is None else "user", {kind: n for kind, n in counts.items() if n}
            audit.append(tx, now, "export", scope, user_id=owner, target=owner, counts=taken)

        with suppress(MemoryOff):
            self._store.write(work)

    def _about(self, category: str, counts: dict[str, int]) -> dict[str, Any]:
        return {"category": category, "store": self._store.url, **counts}

    def _check(self, incoming: Incoming, spool: ReadySpool, filing: Filing) -> tuple[tuple[Failure, ...], set[str]]:
        """Check every row and keep it, analysed, for the transaction; return what is wrong, and the files that lack."""
        checker, errors, more = Checker(self._count, self._roles.check), list[Failure](), 0
        for place, found in incoming.items():
            try:
                if isinstance(found, IngatError):
                    raise found
                record = checker.check(found)
                if filing.take(record):
                    continue
            except StoreError:
                raise
            except IngatError as error:
                if len(errors) < MAX_ERRORS:
                    errors.append(Failure(id=place, code=error.code, message=_placed(place, error.message)))
                else:
                    more += 1
                continue
            if not errors:
                spool.add(prepare(record))
        missing = set[str]()
        try:
            missing = filing.finish()
        except InvalidFile as error:
            errors.append(Failure(id="file_pieces", code=error.code, message=error.message))
        if more:
            errors.append(Failure(id="", code="invalid_file", message=f"{more} further errors are not listed."))
        return tuple(errors), missing


class _OnlyTried(Exception):
    """Ends the transaction of a dry run, so that nothing of it is kept."""

    def __init__(self, admission: Admission, rows: Admittable) -> None:
        super().__init__()
        self.admission, self.rows = admission, rows


def _placed(place: str, message: str) -> str:
    return message if message.startswith(place) else f"{place}: {message}"


def _report(admission: Admission, rows: Admittable, incoming: Incoming, dry_run: bool) -> ImportReport:
    told = [*rows.notes(), *incoming.notes, *admission.notes]
    more = admission.more_notes + max(0, len(told) - MOST_TOLD)
    told = told[:MOST_TOLD]
    if more:
        told.append(f"{more} further notes are not listed.")
    if admission.more_renamed:
        told.append(f"{admission.more_renamed} further rows got a new id.")
    left_out = Counter({SECTIONS[kind]: number for kind, number in rows.left_out.items()})
    return ImportReport(
        imported=admission.imported,
        skipped={name: number + left_out[name] for name, number in admission.skipped.items()},
        renamed=tuple(admission.renamed),
        notes=tuple(told),
        size_bytes=incoming.size_bytes,
        dry_run=dry_run,
    )


def _told(counts: dict[str, int]) -> str:
    found = [
        f"{number} {_ONE[name] if number == 1 else name.replace('_', ' ')}" for name, number in counts.items() if number
    ]
    return ", ".join(found) or "nothing"
