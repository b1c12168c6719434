"""What takes long says so on a terminal, and nowhere else."""

from __future__ import annotations

import shlex

import pexpect
import pytest

from tests.cli.runner import PROGRAM, Ingat

UNDER_WAY = [
    (("expire",), "Closing idle sessions and writing summaries"),
    (("retain",), "Applying the retention policy"),
    (("doctor",), "Looking through the store"),
    (("export", "all.json"), "Exporting"),
]


@pytest.mark.parametrize(("words", "title"), UNDER_WAY, ids=lambda item: item[0] if isinstance(item, tuple) else "")
def test_on_a_terminal_it_is_shown_that_something_is_under_way(
    ingat: Ingat, words: tuple[str, ...], title: str
) -> None:
    ingat.said("users", "list")  # makes the store
    variables = {name: value for name, value in ingat.environment().items() if name != "COLUMNS"}
    for more, wanted in [((), True), (("--json", "--force")[: 2 if "export" in words else 1], False)]:
        shown, code = pexpect.run(
            shlex.join([*PROGRAM, *words, *more]),
            env={**variables, "TERM": "xterm"},
            withexitstatus=True,
            encoding="utf-8",
            dimensions=(30, 80),
            timeout=60,
        )
        assert (code, title in shown) == (0, wanted), shown


@pytest.mark.parametrize(("words", "title"), UNDER_WAY, ids=lambda item: item[0] if isinstance(item, tuple) else "")
def test_in_a_pipe_nothing_of_it_is_written(ingat: Ingat, words: tuple[str, ...], title: str) -> None:
    ingat.said("users", "list")  # makes the store
    result = ingat(*words)

    assert result.exit_code == 0
    assert title not in result.stdout + result.stderr
