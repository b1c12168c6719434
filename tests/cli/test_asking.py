"""Questions before what goes away: one way to ask, in every language, and the truth when the answer is no."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress

import pytest

from tests.cli.runner import PROGRAM, Ingat
from tests.cli.test_erase import asked, there

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such terminals")


@pytest.fixture
def session(ingat: Ingat) -> str:
    """A session of Budi."""
    made: str = ingat.json("sessions", "create", "--user", "budi", "--name", "Repair")["id"]
    return made


@pytest.mark.parametrize("answer", ["y", "Yes", "ya"])
def test_yes_may_be_said_in_both_languages(ingat: Ingat, session: str, answer: str) -> None:
    done = asked(ingat, "erase", "session", session, "--lang", "id", typed=f"{answer}\n")

    assert done.returncode == 0, done.stderr
    assert not there(ingat, session)


@pytest.mark.parametrize("answer", ["n", "no", "tidak", ""], ids=["n", "no", "tidak", "enter"])
def test_no_is_no_error(ingat: Ingat, session: str, answer: str) -> None:
    done = asked(ingat, "erase", "session", session, typed=f"{answer}\n")

    assert done.returncode == 1
    assert done.stderr.endswith("Nothing was deleted.\n")
    assert "Error" not in done.stderr
    assert there(ingat, session)


def test_another_answer_is_asked_for_again(ingat: Ingat, session: str) -> None:
    done = asked(ingat, "erase", "session", session, typed="maybe\ny\n")

    assert "Please answer y or n." in done.stderr
    assert done.returncode == 0


def test_ctrl_c_at_a_question_says_that_nothing_was_deleted(ingat: Ingat, session: str) -> None:
    keyboard, terminal = os.openpty()
    words = [*PROGRAM, "erase", "session", session]
    with subprocess.Popen(words, stdin=terminal, stderr=subprocess.PIPE, text=True, env=ingat.environment()) as running:
        assert running.stderr is not None
        seen = ""
        while "[y/N]" not in seen:
            seen += running.stderr.read(1)
        running.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            running.wait(2)
        if running.poll() is None:  # Python saw the signal just before it waited for a key, and waits: press it again
            running.send_signal(signal.SIGINT)
        told = running.stderr.read()
    os.close(keyboard)
    os.close(terminal)

    assert told.strip(": \n") == "Nothing was deleted."
    assert running.returncode == 130
    assert there(ingat, session)
