"""`ingat move`: the whole store into another one, on the same engine or the other."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from ingat.cli.command import STORE, Argument, Command, Option
from ingat.cli.failures import Interrupted
from ingat.cli.language import mark
from ingat.cli.progress import stages
from ingat.cli.run import Run, current_run
from ingat.core.reports import MoveReport
from ingat.core.settings import data_directory
from ingat.core.urls import has_password, without_password
from ingat.lifecycle.move import Step, move

_TITLES: dict[Step, str] = {
    "rows": mark("Copying rows"),
    "files": mark("Copying files"),
    "check": mark("Comparing rows"),
}


def _move(source: str, target: str, dry_run: bool, data_from: str | None, data_to: str | None) -> None:
    run = current_run()
    _ = run.translate
    if click.get_current_context().meta.get(STORE) is not None:
        raise click.UsageError(_("FROM and TO name the stores; leave out --store."))
    copied = 0

    def tell(step: Step, done: int, total: int) -> None:
        nonlocal copied
        copied = done if step == "rows" else copied
        show(_(_TITLES[step]), done, total)

    try:
        with stages(run) as show:
            report = move(
                source,
                target,
                source_data=_source_data(run, source, data_from),
                target_data=data_to or run.settings.data,
                dry_run=dry_run,
                progress=tell,
                busy_timeout_ms=run.settings.busy_timeout_ms,
            )
    except KeyboardInterrupt as error:
        raise Interrupted(_interrupted(run, copied)) from error
    if run.json:
        run.print_json(report)
    else:
        _show(run, report, secret=has_password(target), folder=data_to)


def _source_data(run: Run, source: str, given: str | None) -> str | None:
    """Return the folder of the source's files; refuse to guess where the settings and the store name two."""
    named = run.settings.data
    if given is not None or named is None:
        return given
    beside = data_directory(source, None)
    if beside is not None and beside.is_dir() and beside.resolve() != Path(named).resolve():
        told = run.translate(
            "The setting `data` names {named}, and there is {beside} too. Say with --data-from which of them holds the"
            " files of the store that is to be moved. Nothing was changed."
        )
        raise click.UsageError(told.format(named=named, beside=beside))
    return named


def _interrupted(run: Run, copied: int) -> str:
    if not copied:
        return run.translate(
            "Interrupted before a row was copied. The source is unchanged; a target that was begun is marked as"
            " unfinished. Run the same command again."
        )
    told = run.translate(
        "Interrupted. At least {rows} are in the target, which is no store yet; the source is unchanged. Run the same"
        " command again to go on."
    )
    return told.format(rows=_rows(run, copied))


def _rows(run: Run, number: int) -> str:
    return run.count(number, run.translate("{number} row"), run.translate("{number} rows"))


def _show(run: Run, report: MoveReport, *, secret: bool, folder: str | None) -> None:
    _ = run.translate
    rows, target = _rows(run, report.rows), without_password(report.target)
    if report.dry_run:
        run.note(_("A dry run: nothing was changed. This is what a move would do."))
        run.explain(_("{rows} would be moved to {target}.").format(rows=rows, target=target))
        if report.resumed:
            run.explain(_("The target is that of a move that is not finished; it would go on."))
    else:
        told = _("{rows} were moved to {target}. Every table was compared with the source: number of rows and SHA-256.")
        run.explain(told.format(rows=rows, target=target))
        if report.resumed:
            told = _("The move went on from an earlier one: {rows} were copied now.")
            run.explain(told.format(rows=_rows(run, report.rows_copied)))
    _show_files(run, report)
    if not report.dry_run:
        run.explain(_("From now on name the new store: INGAT_STORE={target}").format(target=shlex.quote(target)))
        if folder is not None:
            run.explain(_("and its data directory: INGAT_DATA={folder}").format(folder=shlex.quote(str(report.data))))
        if secret:
            run.explain(_("The password is left out here; put it in as before."))
        told = _("The source {source} is unchanged. Do not write to it any more: what is written there stays there.")
        run.explain(told.format(source=report.source))


def _show_files(run: Run, report: MoveReport) -> None:
    _ = run.translate
    if report.data == report.data_source:
        run.explain(_("Files stay in {folder}, which both stores use.").format(folder=report.data))
    elif report.files:
        files = run.count(report.files, _("{number} file"), _("{number} files"))
        told = _("{files} would be copied from {source} to {target}.")
        if not report.dry_run:
            told = _("{files} were copied from {source} to {target}.")
        run.explain(told.format(files=files, source=report.data_source, target=report.data))


move_ = Command(
    "move",
    callback=_move,
    help=mark("Move the whole store into another one, such as one on PostgreSQL.")
    + "\n\n"
    + mark(
        "The source stays as it is; nobody can write to it meanwhile. What is interrupted goes on when the same command"
        " is run again."
    ),
    params=[
        Argument(["source"], metavar="FROM", help=mark("the URL of the store that is there")),
        Argument(["target"], metavar="TO", help=mark("the URL of an empty store, or of one that is not there yet")),
        Option(["--dry-run"], is_flag=True, default=False, help=mark("only say what would be done")),
        Option(["--data-from"], metavar="DIR", help=mark("data directory of the source")),
        Option(["--data-to"], metavar="DIR", help=mark("data directory of the target")),
    ],
)
