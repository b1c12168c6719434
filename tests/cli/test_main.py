"""The command itself: its table, its help, its version and how it ends."""

from __future__ import annotations

import importlib
import subprocess
import sys

import click
import pytest

from ingat import __version__
from ingat.actions import ACTIONS
from ingat.cli.command import summary_of
from ingat.cli.main import COMMANDS, cli
from tests.cli.runner import PROGRAM, Ingat
from tests.engine import store_url

HEAVY = ("numpy", "tokenizers", "starlette", "uvicorn", "rich", "ingat.memory", "ingat.actions")


def find(words: str) -> click.Command | None:
    """Return the command of these words."""
    found: click.Command | None = cli
    for word in words.split():
        assert isinstance(found, click.Group), words
        found = found.get_command(click.Context(found), word)
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_says_what_the_command_says(name: str) -> None:
    command = find(name)

    assert command is not None
    assert (command.name, summary_of(command)) == (name, COMMANDS[name].summary)


@pytest.mark.parametrize("words", sorted({action.command for action in ACTIONS}))
def test_every_action_has_its_command(words: str) -> None:
    command = find(words)

    assert command is not None
    assert summary_of(command)


def test_ctrl_c_while_a_command_is_loaded_says_that_nothing_was_changed(
    ingat: Ingat, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(importlib, "import_module", interrupted)
    result = ingat("move", ingat.url, "sqlite:///other.db")

    assert result.exit_code == 130
    assert "Interrupted before the command began. Nothing was changed; it can be run again." in result.stderr


def test_help_names_every_command(ingat: Ingat) -> None:
    shown = ingat.said("--help")

    assert [name for name in COMMANDS if f"\n  {name} " not in shown] == []


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys; from ingat.cli.main import cli\n"
        "try: cli.main(['--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "print(*sys.modules, sep='\\n', file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert set(done.stderr.split()) & set(HEAVY) == set()


def test_version(ingat: Ingat) -> None:
    assert ingat.said("--version") == f"ingat {__version__}\n"


def test_without_words_it_shows_help_and_ends_as_wrong_use(ingat: Ingat) -> None:
    result = ingat()

    assert (result.exit_code, result.stdout) == (2, "")
    assert "remember" in result.stderr


def test_a_misspelt_command_is_answered_with_the_nearest(ingat: Ingat) -> None:
    result = ingat("usrs", "list")

    assert result.exit_code == 2
    assert "Did you mean: users?" in result.stderr


@pytest.mark.parametrize(
    ("word", "near"), [("serv", "serve"), ("user", "users"), ("mesages", "messages"), ("foo", None), ("shutdown", None)]
)
def test_only_what_is_really_near_is_suggested(ingat: Ingat, word: str, near: str | None) -> None:
    said = ingat(word).stderr

    assert (f"Did you mean: {near}?" in said) if near else ("Did you mean" not in said)


@pytest.mark.parametrize("group", ["users", "import", "keys"])
def test_a_group_alone_shows_its_help_once(ingat: Ingat, group: str) -> None:
    result = ingat(group)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == ingat.said(group, "--help")


def test_a_group_with_options_alone_says_what_is_missing_in_the_readers_language(ingat: Ingat) -> None:
    result = ingat("users", "--lang", "id")

    assert result.exit_code == 2
    assert "Galat: COMMAND belum diberikan.\n" in result.stderr


def test_a_group_alone_tells_programs_what_is_missing(ingat: Ingat) -> None:
    ingat.refused("users", code="usage", exit_code=2)


@pytest.mark.parametrize("words", [["--json", "stats"], ["stats", "--json"]])
def test_shared_options_stand_before_or_after_the_command(ingat: Ingat, words: list[str]) -> None:
    assert '"users":{"total":0}' in ingat.said(*words)


def test_store_option_wins_over_the_environment(ingat: Ingat) -> None:
    ingat.said("users", "save", "budi", "--store", store_url(ingat.folder / "other.db"))

    assert ingat.json("users", "list") == {"users": [], "next": None}


@pytest.mark.sqlite_only("is about the file that is made")
def test_the_store_is_made_where_there_is_none(ingat: Ingat) -> None:
    ingat.said("users", "list")

    assert (ingat.folder / "ingat.db").is_file()


@pytest.mark.parametrize(
    "words", [["users", "list"], ["chat", "--user", "budi"], ["remember", "budi", "likes tea"], ["stats"]]
)
def test_a_store_that_was_made_is_named_once(unmade: Ingat, words: list[str]) -> None:
    first, again = unmade(*words, typed=""), unmade(*words, typed="")

    assert f"A new store was made: {unmade.url}\n" in first.stderr
    assert "new store" not in again.stderr + first.stdout


def test_a_program_is_not_told_of_a_new_store(ingat: Ingat) -> None:
    assert ingat("users", "list", "--json").stderr == ""


def test_a_new_store_is_named_in_the_readers_language(unmade: Ingat) -> None:
    assert f"Penyimpanan baru dibuat: {unmade.url}\n" in unmade("users", "list", "--lang", "id").stderr


def test_a_store_in_memory_is_said_to_go(ingat: Ingat) -> None:
    result = ingat("remember", "budi", "likes tea", "--store", ":memory:")

    assert result.stderr == "This store is gone when the command ends.\n"


@pytest.mark.parametrize("variable", ["INGAT_LANG", "INGAT_PORT"])
def test_a_variable_that_cannot_be_used_is_named(ingat: Ingat, variable: str) -> None:
    result = ingat("users", "list", **{variable: "fr"})

    assert result.exit_code == 1
    assert f"Error: {variable} must be " in result.stderr


def test_a_reader_that_leaves_early_gets_no_complaint(ingat: Ingat) -> None:
    for number in range(40):
        ingat.said("users", "save", f"user-{number}", "--metadata", f"text={'x' * 4_000}")
    command = subprocess.Popen(
        [*PROGRAM, "users", "list", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=ingat.environment(),
    )
    assert command.stdout is not None
    assert command.stderr is not None
    command.stdout.read(1)
    command.stdout.close()

    assert command.stderr.read() == b""
    assert command.wait() == 141
    command.stderr.close()


def test_python_runs_it_as_a_module_too() -> None:
    told = subprocess.run([sys.executable, "-m", "ingat", "--version"], capture_output=True, text=True, check=True)

    assert told.stdout == f"ingat {__version__}\n"
