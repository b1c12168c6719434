"""`ingat operations`, `ingat undo` and `ingat redo`: what was done, back and forth."""

from __future__ import annotations

from typing import Any

from ingat.cli.command import Argument, Command
from ingat.cli.generated import Performer, bound, command_of, group_of
from ingat.cli.language import mark
from ingat.cli.run import Run
from ingat.core.errors import ProtectedUser
from ingat.memory import Memory


def _stepping(word: str) -> Command:
    """Return a command that names an operation, or leaves it to the program which one is meant."""
    command = command_of(word, perform=_step(word))
    (operation,) = (each for each in command.params if each.name == "operation_id")
    place = command.params.index(operation)
    command.params[place] = Argument(
        ["operation_id"],
        required=False,
        metavar="[OPERATION]",
        help=mark("id of the operation; left out, the last one"),
    )
    return command


def _step(word: str) -> Performer:
    """Return what calls the method, with an error that names the option where a user is protected."""

    def perform(run: Run, memory: Memory, given: dict[str, Any]) -> Any:
        try:
            return bound(memory, word)(**given)
        except ProtectedUser as error:
            message = error.message.replace("`force` overrides it", "--force undoes it all the same").replace(
                "`force` with a reason overrides it", "--force deletes it all the same"
            )
            raise ProtectedUser(message, **error.details) from error

    return perform


operations = group_of("operations", mark("What was deleted or restored, by whom and why."))
undo = _stepping("undo")
redo = _stepping("redo")
