"""Tally: what a restore did or would do, counted and told."""

from __future__ import annotations

from collections import Counter

from ingat.core.backups import Prefer, RestoreConflict, RestoreReport
from ingat.core.reports import Operation

MOST_TOLD = 1_000
"""Conflicts and notes that a report lists; the rest is counted."""


class Tally:
    """Rows by kind, and what is to be said of them."""

    def __init__(self, notes: tuple[str, ...] = ()) -> None:
        self.added, self.replaced = Counter[str](), Counter[str]()
        self.unchanged, self.kept, self.purged = Counter[str](), Counter[str](), Counter[str]()
        self._conflicts: list[RestoreConflict] = []
        self._notes = dict.fromkeys(notes)
        self._more_conflicts = self._more_notes = 0

    def conflict(self, kind: str, row_id: str, user_id: str | None, kept: Prefer, message: str) -> None:
        """Count a row of which there is another version, and which of both is there afterwards."""
        (self.kept if kept == "current" else self.replaced)[kind] += 1
        if len(self._conflicts) < MOST_TOLD:
            self._conflicts.append(RestoreConflict(kind=kind, id=row_id, user_id=user_id, kept=kept, message=message))
        else:
            self._more_conflicts += 1

    def note(self, text: str) -> None:
        """Tell something that is no conflict, once."""
        if text in self._notes:
            return
        if len(self._notes) < MOST_TOLD:
            self._notes[text] = None
        else:
            self._more_notes += 1

    def report(self, source: str, operation: Operation | None, *, dry_run: bool) -> RestoreReport:
        """Return all of it."""
        notes = list(self._notes)
        if self._more_notes:
            notes.append(f"{self._more_notes} further notes are not listed.")
        if self._more_conflicts:
            notes.append(f"{self._more_conflicts} further conflicts are not listed.")
        return RestoreReport(
            source=source,
            operation=operation,
            added=dict(self.added),
            replaced=dict(self.replaced),
            unchanged=dict(self.unchanged),
            kept=dict(self.kept),
            purged=dict(self.purged),
            conflicts=tuple(self._conflicts),
            notes=tuple(notes),
            dry_run=dry_run,
        )
