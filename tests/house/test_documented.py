"""Every action, command, setting and error code is written down."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterator

import click

from ingat.actions import ACTIONS
from ingat.cli.main import cli
from ingat.core import errors
from ingat.core.settings import Settings
from tests.house.tree import ROOT


def _docs(pattern: str = "*.md") -> str:
    pages = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").glob(pattern))]
    return "\n".join(pages)


def _codes() -> list[str]:
    classes = [item for item in vars(errors).values() if inspect.isclass(item) and issubclass(item, errors.IngatError)]
    return [item.code for item in classes]


def _commands(command: click.Command, words: tuple[str, ...]) -> Iterator[str]:
    if not isinstance(command, click.Group):
        yield " ".join(words)
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        below = command.get_command(context, name)
        assert below is not None
        if not below.hidden:
            yield from _commands(below, (*words, name))


def test_every_error_code_is_documented() -> None:
    page = _docs("errors.md")

    assert [code for code in _codes() if f"`{code}`" not in page] == []


def test_every_error_has_a_code_of_its_own() -> None:
    assert [code for code, times in Counter(_codes()).items() if times > 1] == []


def test_every_setting_is_documented() -> None:
    page = _docs("settings.md")

    assert [name for name in inspect.get_annotations(Settings) if f"`{name}`" not in page] == []


def test_every_action_is_documented() -> None:
    pages = _docs()

    assert [action.name for action in ACTIONS if f"`{action.name}`" not in pages] == []


def test_every_command_is_documented() -> None:
    pages = _docs()

    assert [words for words in _commands(cli, ("ingat",)) if words not in pages] == []


def test_every_command_explains_itself() -> None:
    context = click.Context(cli)
    helps = {name: cli.get_command(context, name) for name in cli.list_commands(context)}

    assert helps
    assert [name for name, command in helps.items() if command is None or not command.get_short_help_str()] == []
