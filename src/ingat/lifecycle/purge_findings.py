"""What a purge says it did: the certificate, place by place, and what stays and why."""

from __future__ import annotations

from collections.abc import Sequence

from ingat.core.actor import current_actor
from ingat.core.backups import Certificate, Remainder, Searched
from ingat.lifecycle.purge_copies import Copies
from ingat.lifecycle.purge_klar import KlarBackups
from ingat.lifecycle.purge_rows import Rows
from ingat.store.contract import Elsewhere, Scrubbed

PLACES = {
    "user_profile": "users",
    "user_alias": "aliases",
    "session": "sessions",
    "message": "messages",
    "transcript_pack": "compressed transcripts",
    "memory": "memories",
    "recall_entry": "recall index",
    "recall_vector": "vectors",
    "snapshot": "snapshots",
    "artifact": "artifacts",
    "log_entry": "log entries",
    "access_key": "access keys",
    "file": "files of artifacts",
    "klar": "backups of klar",
}
"""What the tables are called."""
MOST_NAMES = 20
"""Files that one remainder names."""

_ALWAYS = (
    Remainder(
        code="handed_out",
        message="Exports, copies of the data directory and backups that were made or handed out outside of Ingat:"
        " it does not know where they are. Delete them there.",
    ),
    Remainder(
        code="outside_logs",
        message="Log files, terminals and proxies that other programs write. Delete what names the person there.",
    ),
    Remainder(
        code="other_services",
        message="What a language model, a remote embedder or a channel was sent. Ask its provider to delete it.",
    ),
    Remainder(
        code="ledger",
        message="A keyed hash of each id with time, actor and reason, so that no restore or import brings the person"
        " back.",
    ),
    Remainder(
        code="audit",
        message="The numbers in the audit trail, under a pseudonym that nobody can resolve any more.",
    ),
)

ELSEWHERE = {
    "wal": "The write-ahead log of the database server, with pages as they were, until its files are written over or"
    " removed ({names}). Once the purge is complete, files newer than the one named hold nothing.",
    "wal_archive": "The archive of the write-ahead log, which the server is set to keep ({names}). Delete there what is"
    " as old as this purge.",
    "replicas": "Copies of the database server that receive its write-ahead log now: {names}. A standby follows by"
    " itself; who stores the log keeps it.",
    "slots": "Replication slots, which keep back files of the write-ahead log until they are read: {names}. Drop those"
    " that nobody uses.",
    "publications": "Databases that subscribe to rows of this one, by the publications: {names}. Look there.",
    "other_servers": "Tables that are on other servers: {names}. Let VACUUM (FULL) write them anew there.",
    "server_copies": "Base backups, dumps, snapshots of disks and standbys that are not connected: the database server"
    " does not know of them. Delete them there.",
    "unsearched": "The files of the database server, which this user may not read: the tables were written anew, but"
    " nobody looked through their bytes.",
    "statistics": "Samples of columns that the database server keeps for its planner. Let the owner of the database run"
    " VACUUM (FULL) pg_catalog.pg_statistic.",
}
"""What is said of places that an engine cannot clean. None of them makes a purge incomplete."""


class Findings:
    """Gathers what a purge found and did."""

    def __init__(self, purge_id: str, at: int, reason: str, *, dry_run: bool) -> None:
        self.purge_id, self.at, self._reason, self._dry_run = purge_id, at, reason, dry_run
        self._searched: list[Searched] = []
        self._remains: list[Remainder] = []
        self._elsewhere: dict[str, Remainder] = {}
        self._complete = True
        self._protected_by: tuple[str, ...] = ()
        self._needs_force = False

    def rows(self, rows: Rows) -> None:
        """Tell of the rows of the store, and of words that were removed."""
        for table, place in PLACES.items():
            if table in ("file", "klar"):
                continue
            self._searched.append(
                Searched(place=place, looked_through=rows.looked_through[table], removed=rows.removed[table])
            )

    def words(self, rows: Rows) -> None:
        """Tell of operations, jobs and the audit trail."""
        for table, place in (("operation", "operations"), ("job", "jobs"), ("audit_text", "audit trail")):
            number = rows.blanked[table]
            looked = max(rows.looked_through[table], number)
            self._searched.append(Searched(place=place, looked_through=looked, removed=0, rewritten=number))

    def copies(self, copies: Copies) -> None:
        """Tell of backups and restore points, in both places."""
        deleted = len(copies.deleted)
        rewritten = len(copies.theirs) if self._dry_run else len(copies.rewritten)
        self._searched.append(
            Searched(
                place="backups and restore points",
                looked_through=copies.looked_through,
                removed=deleted,
                rewritten=rewritten,
            )
        )
        self._left("locked", "Copies that are locked with another passphrase, or without one. Purge again with it, or"
                   " delete them.", list(copies.locked))  # fmt: skip
        self._left("damaged", "Copies that cannot be read. Delete them, or put back whole ones and purge again.",
                   list(copies.damaged))  # fmt: skip
        message = "Copies of another store in the same place that hold the person, or are locked. Purge there, or"
        self._left(
            "other_stores", f"{message} delete them; then purge again.", [*copies.foreign, *copies.foreign_locked]
        )
        if copies.unreachable:
            self.lacks("mirror", "The second place of backups, which cannot be reached now. Purge again when it can.")

    def due(self, names: Sequence[str]) -> None:
        """Tell of copies that the second place could not be given anew."""
        message = "Old copies in the second place, which could not be written. Purge again when it can be."
        self._left("due", message, names)

    def files(self, looked_through: int, removed: int) -> None:
        """Tell of the files of artifacts."""
        self._searched.append(Searched(place="files of artifacts", looked_through=looked_through, removed=removed))

    def kept_files(self, names: Sequence[str]) -> None:
        """Tell of files of artifacts that could not be removed."""
        self._left("files", "Files of artifacts that could not be removed yet. Purge again.", names)

    def naming_files(self, names: Sequence[str]) -> None:
        """Tell of other files of the data directory that name the person."""
        self._left("other_files", "Other files in the data directory that name the person. Look at them.", names)

    def scrubbed(self, scrubbed: Scrubbed) -> None:
        """Tell of the bytes of the store's own files."""
        self._searched.append(
            Searched(
                place="bytes of the database",
                looked_through=scrubbed.size_bytes,
                removed=0,
                rewritten=int(scrubbed.anew),
            )
        )
        self._left(
            "unwritten",
            "Tables of the database that could not be written anew, for lack of room or because this user may not:"
            " their files may hold it. Make room, or purge as their owner.",
            scrubbed.unwritten,
        )
        self.elsewhere(scrubbed.elsewhere)
        if scrubbed.busy:
            self.lacks(
                "busy",
                "Bytes of an older state of the database, which somebody went on reading. Purge again when they have"
                " ended.",
                scrubbed.holders,
            )
        elif scrubbed.found and not scrubbed.anew:
            self.lacks("room", "Bytes in free space of the database, which could not be written anew. Make room and"
                       " purge again.")  # fmt: skip

    def elsewhere(self, places: Sequence[Elsewhere]) -> None:
        """Tell of places that the engine copies rows to and cannot clean."""
        for place in places:
            names = place.names[:MOST_NAMES]
            told = ELSEWHERE.get(place.code, "A place that the engine of the store copies rows to: {names}.")
            message = told.format(names=", ".join(names) or "not known")
            self._elsewhere[place.code] = Remainder(
                code=place.code, message=message, number=len(place.names), names=names
            )

    def mentions(self, numbers: dict[str, int]) -> None:
        """Tell of other people's rows that name the person."""
        number = sum(numbers.values())
        if number:
            places = tuple(f"{PLACES[table]}: {each}" for table, each in numbers.items() if each)
            message = f"{number} rows of others that name the person ({', '.join(places)}). They are theirs and stay."
            self._remains.append(Remainder(code="mentions", message=message, number=number, names=places))

    def short_ids(self) -> None:
        """Tell that one of the ids is too short to be searched for in texts."""
        message = "Texts with an id of the person that is too short to be told from another word or number."
        self._remains.append(Remainder(code="short_ids", message=message))

    def klar(self, backups: KlarBackups) -> None:
        """Tell of backups in klar's shape; folders that are gone are told of, as they may be elsewhere."""
        rewritten = len(backups.theirs) if self._dry_run else len(backups.rewritten)
        place = PLACES["klar"]
        self._searched.append(
            Searched(place=place, looked_through=backups.looked_through, removed=0, rewritten=rewritten)
        )
        message = "Backups in klar's shape, made by `ingat clear`, that hold the person or may, and could not be"
        self._left("klar_files", f"{message} written anew. Delete them, then purge again.", backups.stuck)
        if backups.gone:
            message = "Folders that `ingat clear` wrote backups to, and that are not there. If they were moved, delete"
            names = tuple(backups.gone[:MOST_NAMES])
            self._remains.append(
                Remainder(
                    code="klar_gone", message=f"{message} the person there.", number=len(backups.gone), names=names
                )
            )

    def refused(self, protected_by: tuple[str, ...], *, needs_force: bool) -> None:
        """Tell of what refuses a purge that is not forced."""
        self._protected_by, self._needs_force = protected_by, needs_force or bool(protected_by)

    def lacks(self, code: str, message: str, names: Sequence[str] = ()) -> None:
        """Tell of a place that could not be cleaned, and of who stood in the way."""
        self._complete = False
        listed = tuple(names[:MOST_NAMES])
        self._remains.append(Remainder(code=code, message=message, number=len(names), names=listed))

    def certificate(self) -> Certificate:
        """Return all of it."""
        return Certificate(
            purge_id=self.purge_id,
            at=self.at,
            actor=current_actor(),
            reason=self._reason,
            searched=tuple(self._searched),
            remains=(*self._remains, *self._elsewhere.values(), *_ALWAYS),
            complete=self._complete and not self._dry_run,
            dry_run=self._dry_run,
            protected_by=self._protected_by,
            needs_force=self._needs_force,
        )

    def _left(self, code: str, message: str, names: Sequence[str]) -> None:
        if names:
            self._complete = False
            listed = tuple(names[:MOST_NAMES])
            self._remains.append(Remainder(code=code, message=message, number=len(names), names=listed))
