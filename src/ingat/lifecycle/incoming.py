"""Incoming: a file to import, whatever its form, as records one after another. See docs/export.md."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, cast

import msgspec
from msgspec import Raw

from ingat.core.errors import IngatError, InvalidFile, InvalidInput
from ingat.lifecycle.exporting import FORMAT, SECTIONS, VERSION
from ingat.lifecycle.lines import MAX_LINE_BYTES, decode_line, decode_row
from ingat.lifecycle.original import Item, Original

MAX_JSON_BYTES = 1 << 30
"""A JSON object is held in memory, so that a larger one is refused; JSON lines have no limit."""

_MARK = b"\xef\xbb\xbf"
_HEADER_BYTES = 64 << 10
_ORIGINALS = ("chat_messages", "sessions", "logs", "snapshots")
_CHANGED = "The file is not as it was written: it was cut off or changed. Nothing was imported; get it again."


class Incoming:
    """The rows of one file. `items` goes through them once; `notes` and `counts` are there afterwards."""

    def __init__(self, source_file: BinaryIO, now: int) -> None:
        """Raise InvalidFile for what is no export, or one of a newer version."""
        self.notes: list[str] = []
        self._now = now
        self._source = _Counted(source_file)
        self._file = _without_mark(_unpacked(self._source))
        first = _reading(self._file.readline, _HEADER_BYTES)
        header = _header(first)
        if header is not None:
            _check_version(header)
            self.form = "jsonl"
            self._items = self._lines(first)
            return
        document = _document(first + _reading(self._file.read, MAX_JSON_BYTES + 1 - len(first)))
        if "format" in document:
            _check_version({name: _value(document.get(name)) for name in ("format", "version")})
            self.form = "json"
            self._items = self._sections(document)
        elif any(name in document for name in _ORIGINALS):
            self.form = "original"
            self._items = self._original({name: _value(raw) for name, raw in document.items()})
        else:
            raise InvalidFile("The file is no export: it names no format that is known. Nothing was imported.")

    @property
    def size_bytes(self) -> int:
        """What was read of the file so far."""
        return self._source.size

    def items(self) -> Iterator[Item]:
        """Return the rows with their places; what cannot be read comes as an error in its place.

        Raises InvalidFile at the end when counts or checksum do not fit.
        """
        return self._items

    def _lines(self, first: bytes) -> Iterator[Item]:
        checksum, counts, number = hashlib.sha256(first.rstrip(b"\r\n") + b"\n"), dict[str, int](), 1
        while raw := _reading(self._file.readline, MAX_LINE_BYTES + 1):
            number += 1
            if len(raw) > MAX_LINE_BYTES:
                raise InvalidFile(f"Line {number} has more than {MAX_LINE_BYTES} bytes. Nothing was imported.")
            line = raw.rstrip(b"\r\n")
            if not line:
                continue
            end = _end(line)
            if end is not None:
                _check_end(end, counts, checksum.hexdigest())
                return
            checksum.update(line + b"\n")
            try:
                kind, record = decode_line(line, f"line {number}")
                if kind not in SECTIONS:
                    raise InvalidFile(f"line {number}: rows of the kind {kind!r} stand in restore points only.")
            except IngatError as error:
                yield f"line {number}", error
                _count(counts, line)
            else:
                counts[SECTIONS[kind]] = counts.get(SECTIONS[kind], 0) + 1
                yield f"line {number}", record
        raise InvalidFile(f"The file ends without its last line. {_CHANGED}")

    def _sections(self, document: dict[str, Raw]) -> Iterator[Item]:
        counts = {}
        for kind, name in SECTIONS.items():
            rows = _rows(document.pop(name, None), name)
            counts[name] = len(rows)
            rows.reverse()
            for index in range(len(rows)):
                place = f"{name}[{index}]"
                try:
                    yield place, decode_row(kind, rows.pop(), place)
                except IngatError as error:
                    yield place, error
        given = _value(document.get("counts"))
        if given is not None:
            _check_end({"counts": given}, counts, None)

    def _original(self, document: dict[str, Any]) -> Iterator[Item]:
        original = Original(document, self._now)
        yield from original.items()
        self.notes += original.notes


class _Counted:
    """A file whose bytes are counted as they are read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.size = file, 0

    def read(self, size: int) -> bytes:
        found = self._file.read(size)
        self.size += len(found)
        return found


class _Behind(io.RawIOBase):
    """What was read of a file already, and then the rest of it. Closing it leaves the file open."""

    def __init__(self, first: bytes, rest: Any) -> None:
        self._first, self._rest = first, rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._first:
            some, self._first = self._first[: len(buffer)], self._first[len(buffer) :]
        else:
            some = self._rest.read(len(buffer))
        buffer[: len(some)] = some
        return len(some)


def _buffered(first: bytes, rest: Any) -> io.BufferedReader:
    return io.BufferedReader(_Behind(first, rest), 256 << 10)


def _unpacked(source_file: _Counted) -> BinaryIO:
    first = _reading(source_file.read, 2)
    if not isinstance(first, bytes):
        raise InvalidInput("The file to import must be opened for bytes (mode 'rb').")
    whole = _buffered(first, source_file)
    return cast(BinaryIO, gzip.GzipFile(fileobj=whole, mode="rb")) if first == b"\x1f\x8b" else cast(BinaryIO, whole)


def _without_mark(file: BinaryIO) -> BinaryIO:
    first = _reading(file.read, len(_MARK))
    return cast(BinaryIO, _buffered(b"" if first == _MARK else first, file))


def _reading(read: Any, size: int) -> bytes:
    """Read, or raise InvalidFile for a packed file that is damaged."""
    try:
        found: bytes = read(size)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InvalidFile(f"The packed file cannot be read: {error}. Nothing was imported.") from error
    return found


def _header(line: bytes) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) and found.get("kind") == "header" else None


def _end(line: bytes) -> dict[str, Any] | None:
    if b'"end"' not in line or len(line) > _HEADER_BYTES:
        return None
    try:
        found = msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) and found.get("kind") == "end" else None


def _check_version(header: dict[str, Any]) -> None:
    if header.get("format") != FORMAT:
        raise InvalidFile(f"The file has the format {str(header.get('format'))[:64]!r}; {FORMAT!r} can be read.")
    version = header.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise InvalidFile(f"The file has the version {str(version)[:64]!r}, which there is not. Nothing was imported.")
    if version > VERSION:
        raise InvalidFile(
            f"The file was written by a newer version of Ingat (format {version}; this one reads up to {VERSION})."
            " Nothing was imported; install the newer version."
        )


def _check_end(end: dict[str, Any], counts: dict[str, int], checksum: str | None) -> None:
    given = end.get("counts")
    if not isinstance(given, dict) or {k: v for k, v in given.items() if v} != {k: v for k, v in counts.items() if v}:
        raise InvalidFile(f"The file does not hold as many rows as it says. {_CHANGED}", counts=counts)
    if checksum is not None and end.get("sha256") != checksum:
        raise InvalidFile(f"The checksum of the file does not fit. {_CHANGED}")


def _count(counts: dict[str, int], line: bytes) -> None:
    """Count a row that cannot be read, so that the number of rows still fits."""
    try:
        kind = msgspec.json.decode(line, type=dict[str, Raw]).get("kind")
        name = SECTIONS.get(_value(kind)) if kind is not None else None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TypeError):
        return
    if name is not None:
        counts[name] = counts.get(name, 0) + 1


def _document(raw: bytes) -> dict[str, Raw]:
    if len(raw) > MAX_JSON_BYTES:
        raise InvalidFile(
            f"The file is larger than {MAX_JSON_BYTES} bytes, the most for one JSON object. Export it as JSON lines."
        )
    try:
        return msgspec.json.decode(raw, type=dict[str, Raw])
    except UnicodeDecodeError:
        raise InvalidFile("The file is not UTF-8. Nothing was imported.") from None
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InvalidFile(f"The file is no export, or it was cut off: {error}. Nothing was imported.") from None


def _rows(raw: Raw | None, name: str) -> list[Raw]:
    if raw is None:
        return []
    try:
        return msgspec.json.decode(raw, type=list[Raw])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidFile(f"`{name}` cannot be read: {error}. Nothing was imported.") from None


def _value(raw: Raw | None) -> Any:
    if raw is None:
        return None
    try:
        return msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidFile(f"The file cannot be read: {error}. Nothing was imported.") from None
