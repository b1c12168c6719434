"""Spool: rows that wait for their transaction, in memory up to a bound and beyond it in a temporary file."""

from __future__ import annotations

import errno
import struct
from collections.abc import Callable, Iterator
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import IO, Any, Generic, NamedTuple, Self, TypeVar, cast

import msgspec

from ingat.core.errors import StoreFull
from ingat.lifecycle.lines import KINDS, Record
from ingat.lifecycle.put import Ready
from ingat.search.entry import Terms

T = TypeVar("T")

SPOOL_BYTES = 16 << 20
"""What is held in memory; more waits in a temporary file."""

_LENGTH = struct.Struct("<I")
_packed = msgspec.msgpack.Encoder()
_NAMES = {record: kind for kind, record in KINDS.items()}
_records: dict[str, msgspec.msgpack.Decoder[Record]] = {
    kind: msgspec.msgpack.Decoder(record) for kind, record in KINDS.items()
}


class _Held(NamedTuple):
    kind: str
    record: msgspec.Raw
    terms: Terms | None


class Spool(Generic[T]):
    """Named tuples of one type, in the order in which they were added. A context manager; read as often as needed."""

    def __init__(self, kind: Any, make: Callable[..., T]) -> None:
        """`kind` is the type of the tuples that are kept; `make` makes a value of their parts."""
        self._file = cast(IO[bytes], SpooledTemporaryFile(SPOOL_BYTES, mode="w+b"))  # noqa: SIM115  # closed by `close`
        self._decoder, self._make = msgspec.msgpack.Decoder(kind), make
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, value: T) -> None:
        """Put a value behind the others; StoreFull when there is no room for it."""
        raw = _packed.encode(value)
        try:
            self._file.write(_LENGTH.pack(len(raw)))
            self._file.write(raw)
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StoreFull(
                    "The disk is full: a temporary file could not be written. Nothing was changed; make room and try it"
                    " again."
                ) from error
            raise
        self._count += 1

    def __iter__(self) -> Iterator[T]:
        """Return the values from the first on; nothing may be added meanwhile, and one reader reads at a time."""
        self._file.seek(0)
        for _ in range(self._count):
            (size,) = _LENGTH.unpack(self._file.read(_LENGTH.size))
            yield self._make(*self._decoder.decode(self._file.read(size)))

    def clear(self) -> None:
        """Forget all of the values."""
        self._file.seek(0)
        self._file.truncate()
        self._count = 0

    def close(self) -> None:
        """Give the room back."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class ReadySpool:
    """Rows as they can be put (see lifecycle.put), of any kinds, in order. A context manager, as Spool."""

    def __init__(self) -> None:
        self._spool: Spool[_Held] = Spool(tuple[str, msgspec.Raw, Terms | None], _Held)

    def add(self, ready: Ready) -> None:
        """Put a row behind the others."""
        raw = msgspec.Raw(_packed.encode(ready.record))
        self._spool.add(_Held(_NAMES[type(ready.record)], raw, ready.terms))

    def __len__(self) -> int:
        return len(self._spool)

    def __iter__(self) -> Iterator[Ready]:
        return (Ready(_records[kind].decode(raw), terms) for kind, raw, terms in self._spool)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._spool.close()
