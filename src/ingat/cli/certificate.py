"""What people see of a purge: place by place what was removed, and what remains and why."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from ingat.cli.harmless import printable
from ingat.cli.language import mark
from ingat.cli.rows import Heading, rows_drawn
from ingat.cli.run import Run, local_time
from ingat.core.backups import Certificate, Remainder

PLACES = (
    mark("users"),
    mark("aliases"),
    mark("sessions"),
    mark("messages"),
    mark("compressed transcripts"),
    mark("memories"),
    mark("recall index"),
    mark("vectors"),
    mark("snapshots"),
    mark("artifacts"),
    mark("log entries"),
    mark("access keys"),
    mark("files of artifacts"),
    mark("operations"),
    mark("jobs"),
    mark("audit trail"),
    mark("backups and restore points"),
    mark("backups of klar"),
    mark("bytes of the database"),
)
REMAINS = {
    "handed_out": mark(
        "Exports, copies of the data directory and backups that were made or handed out outside of Ingat: it does not"
        " know where they are. Delete them there."
    ),
    "outside_logs": mark(
        "Log files, terminals and proxies that other programs write. Delete what names the person there."
    ),
    "other_services": mark(
        "What a language model, a remote embedder or a channel was sent. Ask its provider to delete it."
    ),
    "ledger": mark(
        "A keyed hash of each id with time, actor and reason, so that no restore or import brings the person back."
    ),
    "audit": mark("The numbers in the audit trail, under a pseudonym that nobody can resolve any more."),
    "mentions": mark("Rows of others that name the person: {number} ({names}). They are theirs and stay."),
    "locked": mark(
        "Copies that are locked with another passphrase, or without one: {names}. Purge again with it, or delete them."
    ),
    "damaged": mark("Copies that cannot be read: {names}. Delete them, or put back whole ones and purge again."),
    "other_stores": mark(
        "Copies of another store in the same place that hold the person, or are locked: {names}. Purge there, or delete"
        " them; then purge again."
    ),
    "short_ids": mark("Texts with an id of the person that is too short to be told from another word or number."),
    "klar_files": mark(
        "Backups in klar's shape, made by `ingat clear`, that hold the person or may, and could not be written anew:"
        " {names}. Delete them, then purge again."
    ),
    "klar_gone": mark(
        "Folders that `ingat clear` wrote backups to, and that are not there: {names}. If they were moved, delete the"
        " person there."
    ),
    "mirror": mark("The second place of backups, which cannot be reached now. Purge again when it can."),
    "due": mark("Old copies in the second place, which could not be written: {names}. Purge again when it can be."),
    "files": mark("Files of artifacts that could not be removed yet: {names}. Purge again."),
    "other_files": mark("Other files in the data directory that name the person: {names}. Look at them."),
    "unreadable": mark("Files in the data directory that cannot be read. Purge again when they can."),
    "busy": mark(
        "Bytes of an older state of the database, which somebody went on reading. Purge again when they have ended."
    ),
    "room": mark("Bytes in free space of the database, which could not be written anew. Make room and purge again."),
    "unwritten": mark(
        "Tables of the database that could not be written anew, for lack of room or because this user may not: {names}."
        " Their files may hold it. Make room, or purge as their owner."
    ),
    "wal": mark(
        "The write-ahead log of the database server, with pages as they were, until its files are written over or"
        " removed ({names}). Once the purge is complete, files newer than the one named hold nothing."
    ),
    "wal_archive": mark(
        "The archive of the write-ahead log, which the server is set to keep ({names}). Delete there what is as old as"
        " this purge."
    ),
    "replicas": mark(
        "Copies of the database server that receive its write-ahead log now: {names}. A standby follows by itself; who"
        " stores the log keeps it."
    ),
    "slots": mark(
        "Replication slots, which keep back files of the write-ahead log until they are read: {names}. Drop those that"
        " nobody uses."
    ),
    "publications": mark("Databases that subscribe to rows of this one, by the publications: {names}. Look there."),
    "other_servers": mark("Tables that are on other servers: {names}. Let VACUUM (FULL) write them anew there."),
    "server_copies": mark(
        "Base backups, dumps, snapshots of disks and standbys that are not connected: the database server does not know"
        " of them. Delete them there."
    ),
    "unsearched": mark(
        "The files of the database server, which this user may not read: the tables were written anew, but nobody"
        " looked through their bytes."
    ),
    "statistics": mark(
        "Samples of columns that the database server keeps for its planner. Let the owner of the database run VACUUM"
        " (FULL) pg_catalog.pg_statistic."
    ),
}
"""What is said of each remainder; `lifecycle.purge_findings` says the same to those who do not read it here."""
UNKNOWN = mark("not known")
HELD = mark(
    "Bytes of an older state of the database, which somebody went on using: {names}. Purge again when they have ended."
)
"""What is said instead where it is known who they are."""


def show_certificate(run: Run, certificate: Certificate) -> None:
    """Write what a purge did, or would do."""
    _ = run.translate
    if certificate.dry_run:
        run.note(_("A dry run: nothing was changed. This is what a purge would do."))
        if certificate.needs_force:
            run.note(refusal_told(run, certificate))
    else:
        run.say(_("Certificate of purge {purge_id}").format(purge_id=certificate.purge_id))
        told = _("{when}, by {actor}: {reason}")
        run.explain(told.format(when=local_time(certificate.at), actor=certificate.actor, reason=certificate.reason))
    headings = [
        Heading(_("place")),
        Heading(_("looked through"), whole=True, right=True),
        Heading(_("removed"), whole=True, right=True),
        Heading(_("rewritten"), whole=True, right=True),
    ]
    rows = [
        [
            Text(_(each.place)),
            *(Text(f"{number:,}") for number in (each.looked_through, each.removed, each.rewritten)),
        ]
        for each in certificate.searched
    ]
    table = rows_drawn(run, headings, rows)
    if table is not None:
        run.draw(table)
    else:
        for each in certificate.searched:
            run.say(f"{_(each.place)}: {each.looked_through:,} / {each.removed:,} / {each.rewritten:,}")
    run.say(_("What remains, and why:"))
    listed = Table.grid(padding=(0, 1, 0, 0))
    for remainder in certificate.remains:
        listed.add_row(" ·", Text(printable(_told(run, remainder))))
    run.draw(listed)
    if certificate.complete:
        run.say(_("Complete: nothing of the person is left where Ingat reaches."))
    elif not certificate.dry_run:
        run.say(_("Not complete: see above, and purge again."))


def refusal_told(run: Run, certificate: Certificate) -> str:
    """Return that the purge is refused without --force, and by what."""
    _ = run.translate
    if certificate.protected_by:
        told = _("The purge is refused without --force: the person is protected ({why}).")
        return told.format(why=", ".join(certificate.protected_by))
    return _("The purge is refused without --force: copies are locked, and the person may be in them for ever.")


def there_told(run: Run, certificate: Certificate) -> str:
    """Return how much there is of a person: `sessions: 2, messages: 17`."""
    found = [
        f"{run.translate(each.place)}: {each.removed or each.rewritten:,}"
        for each in certificate.searched
        if each.removed or each.rewritten
    ]
    return ", ".join(found) or run.translate("Nothing of the person was found.")


def _told(run: Run, remainder: Remainder) -> str:
    known = REMAINS.get(remainder.code)
    if known is None:
        return remainder.message
    names = ", ".join(remainder.names) or run.translate(UNKNOWN)
    if remainder.code == "busy" and remainder.names:
        known = HELD
    return run.translate(known).format(number=f"{remainder.number:,}", names=names)
