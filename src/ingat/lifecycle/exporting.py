"""Exporting: records written as one JSON object, or as JSON lines, which can be read piece by piece: docs/export.md."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, Literal

import msgspec

from ingat.core.dates import iso_time
from ingat.core.reports import ExportReport
from ingat.lifecycle.lines import Record, encode_line, encode_row

ExportFormat = Literal["json", "jsonl"]

FORMAT, VERSION = "ingat-export", 1
"""What a file says of itself; the version grows when an older program could not read it any more."""
SECTIONS = {
    "user": "users",
    "session": "sessions",
    "message": "messages",
    "memory": "memories",
    "expiry": "expiries",
    "snapshot": "snapshots",
    "artifact": "artifacts",
    "file": "file_pieces",
    "log": "logs",
    "policy": "retention_policies",
}
"""The names of the lists, by the kind of the rows in them."""
PIECE_BYTES = 256 << 10

Kinds = Iterator[tuple[str, Iterator[Record]]]


class Pieces:
    """Gathers what is written into pieces, and counts bytes."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write, self._held, self._size = write, bytearray(), 0
        self.sum = hashlib.sha256()

    @property
    def size_bytes(self) -> int:
        """What was written so far."""
        return self._size + len(self._held)

    def add(self, raw: bytes) -> None:
        """Write bytes, soon."""
        self._held += raw
        if len(self._held) >= PIECE_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what is held."""
        if self._held:
            piece = bytes(self._held)
            self._held.clear()
            self._size += len(piece)
            self._write(piece)

    def digest(self, raw: bytes) -> None:
        """Write bytes that count for the checksum."""
        self.sum.update(raw)
        self.add(raw)


def head(now: int, user_id: str | None) -> dict[str, Any]:
    """Return what a file says of itself before its rows."""
    return {"format": FORMAT, "version": VERSION, "exported_at": iso_time(now), "user_id": user_id}


def write_json(kinds: Kinds, about: dict[str, Any], write: Callable[[bytes], object]) -> ExportReport:
    """Write one JSON object with a list for each kind of row, each row on a line of its own."""
    pieces, counts = Pieces(write), dict.fromkeys(SECTIONS.values(), 0)
    pieces.add(msgspec.json.encode(about)[:-1])
    for kind, records in kinds:
        name = SECTIONS[kind]
        pieces.add(f',\n"{name}":['.encode())
        for record in records:
            pieces.add((b",\n" if counts[name] else b"\n") + encode_row(record))
            counts[name] += 1
        pieces.add(b"]")
    pieces.add(b',\n"counts":' + msgspec.json.encode(counts) + b"}\n")
    pieces.flush()
    return ExportReport(counts=counts, size_bytes=pieces.size_bytes)


def write_lines(kinds: Kinds, about: dict[str, Any], write: Callable[[bytes], object]) -> ExportReport:
    """Write a header, a line for each row, and an end with counts and the checksum of all lines before it."""
    pieces, counts = Pieces(write), dict.fromkeys(SECTIONS.values(), 0)
    pieces.digest(msgspec.json.encode({"kind": "header", **about}) + b"\n")
    for kind, records in kinds:
        for record in records:
            pieces.digest(encode_line(kind, record))
            counts[SECTIONS[kind]] += 1
    end = {"kind": "end", "counts": counts, "sha256": pieces.sum.hexdigest()}
    pieces.add(msgspec.json.encode(end) + b"\n")
    pieces.flush()
    return ExportReport(counts=counts, size_bytes=pieces.size_bytes)
