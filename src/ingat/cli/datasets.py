"""`ingat import` and `ingat eval`: conversations from files, and how well they are recalled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from ingat.cli.command import Argument, Command, Group
from ingat.cli.language import mark
from ingat.cli.progress import counting
from ingat.cli.run import Run, current_run
from ingat.cli.transfer import imports
from ingat.core.urls import is_postgres
from ingat.evaluation.importing import import_dataset
from ingat.evaluation.measure import Measured, Scores, evaluate
from ingat.evaluation.readers import read_dataset
from ingat.memory import Memory
from ingat.store.open import passing_schema

_KINDS = {
    "locomo": (
        mark("Import a file of LoCoMo: one user a conversation, its sessions with their dates."),
        mark("Measure recall on a file of LoCoMo."),
    ),
    "beam": (
        mark("Import a file of BEAM: one user a conversation, its sessions with their dates."),
        mark("Measure recall on a file of BEAM."),
    ),
}


def _import(kind: str, path: str) -> None:
    run = current_run()
    _ = run.translate
    dataset = read_dataset(kind, path)

    def interrupted(done: int, total: int) -> str:
        if not total:
            return _("Interrupted. No session is in as a whole; run it again to bring them in.")
        text = _("Interrupted. {done} of {total} sessions are in; run it again to bring in the rest.")
        return text.format(done=f"{done:,}", total=f"{total:,}")

    # not run.memory(): an event for each message of a file would drown the log
    with run.memory_of(run.settings) as memory, counting(run, _("Importing sessions"), interrupted) as tell:
        done = import_dataset(memory, dataset, tell)
    if run.json:
        run.print_json(done)
        return
    run.say(
        _("Imported {users} users, {sessions} sessions and {messages} messages.").format(
            users=f"{done.users:,}", sessions=f"{done.sessions:,}", messages=f"{done.messages:,}"
        )
    )
    if done.already_there:
        run.say(
            _("{number} messages were there already and stay as they are.").format(number=f"{done.already_there:,}")
        )


def _evaluate(kind: str, path: str) -> None:
    run = current_run()
    dataset = read_dataset(kind, path)
    with _memory_to_measure(run) as memory, counting(run, run.translate("Importing and asking")) as tell:
        measured = evaluate(memory, dataset, tell)
    if run.json:
        run.print_json(measured)
    else:
        _show(run, measured)


@contextmanager
def _memory_to_measure(run: Run) -> Iterator[Memory]:
    """Open the SQLite store that the command line names, else one that is thrown away afterwards.

    The latter is a schema of its own where the command line names a database of PostgreSQL.
    """
    given = run.store_given
    if given is not None and not is_postgres(given):
        with run.memory() as memory:
            yield memory
        return
    with (
        TemporaryDirectory(prefix="ingat-eval-") as folder,
        nullcontext(f"sqlite:///{Path(folder, 'eval.db')}") if given is None else passing_schema(given) as url,
    ):
        settings = run.settings_with(store=url, data=folder)
        with run.memory_of(settings, thrown_away=True) as memory:
            yield memory


def _show(run: Run, measured: Measured) -> None:
    _ = run.translate
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), show_edge=False)
    table.add_column(_("category"))
    for heading in (_("questions"), "R@5", "R@10", "R@20", "nDCG@10", "all@10"):
        table.add_column(heading, justify="right")
    for name, scores in measured.categories.items():
        table.add_row(Text(name), *_row(scores))
    table.add_section()
    table.add_row(Text(_("overall"), style="bold"), *_row(measured.overall))
    run.draw(table)
    run.say(_("{number} questions a second.").format(number=f"{measured.per_second:,.0f}"))
    if measured.skipped:
        run.note(_("{number} questions name no line and were left out.").format(number=f"{measured.skipped:,}"))
    if measured.mode == "words":
        run.note(_("Some were answered by words only."))


def _row(scores: Scores) -> tuple[str, ...]:
    numbers = (scores.recall_5, scores.recall_10, scores.recall_20, scores.ndcg_10, scores.all_10)
    return f"{scores.questions:,}", *(f"{number:.1f}" for number in numbers)


def _kind_command(kind: str, *, measure: bool) -> Command:
    act = _evaluate if measure else _import

    def run_it(path: str) -> None:
        act(kind, path)

    return Command(
        kind,
        callback=run_it,
        help=_KINDS[kind][measure],
        params=[Argument(["path"], metavar="PATH", help=mark("the file"))],
    )


import_ = Group(
    "import",
    help=mark("Bring in conversations from a file.")
    + "\n\n"
    + mark("A second import adds nothing, and one that was interrupted is completed."),
    commands=[*(_kind_command(kind, measure=False) for kind in _KINDS), *imports],
)
evaluate_ = Group(
    "eval",
    help=mark("Measure recall on questions whose answers are known.")
    + "\n\n"
    + mark(
        "In a store that is thrown away afterwards, unless --store names one in a file; on PostgreSQL in a schema of"
        " its own. Values are percent."
    ),
    commands=[_kind_command(kind, measure=True) for kind in _KINDS],
)
