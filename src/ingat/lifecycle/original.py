"""Original: the export of the program whose memory service had no users, as records of this one.

Its JSON object has `version` "1.0.0", `exported_at`, `logs`, `sessions`, `chat_messages` (lists by the session's id),
`snapshots` and `retention_policy`; times are ISO 8601. A session becomes that of its own stand-in user, unless it says
whose it is: `/api/memory` writes this form with `user_id` and `state` of sessions, `author` and `attachments` of
messages, and `user_id` and `session_id` of log entries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from ingat.core.dates import read_time
from ingat.core.errors import IngatError, InvalidFile, InvalidInput
from ingat.core.ids import anonymous_user_id, check_id, normalise_user_id
from ingat.core.logs import LOG_LEVELS, LogEntry, LogLevel, as_data
from ingat.core.policy import PolicyVersion, RetentionPolicy
from ingat.core.records import Json, Message, User
from ingat.core.snapshots import Snapshot
from ingat.core.states import from_portable
from ingat.lifecycle.lines import Record, StoredSession

Item = tuple[str, Record | IngatError]
"""Where something stands in a file, and what it says or why it cannot be read."""

_LEVELS: Mapping[str, LogLevel] = {
    **{level: level for level in LOG_LEVELS},
    "warning": "warn",
    "trace": "debug",
    "critical": "error",
    "fatal": "error",
}
_SESSION = {"id", "name", "description", "project_id", "created_at", "updated_at", "last_activity", "is_archived"}
_SESSION |= {"message_count", "metadata", "user_id", "state"}
_MESSAGE = {"id", "session_id", "role", "content", "timestamp", "metadata", "author", "attachments"}
_LOG = {"id", "timestamp", "level", "category", "message", "data", "source", "user_id", "session_id"}


class Original:
    """One export of the original. `items` goes through it; `notes` says afterwards what had to be made up for."""

    def __init__(self, document: Mapping[str, Any], now: int) -> None:
        """Raise InvalidFile for what is not such an export."""
        self._document, self._now = document, now
        self.notes: list[str] = []
        version = document.get("version")
        if not isinstance(version, str) or version.split(".")[0] != "1":
            raise InvalidFile(f"The export has the version {str(version)[:64]!r}; 1.0.0 can be read.")
        self._at = read_time(document.get("exported_at"), "exported_at", now)
        self._sessions = _list(document, "sessions")
        self._logs, self._snapshots = _list(document, "logs"), _list(document, "snapshots")
        messages = document.get("chat_messages")
        self._messages = {} if messages is None else messages
        if not isinstance(self._messages, dict) or not all(isinstance(x, list) for x in self._messages.values()):
            raise InvalidFile("`chat_messages` must be an object of lists of messages.")

    def items(self) -> Iterator[Item]:
        """Return the rows in the order in which they can be put; what cannot be read comes as an error."""
        sessions = [(f"sessions[{index}]", _read(self._session, given)) for index, given in enumerate(self._sessions)]
        named = {
            given["id"] for given in self._sessions if isinstance(given, dict) and isinstance(given.get("id"), str)
        }
        sessions += [
            (f"chat_messages[{session_id!r}]", _read(self._made_up, {"id": session_id}))
            for session_id in self._messages
            if session_id not in named
        ]
        owners: dict[str, tuple[int, str]] = {}
        for place, session in sessions:
            if isinstance(session, StoredSession):
                since = (session.created_at, place)
                owners[session.user_id] = min(since, owners.get(session.user_id, since))
        for user_id, (since_ms, place) in owners.items():
            yield place, User(user_id=user_id, created_at=since_ms, updated_at=since_ms)
        yield from sessions
        for _, session in sessions:
            if isinstance(session, StoredSession):
                yield from self._messages_of(session)
        yield from self._rest()

    def _rest(self) -> Iterator[Item]:
        versions: dict[str, int] = {}
        for index, given in enumerate(self._snapshots):
            snapshot = _read(self._snapshot, given)
            if isinstance(snapshot, Snapshot):
                versions[snapshot.name] = versions.get(snapshot.name, 0) + 1
                snapshot = msgspec.structs.replace(snapshot, version=versions[snapshot.name])
            yield f"snapshots[{index}]", snapshot
        order = sorted(range(len(self._logs)), key=lambda index: _moment(self._logs[index]))
        for seq, index in enumerate(order, 1):
            log = _read(self._log, self._logs[index])
            if isinstance(log, LogEntry):
                log = msgspec.structs.replace(log, seq=seq)
            yield f"logs[{index}]", log
        if self._document.get("retention_policy") is not None:
            yield "retention_policy", _read(self._policy, self._document["retention_policy"])

    def _made_up(self, given: Json) -> StoredSession:
        """Return a session for messages whose own is not in the file."""
        several = self._messages[given["id"]]
        times = [each["timestamp"] for each in several if isinstance(each, dict) and "timestamp" in each]
        made = self._session({**given, "created_at": times[0] if times else None})
        self.notes.append(
            f"{len(several)} messages belong to the session {made.id!r}, which is not in the file: it was made, closed."
        )
        return msgspec.structs.replace(made, state="closed", closed_at=made.updated_at)

    def _session(self, given: Json) -> StoredSession:
        session_id = check_id(given.get("id", ""), "session id")
        created_at = read_time(given.get("created_at"), "created_at", self._at)
        updated_at = read_time(given.get("updated_at"), "updated_at", created_at)
        archived, owner = _flag(given, "is_archived"), _text(given, "user_id")
        closed = archived or given.get("state") == "closed"
        return StoredSession(
            id=session_id,
            user_id=anonymous_user_id(session_id) if owner is None else normalise_user_id(owner),
            name=_text(given, "name"),
            description=_text(given, "description"),
            project_id=_text(given, "project_id"),
            metadata=_metadata(given, _SESSION),
            state="archived" if archived else "closed" if closed else "active",
            created_at=created_at,
            updated_at=updated_at,
            active_at=read_time(given.get("last_activity"), "last_activity", updated_at),
            closed_at=updated_at if closed else None,
            archived_at=updated_at if archived else None,
        )

    def _messages_of(self, session: StoredSession) -> Iterator[Item]:
        seq = 0
        for index, given in enumerate(self._messages.get(session.id, ())):
            place = f"chat_messages[{session.id!r}][{index}]"
            message = _read(lambda each: self._message(each, session), given)
            if isinstance(message, Message):
                if not message.content.strip() and not message.attachments:
                    self.notes.append(f"{place} has no text and was left out.")
                    continue
                seq += 1
                message = msgspec.structs.replace(message, seq=seq)
            yield place, message

    def _message(self, given: Json, session: StoredSession) -> Message:
        if given.get("session_id", session.id) != session.id:
            raise InvalidInput(f"The message stands in the list of {session.id!r} and names another session.")
        return msgspec.convert(
            {
                "id": given.get("id"),
                "session_id": session.id,
                "user_id": session.user_id,
                "seq": 0,
                "role": given.get("role"),
                "content": given.get("content"),
                "author": given.get("author"),
                "attachments": given.get("attachments") or (),
                "metadata": _metadata(given, _MESSAGE),
                "tokens": 0,
                "at": read_time(given.get("timestamp"), "timestamp", session.created_at),
            },
            Message,
        )

    def _snapshot(self, given: Json) -> Snapshot:
        snapshot = from_portable({**given, "version": "1.0.0"}, self._at)
        if given.get("id") is None:
            raise InvalidInput("The snapshot has no id.")
        return snapshot

    def _log(self, given: Json) -> LogEntry:
        level = str(given.get("level", "info")).lower()
        kept = {**{name: given[name] for name in given.keys() - _LOG}, **as_data(given.get("data"))}
        if level not in _LEVELS:
            kept = {"level": given.get("level"), **kept}
        return msgspec.convert(
            {
                "id": given.get("id"),
                "seq": 0,
                "at": read_time(given.get("timestamp"), "timestamp", self._at),
                "level": _LEVELS.get(level, "info"),
                "category": given.get("category") or "general",
                "source": given.get("source") or "api",
                "message": given.get("message"),
                "data": kept,
                "user_id": given.get("user_id"),
                "session_id": given.get("session_id"),
            },
            LogEntry,
        )

    def _policy(self, given: Json) -> PolicyVersion:
        known = {name: value for name, value in given.items() if name in RetentionPolicy.__struct_fields__}
        policy = RetentionPolicy(**known)
        return PolicyVersion(number=1, policy=policy, actor="import", changed_at=self._at)


def _read(make: Any, given: Any) -> Any:
    """Return what `make` returns, or the error that says why it cannot be read."""
    try:
        if not isinstance(given, dict):
            raise InvalidInput(f"This must be an object; it is {type(given).__name__}.")
        return make(given)
    except IngatError as error:
        return error
    except msgspec.ValidationError as error:
        return InvalidInput(f"{error}.")


def _list(document: Mapping[str, Any], name: str) -> Sequence[Any]:
    found = document.get(name)
    if found is None:
        return []
    if not isinstance(found, list):
        raise InvalidFile(f"`{name}` must be a list.")
    return found


def _moment(given: Any) -> int:
    """Return when an entry was made, to put entries in order; 0 for one that does not say."""
    at = _read(lambda each: read_time(each.get("timestamp"), "timestamp", 0), given)
    return at if isinstance(at, int) else 0


def _text(given: Json, name: str) -> str | None:
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        raise InvalidInput(f"The {name} must be text.")
    return value


def _flag(given: Json, name: str) -> bool:
    value = given.get(name)
    if value is not None and not isinstance(value, bool):
        raise InvalidInput(f"`{name}` must be true or false.")
    return value is True


def _metadata(given: Json, known: set[str]) -> Json:
    """Return the metadata, and in it the fields that have no other place."""
    own = given.get("metadata")
    if own is not None and not isinstance(own, dict):
        raise InvalidInput("The metadata must be an object.")
    return {**{name: given[name] for name in given.keys() - known}, **(own or {})}
