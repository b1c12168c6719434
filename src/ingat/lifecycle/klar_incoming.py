"""Klar incoming: one user's record of klar's JSON, as the rows that it says."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace

from ingat.core.dates import read_time
from ingat.core.errors import IngatError, InvalidInput
from ingat.core.ids import normalise_user_id
from ingat.core.records import Json, MemoryItem, Message, User
from ingat.lifecycle.klar_shape import (
    CONTEXT,
    LAST,
    OWN,
    OWN_PROFILE,
    PROFILE,
    ROLES,
    SESSION_NAME,
    MessageIds,
    derived,
    session_id_of,
)
from ingat.lifecycle.lines import Record, StoredSession, decode_row

_PLACED = frozenset({"user_id", *PROFILE, CONTEXT, "history", "flags", "slots", "created_at", "updated_at", OWN})
_NULL = frozenset({"session_token", "serial"})
"""Fields of which null says no more than that they are not there."""
_OWN_LINE = frozenset({"id", "session_id", "seq", "author", "attachments"})
_SAID = frozenset({"role", "text", "ts", "meta", OWN})


class Person:
    """The rows of one record; what cannot be read is added to `errors`, with where it stands."""

    def __init__(self, user_id: Any, record: Any, now: int, errors: list[str], notes: list[str]) -> None:
        self._place, self._errors, self._notes, self._now = repr(str(user_id)[:64]), errors, notes, now
        self._user_id, self._record = user_id, record

    def rows(self) -> list[Record]:
        """Return user, sessions, messages and memories; none when it cannot be said whose they are."""
        user = self._read("", self._user)
        if user is None:
            return []
        own = self._record.get(OWN)
        own = own if isinstance(own, dict) else {}
        sessions = {
            each.id: each for each in self._own_rows(own, "session", user.user_id) if isinstance(each, StoredSession)
        }
        messages = self._messages(user)
        for session_id in dict.fromkeys(each.session_id for each in messages):
            if session_id not in sessions:
                sessions[session_id] = _made_up(user, session_id, messages)
        places = {session_id: place for place, session_id in enumerate(sessions)}
        messages.sort(key=lambda each: (places[each.session_id], each.seq))
        return [user, *sessions.values(), *messages, *self._memories(user, own)]

    def _user(self) -> User:
        user_id = normalise_user_id(self._user_id)
        if not isinstance(self._record, dict):
            raise InvalidInput(f"The record must be an object; it is {type(self._record).__name__}.")
        record: Json = self._record
        created_at = read_time(record.get("created_at"), "created_at", _first(record, self._now))
        profile = {field: record.get(field) for field in PROFILE}
        metadata = {field: value for field, value in record.items() if field not in _PLACED}
        metadata = {field: value for field, value in metadata.items() if value is not None or field not in _NULL}
        metadata |= {field: value for field, value in profile.items() if not isinstance(value, str | None)}
        row = {field: value for field, value in profile.items() if isinstance(value, str)}
        own = record.get(OWN)
        if isinstance(own, dict):
            row |= {field: own[field] for field in OWN_PROFILE if own.get(field) is not None}
            if LAST in own:
                metadata.pop(LAST, None)
                metadata |= {} if own[LAST] is None else {LAST: own[LAST]}
        objects = {field: _object(record, field) for field in ("flags", "slots")}
        times = {
            "created_at": created_at,
            "updated_at": read_time(record.get("updated_at"), "updated_at", created_at),
        }
        return msgspec.convert({**row, **objects, **times, "user_id": user_id, "metadata": metadata}, User)

    def _messages(self, user: User) -> list[Message]:
        history = self._record.get("history") or []
        if not isinstance(history, list):
            self._errors.append(f"{self._place}: The history must be a list.")
            return []
        found, ids, own_session = list[Message](), MessageIds(user.user_id), session_id_of(user.user_id)
        seq, before = 0, user.created_at
        for index, line in enumerate(history):
            where = f"history[{index}]"
            message = self._read(where, partial(_message, line, user, seq + 1, before))
            if message is None:
                continue
            before = message.at
            if not message.content.strip() and not message.attachments:
                self._notes.append(f"{self._place}.{where} has no text and was left out.")
                continue
            if message.session_id == own_session:
                seq = message.seq
                # a line without a time has the same id whenever it is read
                usual = ids.of(message.role, message.content, 0 if line.get("ts") is None else message.at)
                message = message if message.id else replace(message, id=usual)
            found.append(message)
        return found

    def _memories(self, user: User, own: Json) -> list[Record]:
        found = self._own_rows(own, "memory", user.user_id)
        known = {each.text for each in found if isinstance(each, MemoryItem)}
        context = self._record.get(CONTEXT) or []
        if not isinstance(context, list):
            self._errors.append(f"{self._place}: The {CONTEXT} must be a list.")
            return found
        for place, text in enumerate(context):
            if not isinstance(text, str):
                self._errors.append(f"{self._place}.{CONTEXT}[{place}]: It must be text.")
            elif text.strip() and text not in known:
                known.add(text)
                found.append(memory_of(user, text, place))
        return found

    def _own_rows(self, own: Json, kind: str, user_id: str) -> list[Record]:
        rows = own.get(f"{kind}s" if kind == "session" else "memories") or []
        if not isinstance(rows, list):
            self._errors.append(f"{self._place}.{OWN}: The rows of kind {kind} must be a list.")
            return []
        read = (self._read(OWN, partial(_own_row, kind, row, user_id)) for row in rows)
        return [each for each in read if each is not None]

    def _read(self, where: str, make: Callable[[], Any]) -> Any:
        place = ".".join(part for part in (self._place, where) if part)
        try:
            return make()
        except IngatError as error:
            self._errors.append(f"{place}: {error.message}")
        except msgspec.ValidationError as error:
            self._errors.append(f"{place}: {error}.")
        return None


def _first(record: Json, now: int) -> int:
    """Return when the first line was said, for a record that does not say since when it is there."""
    history = record.get("history")
    first = history[0] if isinstance(history, list) and history else None
    return read_time(first.get("ts"), "ts", now) if isinstance(first, dict) else now


def _own_row(kind: str, row: Any, user_id: str) -> Record:
    """Return a session or memory as Ingat wrote it; it is this user's whatever it says."""
    if not isinstance(row, dict):
        raise InvalidInput(f"A row must be an object; it is {type(row).__name__}.")
    return decode_row(kind, msgspec.json.encode({**row, "user_id": user_id}))


def _message(line: Any, user: User, seq: int, before: int) -> Message:
    """Return a line of the history; its id is empty where it does not say it."""
    if not isinstance(line, dict):
        raise InvalidInput(f"A line must be an object; it is {type(line).__name__}.")
    role = ROLES.get(line["role"]) if isinstance(line.get("role"), str) else None
    if role is None:
        raise InvalidInput(f"There is no role {str(line.get('role'))[:64]!r}; known: {', '.join(ROLES)}.")
    meta, own = line.get("meta"), line.get(OWN)
    metadata = {name: value for name, value in line.items() if name not in _SAID}
    metadata |= meta if isinstance(meta, dict) else {} if meta is None else {"meta": meta}
    row: Json = {
        "id": "",
        "session_id": session_id_of(user.user_id),
        "seq": seq,
        **({name: own[name] for name in own.keys() & _OWN_LINE} if isinstance(own, dict) else {}),
        "user_id": user.user_id,
        "role": role,
        "content": "" if line.get("text") is None else line["text"],
        "metadata": metadata,
        "tokens": 0,
        "at": read_time(line.get("ts"), "ts", before),
    }
    return msgspec.convert(row, Message)


def _made_up(user: User, session_id: str, messages: list[Message]) -> StoredSession:
    """Return the session of messages that come without theirs."""
    times = [each.at for each in messages if each.session_id == session_id]
    return StoredSession(
        id=session_id,
        user_id=user.user_id,
        name=SESSION_NAME,
        created_at=min(times),
        updated_at=max(times),
        active_at=max(times),
        last_message_at=max(times),
    )


def memory_of(user: User, text: str, place: int) -> MemoryItem:
    """Return the memory that a text of the user's context becomes."""
    return MemoryItem(
        id=derived("klar memory", user.user_id, text),
        user_id=user.user_id,
        kind="note",
        text=text,
        valid_from=user.created_at,
        metadata={"source": CONTEXT, "place": place},
        created_at=user.created_at,
        updated_at=user.created_at,
    )


def _object(record: Json, field: str) -> Json:
    value = record.get(field)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidInput(f"The {field} must be an object; it is {type(value).__name__}.")
    return value
