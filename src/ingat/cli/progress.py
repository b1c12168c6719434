"""Progress bars on standard error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from ingat.cli.failures import Interrupted
from ingat.cli.run import Run


@contextmanager
def busy(run: Run, title: str) -> Iterator[None]:
    """Show that something is under way, and for how long, while nothing can be counted.

    On standard error, only on a terminal, and not with JSON.
    """
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=run.err, disable=_hidden(run), transient=True) as shown:
        shown.add_task(title, total=None)
        yield


@contextmanager
def counting(
    run: Run, title: str, interrupted: Callable[[int, int], str] | None = None
) -> Iterator[Callable[[int, int], None]]:
    """Show a bar while something is counted: the function given is told how many of how many are done.

    The bar is on standard error, only on a terminal, and not with JSON. `interrupted` returns what to say at Ctrl-C,
    from how many of how many were done by then; of none while nothing was counted.
    """
    counted = 0, 0
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=run.err, disable=_hidden(run), transient=True) as bar:
        task = bar.add_task(title, total=None)

        def tell(done: int, total: int) -> None:
            nonlocal counted
            counted = done, total
            bar.update(task, completed=done, total=total)

        try:
            yield tell
        except KeyboardInterrupt as error:
            if interrupted is None:
                raise
            raise Interrupted(interrupted(*counted)) from error


@contextmanager
def stages(run: Run) -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar while one thing after another is counted: the function given is told what it is, and how far it is.

    The bar is on standard error, only on a terminal, and not with JSON.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=run.err, disable=_hidden(run), transient=True) as bar:
        task, present = bar.add_task("", total=None), ""

        def tell(title: str, done: int, total: int) -> None:
            nonlocal present
            if title != present:
                bar.reset(task, description=title)
                present = title
            bar.update(task, completed=done, total=total)

        yield tell


def _hidden(run: Run) -> bool:
    return run.json or not run.err.is_terminal
