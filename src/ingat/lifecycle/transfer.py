"""Transfer: everything, or one user, as portable JSON, and back."""

from __future__ import annotations

import errno
import logging
import struct
from collections.abc import Callable, Iterator
from tempfile import SpooledTemporaryFile
from typing import IO, Any, BinaryIO, cast

import msgspec

from ingat.core import clock
from ingat.core.errors import IngatError, InvalidInput, StoreError, StoreFull
from ingat.core.ids import normalise_user_id
from ingat.core.reports import ExportReport, Failure, ImportReport
from ingat.core.roles import Roles
from ingat.lifecycle.admitting import MOST_TOLD, Admission
from ingat.lifecycle.checking import Checker
from ingat.lifecycle.exporting import SECTIONS, ExportFormat, head, write_json, write_lines
from ingat.lifecycle.incoming import Incoming
from ingat.lifecycle.lines import KINDS, Record
from ingat.lifecycle.outgoing import outgoing
from ingat.lifecycle.put import Ready, prepare
from ingat.search.entry import Committed, Terms
from ingat.store.contract import Store, Tx
from ingat.store.tables import users

MAX_ERRORS = 100
"""Errors that a report lists; the rest is counted."""
SPOOL_BYTES = 16 << 20
"""Rows that wait for their transaction beyond this wait in a temporary file."""

_log = logging.getLogger("ingat.transfer")
_LENGTH = struct.Struct("<IB")
_ONE = {**{name: kind for kind, name in SECTIONS.items()}, "retention_policies": "retention policy"}
_KIND_OF = {record: kind for kind, record in KINDS.items()}
_NUMBERS = {kind: number for number, kind in enumerate(KINDS)}
_rows: dict[int, msgspec.msgpack.Decoder[tuple[Any, ...]]] = {
    _NUMBERS[kind]: msgspec.msgpack.Decoder(cast(Any, tuple.__class_getitem__((record, Terms | None))))
    for kind, record in KINDS.items()
}
_packed = msgspec.msgpack.Encoder()


class Transfer:
    """Exports and imports of one store."""

    def __init__(
        self,
        store: Store,
        roles: Roles,
        count_tokens: Callable[[str], int],
        now: clock.Clock,
        committed: Committed,
    ) -> None:
        """`committed` is told of users who have entries without vectors now: user, positions, no texts."""
        self._store, self._roles, self._count, self._now, self._committed = store, roles, count_tokens, now, committed

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
        in memory is a page of rows. Access keys, the recall index and restore points are never exported. Raises
        UserNotFound, InvalidInput, StoreErrors, and what `write` raises.
        """
        if format not in ("json", "jsonl"):
            raise InvalidInput(f"There is no export format {format!r}; known: json, jsonl.")
        known, now = None if user_id is None else normalise_user_id(user_id), self._now()

        def read(tx: Tx) -> ExportReport:
            owner = None if known is None else users.required(tx, known).user_id
            kinds = outgoing(tx, owner, include_logs=include_logs)
            return (write_json if format == "json" else write_lines)(kinds, head(now, owner), write)

        report = self._store.read(read)
        _log.info("Exported %s", _told(report.counts), extra=self._about("export", report.counts))
        return report

    def import_from(self, source_file: BinaryIO, *, dry_run: bool = False) -> ImportReport:
        """Check an export as a whole, then merge it in one transaction, and return what came in and what did not.

        Reads files of `export` in both formats and the export of the program that had this format first, also packed
        with gzip. With an error in the report nothing was imported. A row that is there already is skipped, so that a
        second import of a file imports nothing; one whose id has something else is given a new id, also where it is
        referred to; a user who is there is filled in where the store knows nothing, and never overwritten. `dry_run`
        gives the same report and keeps nothing. Raises InvalidFile for what is no export, was cut off or changed, or
        comes from a newer version, and StoreErrors; nothing was imported then.
        """
        now = self._now()
        with SpooledTemporaryFile(SPOOL_BYTES, mode="w+b") as spool:
            incoming = Incoming(source_file, now)
            errors = self._check(incoming, spool)
            if errors:
                return ImportReport(
                    imported={}, skipped={}, errors=errors, size_bytes=incoming.size_bytes, dry_run=dry_run
                )

            def work(tx: Tx) -> Admission:
                admission = Admission(tx, now)
                spool.seek(0)
                for ready in _read_rows(spool):
                    admission.admit(ready)
                admission.finish()
                if dry_run:
                    raise _OnlyTried(admission)
                return admission

            try:
                admission = self._store.write(work)
            except _OnlyTried as tried:
                admission = tried.admission
        report = _report(admission, incoming, dry_run)
        if not dry_run:
            for user_id in admission.touched:
                self._committed(user_id, [0], ())
            _log.info("Imported %s", _told(report.imported), extra=self._about("import", report.imported))
        return report

    def _about(self, category: str, counts: dict[str, int]) -> dict[str, Any]:
        return {"category": category, "store": self._store.url, **counts}

    def _check(self, incoming: Incoming, spool: IO[bytes]) -> tuple[Failure, ...]:
        """Check every row and keep it, analysed, for the transaction; return what is wrong."""
        checker, errors, more = Checker(self._count, self._roles.check), list[Failure](), 0
        for place, found in incoming.items():
            try:
                if isinstance(found, IngatError):
                    raise found
                record = checker.check(found)
            except StoreError:
                raise
            except IngatError as error:
                if len(errors) < MAX_ERRORS:
                    errors.append(Failure(id=place, code=error.code, message=_placed(place, error.message)))
                else:
                    more += 1
                continue
            if not errors:
                _write_row(spool, record)
        if more:
            errors.append(Failure(id="", code="invalid_file", message=f"{more} further errors are not listed."))
        return tuple(errors)


class _OnlyTried(Exception):
    """Ends the transaction of a dry run, so that nothing of it is kept."""

    def __init__(self, admission: Admission) -> None:
        super().__init__()
        self.admission = admission


def _write_row(spool: IO[bytes], record: Record) -> None:
    ready = prepare(record)
    raw = _packed.encode(ready)
    try:
        spool.write(_LENGTH.pack(len(raw), _NUMBERS[_KIND_OF[type(record)]]))
        spool.write(raw)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StoreFull(
                "The disk is full: the temporary file for the import could not be written. Nothing was imported."
            ) from error
        raise


def _read_rows(spool: IO[bytes]) -> Iterator[Ready]:
    while len(head := spool.read(_LENGTH.size)) == _LENGTH.size:
        size, number = _LENGTH.unpack(head)
        yield Ready(*_rows[number].decode(spool.read(size)))


def _placed(place: str, message: str) -> str:
    return message if message.startswith(place) else f"{place}: {message}"


def _report(admission: Admission, incoming: Incoming, dry_run: bool) -> ImportReport:
    told = [*incoming.notes, *admission.notes]
    more = admission.more_notes + max(0, len(told) - MOST_TOLD)
    told = told[:MOST_TOLD]
    if more:
        told.append(f"{more} further notes are not listed.")
    if admission.more_renamed:
        told.append(f"{admission.more_renamed} further rows got a new id.")
    return ImportReport(
        imported=admission.imported,
        skipped=admission.skipped,
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
