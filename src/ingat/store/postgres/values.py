"""Values: how what a column holds goes to PostgreSQL and comes back as the same Python value as from SQLite."""

from __future__ import annotations

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap, Dumper, Loader
from psycopg.pq import Format
from psycopg.types.numeric import Int8Dumper, NumericBinaryLoader
from psycopg.types.string import StrDumper

_TEXTS = ("text", "varchar", "bpchar", "name")
_ESCAPE, _NUL, _ITSELF = "\ufdd0", "\ufdd0n", "\ufdd0e"
"""A character that Unicode keeps for programs' own use stands before what a text cannot hold here."""


class _BoolDumper(Dumper):
    """A truth value, which the contract's columns keep as 0 or 1."""

    oid = Int8Dumper.oid

    def dump(self, obj: bool) -> Buffer:
        return b"1" if obj else b"0"


class _TextDumper(StrDumper):
    """A text; PostgreSQL takes no NUL, so that it is escaped."""

    def dump(self, obj: str) -> Buffer | None:
        if "\0" in obj or _ESCAPE in obj:
            obj = obj.replace(_ESCAPE, _ITSELF).replace("\0", _NUL)
        return super().dump(obj)


class _TextLoader(Loader):
    """A text, with what was escaped as it was."""

    format = Format.TEXT

    def load(self, data: Buffer) -> str:
        text = str(data, "utf-8")
        return text.replace(_NUL, "\0").replace(_ITSELF, _ESCAPE) if _ESCAPE in text else text


class _BinaryTextLoader(_TextLoader):
    format = Format.BINARY


class _NumericLoader(Loader):
    """The sum or the mean of whole numbers: an int where it is whole."""

    name, format = "numeric", Format.TEXT

    def load(self, data: Buffer) -> int | float:
        text = str(data, "ascii")
        return float(text) if "." in text else int(text)


class _BinaryNumericLoader(NumericBinaryLoader):
    """The same of an answer in binary."""

    name = "numeric"

    def load(self, data: Buffer) -> int | float:  # type: ignore[override]
        number = super().load(data)
        return int(number) if number.as_tuple().exponent == 0 else float(number)


class _BoolLoader(Loader):
    """The value of a comparison."""

    name, format = "bool", Format.TEXT

    def load(self, data: Buffer) -> int:
        return 1 if bytes(data) == b"t" else 0


class _BinaryBoolLoader(Loader):
    """The same of an answer in binary."""

    name, format = "bool", Format.BINARY

    def load(self, data: Buffer) -> int:
        return bytes(data)[0]


class Values:
    """The values of the contract: int (8 bytes), str, float, bytes and None; the `context` of `psycopg.connect`."""

    connection = None

    def __init__(self) -> None:
        adapters = self.adapters = AdaptersMap(psycopg.adapters)
        adapters.register_dumper(int, Int8Dumper)
        adapters.register_dumper(bool, _BoolDumper)
        adapters.register_dumper(str, _TextDumper)
        for name in _TEXTS:
            adapters.register_loader(name, _TextLoader)
            adapters.register_loader(name, _BinaryTextLoader)
        for loader in (_NumericLoader, _BinaryNumericLoader, _BoolLoader, _BinaryBoolLoader):
            adapters.register_loader(loader.name, loader)
