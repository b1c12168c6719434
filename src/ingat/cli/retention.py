"""`ingat retention`: show and history are nothing but their actions; `set` speaks of its options."""

from __future__ import annotations

from typing import Any

import click

from ingat.cli.generated import bound, command_of, group_of
from ingat.cli.language import mark
from ingat.cli.run import Run
from ingat.core.errors import InvalidSettings
from ingat.core.policy import RetentionPolicy
from ingat.memory import Memory


def _set(run: Run, memory: Memory, given: dict[str, Any]) -> RetentionPolicy:
    if not given:
        raise click.UsageError(
            run.translate("Nothing was given to change; name an option, such as --max-sessions 5000.")
        )
    try:
        policy: RetentionPolicy = bound(memory, "retention.set")(**given)
    except InvalidSettings as error:
        field = str(error.details.get("field", ""))
        option = f"--{field.replace('_', '-')}"
        raise InvalidSettings(error.message.replace(f"retention.{field}", option), **error.details) from error
    return policy


retention = group_of(
    "retention",
    mark("The numbers that say what is archived, pruned or deleted, and when."),
    leave=["retention set"],
)
retention.add_command(command_of("retention set", perform=_set))
