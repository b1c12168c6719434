"""Snapshots for people: what was loaded, and what changed."""

from __future__ import annotations

from ingat.cli.language import mark
from ingat.cli.run import Run
from ingat.cli.tables import show_record, show_rows
from ingat.core.snapshots import Comparison, Loaded

NOT_RESTORED = mark("Nothing was restored: no program that takes the state over runs here. This is the state:")
EQUAL = mark("The two states are equal.")
MORE = mark("There are more changes than these.")


def show_loaded(run: Run, loaded: Loaded) -> None:
    """Write what was loaded, and whether anything took it over."""
    run.note(loaded.note if loaded.restored else run.translate(NOT_RESTORED))
    show_record(run, loaded.snapshot)


def show_comparison(run: Run, comparison: Comparison) -> None:
    """Write each change with its place in the state."""
    if not comparison.changes:
        run.say(run.translate(EQUAL))
        return
    show_rows(run, comparison.changes, "changes")
    if comparison.truncated:
        run.note(run.translate(MORE))
