"""Snapshots for people: what was loaded, and what changed."""

from __future__ import annotations

from ingat.cli.language import mark
from ingat.cli.run import Run, local_time
from ingat.cli.tables import show_pairs, show_rows, shown
from ingat.core.snapshots import Comparison, Loaded, Snapshot, SnapshotHead

NOT_RESTORED = mark("Nothing was restored: no program that takes the state over runs here. This is the state:")
EQUAL = mark("The two states are equal.")
MORE = mark("There are more changes than these.")


def show_loaded(run: Run, loaded: Loaded) -> None:
    """Write what was loaded, and whether anything took it over."""
    run.note(loaded.note if loaded.restored else run.translate(NOT_RESTORED))
    show_snapshot(run, loaded.snapshot)


def show_snapshot(run: Run, head: SnapshotHead) -> None:
    """Write what is known of a snapshot, and its state where it is there."""
    _ = run.translate
    pairs = [
        (_("snapshot"), head.id),
        (_("name"), head.name),
        (_("version"), f"{head.version:,}"),
        (_("description"), head.description or ""),
        (_("user"), head.user_id or ""),
        (_("saved"), _("automatic" if head.is_auto else "by hand")),
        (_("time"), local_time(head.created_at)),
        (_("size"), _("{number} bytes").format(number=f"{head.size_bytes:,}")),
        ("sha256", head.sha256),
        (_("metadata"), shown(run, "metadata", head.metadata) if head.metadata else ""),
    ]
    if isinstance(head, Snapshot):
        pairs.append((_("state"), shown(run, "state", head.state)))
    show_pairs(run, pairs)


def show_comparison(run: Run, comparison: Comparison) -> None:
    """Write each change with its place in the state."""
    if not comparison.changes:
        run.say(run.translate(EQUAL))
        return
    show_rows(run, comparison.changes, "changes")
    if comparison.truncated:
        run.note(run.translate(MORE))
