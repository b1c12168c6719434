"""How many log entries there are, for people."""

from __future__ import annotations

from ingat.cli.run import Run, local_time
from ingat.cli.tables import show_pairs
from ingat.core.logs import LogStats


def show_log_stats(run: Run, stats: LogStats) -> None:
    """Write the number of entries, by level and by category; kinds of which there are none are left out."""
    _ = run.translate
    pairs = [(_("entries"), f"{stats.total:,}")]
    pairs += [(f"  {_(level)}", f"{number:,}") for level, number in stats.by_level.items() if number]
    pairs += [(f"  {_('category')} {name}", f"{number:,}") for name, number in stats.by_category.items()]
    if stats.oldest_at is not None and stats.newest_at is not None:
        pairs.append((_("oldest"), local_time(stats.oldest_at, seconds=True)))
        pairs.append((_("newest"), local_time(stats.newest_at, seconds=True)))
    show_pairs(run, pairs)
