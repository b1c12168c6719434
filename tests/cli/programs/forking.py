"""Runs `ingat` for a shell script, each command in a fork of this process, since starting Python anew takes far longer.

Arguments: two FIFOs. Into the first the script writes, ended by NUL each, the number of its shell, `NAME=VALUE` for
each variable, an empty text, and the words; from the second it reads the exit code.
"""

from __future__ import annotations

import os
import sys
import traceback

from ingat.cli.main import COMMANDS, cli
from ingat.memory import Memory

FLAGS = (os.O_RDONLY, os.O_WRONLY | os.O_APPEND, os.O_WRONLY | os.O_APPEND)


def perform(shell: str, variables: list[str], words: list[str]) -> None:
    """Become a process of that shell, with its folder and streams, and run the command."""
    for number, flags in enumerate(FLAGS):
        os.dup2(os.open(f"/proc/{shell}/fd/{number}", flags), number)
    os.chdir(f"/proc/{shell}/cwd")
    for name, _, value in (each.partition("=") for each in variables):
        os.environ[name] = value
    cli(words)


def main(asked: str, answered: str) -> None:
    context = cli.make_context("ingat", ["users"], resilient_parsing=True)
    for name in COMMANDS:
        cli.get_command(context, name)
    Memory(":memory:").close()
    while True:
        with open(asked, encoding="utf-8") as stream:
            fields = stream.read().split("\0")[:-1]
        if not fields:
            return
        behind = fields.index("")
        child = os.fork()
        if child == 0:
            code = 1
            try:
                perform(fields[0], fields[1:behind], fields[behind + 1 :])
            except SystemExit as end:
                code = int(end.code or 0)
            except BaseException:
                traceback.print_exc()
            finally:
                try:
                    sys.stdout.flush()
                    sys.stderr.flush()
                finally:
                    os._exit(code)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        with open(answered, "w", encoding="utf-8") as stream:
            stream.write(f"{status}\n")


main(*sys.argv[1:])
