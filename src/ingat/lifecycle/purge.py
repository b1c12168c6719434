"""Purge: remove a person everywhere: the right to be forgotten. See docs/purge.md."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from ingat.core import clock
from ingat.core.actor import current_actor
from ingat.core.backups import Certificate
from ingat.core.errors import BackupLocked, Conflict, InvalidInput, StoreError, UserNotFound
from ingat.core.ids import new_id, normalise_user_id
from ingat.core.protection import Guard, Protection
from ingat.core.secret import Secret
from ingat.core.texts import check_text
from ingat.lifecycle.alert import watch
from ingat.lifecycle.person import Person
from ingat.lifecycle.purge_copies import Copies
from ingat.lifecycle.purge_findings import Findings
from ingat.lifecycle.purge_klar import KlarBackups
from ingat.lifecycle.purge_rows import Rows
from ingat.lifecycle.purge_traces import Mentions, files_that_name
from ingat.lifecycle.restorepoints import RestorePoints
from ingat.store.contract import Store, Tx
from ingat.store.files import Files
from ingat.store.tables import artifacts, audit, ledger, purging, users
from ingat.store.tables.purging import PurgeMark
from ingat.store.tables.removal import Doomed, remove

MAX_REASON_BYTES = 4_096
MOST_NAMED = 20
_KINDS = {
    "user_profile": "user",
    "session": "session",
    "message": "message",
    "memory": "memory",
    "snapshot": "snapshot",
    "artifact": "artifact",
    "log_entry": "log",
    "access_key": "key",
}
"""What the rows of a table are called in the audit trail."""

_log = logging.getLogger("ingat.purge")


class _Found(NamedTuple):
    """Whom a purge is about, where they are, and whether that is anywhere."""

    person: Person
    rows: Rows
    copies: Copies
    klar: KlarBackups
    mark: PurgeMark | None
    known_as: ledger.LedgerEntry | None
    anywhere: bool


class Purger:
    """Purges people from one store.

    `flush` writes what this process still holds in memory; `forget` lets go of its copy of a user's recall index.
    """

    def __init__(
        self,
        store: Store,
        points: RestorePoints,
        files: Files,
        secret: Secret,
        now: clock.Clock,
        *,
        data: Path | None = None,
        protection: Protection | None = None,
        flush: Callable[[], object] = lambda: None,
        forget: Callable[[str], object] = lambda user_id: None,
    ) -> None:
        self._store, self._points, self._files, self._secret, self._now = store, points, files, secret, now
        self._data, self._protection = data, protection or Protection()
        self._flush, self._forget = flush, forget

    def purge(self, user_id: str, *, reason: str, force: bool = False, dry_run: bool = False) -> Certificate:
        """Remove a person from rows, index, caches, logs, files and every restore point; there is no way back.

        `user_id` may be an alias: the whole person goes, with everybody who was merged into them, also when they are
        only in restore points any more. First the ledger notes them, so that nothing brings them back; then rows go in
        short transactions; then copies are written anew; then the audit trail forgets who they were. When that fails
        or the process ends in between, the same call again completes it, and `doctor` tells of it. A person who is
        nowhere but in the ledger gets a certificate that says so.

        Raises InvalidInput for a reason that is empty or names the person; UserNotFound; Conflict for an id that is
        nobody's now and, a copy says, was an alias of somebody who is in the store; ProtectedUser and BackupLocked
        (a copy is encrypted, and its passphrase is not known) unless `force`; SecretMissing; then nothing was changed.
        RestorePointFailed and other StoreErrors may come when a part is done. `dry_run` looks through everything and
        changes nothing.
        """
        known = normalise_user_id(user_id)
        if not check_text(reason, "reason", MAX_REASON_BYTES).strip():
            raise InvalidInput("A purge needs a reason. Nothing was changed; say why, without naming the person.")
        if not dry_run:
            self._store.write(lambda tx: None)  # a store that takes no writes says so before anything is read
            self._points.check_folder()
        self._flush()
        found = self._find(known)
        self._admit(known, found, reason, force=force, dry_run=dry_run)
        if dry_run:
            return self._foresee(found, reason)
        if not found.anywhere and found.known_as is not None:
            findings = Findings(found.known_as.purge_id, self._now(), reason, dry_run=False)
            return self._finish(findings, found, ())
        mark = self._begin(found, reason)
        findings = Findings(mark.purge_id, mark.at, reason, dry_run=False)
        found.rows.remove(lambda tx, each: remove(tx, Doomed(users=[each])))
        self._remove_files(found, findings)
        found.rows.blank()
        found.copies.clean(found.person)
        found.klar.clean()
        for each in sorted(found.person.ids):
            self._forget(each)
        due = tuple(dict.fromkeys((*found.copies.due, *mark.due)))
        self._store.write(lambda tx: self._enter(tx, found, replace(mark, due=due), reason))
        certificate = self._finish(findings, found, due)
        about = {"category": "cleanup", "store": self._store.url, "purge_id": mark.purge_id, "actor": mark.actor}
        _log.info("Purged a person: %s", mark.purge_id, extra=about)
        return certificate

    # -- before anything is changed ------------------------------------------------------------------------------------

    def _find(self, known: str) -> _Found:
        """Look for the person in the store and in all copies, until nothing new is learned of them."""
        self._secret.is_there()  # reads the key outside the transactions

        def look(tx: Tx) -> tuple[str | None, ledger.LedgerEntry | None, list[PurgeMark]]:
            return users.resolve(tx, known), ledger.get(tx, self._secret, known), purging.marks(tx)

        owner, known_as, marks = self._store.read(look)
        mark = next((each for each in marks if known in each.ids), None)
        if mark is None and known_as is not None:
            mark = next((each for each in marks if each.purge_id == known_as.purge_id), None)
        person = Person([known], lambda each: self._store.read(lambda tx: users.resolve(tx, each)) not in (None, owner))
        if owner is not None:
            person.add_ids([owner])
        rows, copies = Rows(self._store, person), Copies(self._store, self._points)
        klar = KlarBackups(self._store, person)
        if mark is not None:
            _remember(person, rows, mark)
        rows.learn()
        klar.search()
        copies.search(person)
        known_ids = len(person.ids)
        klar.search()
        if len(person.ids) != known_ids:
            copies.search(person)
        rows.learn()
        rows.count()
        traced = self._store.read(lambda tx: bool(audit.person(tx, person.ids)[1]))
        anywhere = bool(
            owner
            or rows.removed
            or copies.theirs
            or copies.foreign
            or klar.theirs
            or traced
            or (mark is not None and mark.ids)
        )
        other = next((each for each, aliases in sorted(person.others.items()) if known in aliases), None)
        if owner is None and mark is None and other is not None:
            raise Conflict(
                f"A copy says that this was an alias of {other!r}, who is in the store, but no longer under this name."
                f" Nothing was changed; purge {other!r} if that is the same person, which removes this id, too.",
                user_id=other,
            )
        return _Found(person, rows, copies, klar, mark, known_as, anywhere)

    def _admit(self, known: str, found: _Found, reason: str, *, force: bool, dry_run: bool) -> None:
        """Raise what stands against the purge."""
        if not found.anywhere and found.known_as is None:
            raise UserNotFound(
                "There is no such user, neither in the store nor in its restore points and backups. Nothing was"
                " changed.",
                user_id=known,
            )
        if found.person.is_told_in(reason):
            raise InvalidInput(
                "The reason names the person, by an id, an alias or a name. Nothing was changed; give one that does"
                " not, because it is kept."
            )
        guard = Guard(self._protection, force, dry_run)
        for each in sorted(found.person.ids):
            user = self._store.read(lambda tx, one=each: users.get(tx, one))  # type: ignore[misc]
            if user is not None:
                guard.admit(user)
        if found.copies.locked and not (force or dry_run):
            names = list(found.copies.locked)
            raise BackupLocked(
                f"{len(names)} copies are encrypted with a passphrase that is not known here, so that they may hold the"
                " person for ever. Nothing was changed; give the passphrase (setting backup_passphrase), delete the"
                " copies, or let `force` pass them over.",
                copies=names[:MOST_NAMED],
            )

    def _foresee(self, found: _Found, reason: str) -> Certificate:
        findings = Findings("", self._now(), reason, dry_run=True)
        mentions = Mentions(self._store, found.person.ids)
        mentions.count()
        findings.rows(found.rows)
        findings.copies(found.copies)
        self._look_elsewhere(findings, found, mentions)
        findings.refused(self._protected_by(found.person), needs_force=bool(found.copies.locked))
        return findings.certificate()

    def _protected_by(self, person: Person) -> tuple[str, ...]:
        known = [self._store.read(partial(users.get, user_id=each)) for each in sorted(person.ids)]
        reasons = (reason for user in known if user is not None for reason in self._protection.reasons(user))
        return tuple(dict.fromkeys(reasons))

    # -- what changes something ----------------------------------------------------------------------------------------

    def _begin(self, found: _Found, reason: str) -> PurgeMark:
        """Note the person in the ledger, and that a purge has begun; from here on nothing brings them back."""
        self._secret.fingerprint()
        person, moment = found.person, self._now()
        purge_id = found.mark.purge_id if found.mark is not None else new_id()
        actor = current_actor()

        def work(tx: Tx) -> PurgeMark:
            profiles = [users.get(tx, each) for each in sorted(person.ids)]
            at = max([moment, *(each.created_at for each in profiles if each is not None)])
            mark = PurgeMark(
                purge_id=purge_id,
                at=at,
                actor=actor,
                reason=reason,
                ids=tuple(sorted(person.ids)),
                sessions=tuple(sorted(person.sessions)),
                names=tuple(sorted(person.names)),
                rows=tuple(sorted(person.rows)),
                traces=tuple(person.traces),
                files=tuple(sorted(found.rows.files)),
                due=found.mark.due if found.mark is not None else (),
            )
            ledger.insert(tx, self._secret, person.ids, ledger.LedgerEntry(purge_id, at, actor, reason))
            purging.put_mark(tx, mark)
            return mark

        return self._store.write(work)

    def _remove_files(self, found: _Found, findings: Findings) -> None:
        wanted = sorted(found.rows.files)
        gone = self._files.drop(wanted)
        named = self._store.read(lambda tx: artifacts.named(tx, wanted))
        findings.rows(found.rows)
        findings.files(len(wanted), len(gone))
        findings.kept_files([each for each in wanted if each not in named and self._files.has(each)])

    def _enter(self, tx: Tx, found: _Found, mark: PurgeMark, reason: str) -> None:
        """Forget in the audit trail who the person was, enter the purge, and note that only bytes are left to clean."""
        found.rows.forget(tx)
        if not purging.has_mark(tx, mark.purge_id):  # another process has entered it
            return
        counts = {kind: found.rows.removed[table] for table, kind in _KINDS.items() if found.rows.removed[table]}
        copies, at = len(found.copies.deleted) + len(found.copies.rewritten), self._now()
        counts |= {"copy": copies} if copies else {}
        audit.append(tx, at, "purge", "user", target=mark.purge_id, reason=reason, counts=counts)
        watch(tx, at, counts.get("user", 0))
        purging.put_mark(tx, replace(mark, ids=(), sessions=(), names=(), rows=(), traces=(), files=()))

    def _finish(self, findings: Findings, found: _Found, due: tuple[str, ...]) -> Certificate:
        """Look whether anything is left anywhere, clean the bytes of the store, and certify it."""
        left = found.mark.due if found.mark is not None else ()
        findings.words(found.rows)
        findings.copies(found.copies)
        findings.due(found.copies.catch_up(dict.fromkeys((*left, *due))))
        mentions = Mentions(self._store, found.person.ids)
        mentions.count()
        self._clean_bytes(findings, found, mentions)
        self._look_elsewhere(findings, found, mentions)
        certificate = findings.certificate()
        if certificate.complete:
            self._store.write(lambda tx: purging.drop_mark(tx, findings.purge_id))
        return certificate

    def _look_elsewhere(self, findings: Findings, found: _Found, mentions: Mentions) -> None:
        """Tell of backups in klar's shape, of others that name the person, and of what cannot be looked through."""
        findings.klar(found.klar)
        if found.klar.mentions:
            mentions.numbers["klar"] += found.klar.mentions
        if found.person.has_short_ids:
            findings.short_ids()
        findings.mentions(mentions.numbers)
        findings.elsewhere(self._store.elsewhere())

    def _clean_bytes(self, findings: Findings, found: _Found, mentions: Mentions) -> None:
        person = found.person
        traces = person.searched(leave_out=mentions.named)
        # an earlier purge may have removed rows of ids that nobody remembers
        known = found.mark is None and found.known_as is None
        scrubbed = self._store.scrub(traces, users=sorted(person.ids) if known else None)
        if scrubbed.found and not (scrubbed.busy or scrubbed.anew):
            try:
                scrubbed = self._store.scrub(traces, rewrite=True)
            except StoreError as error:
                _log.warning("The database was not written anew (%s)", error.code, extra={"category": "cleanup"})
        findings.scrubbed(scrubbed)
        try:
            of_artifacts, others = files_that_name(self._data, person.searched())
        except OSError:
            findings.lacks("unreadable", "Files in the data directory that cannot be read. Purge again when they can.")
            return
        mentions.numbers["file"] += len(of_artifacts)
        findings.naming_files(others)


def _remember(person: Person, rows: Rows, mark: PurgeMark) -> None:
    """Take what an earlier run, which did not end, knew of the person."""
    person.add_ids(mark.ids)
    person.names.update(mark.names)
    for each in mark.sessions:
        person.add_session(each)
    for each in mark.rows:
        person.add_row(each)
    for each in mark.traces:
        person.leave_trace(each)
    rows.files.update(mark.files)
