"""Export and import of everything in the wire format: one text of JSON, which therefore is bounded."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from ingat.api.answer import encode
from ingat.api.original.answers import DataJson, Imported
from ingat.api.original.asked import Asked, UserId
from ingat.api.original.caller import Caller, every, newest_first
from ingat.api.original.ids import LOG, MESSAGE, SESSION, SNAPSHOT, shown, stored_as
from ingat.api.original.shapes import log_shape, message_shape, session_shape, snapshot_shape
from ingat.core import clock
from ingat.core.dates import iso_time
from ingat.core.errors import ContentTooLong, InvalidFile
from ingat.core.policy import RetentionPolicy
from ingat.core.records import Session
from ingat.core.states import FORMAT_VERSION

MOST_BYTES = 32 << 20
"""Bytes of one export; more is for `/v1/export`, which is a stream."""


class ExportAll(Asked, tag="export_all"):
    """Everything that this key may see, as a text of JSON."""

    user_id: UserId | None = None


class ImportAll(Asked, tag="import_all"):
    """Check an export as a whole, then merge it."""

    data_json: str


class Written:
    """The rows of an export as JSON, which together may take so many bytes."""

    def __init__(self) -> None:
        self._left = MOST_BYTES

    def rows(self, shapes: Iterable[Any]) -> list[msgspec.Raw]:
        """Return the shapes as JSON, or raise ContentTooLong."""
        found = []
        for shape in shapes:
            row = encode(shape)
            self._left -= len(row)
            if self._left < 0:
                raise ContentTooLong(
                    f"The export takes more than {MOST_BYTES >> 20} MiB, which one answer of this format does not hold."
                    " Use GET /v1/export or `ingat export`, which have no limit, or give a user_id.",
                    max_bytes=MOST_BYTES,
                )
            found.append(msgspec.Raw(row))
        return found


def export_all(caller: Caller, asked: ExportAll) -> DataJson:
    """Return sessions, messages and snapshots, and for keys of operators logs and policy, as a text of JSON.

    It is read piece by piece, so that what is written meanwhile may be in it in part.
    """
    memory, written = caller.memory, Written()
    sessions = [(session, written.rows([session_shape(session)])[0]) for session in _sessions(caller)]
    data: dict[str, Any] = {
        "version": FORMAT_VERSION,
        "exported_at": iso_time(clock.now()),
        "logs": [],
        "sessions": [row for _, row in sessions],
        "chat_messages": {
            shown(SESSION, session.id): written.rows(map(message_shape, newest_first(caller, session.id)))[::-1]
            for session, _ in sessions
        },
        "snapshots": written.rows(
            snapshot_shape(memory.snapshots.get(head.id))
            for head in every(
                lambda most, cursor: memory.snapshots.list(user_id=caller.owner, limit=most, cursor=cursor)
            )
        ),
    }
    if caller.owner is None:
        logs = every(lambda most, cursor: memory.logs.list(limit=most, cursor=cursor), 1_000)
        data["logs"] = written.rows(map(log_shape, logs))
        data["retention_policy"] = memory.retention.get()
    return DataJson(data_json=encode(data).decode())


def import_all(caller: Caller, asked: ImportAll) -> Imported:
    """Check an export as a whole, then merge it; nothing that is there is overwritten."""
    try:
        raw = _as_stored(asked.data_json.encode(), caller.memory.retention.get())
        report = caller.memory.import_from(io.BytesIO(raw))
    except InvalidFile as error:
        return Imported(success=False, imported=0, errors=[error.message], error=error.message, code=error.code)
    notes = [*report.notes, *(f"{each.kind} {each.id} came in as {each.new_id}." for each in report.renamed)]
    if report.errors:
        errors = [each.message for each in report.errors]
        said = f"Nothing was imported: {errors[0]}"
        return Imported(success=False, imported=0, errors=errors, notes=notes, error=said, code=report.errors[0].code)
    return Imported(
        imported=sum(report.imported.values()),
        errors=[],
        by_kind=report.imported,
        skipped=sum(report.skipped.values()),
        notes=notes,
    )


def _sessions(caller: Caller) -> Iterator[Session]:
    return every(lambda most, cursor: caller.memory.sessions.list(caller.owner, limit=most, cursor=cursor))


def _as_stored(raw: bytes, policy: RetentionPolicy) -> bytes:
    """Return an export of this format with the ids that its rows have here; all else is for the import to judge.

    What its policy does not say stays as it is in `policy`; one that says the same is left out.
    """
    try:
        data = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return raw
    if not isinstance(data, dict) or "format" in data:
        return raw
    for name, prefix in (("logs", LOG), ("sessions", SESSION), ("snapshots", SNAPSHOT)):
        for row in _objects(data.get(name)):
            _take_off(row, "id", prefix)
            _take_off(row, "session_id", SESSION)
    chats = data.get("chat_messages")
    if isinstance(chats, dict):
        for row in (row for rows in chats.values() for row in _objects(rows)):
            _take_off(row, "id", MESSAGE)
            _take_off(row, "session_id", SESSION)
        data["chat_messages"] = {stored_as(SESSION, session_id): rows for session_id, rows in chats.items()}
    if isinstance(data.get("retention_policy"), dict):
        data["retention_policy"] = {**msgspec.structs.asdict(policy), **data["retention_policy"]}
        if data["retention_policy"] == msgspec.structs.asdict(policy):
            del data["retention_policy"]
    return encode(data)


def _objects(rows: Any) -> list[dict[str, Any]]:
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _take_off(row: dict[str, Any], field: str, prefix: str) -> None:
    if isinstance(row.get(field), str):
        row[field] = stored_as(prefix, row[field])
