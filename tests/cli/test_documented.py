"""docs/cli.md describes every command with its arguments and options, and its examples are commands that exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from ingat.cli.main import cli
from tests.cli.runner import Ingat

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
SHARED = {"--store", "--json", "--lang"}


def commands(command: click.Command = cli, words: str = "ingat") -> Iterator[tuple[str, click.Command]]:
    """Return every command with its words; a group that does something by itself is one too."""
    if not isinstance(command, click.Group) or command.invoke_without_command:
        yield words, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(below, f"{words} {name}")


def section(words: str, command: click.Command) -> str:
    """Return what the page says of a command, from its heading to the next."""
    context = click.Context(command)
    arguments = [p.make_metavar(context) for p in command.params if isinstance(p, click.Argument)]
    heading = f"### `{' '.join([words, *arguments])}`\n"
    assert heading in PAGE
    return re.split(r"^##", PAGE.split(heading)[1], maxsplit=1, flags=re.MULTILINE)[0]


@pytest.mark.parametrize(("words", "command"), list(commands()), ids=lambda item: item if isinstance(item, str) else "")
def test_a_command_is_described_with_its_options_and_an_example(words: str, command: click.Command) -> None:
    text = section(words, command)
    options = {name for p in command.params if isinstance(p, click.Option) for name in p.opts}

    assert [name for name in sorted(options - SHARED) if name not in text] == []
    assert re.search(rf"^(?:echo .*\| )?{re.escape(words)}\b", text, re.MULTILINE)


def example(words: str) -> list[str]:
    """Return the words of a command's example on the page, behind `ingat`."""
    found = re.search(rf"^ingat {words} .*", PAGE, re.MULTILINE)
    assert found is not None
    return shlex.split(found[0])[1:]


def test_the_example_of_recall_finds_what_the_example_of_append_said(ingat: Ingat) -> None:
    session = ingat.json("sessions", "open", "628111")["id"]
    ingat.said(*(session if word == "SESSION" else word for word in example("messages append")))

    assert "My air conditioner rattles" in ingat.said(*example("recall"))


def test_the_page_describes_no_command_that_is_not_there() -> None:
    known = {words for words, _ in commands()}
    described = {re.split(r" \[?[A-Z]", line)[0] for line in re.findall(r"^### `(ingat [^`]+)`", PAGE, re.MULTILINE)}

    assert described == known
