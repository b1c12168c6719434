"""`ingat artifacts`: files are kept with what is known of them, listed, shown, and written out again."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import click

from ingat.cli.command import Argument, Command, Group, Option
from ingat.cli.generated import action_of, command_of, deliver
from ingat.cli.language import mark
from ingat.cli.progress import busy
from ingat.cli.run import current_run
from ingat.cli.transfer import STANDARD, new_file, write_out
from ingat.cli.values import Object, merged
from ingat.core.errors import InvalidFile, InvalidInput


def _save(path: str, name: str | None, **given: Any) -> None:
    run = current_run()
    if path == STANDARD and name is None:
        raise click.UsageError(run.translate("What comes from standard input has no name: give it one with --name."))
    for field in ("metrics", "metadata"):
        given[field] = merged(given[field])
    with _opened(path) as file, run.memory() as memory, busy(run, run.translate("Saving")):
        artifact = memory.artifacts.save(file, name=Path(path).name if name is None else name, **given)
    deliver(run, action_of("artifacts save"), artifact)


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO]:
    if path == STANDARD:
        yield sys.stdin.buffer
        return
    try:
        file = open(path, "rb")  # noqa: SIM115  # closed below; only errors of opening are told here
    except OSError as error:
        raise InvalidFile(f"The file {path} cannot be read: {error.strerror or error}. Nothing was saved.") from error
    with file:
        yield file


def _read(artifact_id: str, output: str, user_id: str | None, force: bool) -> None:
    run = current_run()
    if output == STANDARD:
        with run.memory() as memory:
            memory.artifacts.read(write_out, artifact_id, user_id=user_id)
        sys.stdout.buffer.flush()
        return
    path = Path(output)
    if path.exists() and not path.is_file():
        raise InvalidInput(f"{output} is a folder or a device; nothing was written. Name a file, or - for output.")
    if path.exists() and not force:
        raise InvalidInput(f"The file {output} is there already; nothing was written. --force writes it anew.")
    with run.memory() as memory:
        memory.artifacts.get(artifact_id, user_id=user_id)
        with new_file(path, packed=False) as write, busy(run, run.translate("Writing")):
            artifact = memory.artifacts.read(write, artifact_id, user_id=user_id)
    if run.json:
        run.print_json({"artifact": artifact, "file": str(path)})
    else:
        size = run.translate("{number} bytes").format(number=f"{artifact.size_bytes:,}")
        run.say(run.translate("Written to {file}: {size}.").format(file=path, size=size))


_USER = mark("only one of this user")
save = Command(
    "save",
    callback=_save,
    help=mark("Keep a file: a dataset, a model, a preprocessor, a vector store."),
    params=[
        Argument(["path"], metavar="PATH", help=mark("the file; - is standard input")),
        Option(["--name"], metavar="NAME", help=mark("its name; by default that of the file")),
        Option(
            ["--kind"],
            default="file",
            show_default=True,
            metavar="KIND",
            help=mark("what it is: dataset, model, preprocessor, vector_store, or a word of your own"),
        ),
        Option(["--user", "user_id"], metavar="USER", help=mark("whose it is")),
        Option(["--session", "session_id"], metavar="SESSION", help=mark("the session that made it or was given it")),
        Option(["--media-type"], metavar="TYPE", help=mark("what kind of file it is, such as text/csv")),
        Option(
            ["--metrics"],
            multiple=True,
            type=Object(),
            metavar="KEY=VALUE|JSON",
            help=mark("what was measured of it: key=value or a JSON object; may be repeated"),
        ),
        Option(
            ["--metadata"],
            multiple=True,
            type=Object(),
            metavar="KEY=VALUE|JSON",
            help=mark("key=value or a JSON object; may be repeated"),
        ),
    ],
)
read = Command(
    "read",
    callback=_read,
    help=mark("Write the bytes of an artifact to a file."),
    params=[
        Argument(["artifact_id"], metavar="ARTIFACT", help=mark("id of the artifact")),
        Option(
            ["--output"],
            required=True,
            metavar="FILE",
            help=mark("where to; - is standard output"),
        ),
        Option(["--user", "user_id"], metavar="USER", help=_USER),
        Option(["--force"], is_flag=True, default=False, help=mark("write a file anew that is there already")),
    ],
)
artifacts = Group(
    "artifacts",
    help=mark("Files of sessions: datasets, models, preprocessors, vector stores."),
    commands=[save, command_of("artifacts list"), command_of("artifacts show"), read],
)
