"""Chain: whether the entries of an audit trail follow from each other, looked at one by one."""

from __future__ import annotations

from ingat.core.audit import AuditCheck
from ingat.core.seal import FILE, Seal
from ingat.store.contract import Tx
from ingat.store.tables import trail
from ingat.store.tables.audit import BEGINNING, Link, Sealed, text_sha256
from ingat.store.tables.trail import Checkpoint, Words

MOST_PROBLEMS = 50
"""Problems that are told; the others are counted."""


class Chain:
    """Takes the entries in their order and keeps what is wrong: memory does not grow with their number."""

    def __init__(self, sealed: Seal | None) -> None:
        self._sealed = sealed
        self._last, self._pruned, self._entries = Link(0, BEGINNING), 0, 0
        self._problems: list[str] = []
        self._more = self._wordless = self._first_wordless = 0
        self._broken = False

    def blame(self, problem: str) -> None:
        """Note something that is wrong."""
        if len(self._problems) < MOST_PROBLEMS:
            self._problems.append(problem)
        else:
            self._more += 1

    def begin(self, checkpoint: Checkpoint, doubt: str | None) -> None:
        """Begin after the entries that were pruned; `doubt` says what is wrong with the signature."""
        self._last, self._pruned = Link(checkpoint.seq, checkpoint.hash), checkpoint.entries
        if doubt is not None:
            self.blame(doubt)
        elif checkpoint.entries != checkpoint.seq:
            self.blame(
                f"The checkpoint counts {checkpoint.entries} entries, and the chain begins after {checkpoint.seq}."
            )

    def go(self, entry: Sealed, words: Words | None, people_sha256: str | None) -> None:
        """Look at the next entry: its place, what it holds, its words, and the checksum of its people."""
        expected = self._last.seq + 1
        if entry.seq > expected:
            self.blame(_missing(expected, entry.seq - 1))
        elif entry.seq < expected:
            self.blame(f"Entry {entry.seq} stands where the chain begins after {self._last.seq}.")
        elif entry.previous != self._last.hash:
            self.blame(
                f"Entry {entry.seq} does not follow from entry {self._last.seq}: one of them was put in another's place"
                " or written anew."
                if self._last.seq
                else f"Entry {entry.seq} is not the first of the chain, and nothing says that others were pruned."
            )
        if entry.computed_hash() != entry.hash:
            self.blame(f"Entry {entry.seq} was changed after it was written: its hash does not fit what it says.")
        if people_sha256 != entry.people_sha256:
            self.blame(f"The people of entry {entry.seq} were changed: they are not those who were entered.")
        self._look_at(entry, words)
        sealed = self._sealed
        if sealed is not None and sealed.seq == entry.seq and sealed.hash != entry.hash:
            self.blame(f"Entry {entry.seq} is not the one that {FILE} names: the end of the chain was written anew.")
        self._entries += 1
        self._last = Link(entry.seq, entry.hash)

    def _look_at(self, entry: Sealed, words: Words | None) -> None:
        if words is None:
            self._wordless += 1
            self._first_wordless = self._first_wordless or entry.seq
        elif text_sha256(*words) != entry.text_sha256:
            self.blame(f"The words of entry {entry.seq} (target or reason) were changed.")
        if entry.action == "purge":
            self._wordless = self._first_wordless = 0  # it may have removed them

    def end(self) -> None:
        """Look at what must be so at the end."""
        if self._wordless:
            also = f", and of {self._wordless - 1} after it" if self._wordless > 1 else ""
            self.blame(f"The words of entry {self._first_wordless}{also} are gone, and no purge came later.")
        sealed = self._sealed
        if sealed is not None and sealed.seq > self._last.seq:
            self.blame(f"{_missing(self._last.seq + 1, sealed.seq)} They are the newest ones that {FILE} knows of.")

    def judged(self, without_entry: list[str]) -> AuditCheck:
        """Return what was found; `without_entry` are operations of which the chain knows nothing."""
        for each in without_entry:
            self.blame(f"Operation {each} has no entry: it was taken out of the chain.")
        told = [*self._problems, *([f"{self._more} further problems are not listed."] if self._more else ())]
        return AuditCheck(entries=self._entries, pruned=self._pruned, whole=not told, problems=tuple(told))


def sealed_in(tx: Tx, sealed: Seal) -> bool:
    """Return whether a trail still has the entry that was sealed, or had it before it was pruned."""
    begins = trail.checkpoint(tx)
    if begins is not None and sealed.seq <= begins.seq:
        return True
    return tx.one("SELECT 1 FROM audit_entry WHERE seq = ? AND hash = ?", (sealed.seq, sealed.hash)) is not None


def _missing(first: int, last: int) -> str:
    return f"Entry {first} is missing." if first == last else f"Entries {first} to {last} are missing."
