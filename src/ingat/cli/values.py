"""Kinds of values on the command line: times, objects, limits."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from ingat.cli.language import translate_in
from ingat.core.i18n import Translate


class Moment(click.ParamType[int]):
    """A time: milliseconds UTC, a date, or a date and time; without an offset it is local time."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return milliseconds since 1970 UTC."""
        text = str(value).strip()
        if text.isascii() and text.isdigit():
            return int(text)
        try:
            return int(datetime.fromisoformat(text).astimezone().timestamp() * 1000)
        except (ValueError, OverflowError, OSError):
            message = translate_in(ctx)(
                "{value} is no time. Write a date (2026-05-01), a date and time (2026-05-01T14:30 or with an offset"
                " +07:00), or milliseconds UTC."
            )
            self.fail(message.format(value=repr(text)), param, ctx)


class Object(click.ParamType[dict[str, Any]]):
    """A JSON object, or one `key=value` of it."""

    name = "object"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, Any]:
        """Return the object; the value of `key=value` is JSON where it can be read as such, else text."""
        if isinstance(value, dict):
            return value
        text = str(value)
        if text.lstrip().startswith("{"):
            try:
                return msgspec.json.decode(text, type=dict[str, Any])
            except (msgspec.MsgspecError, UnicodeError) as error:
                message = translate_in(ctx)("{value} is no JSON object: {reason}.")
                self.fail(message.format(value=repr(text), reason=error), param, ctx)
        key, equals, inside = text.partition("=")
        if not equals or not key.strip():
            self.fail(self._refusal(translate_in(ctx)).format(value=repr(text)), param, ctx)
        return {key.strip(): _json_or_text(inside)}

    def _refusal(self, translate: Translate) -> str:
        return translate("{value} is neither key=value nor a JSON object.")


class Document(Object):
    """A JSON object: written out, `@FILE` to read it from a file, or `-` for standard input."""

    name = "document"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> dict[str, Any]:
        """Return the object."""
        text = value
        if isinstance(value, str) and (value == "-" or value.startswith("@")):
            try:
                text = sys.stdin.read() if value == "-" else Path(value[1:]).read_text(encoding="utf-8-sig")
            except (OSError, UnicodeError) as error:
                message = translate_in(ctx)("{value} cannot be read: {reason}.")
                self.fail(message.format(value=repr(value), reason=error), param, ctx)
            if not text.lstrip().startswith("{"):
                self.fail(translate_in(ctx)("{value} holds no JSON object.").format(value=repr(value)), param, ctx)
        return super().convert(text, param, ctx)

    def _refusal(self, translate: Translate) -> str:
        return translate(
            "{value} is neither key=value nor a JSON object. Write the object itself, @FILE to read it from a file, or"
            " - for standard input."
        )


class Seconds(click.ParamType[float]):
    """A time in seconds between two bounds, both included."""

    name = "seconds"

    def __init__(self, least: float, most: float) -> None:
        self._least, self._most = least, most

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds."""
        try:
            seconds = float(value)
        except ValueError:
            seconds = float("nan")
        if not self._least <= seconds <= self._most:
            message = translate_in(ctx)("{value} is no number of seconds from {least} to {most}.")
            told = message.format(value=repr(str(value)), least=f"{self._least:,g}", most=f"{self._most:,g}")
            self.fail(told, param, ctx)
        return seconds


class Rows(click.ParamType[int | None]):
    """A number of rows, or `all`."""

    name = "number|all"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | None:
        """Return the number; None for all."""
        if value is None or str(value).strip().lower() == "all":
            return None
        try:
            return int(value)
        except ValueError:
            message = translate_in(ctx)("{value} is neither a whole number nor the word all.")
            self.fail(message.format(value=repr(value)), param, ctx)


class Whole(click.ParamType[int]):
    """A whole number; its bounds are checked by what it is for."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number."""
        try:
            return int(value)
        except ValueError:
            self.fail(translate_in(ctx)("{value} is no whole number.").format(value=repr(value)), param, ctx)


class OneOf(click.Choice[str]):
    """One of a few words."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the word."""
        if value not in self.choices:
            message = translate_in(ctx)("{value} is none of {choices}.")
            self.fail(message.format(value=repr(value), choices=", ".join(self.choices)), param, ctx)
        return str(value)


def merged(objects: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    """Return one object made of several; a later key wins."""
    return {key: value for each in objects for key, value in each.items()}


def _json_or_text(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError):
        return text
