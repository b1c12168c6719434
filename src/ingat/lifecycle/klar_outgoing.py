"""Klar outgoing: users written in the JSON shape of klar's store, so that klar's habits and tools go on working.

What klar wrote and nobody changed is written as klar wrote it. What klar has no field for (sessions, ids, memories,
role …) stands in the field `ingat`, which klar leaves alone and lifecycle.klar reads back. Snapshots, artifacts, log
entries and expiries are not in it: they are in a restore point.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Iterator
from typing import Any, cast

import msgspec

from ingat.core.dates import iso_time
from ingat.core.records import Json, MemoryItem, Message, User
from ingat.lifecycle.klar_incoming import memory_of
from ingat.lifecycle.klar_shape import (
    CLEAN_KEYS,
    CONTEXT,
    LAST,
    OWN,
    OWN_PROFILE,
    PROFILE,
    SESSION_NAME,
    MessageIds,
    session_id_of,
)
from ingat.lifecycle.lines import StoredSession
from ingat.lifecycle.outgoing import PAGE, messages_of, session_of
from ingat.store.contract import Tx
from ingat.store.tables import memories, rows, users

Write = Callable[[bytes], object]

_WORDS = {"assistant": "bot"}
_FIELDS = (*CLEAN_KEYS[:4], "is_company", *CLEAN_KEYS[4:])
_DEFAULTS = {field: User.__struct_defaults__[User.__struct_fields__[1:].index(field)] for field in OWN_PROFILE}


def write_klar(tx: Tx, user_id: str | None, write: Write) -> int:
    """Write all users, or one, as one JSON object in klar's shape, and return how many.

    The object is `{user id: record}`, in the order of the ids, indented by 2, in UTF-8; `{}` when there is nobody. The
    history holds every message, not the last 50. Held in memory: a user's profile, sessions and memories, and a page of
    messages.
    """
    count = 0
    for each in _ids(tx) if user_id is None else [user_id]:
        user = users.get(tx, each)
        if user is None:
            continue
        write(b"{\n  " if count == 0 else b",\n  ")
        write(_encoded(user.user_id, 1) + b": ")
        _write_record(tx, user, write)
        count += 1
    write(b"\n}" if count else b"{}")
    return count


def _ids(tx: Tx) -> Iterator[str]:
    after = ""
    while some := rows.users_after(tx, after, PAGE):
        yield from some
        after = some[-1]


def _write_record(tx: Tx, user: User, write: Write) -> None:
    metadata = dict(user.metadata)
    items = memories.of_user(tx, user.user_id)
    history = _History(tx, user.user_id)
    values: Json = {
        **{field: metadata.pop(field, None) if _told(user, field) is None else _told(user, field) for field in PROFILE},
        "user_id": user.user_id,
        CONTEXT: _context(items),
        "flags": user.flags,
        "slots": user.slots,
        "created_at": _time(user.created_at),
        "updated_at": _time(user.updated_at),
    }
    write(b"{")
    first, own = True, Json()
    for field in _FIELDS:
        if field == "is_company" and field not in metadata:
            continue
        write((b"\n    " if first else b",\n    ") + _encoded(field, 2) + b": ")
        first = False
        if field == "history":
            history.write(write)
        elif field in values:
            write(_encoded(values[field], 2))
        elif field == LAST:
            own |= {} if field in metadata and not history.said_since else {field: metadata.get(field)}
            write(_encoded(history.said_since or metadata.pop(field, history.last_said), 2))
            metadata.pop(field, None)
        else:
            write(_encoded(metadata.pop(field, None), 2))
    own |= _own(user, history.sessions, items)
    for field, value in {**metadata, **({OWN: own} if own else {})}.items():
        if field not in values and field != "history":
            write(b",\n    " + _encoded(field, 2) + b": " + _encoded(value, 2))
    write(b"\n  }")


class _History:
    """The messages of a user in the order of time, written once.

    `said_since` is the last text of the user that klar did not write, `last_said` that of all; `sessions` those that
    klar did not write, with what they need to be read back.
    """

    def __init__(self, tx: Tx, user_id: str) -> None:
        self._tx, self._user_id = tx, user_id
        self._session_id, self._ids, self._seq = session_id_of(user_id), MessageIds(user_id), 0
        self.said_since: str | None = None
        self.last_said: str | None = None
        self.sessions: list[StoredSession] = []

    def write(self, write: Write) -> None:
        """Write the list."""
        any_yet = False
        for message in self._in_time():
            write((b",\n      " if any_yet else b"[\n      ") + _encoded(self._line(message), 3))
            any_yet = True
        write(b"\n    ]" if any_yet else b"[]")

    def _line(self, message: Message) -> Json:
        line: Json = {
            "role": _WORDS.get(message.role, message.role),
            "text": message.content,
            "ts": _time(message.at),
        }
        if message.metadata:
            line["meta"] = message.metadata
        own = self._own(message)
        if message.role == "user":
            self.last_said = message.content
            self.said_since = message.content if own else self.said_since
        if own:
            line[OWN] = own
        return line

    def _own(self, message: Message) -> Json:
        """Return what a reader of the line would not know."""
        own: Json = {}
        of_klar = message.session_id == self._session_id
        known = of_klar and message.id == self._ids.of(message.role, message.content, message.at)
        if not known:
            own["id"] = message.id
        if not of_klar:
            own["session_id"] = message.session_id
        if not of_klar or message.seq != self._seq + 1:
            own["seq"] = message.seq
        if of_klar:
            self._seq = message.seq
        if message.author is not None:
            own["author"] = message.author
        if message.attachments:
            own["attachments"] = msgspec.to_builtins(message.attachments)
        return own

    def _in_time(self) -> Iterator[Message]:
        """Merge the sessions: one is opened when its time has come, so that few are open at once."""
        waiting = [(session.created_at, session.id) for session in self._every_session()]
        waiting.sort(reverse=True)
        open_now: list[tuple[int, str, int, Message, Iterator[Message]]] = []
        while waiting or open_now:
            while waiting and (not open_now or waiting[-1][0] <= open_now[0][0]):
                _push(open_now, messages_of(self._tx, self._user_id, waiting.pop()[1]))
            if open_now:
                message, rest = heapq.heappop(open_now)[3:]
                yield message
                _push(open_now, rest)

    def _every_session(self) -> Iterator[StoredSession]:
        after = ""
        while some := rows.sessions_after(self._tx, self._user_id, after, PAGE):
            for row in some:
                session = session_of(row)
                if not self._as_klar(session):
                    self.sessions.append(session)
                yield session
            after = cast(str, some[-1][1])

    def _as_klar(self, session: StoredSession) -> bool:
        """Whether a reader would make the session up as it is."""
        return (
            session.id == self._session_id
            and (session.name, session.state, session.reopened_at) == (SESSION_NAME, "active", None)
            and not session.metadata
            and (session.description, session.project_id, session.channel) == (None, None, None)
            and session.updated_at == session.active_at
            and session.message_count > 0
        )


def _push(heap: list[tuple[int, str, int, Message, Iterator[Message]]], rest: Iterator[Message]) -> None:
    message = next(rest, None)
    if message is not None:
        heapq.heappush(heap, (message.at, message.session_id, message.seq, message, rest))


def _told(user: User, field: str) -> str | None:
    value: str | None = getattr(user, field)
    return value


def _context(items: list[MemoryItem]) -> list[str]:
    """Return the texts that hold: those of klar in its order, then the others."""
    holding = [each for each in items if each.valid_to is None]
    return [each.text for each in sorted(holding, key=_place)]


def _place(item: MemoryItem) -> tuple[int, int, str]:
    place = item.metadata.get("place")
    if _of_klar(item) and isinstance(place, int):
        return 0, place, item.id
    return 1, item.valid_from, item.id


def _of_klar(item: MemoryItem) -> bool:
    return item.metadata.get("source") == CONTEXT


def _own(user: User, sessions: list[StoredSession], items: list[MemoryItem]) -> Json:
    own: Json = {}
    for field in OWN_PROFILE:
        value = getattr(user, field)
        if value != _DEFAULTS[field]:
            own[field] = list(value) if isinstance(value, tuple) else value
    if sessions:
        own["sessions"] = [msgspec.to_builtins(each) for each in sessions]
    context = _context(items)
    changed = [each for each in items if not _as_read(user, each, context)]
    if changed:
        own["memories"] = [msgspec.to_builtins(each) for each in changed]
    return own


def _as_read(user: User, item: MemoryItem, context: list[str]) -> bool:
    """Whether a reader would make the memory of its text as it is."""
    place = item.metadata.get("place")
    if not isinstance(place, int) or context[place : place + 1] != [item.text]:
        return False
    return item == memory_of(user, item.text, place)


def _time(moment: int) -> str:
    """Return a moment as klar writes it, in whole seconds; milliseconds are kept where there are some."""
    return iso_time(moment).replace(".000Z", "Z")


def _encoded(value: Any, level: int) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False).replace("\n", "\n" + "  " * level).encode()
