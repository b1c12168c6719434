"""Copy file: the format of backups and restore points, which is the same on every engine.

A file is gzip (RFC 1952) of JSON lines: a manifest, the rows as lifecycle.lines writes them, and a seal with their
numbers and SHA-256. The seal is a gzip member of its own, and an empty member of 34 bytes behind it says where it
begins, so that a listing need not unpack the rows; `zcat` sees one text. A file without that last member, as earlier
versions wrote it, reads as well, only its listing does not know the numbers.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import struct
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import BinaryIO, Protocol

import msgspec
from msgspec import Struct

from ingat.core.errors import IngatError
from ingat.lifecycle.lines import Record, decode_line, encode_line

Line = tuple[str, Record]
"""A row with its kind: see lifecycle.lines."""

FORMAT = "ingat-restore-point"
VERSION = 1
WHOLE = "backup"
"""The scope of a copy of the whole store."""

_PIECE_BYTES = 1 << 16
_LEVEL = 5
_HEAD = b"\x1f\x8b\x08\x04\0\0\0\0\0\xff\x0c\0Ig\x08\0"
_TAIL = b"\x03\0" + b"\0" * 8
_MARK_BYTES = len(_HEAD) + 8 + len(_TAIL)
_SEAL = b'{"line":"end"'
_MOST_SEAL_BYTES = 1 << 16
UNREADABLE = (OSError, EOFError, zlib.error)
"""What a file that is not what it was may raise when it is unpacked; besides Damaged."""


class Manifest(Struct, frozen=True, kw_only=True, tag_field="line", tag="manifest"):
    """The first line of a restore point: what it is, and why it was taken. `created_at` is milliseconds UTC.

    `schema` is the number of the newest schema file of the store that the rows were in, `store` the random id of that
    store (empty in files of earlier versions). The scope of a copy of the whole store is `backup`.
    """

    format: str = FORMAT
    version: int = VERSION
    schema: int
    created_at: int
    reason: str
    actor: str
    scope: str
    target: str | None
    store: str = ""


class Seal(Struct, frozen=True, kw_only=True, tag_field="line", tag="end"):
    """The last line: how many rows of each kind there are, and the SHA-256 of all lines before it."""

    counts: dict[str, int]
    sha256: str


class Damaged(Exception):
    """What is read back is not a whole copy."""


class Sink(Protocol):
    """Where a file is written to; `tell` says how many bytes that were."""

    def write(self, data: bytes, /) -> int | None:
        """Take all of the bytes."""
        ...

    def tell(self) -> int:
        """Return how many bytes were written."""
        ...


_manifest = msgspec.json.Decoder(Manifest)
_seal = msgspec.json.Decoder(Seal)


def write_copy(sink: Sink, lines: Iterable[Line], manifest: Manifest) -> Seal:
    """Write a whole file, holding one line and 64 KiB at a time, and return its seal."""
    digest, counts = hashlib.sha256(), Counter[str]()
    with _packing(sink) as packed:
        piece = bytearray(msgspec.json.encode(manifest) + b"\n")
        for kind, record in lines:
            piece += encode_line(kind, record)
            counts[kind] += 1
            if len(piece) >= _PIECE_BYTES:
                digest.update(piece)
                packed.write(piece)
                piece.clear()
        digest.update(piece)
        packed.write(piece)
    place, seal = sink.tell(), Seal(counts=dict(counts), sha256=digest.hexdigest())
    with _packing(sink) as packed:
        packed.write(msgspec.json.encode(seal) + b"\n")
    sink.write(_HEAD + struct.pack("<Q", place) + _TAIL)
    return seal


def check_copy(file: BinaryIO) -> tuple[Manifest, Seal]:
    """Read a file from end to end and return its manifest and seal, when its lines are what the seal says.

    Damaged when they are not, and whatever UNREADABLE names.
    """
    digest, counts = hashlib.sha256(), Counter[str]()
    with _unpacking(file) as lines:
        held = lines.readline()
        manifest = _manifest_of(held)
        digest.update(held)
        held = lines.readline()
        for raw in lines:
            try:
                counts[decode_line(held)[0]] += 1
            except (IngatError, msgspec.MsgspecError) as error:
                raise Damaged(f"a line cannot be read: {error}") from error
            digest.update(held)
            held = raw
    seal = _seal_of(held)
    if seal.sha256 != digest.hexdigest() or seal.counts != dict(counts):
        raise Damaged("its lines do not have the checksum that it names")
    return manifest, seal


def lines_of(file: BinaryIO) -> Iterator[Line]:
    """Return the rows of a file that was checked, one by one."""
    with _unpacking(file) as lines:
        lines.readline()
        held = lines.readline()
        for raw in lines:
            yield decode_line(held)
            held = raw


def same_rows(one: BinaryIO, other: BinaryIO) -> bool:
    """Whether two files hold the same rows, in the same order, of the same schema; each is read to its end.

    Damaged, and whatever UNREADABLE names, when one of them cannot be read.
    """
    with _unpacking(one) as these, _unpacking(other) as those:
        if _manifest_of(these.readline()).schema != _manifest_of(those.readline()).schema:
            return False
        while (this := these.readline()) == (that := those.readline()):
            if not this:
                raise Damaged("its end is missing")
        if not (this.startswith(_SEAL) and that.startswith(_SEAL)):
            return False
        return _seal_of(this).counts == _seal_of(that).counts and not (these.readline() or those.readline())


def glance(file: BinaryIO) -> tuple[Manifest, Seal | None]:
    """Return what a file says of itself at both ends, unread between; no seal when an earlier version wrote it.

    Damaged, and whatever UNREADABLE names, when not even these can be read. Nothing is proved: see `check_copy`.
    """
    end = file.seek(0, io.SEEK_END)
    file.seek(0)
    with _unpacking(file) as lines:
        manifest = _manifest_of(lines.readline())
    if end < _MARK_BYTES:
        return manifest, None
    file.seek(end - _MARK_BYTES)
    mark = file.read(_MARK_BYTES)
    if not (mark.startswith(_HEAD) and mark.endswith(_TAIL)):
        return manifest, None
    (place,) = struct.unpack("<Q", mark[len(_HEAD) : len(_HEAD) + 8])
    if not 0 < end - _MARK_BYTES - place <= _MOST_SEAL_BYTES:
        raise Damaged("its end does not say where its seal is")
    file.seek(place)
    return manifest, _seal_of(gzip.decompress(file.read(end - _MARK_BYTES - place)))


def _packing(sink: Sink) -> gzip.GzipFile:
    return gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=sink, mtime=0)  # type: ignore[call-overload,no-any-return]


def _unpacking(file: BinaryIO) -> gzip.GzipFile:
    return gzip.GzipFile(mode="rb", fileobj=file)


def _manifest_of(raw: bytes) -> Manifest:
    try:
        manifest = _manifest.decode(raw)
    except (msgspec.MsgspecError, UnicodeError):
        raise Damaged("it does not begin with a manifest") from None
    if manifest.format != FORMAT or manifest.version > VERSION:
        raise Damaged(f"its format is {manifest.format} {manifest.version}; known is {FORMAT} {VERSION}")
    return manifest


def _seal_of(raw: bytes) -> Seal:
    try:
        return _seal.decode(raw)
    except (msgspec.MsgspecError, UnicodeError):
        raise Damaged("its end is missing") from None
