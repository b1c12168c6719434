"""Checking: every row of a file to import is held to the limits of what is stored, and to the rows it refers to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from msgspec.structs import replace

from ingat.core.artifacts import Artifact
from ingat.core.drafts import draft
from ingat.core.errors import EmptyContent, InvalidInput, UnknownRole
from ingat.core.ids import check_id, normalise_user_id
from ingat.core.json import MAX_JSON_BYTES, encode_object
from ingat.core.limits import check_limit, check_time
from ingat.core.logs import LogEntry
from ingat.core.policy import PolicyVersion
from ingat.core.records import MemoryItem, Message, NewMessage, User
from ingat.core.redact import redact, redact_text
from ingat.core.snapshots import Snapshot
from ingat.core.states import check_name, seal
from ingat.core.texts import MAX_FIELD_BYTES, check_text
from ingat.core.timelines import MAX_MESSAGE_IDS, key_of
from ingat.lifecycle.lines import Expiry, FilePiece, Record, StoredSession
from ingat.services.artifacts import check_kind, check_media_type
from ingat.services.artifacts import check_name as check_artifact_name
from ingat.services.memories import MAX_TEXT_BYTES
from ingat.store.files import is_sha256

MAX_SEQ = 1 << 48
MAX_ROW_METADATA_BYTES = 2 * MAX_JSON_BYTES


class Checker:
    """Checks rows one after another, in the order of lifecycle.lines.

    Held in memory: the ids of all rows, about 100 bytes each.
    """

    def __init__(self, count_tokens: Callable[[str], int], check_role: Callable[[str], str]) -> None:
        self._count, self._check_role = count_tokens, check_role
        self._known: set[tuple[str, ...]] = set()
        self._users: set[str] = set()
        self._owners: dict[str, str] = {}
        self._last: dict[str, int] = {}

    def check(self, record: Record) -> Record:
        """Return the row in the form in which it is stored, or raise what is wrong with it."""
        if isinstance(record, Message):
            return self._message(record)
        if isinstance(record, User):
            return self._user(record)
        if isinstance(record, StoredSession):
            return self._session(record)
        if isinstance(record, MemoryItem):
            return self._memory(record)
        if isinstance(record, Expiry):
            return self._expiry(record)
        if isinstance(record, Snapshot):
            return self._snapshot(record)
        if isinstance(record, Artifact):
            return self._artifact(record)
        if isinstance(record, FilePiece):
            return _piece(record)
        if isinstance(record, LogEntry):
            return self._log(record)
        if isinstance(record, PolicyVersion):
            return self._policy(record)
        raise InvalidInput("Rows of this kind stand in restore points only.")

    def suppose_user(self, user_id: str) -> None:
        """Take a user for known, whom the file need not hold."""
        self._users.add(normalise_user_id(user_id))

    def suppose_session(self, session_id: str, user_id: str) -> None:
        """Take a session for known, which the file need not hold."""
        self._owners.setdefault(check_id(session_id, "session id"), user_id and normalise_user_id(user_id))

    def _once(self, kind: str, *key: str) -> None:
        if (kind, *key) in self._known:
            raise InvalidInput(f"The {kind} {key[-1]!r} is in the file twice.")
        self._known.add((kind, *key))

    def _user(self, user: User) -> User:
        user_id = normalise_user_id(user.user_id)
        self._users.add(user_id)  # also of a user who is refused, so that what is theirs is not refused for that
        aliases = tuple(dict.fromkeys(normalise_user_id(alias) for alias in user.aliases))
        for name in (user_id, *aliases):
            self._once("id or alias", name)
        for field in ("name", "gender", "product", "address", "language"):
            _field(user, field)
        for field in ("flags", "slots", "metadata"):
            encode_object(getattr(user, field), field)
        if not user.role:
            raise UnknownRole("The user has no role.")
        self._check_role(user.role)
        _times(user, "created_at", "updated_at")
        return replace(user, user_id=user_id, aliases=aliases)

    def _owner(self, user_id: str) -> str:
        known = normalise_user_id(user_id)
        if known not in self._users:
            raise InvalidInput(f"The user {known!r} is not in the file, or not before what is theirs.")
        return known

    def _session(self, session: StoredSession) -> StoredSession:
        session_id = check_id(session.id, "session id")
        user_id = self._owner(session.user_id)
        self._once("session", session_id)
        self._owners[session_id] = user_id
        for field in ("name", "description", "project_id"):
            _field(session, field)
        encode_object(session.metadata, "metadata")
        _times(session, "created_at", "updated_at", "active_at", "closed_at", "archived_at", "reopened_at")
        check_limit(session.last_seq, "last_seq", 0, MAX_SEQ)
        channel = None if session.channel is None else check_id(session.channel, "channel")
        # the sums are made anew of the messages that come
        return replace(_ended(session), id=session_id, user_id=user_id, channel=channel, message_count=0, tokens=0)

    def _message(self, message: Message) -> Message:
        session_id = check_id(message.session_id, "session id")
        user_id = self._owners.get(session_id)
        if user_id is None:
            raise InvalidInput(f"The session {session_id!r} is not in the file, or not before its messages.")
        if normalise_user_id(message.user_id) != user_id:
            raise InvalidInput(f"The session {session_id!r} is of another user than the message.")
        new = draft(
            NewMessage(
                role=message.role,
                content=message.content,
                author=message.author,
                attachments=message.attachments,
                metadata=message.metadata,
                at=message.at,
                id=message.id,
            ),
            self._count,
            0,
        )
        check_limit(message.seq, "seq", 1, MAX_SEQ)
        if message.seq <= self._last.get(session_id, 0):
            raise InvalidInput(f"The messages of session {session_id!r} are not in the order of their seq.")
        self._once("message", user_id, new.id)
        self._last[session_id] = message.seq
        return replace(message, id=new.id, session_id=session_id, user_id=user_id, tokens=new.tokens)

    def _memory(self, item: MemoryItem) -> MemoryItem:
        memory_id, user_id = check_id(item.id, "memory id"), self._owner(item.user_id)
        if not check_text(item.text, "text", MAX_TEXT_BYTES).strip():
            raise EmptyContent("The memory has no text.")
        if item.subject is not None and not check_text(item.subject, "subject", 1_024).strip():
            raise EmptyContent("The subject is empty; leave it out instead.")
        _times(item, "created_at", "updated_at", "valid_from", "valid_to")
        check_limit(len(item.message_ids), "number of message_ids", 0, MAX_MESSAGE_IDS)
        encode_object(item.metadata, "metadata")
        self._once("memory", user_id, memory_id)
        if item.subject is not None and item.valid_to is None:
            try:
                self._once("value without an end of the subject", user_id, key_of(item.subject))
            except InvalidInput:
                raise InvalidInput(f"The subject {item.subject!r} has two values without an end.") from None
        return replace(
            item,
            id=memory_id,
            user_id=user_id,
            superseded_by=_id(item.superseded_by, "memory id"),
            session_id=_id(item.session_id, "session id"),
            message_ids=tuple(check_id(each, "message id") for each in item.message_ids),
        )

    def _expiry(self, expiry: Expiry) -> Expiry:
        session_id = check_id(expiry.session_id, "session id")
        if session_id not in self._owners:
            raise InvalidInput(f"The session {session_id!r} is not in the file.")
        self._once("expiry of the session", session_id)
        if expiry.cause not in ("expired", "reset"):
            raise InvalidInput(f"There is no cause {expiry.cause[:64]!r}; known: expired, reset.")
        _times(expiry, "expired_at", "done_at")
        check_limit(expiry.attempts, "attempts", 0, MAX_SEQ)
        _field(expiry, "error")
        return replace(
            expiry,
            session_id=session_id,
            memory_id=_id(expiry.memory_id, "memory id"),
            next_id=_id(expiry.next_id, "session id"),
        )

    def _snapshot(self, snapshot: Snapshot) -> Snapshot:
        snapshot_id = check_id(snapshot.id, "snapshot id")
        self._once("snapshot", snapshot_id)
        _field(snapshot, "description")
        encode_object(snapshot.metadata, "metadata")
        _times(snapshot, "created_at")
        check_limit(snapshot.version, "version", 1, MAX_SEQ)
        sealed = seal(snapshot.state)
        user_id = None if snapshot.user_id is None else normalise_user_id(snapshot.user_id)
        self._once("version of the snapshot", user_id or "", str(snapshot.version), check_name(snapshot.name))
        return replace(snapshot, id=snapshot_id, user_id=user_id, size_bytes=sealed.size_bytes, sha256=sealed.sha256)

    def _artifact(self, artifact: Artifact) -> Artifact:
        artifact_id = check_id(artifact.id, "artifact id")
        self._once("artifact", artifact_id)
        check_artifact_name(artifact.name)
        check_kind(artifact.kind)
        if artifact.media_type is not None:
            check_media_type(artifact.media_type)
        check_limit(artifact.size_bytes, "size_bytes", 0, MAX_SEQ)
        encode_object(artifact.metrics, "metrics")
        encode_object(artifact.metadata, "metadata")
        _times(artifact, "created_at")
        user_id = None if artifact.user_id is None else normalise_user_id(artifact.user_id)
        return replace(
            artifact,
            id=artifact_id,
            user_id=user_id,
            session_id=_id(artifact.session_id, "session id"),
            sha256=_sha256(artifact.sha256),
        )

    def _log(self, entry: LogEntry) -> LogEntry:
        log_id = check_id(entry.id, "log id")
        self._once("log entry", log_id)
        for field in ("message", "category", "source"):
            if not check_text(getattr(entry, field), field, MAX_FIELD_BYTES).strip():
                raise EmptyContent(f"The log entry has no {field}.")
        data = cast("dict[str, Any]", redact(entry.data))
        encode_object(data, "data", MAX_ROW_METADATA_BYTES)
        _times(entry, "at")
        check_limit(entry.seq, "seq", 0, MAX_SEQ)
        return replace(
            entry,
            id=log_id,
            message=redact_text(entry.message),
            data=data,
            user_id=None if entry.user_id is None else normalise_user_id(entry.user_id),
            session_id=_id(entry.session_id, "session id"),
        )

    def _policy(self, policy: PolicyVersion) -> PolicyVersion:
        check_limit(policy.number, "number", 1, MAX_SEQ)
        self._once("retention policy", str(policy.number))
        _field(policy, "actor")
        _times(policy, "changed_at")
        return policy


def _ended(session: StoredSession) -> StoredSession:
    """Return a session with the ends that go with its state, and no other: retention looks for them."""
    if session.state == "active":
        return replace(session, closed_at=None, archived_at=None)
    closed_at = session.updated_at if session.closed_at is None else session.closed_at
    if session.state == "closed":
        return replace(session, closed_at=closed_at, archived_at=None)
    return replace(session, closed_at=closed_at, archived_at=session.archived_at or session.updated_at)


def _piece(piece: FilePiece) -> FilePiece:
    _sha256(piece.sha256)
    check_limit(piece.index, "index", 0, MAX_SEQ)
    return piece


def _sha256(given: str) -> str:
    if not is_sha256(given):
        raise InvalidInput(f"{given[:64]!r} is no SHA-256: 64 hexadecimal digits in lower case.", field="sha256")
    return given


def _field(record: Record, name: str) -> None:
    value = getattr(record, name)
    if value is not None:
        check_text(value, name, MAX_FIELD_BYTES)


def _times(record: Record, *names: str) -> None:
    for name in names:
        check_time(getattr(record, name), name)


def _id(value: str | None, what: str) -> str | None:
    return None if value is None else check_id(value, what)
