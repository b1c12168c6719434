"""`ingat chat`: it remembers across runs, says what it keeps, and leaves politely."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pexpect
import pytest

from tests.cli.runner import PROGRAM, Ingat


def talk(ingat: Ingat, *lines: str, words: tuple[str, ...] = ()) -> str:
    result = ingat("chat", "--user", "budi", *words, typed="".join(f"{line}\n" for line in lines))
    assert result.exit_code == 0, result.output
    return result.stdout


def test_it_remembers_across_runs(ingat: Ingat) -> None:
    talk(ingat, "my dog is called Bruno")

    assert "“my dog is called Bruno”" in talk(ingat, "what is my dog called?")


def test_without_a_model_it_says_that_it_quotes(ingat: Ingat) -> None:
    talk(ingat, "my dog is called Bruno")

    assert "No language model is connected" in talk(ingat, "what is my dog called?")


def test_new_keeps_what_was_said_and_says_how_much(ingat: Ingat) -> None:
    shown = talk(ingat, "my dog is called Bruno", "/new", "/recall what is my dog called?")
    states = {session["state"] for session in ingat.json("sessions", "list", "--user", "budi")["sessions"]}

    assert "its 2 messages are kept" in shown
    assert "my dog is called Bruno" in shown
    assert states == {"closed", "active"}


def test_new_with_nothing_before_claims_nothing(ingat: Ingat) -> None:
    assert "there was none to close" in talk(ingat, "/reset")


def test_remember_and_memories(ingat: Ingat) -> None:
    shown = talk(ingat, "/remember likes green tea", "/memories")

    assert shown.startswith("Kept: likes green tea\n")
    assert shown.count("likes green tea") == 2


def test_an_unknown_command_is_not_kept(ingat: Ingat) -> None:
    assert "/recall QUERY" in talk(ingat, "/remeber my password")
    assert ingat.json("stats")["messages"]["total"] == 0


@pytest.mark.parametrize("line", ["/remember", "/recall"])
def test_a_command_without_its_text_is_explained(ingat: Ingat, line: str) -> None:
    assert f"Write it like this: {line} " in talk(ingat, line)


def test_quit_ends_it(ingat: Ingat) -> None:
    assert talk(ingat, "/quit", "my dog is called Bruno") == ""
    assert ingat.json("stats")["messages"]["total"] == 0


def test_an_error_does_not_end_the_conversation(ingat: Ingat) -> None:
    result = ingat("chat", "--user", "budi", typed=f"{'x' * 1_100_000}\n/remember likes tea\n")

    assert result.exit_code == 0
    assert "Error: " in result.stderr
    assert "Kept: likes tea" in result.stdout


def test_json_answers_each_line_with_one_object(ingat: Ingat) -> None:
    lines = talk(ingat, "my dog is called Bruno", "/recall dog", "/nonsense", "/recall", words=("--json",)).splitlines()
    turn, recalled, unknown, wrong = map(json.loads, lines)

    assert turn["question"]["content"] == "my dog is called Bruno"
    assert recalled["hits"][0]["text"] == "my dog is called Bruno"
    assert "/help" in unknown["commands"]
    assert wrong["error"]["code"] == "usage"


def test_without_a_user_it_is_who_is_logged_in(ingat: Ingat) -> None:
    ingat("chat", typed="hello\n", LOGNAME="siti")

    assert [user["user_id"] for user in ingat.json("users", "list")["users"]] == ["siti"]


def test_a_pipe_gets_answers_and_nothing_else(ingat: Ingat) -> None:
    ingat.said("stats")
    done = subprocess.run(
        [*PROGRAM, "chat", "--user", "budi"],
        input=b"hello\n/remember likes tea\n",
        capture_output=True,
        env=ingat.environment(),
        check=True,
    )

    assert len(done.stdout.splitlines()) == 2
    assert done.stderr == b""


@pytest.mark.parametrize(("lines", "code"), [(b"hello\n\xff\n", 1), (b"caf\xe9\nhello\n", 0)])
def test_a_line_that_is_not_utf_8_is_refused_and_not_changed(ingat: Ingat, lines: bytes, code: int) -> None:
    words = [*PROGRAM, "chat", "--user", "budi", "--json"]
    done = subprocess.run(words, input=lines, capture_output=True, env=ingat.environment(), check=False)
    answers = [json.loads(line) for line in done.stdout.splitlines()]

    assert done.returncode == code
    assert [answer["error"]["code"] for answer in answers if "error" in answer] == ["invalid_text"]
    assert [answer["question"]["content"] for answer in answers if "question" in answer] == ["hello"]


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_a_last_line_that_was_refused_fails_the_command(ingat: Ingat, words: list[str]) -> None:
    result = ingat("chat", "--user", "budi", *words, typed=f"hello\n{'x' * 1_100_000}\n\n")

    assert result.exit_code == 1


def test_ctrl_c_in_a_pipe_is_an_interruption(ingat: Ingat) -> None:
    words = [*PROGRAM, "chat", "--user", "budi"]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe, stderr=pipe, env=ingat.environment()) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(b"my dog is called Bruno\n")
        child.stdin.flush()
        child.stdout.readline()
        child.send_signal(signal.SIGINT)
        _, said = child.communicate()

    assert child.returncode == 130
    assert b"Interrupted. What was saved before stays saved." in said
    assert ingat.json("stats")["messages"]["total"] == 2


def test_a_conversation_in_memory_claims_to_keep_nothing(ingat: Ingat) -> None:
    child = terminal(ingat, "--store", ":memory:")
    child.expect("This store is gone when the command ends.")
    child.expect("budi> ")
    child.sendeof()
    child.expect("Until next time. The store was in memory and is gone.")
    child.expect(pexpect.EOF)
    child.close()

    assert child.exitstatus == 0


def terminal(ingat: Ingat, *more: str) -> pexpect.spawn:
    words = [*PROGRAM[1:], "chat", "--user", "budi", *more]
    variables = {**ingat.environment(), "TERM": "xterm"}
    return pexpect.spawn(sys.executable, words, env=variables, encoding="utf-8", timeout=30)


def test_on_a_terminal_it_greets_answers_and_parts(ingat: Ingat) -> None:
    talk(ingat, "my dog is called Bruno")
    child = terminal(ingat)
    child.expect("This conversation goes on: 2 messages so far")
    child.expect("budi> ")
    child.sendline("what is my dog called?")
    child.expect("“my dog is called Bruno”")
    child.expect("budi> ")
    child.sendeof()
    child.expect("Until next time")
    child.expect(pexpect.EOF)
    child.close()

    assert child.exitstatus == 0


def test_ctrl_c_leaves_politely(ingat: Ingat) -> None:
    child = terminal(ingat)
    child.expect("budi> ")
    child.sendintr()
    child.expect("Until next time. Everything that was answered is kept.")
    child.expect(pexpect.EOF)
    child.close()

    assert (child.exitstatus, child.signalstatus) == (0, None)
