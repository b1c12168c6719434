"""Commands made from the table of actions: words, arguments and options come from the method's signature."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Sequence
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import click
from msgspec import UNSET, UnsetType

from ingat.action import Action
from ingat.actions import ACTIONS, method_of, wrapped
from ingat.cli.command import Argument, Command, Group, Option
from ingat.cli.language import mark
from ingat.cli.run import Run, current_run
from ingat.cli.show import show
from ingat.cli.values import Document, Moment, Object, OneOf, Rows, Whole, merged
from ingat.descriptions import DESCRIPTIONS
from ingat.memory import Memory

TIMES = frozenset({"since", "until", "as_of", "at", "valid_from", "valid_to", "before"})
SHORT = {
    "user_id": "user",
    "session_id": "session",
    "memory_id": "memory",
    "message_id": "message",
    "message_ids": "message",
    "project_id": "project",
    "key_id": "key",
    "snapshot_id": "snapshot",
    "artifact_id": "artifact",
    "operation_id": "operation",
    "other_id": "other",
    "kinds": "kind",
    "attachments": "attachment",
    "users": "user",
    "sessions": "session",
}
"""Names of options and positional arguments where they are not those of the method."""
SWITCHES = {
    "protected": "--protected/--unprotected",
    "descending": "--descending/--ascending",
    "is_auto": "--auto/--manual",
}
DOCUMENTS = frozenset({"state", "snapshot"})
"""Objects that may come from a file or from standard input."""
POSITIONAL = frozenset({("sessions.append", "content")})
"""Arguments with a default that still have a place of their own."""
HELP = {
    "name": mark("a name for people to read"),
    "gender": mark("gender"),
    "product": mark("the product it is about"),
    "address": mark("where the person lives"),
    "language": mark("language of the person, such as id"),
    "description": mark("what the conversation is about"),
    "attachments": mark("an attachment as a JSON object: kind, url, name, caption, …; may be repeated"),
    "data": mark("key=value or a JSON object; may be repeated"),
    "descending": mark("from the greatest to the least"),
    "exclude": mark("id of a message or memory to leave out; may be repeated"),
    "flags": mark("key=value or a JSON object; may be repeated; null takes a key away"),
    "id": mark("an id of your own (for imports)"),
    "kind": mark("the kind of memory"),
    "kinds": mark("only lines of this kind; may be repeated"),
    "message_ids": mark("id of a message that it comes from; may be repeated"),
    "metadata": mark("key=value or a JSON object; may be repeated; null takes a key away"),
    "role": mark("admin, service or user"),
    "slots": mark("key=value or a JSON object; may be repeated; null takes a key away"),
    "state": mark("only sessions in this state"),
    "until": mark("before this time: a date, a date and time, or milliseconds UTC"),
    "since": mark("from this time on: a date, a date and time, or milliseconds UTC"),
    "as_of": mark("as it was at this time: a date, a date and time, or milliseconds UTC"),
    "at": mark("when it was said, for imports: a date, a date and time, or milliseconds UTC"),
    "valid_from": mark("since when it holds: a date, a date and time, or milliseconds UTC"),
    "valid_to": mark("until when it held: a date, a date and time, or milliseconds UTC"),
}
"""What is said of arguments here; where nothing is, ingat.actions.DESCRIPTIONS has the words."""

Performer = Callable[[Run, Memory, dict[str, Any]], Any]


def action_of(words: str) -> Action:
    """Return the first action whose command has these words."""
    return next(action for action in ACTIONS if action.command == words)


def group_of(word: str, summary: str, leave: Sequence[str] = ()) -> Group:
    """Return the group of all commands below a word; `leave` names those that are made by hand."""
    found = dict.fromkeys(action.command for action in ACTIONS if action.command.startswith(word + " "))
    made = [command_of(words) for words in found if words not in leave]
    return Group(word, help=summary, commands=made)


def command_of(words: str, *, name: str | None = None, perform: Performer | None = None) -> Command:
    """Return the command of an action; `perform` calls the method where more than that is needed."""
    action = action_of(words)
    method = method_of(action.name)
    hints = get_type_hints(method)
    shown = [p for p in inspect.signature(method).parameters.values() if p.name not in ("self", "progress")]
    parameters = {p.name: parameter_of(action, p, hints[p.name]) for p in shown}
    optional = {p.name for p in shown if _takes_unset(hints[p.name])}

    def run_it(**values: Any) -> None:
        run, given = current_run(), _given(values, optional)
        with run.memory() as memory:
            result = (perform or _call(action))(run, memory, given)
        deliver(run, action, result)

    return Command(
        name or words.split(" ")[-1], callback=run_it, params=list(parameters.values()), help=action.summary + "."
    )


def deliver(run: Run, action: Action, result: Any) -> None:
    """Show what an action returned, as JSON or for people."""
    if run.json:
        run.print_json(wrapped(action, result))
    else:
        show(run, result, action.wrap)


def bound(memory: Memory, name: str) -> Callable[..., Any]:
    """Return the method of an open memory that an action names."""
    found: Any = memory
    for part in name.split("."):
        found = getattr(found, part)
    method: Callable[..., Any] = found
    return method


def parameter_of(action: Action, parameter: inspect.Parameter, hint: Any) -> click.Parameter:
    """Return the positional argument or option that stands for a parameter of a method."""
    name = parameter.name
    short = SHORT.get(name, name).replace("_", "-")
    text = _help_of(action, name)
    required = parameter.default is inspect.Parameter.empty
    if required or (action.name, name) in POSITIONAL:
        kind = _kind(name, hint)
        return Argument([name], required=required, metavar=_placeholder(short, required), type=kind, help=text)
    if _plain(hint) is bool:
        return _switch(name, parameter.default, text)
    several = _plain(hint) in (dict, list)
    default = parameter.default if isinstance(parameter.default, str | int) and parameter.default != "" else None
    return Option(
        [f"--{short}", name],
        type=_kind(name, hint),
        multiple=several,
        default=() if several else default,
        show_default=default is not None,
        metavar=_metavar(_kind(name, hint), short),
        help=text,
    )


def _help_of(action: Action, name: str) -> str:
    own, general = DESCRIPTIONS.get(f"{action.name}.{name}"), DESCRIPTIONS.get(name)
    if own is not None:
        return str(own.description)
    return HELP.get(name) or (str(general.description) if general is not None else "")


def _metavar(kind: click.ParamType[Any], short: str) -> str | None:
    """Return what stands for an option's value in the help; None where the choices are listed."""
    if isinstance(kind, OneOf):
        return None
    if isinstance(kind, Moment):
        return "TIME"
    if isinstance(kind, Object):
        return "KEY=VALUE|JSON"
    return "N" if isinstance(kind, Whole | Rows) else short.upper()


def _placeholder(short: str, required: bool) -> str:
    return short.upper() if required else f"[{short.upper()}]"


def _switch(name: str, default: Any, text: str) -> Option:
    short, default = name.replace("_", "-"), None if default is UNSET else default
    if default is False and name not in SWITCHES:
        return Option([f"--{short}", name], is_flag=True, default=False, help=text)
    words = SWITCHES.get(name, f"--{short}/--no-{short}")
    return Option([words, name], default=default, show_default=default is not None, help=text)


def _parts(hint: Any) -> list[Any]:
    whole = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    return [part for part in whole if part not in (type(None), UnsetType)]


def _plain(hint: Any) -> Any:
    """Return bool, int, str, dict, list (for sequences) or the Literal that a type is about."""
    part = _parts(hint)[0]
    origin = get_origin(part)
    if origin is None:
        return part
    if origin is Literal:
        return part
    return dict if origin is dict else list


def _kind(name: str, hint: Any) -> click.ParamType[Any]:
    plain, inside = _plain(hint), get_args(_parts(hint)[0])
    if name in TIMES:
        return Moment()
    if plain is dict or name == "attachments":
        return Document() if name in DOCUMENTS else Object()
    if plain is list and get_origin(inside[0]) is Literal:
        return OneOf(get_args(inside[0]))
    if get_origin(plain) is Literal:
        return OneOf(inside)
    if name == "limit" and type(None) in get_args(hint):
        return Rows()
    return Whole() if plain is int else click.STRING


def _takes_unset(hint: Any) -> bool:
    return UnsetType in get_args(hint)


def _given(values: dict[str, Any], optional: set[str]) -> dict[str, Any]:
    """Return the arguments to call with: what was not given is left out; an empty text clears what may be left out."""
    given: dict[str, Any] = {}
    for name, value in values.items():
        if value is None or value is UNSET:
            continue
        if isinstance(value, tuple):
            if not value:
                continue
            held = name in ("flags", "slots", "metadata", "data")
            given[name] = merged(value) if held else list(value)
        else:
            given[name] = None if value == "" and name in optional else value
    return given


def _call(action: Action) -> Performer:
    return lambda run, memory, given: bound(memory, action.name)(**given)
