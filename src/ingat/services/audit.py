"""Audit: who did what to whom, and why; append-only and chained."""

from __future__ import annotations

import logging

from ingat.core import clock
from ingat.core.actor import current_actor
from ingat.core.audit import ACTIONS, AuditCheck, AuditEntry, AuditPruned
from ingat.core.errors import InvalidInput, SecretMissing, StoreError
from ingat.core.given import shown
from ingat.core.ids import normalise_user_id
from ingat.core.limits import check_limit, check_time
from ingat.core.records import Page
from ingat.core.seal import Sealing
from ingat.core.secret import Secret
from ingat.core.texts import check_text
from ingat.store.contract import Store, Tx
from ingat.store.tables import audit as table
from ingat.store.tables import ledger, trail
from ingat.store.tables.chain import Chain
from ingat.store.tables.paging import decode_cursor

PURPOSE = "audit checkpoint"
PRUNED_AT_ONCE = 5_000
_MAX_FILTER_BYTES = 1_024

_log = logging.getLogger("ingat.audit")


class Audit:
    """The audit trail of one store."""

    def __init__(self, store: Store, secret: Secret, now: clock.Clock) -> None:
        self._store, self._secret, self._now = store, secret, now
        self._sealing = Sealing(secret)

    def list(
        self,
        *,
        user_id: str | None = None,
        action: str | None = None,
        actor: str | None = None,
        since: int | None = None,
        until: int | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[AuditEntry]:
        """Return one page of entries that fit every filter, newest first; `page.next` is the cursor of the next page.

        `user_id` finds what was done to a person under any of their ids, also after they were erased, and what was done
        to everything at once; of a person who was purged, only the pseudonym finds it. `since` is included, `until`
        is not.
        """
        check_limit(limit, "limit")
        after = decode_cursor(cursor, trail.NEWEST_FIRST)
        known = None if user_id is None else normalise_user_id(user_id)
        first, end = check_time(since, "since"), check_time(until, "until")
        for name, text in (("action", action), ("actor", actor)):
            if text is not None:
                check_text(text, name, _MAX_FILTER_BYTES)

        def work(tx: Tx) -> tuple[list[AuditEntry], str | None]:
            return trail.page(
                tx,
                limit,
                after,
                subjects=None if known is None else table.subjects_of(tx, known),
                action=action,
                actor=actor,
                since=first,
                until=end,
            )

        if action is not None and action not in ACTIONS:
            told = f"There is no action {shown(action)} in the audit trail; there are {', '.join(ACTIONS)}."
            raise InvalidInput(told, actions=list(ACTIONS))
        items, more = self._store.read(work)
        return Page(items=tuple(items), next=more)

    def knows(self, user_id: str) -> bool:
        """Return whether anybody of this id, alias or pseudonym is known, to the store or to the trail."""
        known = normalise_user_id(user_id)
        return self._store.read(lambda tx: table.is_known(tx, known))

    def verify(self) -> AuditCheck:
        """Go through the whole chain and return whether every entry is as it was written, and none is missing.

        Looks at each entry's hash and place, its words, the signature of the checkpoint where entries were pruned, the
        file `audit.head`, and whether every operation has its entry. Reads one view of the store, a batch at a time.
        """
        sealed, problem = None, None
        try:
            sealed = self._sealing.read()
        except StoreError as error:
            problem = f"{error.message} Remove {self._sealing.path} once you know why; a new one is written."

        self._secret.is_there()  # reads the key before the transaction

        def work(tx: Tx) -> AuditCheck:
            chain = Chain(sealed)
            begins = trail.checkpoint(tx)
            if begins is not None:
                chain.begin(begins, self._doubt(tx, begins))
            if problem is not None:
                chain.blame(problem)
            for entry, words, people in trail.chain(tx):
                chain.go(entry, words, people)
            chain.end()
            since = max(trail.begun_at(tx), begins.before if begins else 0)
            return chain.judged(trail.operations_without_entry(tx, since, limit=10))

        return self._store.read(work)

    def prune(self, before: int) -> AuditPruned:
        """Delete the entries made before a time, and sign where the chain begins now; the newest always stays.

        Only from the oldest on, up to the first that was made later. Each transaction deletes up to 5,000, signs, and
        enters that it did. Raises SecretMissing when the store relies on a key that is gone; nothing was deleted then.
        """
        moment = check_time(before, "before")
        if moment is None:
            raise InvalidInput("The time `before` is missing. Nothing was deleted.", field="before")
        if not self._store.read(lambda tx: trail.oldest(tx, moment, 1)):
            return self._pruned(0)
        self._secret.fingerprint()  # makes the key before the transaction, where there is none
        pruned = 0
        while number := self._store.write(lambda tx: self._prune_some(tx, moment)):
            pruned += number
            if number < PRUNED_AT_ONCE:
                break
        if pruned:
            about = {"category": "cleanup", "store": self._store.url, "actor": current_actor(), "entries": pruned}
            _log.info("Audit trail pruned", extra=about)
        return self._pruned(pruned)

    def _pruned(self, number: int) -> AuditPruned:
        begins = self._store.read(trail.checkpoint)
        return AuditPruned(entries=number, first_seq=begins.seq + 1 if begins else 1)

    def _prune_some(self, tx: Tx, before: int) -> int:
        found = trail.oldest(tx, before, PRUNED_AT_ONCE)
        if not found:
            return 0
        ledger.bind_secret(tx, self._secret)
        subjects = trail.subjects_until(tx, found[-1].seq)
        last, earlier, now, number = found[-1], trail.checkpoint(tx), self._now(), len(found)
        known = max(before, earlier.before) if earlier else before
        total = number + (earlier.entries if earlier else 0)
        unsigned = trail.Checkpoint(last.seq, last.hash, now, current_actor(), total, known, "")
        trail.put_checkpoint(tx, unsigned._replace(signature=self._secret.mac(PURPOSE, unsigned.said())))
        trail.delete_until(tx, last.seq)
        trail.drop_unused_pseudonyms(tx, subjects)
        table.append(tx, now, "audit.prune", "audit", target=str(before), counts={"audit": number})
        return number

    def _doubt(self, tx: Tx, begins: trail.Checkpoint) -> str | None:
        """Return what is wrong with a checkpoint's signature, or None."""
        try:
            ledger.check_secret(tx, self._secret)
        except SecretMissing as error:
            return f"The checkpoint after entry {begins.seq} cannot be checked: {error.message}"
        if not self._secret.is_there() or begins.signature != self._secret.mac(PURPOSE, begins.said()):
            return (
                f"The checkpoint after entry {begins.seq}, where the chain begins, was changed: its signature is wrong."
            )
        return None
