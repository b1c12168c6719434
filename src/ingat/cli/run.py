"""One run of a command: its settings, its language, the memory it opens, and where it writes."""

from __future__ import annotations

import importlib
import os
import pwd
import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from typing import Any, TextIO

import click
import msgspec
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.markup import escape

from ingat.cli.command import JSON, STORE
from ingat.cli.failures import Interrupted
from ingat.cli.harmless import printable
from ingat.cli.language import language_in, translate_in
from ingat.cli.logs import set_up_logs
from ingat.core.actor import acting_as
from ingat.core.settings import LogThreshold, Settings, data_directory, read_settings
from ingat.core.urls import is_postgres, without_password
from ingat.memory import Memory
from ingat.store.open import is_there, lasts

UNBOUND_COLUMNS = 160
"""Width of tables that go into a file or pipe."""
_WORD = re.compile(r"ingat [^`]*$|(?:`[^`]*`|\S)+")
"""What a line is not broken in."""
_END = re.compile(r"(?: |\x1b\[[0-9;]*m)+$")
"""Blanks and changes of colour at the end of a line."""
STORED_LOG = "ingat.app.stored_log"
"""The module of `storing`; it stands above us, so it is looked up by name."""
BACKUPS_LOG = "ingat.backups"
"""The logger that tells of a second place that fails; people are told once, as a sentence."""
Storing = Callable[[Memory, LogThreshold], AbstractContextManager[None]]
FLUSH_S = 20.0
"""How long a command waits for the vectors of what it wrote; what is missing then is made later."""


class PipeConsole(Console):
    """A console that lets the caller know when the reader has gone."""

    def on_broken_pipe(self) -> None:
        """Pass the error on instead of ending the process."""
        raise BrokenPipeError


class Run:
    """What a command needs while it runs."""

    def __init__(self, context: click.Context) -> None:
        self.json = bool(context.meta.get(JSON))
        self._store: str | None = context.meta.get(STORE)
        self.translate, self.language = translate_in(context), language_in(context)
        self.settings: Settings = read_settings({"store": self._store})
        self.out, self.err = _console(sys.stdout), _console(sys.stderr)
        self.colours = self.err.is_terminal and not self.err.no_color
        set_up_logs(as_json=self.json, colours=self.colours, left_out=() if self.json else (BACKUPS_LOG,))

    def settings_with(self, **values: Any) -> Settings:
        """Return the settings with some of them set by options; what is None stays as it is."""
        return read_settings({"store": self._store, **values})

    @contextmanager
    def memory(self) -> Iterator[Memory]:
        """Open the memory, and close it when its vectors are made; what we report goes into its log."""
        storing: Storing = importlib.import_module(STORED_LOG).storing
        with self.memory_of(self.settings) as memory, storing(memory, self.settings.stored_level):
            yield memory

    @contextmanager
    def memory_of(self, settings: Settings, *, thrown_away: bool = False) -> Iterator[Memory]:
        """Open the memory of other settings, and close it when its vectors are made.

        People are told when a store was made, and when it is gone with the command; `thrown_away` says of a store that
        would last that this is what it is for.
        """
        passing = thrown_away or not lasts(settings.store)
        made = not (passing or self.json) and settings.enabled and not is_there(settings.store)
        with acting_as(f"cli:{login()}"), Memory.from_settings(settings, language=self.language) as memory:
            if not self.json and not thrown_away:
                self._tell_of_store(settings, made=made, passing=passing)
            if not self.json and not settings.enabled:
                self.note(self.translate("Remembering is switched off: nothing is written."))
            try:
                yield memory
                if not self.json:
                    self._tell_of_second_place(memory.backups.trouble)
            except KeyboardInterrupt as error:
                if passing:
                    raise Interrupted(self.translate("Interrupted. Nothing is kept: the store is gone.")) from error
                raise
            if memory.vectors is not None:
                memory.vectors.flush(FLUSH_S)

    def _tell_of_store(self, settings: Settings, *, made: bool, passing: bool) -> None:
        _ = self.translate
        if passing:
            self.note(_("This store is gone when the command ends."))
        elif made:
            self.note(_("A new store was made: {url}").format(url=without_password(settings.store)))
            if is_postgres(settings.store):
                told = _("Its restore points, files and key are in {folder}; all who use this store need that folder.")
                self.note(told.format(folder=data_directory(settings.store, settings.data)))

    def _tell_of_second_place(self, trouble: str | None) -> None:
        _ = self.translate
        if trouble is not None:
            told = _("The second place of backups lacks copies: {why}. `ingat backup mirror` brings them there.")
            self.note(told.format(why=trouble.rstrip(".")))

    def keeps(self, settings: Settings) -> bool:
        """Return whether what is written outlives the command."""
        return lasts(settings.store)

    @property
    def store_given(self) -> str | None:
        """Return the store that the command line names, None when it names none."""
        return self._store

    def command(self, *words: str) -> str:
        """Return `ingat` with these words for people to copy; it names the store when this run does, but no secret.

        Without the password, which is theirs to give; without the store the command would go to another one.
        """
        return shlex.join(["ingat", *words, *(["--store", without_password(self._store)] if self._store else [])])

    def print_json(self, value: Any) -> None:
        """Write one JSON object to standard output: on one line, indented on a terminal."""
        raw = msgspec.json.encode(value)
        write_line(msgspec.json.format(raw, indent=2) if self.out.is_terminal else raw)

    def draw(self, what: RenderableType) -> None:
        """Write a table or text for people to standard output, without blanks at line ends."""
        with self.out.capture() as kept:
            self.out.print(what)
        lines = kept.get().removesuffix("\n").split("\n")
        click.echo("\n".join(_END.sub(_without_blanks, line) for line in lines), color=True)

    def say(self, text: str) -> None:
        """Write a line for people to standard output."""
        self.out.print(escape(printable(text)), highlight=False, soft_wrap=True)

    def explain(self, text: str) -> None:
        """Write a sentence for people to standard output: in lines of words where that is a terminal."""
        self.say(in_lines(printable(text), self.out.width) if self.out.is_terminal else text)

    def note(self, text: str) -> None:
        """Write a line for people to standard error, so that it never mixes with what is asked for."""
        shown = printable(text)
        if self.err.is_terminal:
            shown = in_lines(shown, self.err.width)
        self.err.print(escape(shown), highlight=False, soft_wrap=True, style="dim")

    def count(self, number: int, one: str, many: str) -> str:
        """Return `1 message` or `7 messages`; both forms come translated."""
        return (one if number == 1 else many).format(number=f"{number:,}")


def current_run() -> Run:
    """Return the run of the present command."""
    return Run(click.get_current_context())


def login() -> str:
    """Return the name of whoever runs the command, its number where it has none."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def _without_blanks(end: re.Match[str]) -> str:
    return end[0].replace(" ", "")


def in_lines(text: str, width: int) -> str:
    """Return a text in lines of no more than so many columns, where that can be done without breaking a word.

    What stands in backticks and a command at the end of a line (`ingat undo 01a1…`) are words, so that they can be
    copied as they are.
    """
    return "\n".join(_broken(line, width) for line in text.split("\n"))


def _broken(line: str, width: int) -> str:
    if cell_len(line) <= width:
        return line
    lines = [line[: len(line) - len(line.lstrip())]]
    for word in _WORD.findall(line):
        begun = bool(lines[-1].strip())
        if begun and cell_len(lines[-1]) + 1 + cell_len(word) > width:
            lines.append(word)
        else:
            lines[-1] += f" {word}" if begun else word
    return "\n".join(lines)


def write_line(raw: bytes) -> None:
    """Write a line to standard output, all of it: without a buffer a stream may take less than it is given."""
    sys.stdout.flush()
    stream, rest = sys.stdout.buffer, raw + b"\n"
    while rest:
        rest = rest[stream.write(rest) :]
    stream.flush()


def local_time(milliseconds: int, *, seconds: bool = False) -> str:
    """Return a time as people read it here, with its offset from UTC: `2026-05-01 14:30 +07:00`."""
    form = "%Y-%m-%d %H:%M:%S %z" if seconds else "%Y-%m-%d %H:%M %z"
    shown = datetime.fromtimestamp(milliseconds / 1000).astimezone().strftime(form)
    return f"{shown[:-2]}:{shown[-2:]}"


def _console(stream: TextIO) -> Console:
    terminal = bool(stream.isatty())
    width = None if terminal else shutil.get_terminal_size((UNBOUND_COLUMNS, 25)).columns
    return PipeConsole(file=stream, width=width, soft_wrap=False, legacy_windows=False)
