"""`ingat export` and `ingat import ingat`: everything, or one user, as a file, and back."""

from __future__ import annotations

import gzip
import os
import secrets
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast, get_args

import click

from ingat.cli.command import Argument, Command, Option
from ingat.cli.failures import FAILED
from ingat.cli.language import mark
from ingat.cli.operations import ROWS, rows_told
from ingat.cli.progress import busy, counting
from ingat.cli.run import Run, current_run
from ingat.cli.values import OneOf
from ingat.core.errors import InvalidFile, InvalidInput
from ingat.core.folders import sync_folder
from ingat.core.reports import ExportReport, ImportReport
from ingat.lifecycle.exporting import ExportFormat
from ingat.memory import Memory

STANDARD = "-"
"""Stands for standard output, and for standard input."""
MOST_SHOWN = 20
_KIB = 1_024
_SECTIONS = {
    "users": ROWS["user"],
    "sessions": ROWS["session"],
    "messages": ROWS["message"],
    "memories": ROWS["memory"],
    "expiries": (mark("{number} note that a session ended"), mark("{number} notes that a session ended")),
    "snapshots": ROWS["snapshot"],
    "artifacts": ROWS["artifact"],
    "logs": ROWS["log"],
    "retention_policies": (mark("{number} retention policy"), mark("{number} retention policies")),
}
"""How many of which rows, by the names that they have in the file."""


def _export(file: str, user_id: str | None, format: ExportFormat | None, no_logs: bool, force: bool) -> None:
    run = current_run()
    chosen = format or _format_of(file)

    def written(memory: Memory, write: Callable[[bytes], object]) -> ExportReport:
        with busy(run, run.translate("Exporting")):
            return memory.export(write, user_id=user_id, format=chosen, include_logs=not no_logs)

    if file == STANDARD:
        with run.memory() as memory:
            written(memory, write_out)
        sys.stdout.buffer.flush()
        return
    path = Path(file)
    if path.exists() and not path.is_file():
        raise InvalidInput(
            f"{file} is a folder or a device; nothing was written. Name a file, or - for standard output."
        )
    if path.exists() and not force:
        raise InvalidInput(f"The file {file} is there already; nothing was written. --force writes it anew.")
    with run.memory() as memory, new_file(path, packed=path.name.lower().endswith(".gz")) as write:
        report = written(memory, write)
    if run.json:
        run.print_json(report)
    else:
        run.say(run.translate("Exported to {file}: {counts}.").format(file=file, counts=_told(run, report.counts)))


def _format_of(file: str) -> ExportFormat:
    name = file.lower().removesuffix(".gz")
    return "jsonl" if name.endswith((".jsonl", ".ndjson")) else "json"


def write_out(piece: bytes) -> None:
    """Write bytes to standard output, all of them."""
    sys.stdout.flush()
    rest = piece
    while rest:
        rest = rest[sys.stdout.buffer.write(rest) :]


@contextmanager
def new_file(path: Path, *, packed: bool) -> Iterator[Callable[[bytes], object]]:
    """Write a file that is there as a whole or not at all, for the owner only; with `packed` by gzip."""
    partial = path.with_name(f".{path.name}.{secrets.token_hex(6)}.part")
    try:
        with open(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as raw:
            if packed:
                with gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=6) as file:
                    yield file.write
            else:
                yield raw.write
            raw.flush()
            os.fsync(raw.fileno())
        partial.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise InvalidFile(
            f"The file {path} cannot be written: {error.strerror or error}. Nothing of it is there."
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _import(path: str, dry_run: bool) -> None:
    run = current_run()
    _ = run.translate

    def interrupted(done: int, total: int) -> str:
        return _("Interrupted. Nothing was imported.")

    bar = counting(run, _("Importing (KiB)"), interrupted)
    with _opened(path) as (file, size), run.memory() as memory, bar as tell:
        report = memory.import_from(cast(BinaryIO, _Counted(file, size, tell)), dry_run=dry_run)
    if run.json:
        run.print_json(report)
    else:
        _show(run, report)
    if report.errors:
        click.get_current_context().exit(FAILED)


@contextmanager
def _opened(path: str) -> Iterator[tuple[BinaryIO, int]]:
    if path == STANDARD:
        yield sys.stdin.buffer, 0
        return
    try:
        file = open(path, "rb")  # noqa: SIM115  # closed below; only errors of opening are told here
    except OSError as error:
        raise InvalidFile(f"The file {path} cannot be read: {error.strerror or error}.") from error
    with file:
        yield file, os.fstat(file.fileno()).st_size


class _Counted:
    """A file that tells how much of it was read."""

    def __init__(self, file: BinaryIO, size: int, tell: Callable[[int, int], None]) -> None:
        self._file, self._size, self._tell, self._done = file, size, tell, 0

    def read(self, size: int = -1) -> bytes:
        found = self._file.read(size)
        self._done += len(found)
        self._tell(self._done // _KIB, max(self._size, self._done) // _KIB)
        return found


def _show(run: Run, report: ImportReport) -> None:
    _ = run.translate
    if report.errors:
        run.say(_("Nothing was imported. What is wrong with the file:"))
        for error in report.errors:
            run.say(f"  {error.message}")
        return
    if report.dry_run:
        run.say(_("Nothing was imported: this is what an import would do."))
    run.explain(_("Imported: {counts}.").format(counts=_told(run, report.imported)))
    if any(report.skipped.values()):
        run.explain(_("There already: {counts}.").format(counts=_told(run, report.skipped)))
    renamed = [f"{each.kind} {each.id} → {each.new_id}" for each in report.renamed]
    for line in (*_first(run, renamed), *_first(run, report.notes)):
        run.note(line)


def _first(run: Run, lines: list[str] | tuple[str, ...]) -> list[str]:
    """Return the first lines, and how many more there are."""
    shown = list(lines[:MOST_SHOWN])
    if len(lines) > MOST_SHOWN:
        shown.append(run.translate("{number} more; --json shows them.").format(number=f"{len(lines) - MOST_SHOWN:,}"))
    return shown


def _told(run: Run, counts: dict[str, int]) -> str:
    """Return `1 user, 2 messages`."""
    return rows_told(run, counts, _SECTIONS) or run.translate("nothing")


def _import_command(name: str, help_text: str) -> Command:
    return Command(
        name,
        callback=_import,
        help=help_text,
        params=[
            Argument(["path"], metavar="FILE", help=mark("the file, packed with gzip or not; - is standard input")),
            Option(["--dry-run"], is_flag=True, default=False, help=mark("only say what would be done")),
        ],
    )


imports = (
    _import_command("ingat", mark("Check an export as a whole, then merge it.")),
    _import_command("renata", mark("Import the JSON export of the Renata memory service; its sessions are anonymous.")),
)
export = Command(
    "export",
    callback=_export,
    help=mark("Write everything, or one user's part, as portable JSON."),
    params=[
        Argument(
            ["file"], default=STANDARD, metavar="[FILE]", help=mark("where to; - is standard output, .gz is packed")
        ),
        Option(["--user", "user_id"], metavar="USER", help=mark("only this user")),
        Option(
            ["--format"],
            type=OneOf(get_args(ExportFormat)),
            help=mark("json: one object; jsonl: a row a line; by default as the name of the file says"),
        ),
        Option(["--no-logs"], is_flag=True, default=False, help=mark("without log entries")),
        Option(["--force"], is_flag=True, default=False, help=mark("write a file anew that is there already")),
    ],
)
