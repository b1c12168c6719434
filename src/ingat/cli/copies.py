"""Backups and restore points for people: what they are, how they differ from the store, what became of them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from ingat.cli.harmless import printable
from ingat.cli.language import mark
from ingat.cli.operations import ROWS, SCOPES, reason_told, rows_told
from ingat.cli.rows import Heading, rows_drawn
from ingat.cli.run import Run, local_time
from ingat.core.backups import Backup, BackupDifference, MirrorReport, PruneReport
from ingat.core.reports import Failure

Pairs = list[tuple[str, str]]
KINDS = {"backup": mark("backup"), "restore_point": mark("restore point")}
PLACES = {"local": mark("here"), "mirror": mark("second place")}
LOCKED = {
    "no_passphrase": mark("locked (no passphrase set)"),
    "other_passphrase": mark("locked (another passphrase)"),
    "missing_extra": mark("locked (package cryptography missing)"),
}
MORE_ROWS = {
    **ROWS,
    "policy": (mark("{number} retention policy"), mark("{number} retention policies")),
}
SORTS = (mark("only in backup"), mark("only in store"), mark("different"))
_UNITS = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def size_told(run: Run, size_bytes: int) -> str:
    """Return a size as people read it: `812 bytes`, `380.2 KiB`."""
    for unit, name in _UNITS:
        if size_bytes >= unit:
            return f"{size_bytes / unit:,.1f} {name}"
    return run.translate("{number} bytes").format(number=f"{size_bytes:,}")


def kind_told(run: Run, backup: Backup) -> str:
    """Return what sort of copy it is, and that it is encrypted or cannot be used."""
    _ = run.translate
    words = [_(KINDS[backup.kind])]
    if backup.kind == "restore_point" and backup.scope:
        words[0] = _(SCOPES.get(backup.scope, backup.scope))
    if backup.encrypted:
        words.append(_("encrypted"))
    if backup.locked is not None:
        words.append(_(LOCKED[backup.locked]))
    elif backup.problem is not None:
        words.append(_("not usable"))
    return ", ".join(words)


def holds_told(run: Run, backup: Backup) -> str:
    """Return how many rows of each kind it holds."""
    return rows_told(run, backup.counts, MORE_ROWS)


def why_made(run: Run, backup: Backup) -> str:
    """Return why it was made, as `reason_told` says it."""
    return reason_told(run, backup.reason)


def backup_pairs(run: Run, backup: Backup) -> Pairs:
    """Return one copy as names and values."""
    _ = run.translate
    return [
        (_("name"), backup.name),
        (_("what"), kind_told(run, backup)),
        (_("of what"), backup.target or ""),
        (_("time"), local_time(backup.created_at)),
        (_("size"), size_told(run, backup.size_bytes)),
        (_("holds"), holds_told(run, backup)),
        ("sha256", backup.sha256),
        (_("who"), backup.actor),
        (_("why"), why_made(run, backup)),
        (_("operation"), backup.operation_id or ""),
        (_("where"), ", ".join(_(PLACES.get(each, each)) for each in backup.places)),
        (_("problem"), backup.problem or ""),
    ]


def show_difference(run: Run, found: BackupDifference) -> None:
    """Write a table of kinds of rows: how many are the same, only on one side, or different; then examples."""
    _ = run.translate
    kinds = [
        kind
        for kind in (*MORE_ROWS, "expiry")
        if any(kind in counts for counts in (found.same, found.only_in_backup, found.only_in_store, found.different))
    ]
    if not kinds:
        run.say(_("There is nothing in it to compare."))
        return
    headings = [Heading(_("kind"), whole=True)]
    headings += [
        Heading(_(word), right=True)
        for word in (mark("same"), mark("only in backup"), mark("only in store"), mark("different"))
    ]
    sides = (found.same, found.only_in_backup, found.only_in_store, found.different)
    rows = [[Text(_(kind)), *(Text(f"{counts.get(kind, 0):,}") for counts in sides)] for kind in kinds]
    drawn = rows_drawn(run, headings, rows)
    if drawn is not None:
        run.draw(drawn)
    else:
        for row in rows:
            run.say(", ".join(f"{heading.text} {cell.plain}" for heading, cell in zip(headings, row, strict=True)))
    for example in found.examples:
        sort, named = example.split(": ", 1)
        kind, _space, its_id = named.partition(" ")
        run.say(printable(f"{_(sort)}: {_(kind)} {its_id}"))


def show_pruned(run: Run, report: PruneReport) -> None:
    """Write which copies were deleted, or would be, and why old ones stay."""
    _ = run.translate
    number = run.count(len(report.deleted), _("{number} copy"), _("{number} copies"))
    size = size_told(run, report.freed_bytes)
    if not report.deleted:
        run.say(_("No copy is to be deleted."))
    elif report.dry_run:
        run.say(_("Would be deleted: {copies}, {size}. Nothing was deleted.").format(copies=number, size=size))
    else:
        run.say(_("Deleted: {copies}, {size}.").format(copies=number, size=size))
    for name in report.deleted:
        run.say(f"  {name}")
    run.say(_("Kept: {copies}.").format(copies=run.count(report.kept, _("{number} copy"), _("{number} copies"))))
    for note in report.notes:
        run.note(note)
    _tell_failures(run, report.failed)


def show_mirrored(run: Run, report: MirrorReport) -> None:
    """Write which copies were brought to the second place."""
    _ = run.translate
    number = run.count(len(report.copied), _("{number} copy"), _("{number} copies"))
    run.say(_("Brought to {place}: {copies}.").format(place=report.place, copies=number))
    for name in report.copied:
        run.say(f"  {name}")
    run.say(_("There already: {number}.").format(number=f"{report.there:,}"))
    _tell_failures(run, report.failed)


def _tell_failures(run: Run, failed: Sequence[Failure]) -> None:
    for each in failed:
        run.note(each.message)
