"""Asking: the questions that stand before what cannot be taken back at once, and what is said when the answer is no."""

from __future__ import annotations

import click

from ingat.cli.failures import Declined, Interrupted
from ingat.cli.language import mark
from ingat.cli.run import Run

AGREED = ("y", "yes", "ya")
"""Answers that mean yes, in every language that is spoken here."""
_REFUSED = ("", "n", "no", "t", "tidak")
_AGAIN = mark("Please answer y or n.")


def agree(run: Run, question: str, nothing: str) -> None:
    """Ask whether to go on. Otherwise the run ends, and says that `nothing` was done; so too with Ctrl-C."""
    answer = typed(f"{question} [y/N]", nothing).strip().lower()
    while answer not in AGREED:
        if answer in _REFUSED:
            raise Declined(nothing)
        run.note(run.translate(_AGAIN))
        answer = typed(f"{question} [y/N]", nothing).strip().lower()


def typed(question: str, nothing: str) -> str:
    """Ask, and return what was typed; with Ctrl-C the run ends, and says that `nothing` was done."""
    try:
        answer: str = click.prompt(question, default="", show_default=False, err=True)
    except (KeyboardInterrupt, click.Abort):
        raise Interrupted(nothing) from None
    return answer
