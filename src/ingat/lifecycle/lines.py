"""Lines: every row that can be carried out of a store and back in, one JSON line each.

A line is `{"kind": "message", "row": {…}}`. The fields of a row are those of its record, so that a file can be read
without this program; times are milliseconds UTC. Unknown fields are kept in the record's `metadata` (of a log entry in
its `data`), so that what a newer version wrote does not vanish.
"""

from __future__ import annotations

from typing import Any, NoReturn

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from ingat.core.artifacts import Artifact
from ingat.core.errors import InvalidFile, InvalidSettings
from ingat.core.logs import LogEntry
from ingat.core.policy import PolicyVersion
from ingat.core.records import MemoryItem, Message, Session, User
from ingat.core.snapshots import Snapshot


class StoredSession(Session, frozen=True, kw_only=True):
    """A session as it is stored: `last_seq` is the place of its last message, `tokens` the sum of its messages'.

    `active_at` is when the last message came, or the session began; `reopened_at` when it was last brought back, from
    where on it is idle.
    """

    last_seq: int = 0
    tokens: int = 0
    active_at: int
    reopened_at: int | None = None


class Expiry(Struct, frozen=True, kw_only=True):
    """That a session was closed by expiry or reset. `done_at` is None until its summary `memory_id` is written.

    `next_id` is the session that a reset opened.
    """

    session_id: str
    cause: str
    expired_at: int
    done_at: int | None = None
    memory_id: str | None = None
    next_id: str | None = None
    attempts: int = 0
    error: str | None = None


class FilePiece(Struct, frozen=True, kw_only=True):
    """A piece of the bytes of an artifact's file, base64 in a line; the first has the `index` 0.

    `sha256` is that of the whole file. The pieces of a file stand together, in order, behind all artifacts. A file
    without bytes has one piece.
    """

    sha256: str
    index: int
    data: bytes


class Added(Struct, frozen=True, kw_only=True):
    """That an operation put a row, so that undoing it takes the row away; only in restore points.

    `of` is the kind of the row. With `replaced` the line before is the row as it was. `content` tells whether the row
    has changed since, `exact` also of a session whether its sums have: see lifecycle.plan.
    """

    of: str
    user_id: str | None = None
    id: str
    replaced: bool = False
    content: str
    exact: str


Record = (
    User
    | StoredSession
    | Message
    | MemoryItem
    | Expiry
    | Snapshot
    | Artifact
    | FilePiece
    | LogEntry
    | PolicyVersion
    | Added
)

KINDS: dict[str, type[Record]] = {
    "user": User,
    "session": StoredSession,
    "message": Message,
    "memory": MemoryItem,
    "expiry": Expiry,
    "snapshot": Snapshot,
    "artifact": Artifact,
    "file": FilePiece,
    "log": LogEntry,
    "policy": PolicyVersion,
    "added": Added,
}
"""The kinds of lines, in the order in which they stand in a file: what is referred to comes first."""

MAX_LINE_BYTES = 64 << 20
"""A longer line is refused: no row is as large."""


class _Envelope(Struct, frozen=True):
    kind: str
    row: Raw


_envelope = msgspec.json.Decoder(_Envelope)
_rows = {kind: msgspec.json.Decoder(record) for kind, record in KINDS.items()}
_fields = msgspec.json.Decoder(dict[str, Raw])
_attachments = msgspec.json.Decoder(list[dict[str, Any]])
_KNOWN = {kind: frozenset(record.__struct_fields__) for kind, record in KINDS.items()}
_HEADS = {kind: b'{"kind":"' + kind.encode() + b'","row":' for kind in KINDS}
_encoder = msgspec.json.Encoder()


def encode_row(record: Record) -> bytes:
    """Return a record as a JSON object on one line."""
    return _encoder.encode(record)


def encode_line(kind: str, record: Record) -> bytes:
    """Return a record as one JSON line, its line end included."""
    return _HEADS[kind] + _encoder.encode(record) + b"}\n"


def decode_line(raw: bytes, place: str = "") -> tuple[str, Record]:
    """Return what a line says, or raise InvalidFile; `place` says where it stands, as in `line 17`.

    Types are strict. Only what is wrong by itself is found: limits and references are for the caller to check.
    """
    try:
        line = _envelope.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        _refuse(place, str(error))
    return line.kind, decode_row(line.kind, bytes(line.row), place)


def decode_row(kind: str, raw: bytes | Raw, place: str = "") -> Record:
    """Return the record that a JSON object says, as `decode_line`."""
    if kind not in KINDS:
        _refuse(place, f"there is no kind of row {kind[:64]!r}")
    try:
        record: Record = _rows[kind].decode(raw)
        given = _fields.decode(raw)
        unknown = {name: msgspec.json.decode(given[name]) for name in given.keys() - _KNOWN[kind]}
        if isinstance(record, Message) and record.attachments:
            record = _with_unknown_of_attachments(record, given["attachments"])
    except (msgspec.MsgspecError, InvalidSettings, UnicodeDecodeError, RecursionError) as error:
        _refuse(place, str(error).rstrip("."), kind)
    return _keeping(record, unknown) if unknown else record


def _keeping(record: Record, unknown: dict[str, Any]) -> Record:
    """Return the record with fields that it does not have put where it has room for them."""
    if isinstance(record, LogEntry):
        return replace(record, data={**unknown, **record.data})
    if isinstance(record, Expiry | PolicyVersion | FilePiece | Added):
        return record
    return replace(record, metadata={**unknown, **record.metadata})


def _with_unknown_of_attachments(message: Message, raw: Raw) -> Message:
    found = []
    for attachment, given in zip(message.attachments, _attachments.decode(raw), strict=True):
        unknown = {name: given[name] for name in given.keys() - set(attachment.__struct_fields__)}
        found.append(replace(attachment, metadata={**unknown, **attachment.metadata}) if unknown else attachment)
    return replace(message, attachments=tuple(found))


def _refuse(place: str, problem: str, kind: str = "") -> NoReturn:
    where = ", ".join(part for part in (place, kind) if part)
    said = f"{where}: {problem}." if where else f"The line cannot be read: {problem}."
    raise InvalidFile(said, place=place) from None
