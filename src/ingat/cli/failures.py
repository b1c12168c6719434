"""Errors as people and programs get them: a sentence on standard error or a JSON object, and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from difflib import get_close_matches
from typing import Any

import click
import msgspec

from ingat.cli.harmless import printable
from ingat.cli.language import mark, translate_in
from ingat.core.errors import IngatError

NEAR = 0.75
"""How alike a mistyped name and a suggested one must be: `usrs` and `users` are, `serv` and `users` are not."""
FAILED, USAGE, INTERRUPTED, PIPE_CLOSED = 1, 2, 130, 141

_SENTENCES = {
    "invalid_input": mark("A value cannot be used; nothing was changed."),
    "invalid_id": mark("An id cannot be used; nothing was changed."),
    "invalid_text": mark("A text cannot be kept; nothing was changed."),
    "empty_content": mark("There is no text; nothing was changed."),
    "content_too_long": mark("A text is too long; nothing was changed."),
    "unknown_role": mark("There is no such role; nothing was changed."),
    "invalid_limit": mark("A number is outside its limits; nothing was changed."),
    "invalid_settings": mark("A setting cannot be used; nothing was changed."),
    "invalid_file": mark("The file cannot be used; nothing was changed."),
    "not_found": mark("There is no such thing; nothing was changed."),
    "user_not_found": mark("There is no such user; nothing was changed."),
    "session_not_found": mark("There is no such session; nothing was changed."),
    "message_not_found": mark("There is no such message; nothing was changed."),
    "memory_not_found": mark("There is no such memory; nothing was changed."),
    "key_not_found": mark("There is no such key; nothing was changed."),
    "snapshot_not_found": mark("There is no such snapshot; nothing was changed."),
    "artifact_not_found": mark("There is no such artifact; nothing was changed."),
    "backup_not_found": mark("There is no such backup or restore point; nothing was changed."),
    "operation_not_found": mark("There is no such operation; nothing was changed."),
    "job_not_found": mark("There is no such job; nothing was changed."),
    "restore_point_missing": mark("The restore point is gone or damaged; nothing was changed."),
    "backup_locked": mark("The copy is encrypted, and the passphrase is missing or another one; nothing was changed."),
    "secret_missing": mark("The key of the ledger of purges is missing or another one; nothing was changed."),
    "conflict": mark("This does not fit the present state; nothing was changed."),
    "alias_taken": mark("The alias already names another user; nothing was changed."),
    "session_exists": mark("A session with that id is already there; nothing was changed."),
    "session_closed": mark("The session is closed: it can be read, not written to; nothing was changed."),
    "session_archived": mark("The session is archived; nothing was changed. Unarchive it first."),
    "protected_user": mark("The user is protected; nothing was deleted. --force, with a reason, deletes all the same."),
    "user_blocked": mark("The user is blocked; nothing was kept."),
    "store_error": mark("The store could not do it; nothing of it was kept."),
    "store_conflict": mark("The store refused a row; nothing of it was kept."),
    "store_busy": mark("Another process holds the store; nothing was kept. Try again."),
    "store_full": mark("The disk is full; nothing of this was kept."),
    "store_read_only": mark("The store cannot be written; nothing was changed."),
    "store_corrupt": mark("The file is not a store of Ingat, or it is damaged; it was left as it is."),
    "store_newer": mark("The store was written by a newer version of Ingat; it was left as it is."),
    "store_unavailable": mark("The store cannot be opened; nothing was changed."),
    "restore_point_failed": mark("No restore point could be made; nothing was deleted."),
    "memory_off": mark("Remembering is switched off; nothing was written."),
    "store_closed": mark("The store is closed; nothing was kept."),
    "unauthorized": mark("The server wants a valid access key; nothing was changed."),
    "forbidden": mark("The access key does not allow this; nothing was changed."),
    "missing_extra": mark("An optional part is not installed; nothing was changed."),
    "hook_failed": mark("A function that takes over loaded snapshots failed; the snapshot is unchanged."),
    "embedder_unavailable": mark("The embedder cannot be used; words still work."),
    "tokenizer_unavailable": mark("The exact tokenizer cannot be used; nothing was changed."),
}
"""What an error means, by its code, in words that have a translation; the details follow in English."""
_OF_SERVER = {
    "store_unavailable": mark("The server {server} cannot be reached, or does not answer as Ingat does."),
    "unauthorized": mark("The server {server} wants a valid access key."),
    "forbidden": mark("The server {server} does not allow this to the access key."),
}
"""The same of errors whose details name a server."""


_NO_COMMAND = "Missing command."
"""What click says of a group that is called with options and without a command."""


class Declined(click.ClickException):
    """Somebody was asked and said no; the message says that nothing was done."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C where more can be said of what was kept than that what was saved stays saved; `told` says it."""

    def __init__(self, told: str) -> None:
        super().__init__(told)
        self.told = told


def report(error: BaseException, context: click.Context | None, *, as_json: bool) -> int:
    """Tell what went wrong and return the exit code.

    With `as_json` the object `{"error": {"code", "message", "details"}}` goes to standard output; else a sentence
    goes to standard error.
    """
    if isinstance(error, IngatError):
        _tell(error.code, error.message, error.details, context, as_json)
        return FAILED
    if isinstance(error, click.exceptions.NoArgsIsHelpError) and not as_json:
        click.echo(error.format_message(), err=True)
        return USAGE
    if isinstance(error, click.UsageError):
        _tell_usage(error, error.ctx or context, as_json)
        return USAGE
    if isinstance(error, Declined) and not as_json:
        click.echo(printable(error.message), err=True)
        return FAILED
    if isinstance(error, click.ClickException):
        _tell("error", error.format_message(), {}, context, as_json)
        return FAILED
    if isinstance(error, KeyboardInterrupt | click.Abort):
        told = _told_of(error) or translate_in(context)("Interrupted. What was saved before stays saved.")
        click.echo("\n" + told, err=True)
        return INTERRUPTED
    traceback.print_exception(error, file=sys.stderr)
    message = f"Unexpected: {type(error).__name__}: {error}"
    _tell("error", message, {}, context, as_json)
    return FAILED


def _told_of(error: BaseException | None) -> str:
    """Return what is said of an interruption; a second Ctrl-C while the first still ends the run changes nothing."""
    while error is not None and not isinstance(error, Interrupted):
        error = error.__context__
    return error.told if error is not None else ""


def _tell(code: str, message: str, details: dict[str, Any], context: click.Context | None, as_json: bool) -> None:
    if as_json:
        click.echo(encode_error(code, message, details))
        return
    _ = translate_in(context)
    server = str(details["server"]) if "server" in details else None
    sentence = (_OF_SERVER if server is not None and code in _OF_SERVER else _SENTENCES).get(code, "")
    translated = _(sentence) if sentence else ""
    if translated != sentence:
        told = f"{_('Error')}: {translated.format(server=server)}\n{_('Details')}: {message}"
    else:
        told = f"{_('Error')}: {message}"
    click.echo(printable(told), err=True)


def reader_left() -> int:
    """Say nothing more, because whoever read the output has closed it; return the exit code."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    return PIPE_CLOSED


def encode_error(code: str, message: str, details: dict[str, Any]) -> bytes:
    """Return the JSON object that tells of an error."""
    inside = {"code": code, "message": message.encode("utf-8", "replace").decode(), "details": details}
    return msgspec.json.encode({"error": inside}, enc_hook=str)


def _tell_usage(error: click.UsageError, context: click.Context | None, as_json: bool) -> None:
    message = _usage_message(error, context)
    if as_json:
        click.echo(encode_error("usage", message, {}))
        return
    _ = translate_in(context)
    if context is not None:
        click.echo(context.get_usage(), err=True)
    click.echo(printable(f"{_('Error')}: {message}"), err=True)
    if context is not None:
        click.echo(_("`{command} --help` explains.").format(command=context.command_path), err=True)


def _usage_message(error: click.UsageError, context: click.Context | None) -> str:
    _ = translate_in(context)
    if isinstance(error, click.NoSuchOption):
        return _("There is no option {name}.").format(name=error.option_name) + _possible(
            _, error.option_name, error.possibilities
        )
    if isinstance(error, click.NoSuchCommand):
        return _("There is no command '{name}'.").format(name=error.command_name) + _possible(
            _, error.command_name, error.possibilities
        )
    if isinstance(error, click.exceptions.NoArgsIsHelpError) or error.message == _NO_COMMAND:
        return _("{name} is missing.").format(name="COMMAND")
    if isinstance(error, click.MissingParameter) and error.param is not None:
        return _("{name} is missing.").format(name=error.param.get_error_hint(context))
    if isinstance(error, click.BadParameter):
        hint = error.param_hint or (error.param.get_error_hint(context) if error.param is not None else None)
        shown = " / ".join(hint) if isinstance(hint, list | tuple) else hint
        return f"{shown}: {error.message}" if shown else error.message
    return error.format_message()


def _possible(translate: Any, wrong: str, names: Any) -> str:
    """Return the question whether a name was meant that is really near; nothing where none is."""
    found = get_close_matches(wrong, sorted(names or ()), cutoff=NEAR)
    return " " + translate("Did you mean: {names}?").format(names=", ".join(found)) if found else ""
