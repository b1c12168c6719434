"""Outgoing: the rows of a store, or of one user, as records, in the order in which they stand in a file."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, cast

from ingat.core.artifacts import Artifact
from ingat.core.json import decode_object
from ingat.core.logs import LogEntry
from ingat.core.policy import PolicyVersion
from ingat.core.records import MemoryItem, Message, User
from ingat.core.snapshots import Snapshot
from ingat.lifecycle.lines import Expiry, FilePiece, Record, StoredSession
from ingat.store.contract import Row, Tx
from ingat.store.files import Files
from ingat.store.tables import artifacts, logs, memories, messages, retention, rows, snapshots, users
from ingat.store.tables.paging import decode_cursor

PAGE = 500
MESSAGES = 64
"""Messages that are held at a time: each may have a MiB."""
SNAPSHOTS = 100

_log = logging.getLogger("ingat.artifacts")


def outgoing(
    tx: Tx, user_id: str | None, *, include_logs: bool, files: Files
) -> Iterator[tuple[str, Iterator[Record]]]:
    """Return the rows of each kind, kind by kind, of one user (an id, not an alias) or of all; see lifecycle.lines.

    Each kind is to be read before the next. A page of rows is held at a time. The retention policies belong to nobody,
    so they come only with everything; so do the log entries, snapshots and artifacts that name no user.
    """
    yield "user", _users(tx, user_id)
    yield "session", _sessions(tx, user_id)
    yield "message", _messages(tx, user_id)
    yield "memory", _memories(tx, user_id)
    yield "expiry", _expiries(tx, user_id)
    yield "snapshot", _snapshots(tx, user_id)
    yield "artifact", artifacts_of(tx, user_id)
    yield "file", files_of(tx, user_id, files)
    if include_logs:
        yield "log", _logs(tx) if user_id is None else _logs_of(tx, user_id)
    if user_id is None:
        yield "policy", iter(policies(tx))


def session_of(row: Row) -> StoredSession:
    """Return the record of the values of rows.SESSION_COLUMNS."""
    values: Any = row
    return StoredSession(
        user_id=values[0],
        id=values[1],
        name=values[2],
        description=values[3],
        project_id=values[4],
        channel=values[5],
        metadata=decode_object(values[6]),
        state=values[7],
        last_seq=values[8],
        message_count=values[9],
        tokens=values[10],
        created_at=values[11],
        updated_at=values[12],
        active_at=values[13],
        last_message_at=values[13] if values[9] else None,
        closed_at=values[14],
        archived_at=values[15],
        reopened_at=values[16],
    )


def expiry_of(row: Row) -> Expiry:
    """Return the record of the values of rows.EXPIRY_COLUMNS."""
    values: Any = row
    return Expiry(**dict(zip(Expiry.__struct_fields__, values, strict=True)))


def messages_of(tx: Tx, user_id: str, session_id: str) -> Iterator[Message]:
    """Return the messages of a session in order, a few at a time, however far apart their places are."""
    after = 0
    while (first := rows.next_seq(tx, user_id, session_id, after)) is not None:
        some = messages.page(tx, user_id, session_id, MESSAGES, first + MESSAGES)
        yield from (each for each in some if each.seq >= first)
        after = first + MESSAGES - 1


def artifacts_of(tx: Tx, user_id: str | None) -> Iterator[Artifact]:
    """Return the artifacts of one user, or of everybody and nobody, without their files."""
    at, last = -(1 << 62), ""
    while some := (
        artifacts.after(tx, last, PAGE) if user_id is None else artifacts.of_user_after(tx, user_id, at, last, PAGE)
    ):
        yield from some
        at, last = some[-1].created_at, some[-1].id


def files_of(tx: Tx, user_id: str | None, files: Files) -> Iterator[FilePiece]:
    """Return the files of the artifacts of one user or of all, each once, piece by piece."""
    last = ""
    while some := artifacts.files_after(tx, user_id, last, PAGE):
        for sha256, size_bytes in some:
            yield from pieces_of(files, sha256, size_bytes)
        last = some[-1][0]


def artifact_lines(tx: Tx, user_id: str | None, files: Files) -> Iterator[tuple[str, Record]]:
    """Return the artifacts of one user or of all, then their files, with their kinds."""
    yield from (("artifact", each) for each in artifacts_of(tx, user_id))
    yield from (("file", each) for each in files_of(tx, user_id, files))


def pieces_of(files: Files, sha256: str, size_bytes: int) -> Iterator[FilePiece]:
    """Return one file, piece by piece; nothing, and an error in the log, of one that is gone or damaged.

    It is read twice: a file whose bytes are not those that were kept is left out as a whole, so that what it is
    carried into can still be read, and rows that are deleted because of it can be. StoreUnavailable for one that may be
    whole but cannot be read now: it must not be taken for lost.
    """
    fault = files.fault(sha256, size_bytes)
    if fault is not None:
        about = {"category": "artifact", "sha256": sha256}
        _log.error("The file %s of an artifact %s: it could not be copied", sha256, fault, extra=about)
        return
    index = -1
    for index, piece in enumerate(files.pieces(sha256, size_bytes)):
        yield FilePiece(sha256=sha256, index=index, data=piece)
    if index < 0:
        yield FilePiece(sha256=sha256, index=0, data=b"")


def policies(tx: Tx) -> list[PolicyVersion]:
    """Return every retention policy that was set, in order."""
    found: list[PolicyVersion] = []
    cursor: str | None = None
    while True:
        some, cursor = retention.page(tx, PAGE, decode_cursor(cursor))
        found += some
        if cursor is None:
            return found[::-1]


def _owners(tx: Tx, user_id: str | None) -> Iterator[str]:
    if user_id is not None:
        yield user_id
        return
    after = ""
    while some := rows.users_after(tx, after, PAGE):
        yield from some
        after = some[-1]


def _users(tx: Tx, user_id: str | None) -> Iterator[User]:
    return (cast(User, users.get(tx, each)) for each in _owners(tx, user_id))


def _sessions(tx: Tx, user_id: str | None) -> Iterator[StoredSession]:
    for owner in _owners(tx, user_id):
        after = ""
        while some := rows.sessions_after(tx, owner, after, PAGE):
            yield from map(session_of, some)
            after = cast(str, some[-1][1])


def _messages(tx: Tx, user_id: str | None) -> Iterator[Message]:
    for session in _sessions(tx, user_id):
        yield from messages_of(tx, session.user_id, session.id)


def _memories(tx: Tx, user_id: str | None) -> Iterator[MemoryItem]:
    for owner in _owners(tx, user_id):
        yield from memories.of_user(tx, owner)


def _expiries(tx: Tx, user_id: str | None) -> Iterator[Expiry]:
    for session in _sessions(tx, user_id):
        row = rows.expiry(tx, session.id)
        if row is not None:
            yield expiry_of(row)


def _snapshots(tx: Tx, user_id: str | None) -> Iterator[Snapshot]:
    cursor: str | None = None
    while True:
        heads, cursor = snapshots.page(tx, SNAPSHOTS, cursor=decode_cursor(cursor), user_id=user_id)
        for head in heads:
            yield cast(Snapshot, snapshots.get(tx, head.id))
        if cursor is None:
            return


def _logs(tx: Tx) -> Iterator[LogEntry]:
    after = -(1 << 62)
    while some := logs.after(tx, after, PAGE):
        yield from some
        after = some[-1].seq


def _logs_of(tx: Tx, user_id: str) -> Iterator[LogEntry]:
    """Return the entries about a user, then those that name one of their sessions and nobody."""
    yield from _at(tx, partial(rows.logs_of_user, tx, user_id))
    for session in _sessions(tx, user_id):
        yield from _at(tx, partial(rows.logs_of_session, tx, session.id))


def _at(tx: Tx, look: Callable[[rows.Place, int], list[rows.Place]]) -> Iterator[LogEntry]:
    after = rows.BEGINNING
    while some := look(after, PAGE):
        yield from (cast(LogEntry, logs.get(tx, seq)) for _, seq in some)
        after = some[-1]
