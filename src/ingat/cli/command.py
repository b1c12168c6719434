"""Commands and groups whose help is translated, and the options that each of them takes."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import Any

import click

from ingat.cli.language import choose_language, mark, translate_in
from ingat.cli.values import OneOf
from ingat.core.i18n import LANGUAGES

STORE, JSON = "ingat.store", "ingat.json"
USAGE = (mark("[OPTIONS]"), mark("COMMAND [ARGS]..."), mark("[COMMAND] [ARGS]..."))
"""Words of the line that shows how a command is called."""
_HELP = mark("Show this message and leave.")


class Option(click.Option):
    """An option whose help is translated when it is shown."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """Return the option's line in the help, in the language of this run."""
        _ = translate_in(ctx)
        shown = copy.copy(self)
        shown.help = _(self.help) if self.help else None
        record = super(Option, shown).get_help_record(ctx)
        if record is None:
            return None
        return record[0], record[1].replace("[default: ", f"[{_('default')}: ").replace(
            "required]", _("required") + "]"
        )


class Argument(click.Argument):
    """A positional argument whose help is translated when it is shown."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str]:
        """Return the argument's line in the help, in the language of this run."""
        return self.make_metavar(ctx), translate_in(ctx)(self.help) if self.help else ""


class Translated(click.Command):
    """What commands and groups have in common: translated help, and `--store`, `--json` and `--lang`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params = [*self.params, *_shared()]

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words; the language is known before any of them is answered, wherever `--lang` stands."""
        for word, following in pairwise([*args, ""]):
            wanted = following if word == "--lang" else word.removeprefix("--lang=")
            if word.startswith("--lang") and wanted in LANGUAGES:
                choose_language(ctx, wanted)
        return super().parse_args(ctx, args)

    def get_help_option(self, ctx: click.Context) -> click.Option | None:
        """Return the option `--help`, described in the language of this run."""
        option = super().get_help_option(ctx)
        if option is not None:
            option.help = translate_in(ctx)(_HELP)
        return option

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the line that shows how the command is called."""
        _ = translate_in(ctx)
        pieces = " ".join(_(piece) for piece in self.collect_usage_pieces(ctx))
        formatter.write_usage(ctx.command_path, pieces, prefix=_("Usage:") + " ")

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the command does."""
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text("\n\n".join(translate_in(ctx)(part) for part in (self.help or "").split("\n\n")))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options."""
        records = [p.get_help_record(ctx) for p in self.get_params(ctx) if not isinstance(p, click.Argument)]
        with formatter.section(translate_in(ctx)("Options")):
            formatter.write_dl([record for record in records if record is not None])

    def format_arguments(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the positional arguments."""
        records = [p.get_help_record(ctx) for p in self.get_params(ctx) if isinstance(p, Argument)]
        if records:
            with formatter.section(translate_in(ctx)("Arguments")):
                formatter.write_dl(records)


class Command(Translated):
    """One command."""


class Group(Translated, click.Group):
    """Several commands below one word."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options and the commands."""
        Translated.format_options(self, ctx, formatter)
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, each with the first sentence of its help."""
        _ = translate_in(ctx)
        rows = [(name, _(summary)) for name, summary in self.summaries(ctx)]
        if rows:
            with formatter.section(_("Commands")):
                formatter.write_dl(rows)

    def summaries(self, ctx: click.Context) -> list[tuple[str, str]]:
        """Return the name and the first sentence of each command that is shown."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        return [(name, summary_of(each)) for name, each in found if each is not None and not each.hidden]


def summary_of(command: click.Command) -> str:
    """Return the first sentence of a command's help, in English."""
    return (command.help or "").split("\n\n")[0]


def _keep_store(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.meta[STORE] = value


def _keep_json(context: click.Context, parameter: click.Parameter, value: bool) -> None:
    if value:
        context.meta[JSON] = True


def _keep_language(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        choose_language(context, value)


def _shared() -> list[click.Parameter]:
    return [
        Option(
            ["--store"],
            metavar="URL",
            expose_value=False,
            callback=_keep_store,
            help=mark(
                "Where the memory is kept, such as sqlite:///ingat.db or postgresql://host/database; made when it is"
                " not there."
            ),
        ),
        Option(
            ["--json"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_keep_json,
            help=mark("Print one JSON object on standard output, and nothing else there."),
        ),
        Option(
            ["--lang"],
            type=OneOf(LANGUAGES),
            is_eager=True,
            expose_value=False,
            callback=_keep_language,
            help=mark("Language of what is shown."),
        ),
    ]
