"""Memories: facts, notes and summaries with their time of validity."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import msgspec
from msgspec import UNSET, UnsetType

from ingat.core import clock
from ingat.core.errors import Conflict, EmptyContent, InvalidInput, MemoryNotFound
from ingat.core.ids import check_id, new_id, normalise_user_id
from ingat.core.json import encode_object
from ingat.core.limits import check_limit, check_time
from ingat.core.records import MEMORY_KINDS, MemoryItem, MemoryKind, Page
from ingat.core.texts import MAX_FIELD_BYTES, check_text
from ingat.search.entry import analyse
from ingat.store.contract import Store, Tx, Value
from ingat.store.tables import memories as table
from ingat.store.tables import recall as recall_table
from ingat.store.tables import users as user_table
from ingat.store.tables.paging import decode_cursor

MAX_TEXT_BYTES = 64 << 10


class _New(NamedTuple):
    kind: MemoryKind
    text: str
    subject: str | None
    valid_from: int
    session_id: str | None
    message_ids: tuple[str, ...]
    metadata: dict[str, Any]
    now: int


class Memories:
    """The long-term items of one store."""

    def __init__(
        self, store: Store, now: clock.Clock, committed: Callable[[str, Sequence[int], Sequence[str]], None]
    ) -> None:
        """`committed` is told of entries that were written without vectors: user, positions, texts."""
        self._store, self._now, self._committed = store, now, committed

    def remember(
        self,
        user_id: str,
        text: str,
        *,
        subject: str | None = None,
        kind: MemoryKind = "fact",
        valid_from: int | None = None,
        session_id: str | None = None,
        message_ids: Sequence[str] = (),
        metadata: dict[str, Any] | None = None,
    ) -> MemoryItem:
        """Keep a fact or note about the user, recallable when this returns. One transaction.

        The same text remembered twice is one item. A newer value of the same subject ends the older one's validity
        at its own `valid_from` (milliseconds UTC, by default now); a value that became true earlier takes its place
        in the history. Raises EmptyContent, ContentTooLong (64 KiB), UserBlocked.
        """
        known, now = normalise_user_id(user_id), self._now()
        new = _New(
            kind=_kind(kind),
            text=_text(text),
            subject=_subject(subject),
            valid_from=now if valid_from is None else cast(int, check_time(valid_from, "valid_from")),
            session_id=None if session_id is None else check_id(session_id, "session id"),
            message_ids=tuple(check_id(each, "message id") for each in message_ids),
            metadata=metadata or {},
            now=now,
        )
        encode_object(new.metadata, "metadata")

        def work(tx: Tx) -> tuple[MemoryItem, int]:
            owner = user_table.writable(tx, known, now)
            same = _same(tx, owner, new)
            if same is None or _overtaken(tx, owner, same, new):
                return _insert(tx, owner, new, replaces=same)
            return _again(tx, owner, same, new)

        return self._told(*self._store.write(work))

    def get(self, user_id: str, memory_id: str) -> MemoryItem:
        """Return one item, or raise MemoryNotFound."""
        known, wanted = normalise_user_id(user_id), check_id(memory_id, "memory id")
        return self._store.read(lambda tx: _required(tx, user_table.resolve(tx, known), wanted))

    def list(
        self,
        user_id: str,
        *,
        kind: MemoryKind | None = None,
        subject: str | None = None,
        as_of: int | None = None,
        history: bool = False,
        search: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
        sort: table.MemorySort = "created_at",
        descending: bool = True,
    ) -> Page[MemoryItem]:
        """Return one page of the user's items that hold now, or held at `as_of`; with `history` those that ended too.

        `search` is part of the text, without regard to case. An unknown user has none.
        """
        known = normalise_user_id(user_id)
        check_limit(limit, "limit")
        after = decode_cursor(cursor)
        moment = self._now() if as_of is None and not history else as_of
        if sort not in ("created_at", "updated_at", "valid_from"):
            raise InvalidInput(f"Memories cannot be sorted by {sort!r}; use created_at, updated_at or valid_from.")
        check_time(as_of, "as_of")
        wanted_kind = None if kind is None else _kind(kind)
        key = None if subject is None else _key(subject)
        if search is not None:
            check_text(search, "search", MAX_FIELD_BYTES)

        def look(tx: Tx) -> tuple[Sequence[MemoryItem], str | None]:
            owner = user_table.resolve(tx, known)
            if owner is None:
                return [], None
            return table.page(
                tx,
                owner,
                limit,
                cursor=after,
                kind=wanted_kind,
                subject_key=key,
                as_of=moment,
                search=search,
                sort=sort,
                descending=descending,
            )

        items, more = self._store.read(look)
        return Page(items=tuple(items), next=more)

    def edit(
        self,
        user_id: str,
        memory_id: str,
        *,
        text: str | UnsetType = UNSET,
        kind: MemoryKind | UnsetType = UNSET,
        metadata: dict[str, Any] | UnsetType = UNSET,
    ) -> MemoryItem:
        """Correct an item in place; what is not given stays, a null removes its key of `metadata`.

        For a value that changed in the world, `supersede` keeps the old one in the history.
        """
        known, wanted, now = normalise_user_id(user_id), check_id(memory_id, "memory id"), self._now()
        values: dict[str, Value] = {}
        if text is not UNSET:
            values |= {"text": _text(text), "text_key": _key(text)}
        if kind is not UNSET:
            values["kind"] = _kind(kind)
        if metadata is not UNSET:
            encode_object(metadata, "metadata")

        def work(tx: Tx) -> tuple[MemoryItem, int]:
            item = _required(tx, user_table.resolve(tx, known), wanted)
            user_table.writable(tx, item.user_id, now)
            if metadata is not UNSET:
                merged = {**item.metadata, **metadata}
                kept = {key: value for key, value in merged.items() if value is not None}
                values["metadata"] = encode_object(kept, "metadata")
            if not values:
                return item, 0
            recall_table.drop_entry(tx, item.user_id, table.position(tx, item.user_id, wanted))
            position = user_table.rewrite(tx, item.user_id)
            table.update(tx, item.user_id, wanted, {**values, "position": position, "updated_at": now})
            item = _required(tx, item.user_id, wanted)
            recall_table.insert(tx, entry_row(item, position))
            return item, position

        return self._told(*self._store.write(work))

    def supersede(self, user_id: str, memory_id: str, text: str, *, valid_from: int | None = None) -> MemoryItem:
        """Put a newer value in an item's place and return it; the older one stays in the history, ended.

        Conflict when the item has ended already or became true after `valid_from` (by default now).
        """
        known, wanted, now = normalise_user_id(user_id), check_id(memory_id, "memory id"), self._now()
        checked = _text(text)
        since = now if valid_from is None else cast(int, check_time(valid_from, "valid_from"))

        def work(tx: Tx) -> tuple[MemoryItem, int]:
            old = _required(tx, user_table.resolve(tx, known), wanted)
            user_table.writable(tx, old.user_id, now)
            _refuse_ended(old, since)
            new = _New(old.kind, checked, old.subject, since, None, (), old.metadata, now)
            if _key(old.text) == _key(checked):
                return _again(tx, old.user_id, old, new)
            return _insert(tx, old.user_id, new, replaces=old)

        return self._told(*self._store.write(work))

    def retire(self, user_id: str, memory_id: str, *, valid_to: int | None = None) -> MemoryItem:
        """End an item's validity without a newer value: it is no longer recalled, and stays in the history."""
        known, wanted, now = normalise_user_id(user_id), check_id(memory_id, "memory id"), self._now()
        until = now if valid_to is None else cast(int, check_time(valid_to, "valid_to"))

        def work(tx: Tx) -> MemoryItem:
            item = _required(tx, user_table.resolve(tx, known), wanted)
            _refuse_ended(item, until)
            user_table.rewrite(tx, item.user_id)
            _end(tx, item, until, None, now)
            return _required(tx, item.user_id, wanted)

        return self._store.write(work)

    def _told(self, item: MemoryItem, position: int) -> MemoryItem:
        if position:
            self._committed(item.user_id, [position], [_indexed_text(item)])
        return item


def entry_row(item: MemoryItem, position: int) -> tuple[Any, ...]:
    """Return the row of recall_entry that stands for a memory item."""
    terms = analyse(_indexed_text(item), author=None, at_ms=item.valid_from)
    return (
        item.user_id,
        position,
        item.kind,
        item.id,
        item.session_id,
        0,
        None,
        None,
        item.valid_from,
        terms.terms,
        terms.pairs,
        terms.flags,
        terms.words,
        item.valid_from,
        item.valid_to,
    )


def _indexed_text(item: MemoryItem) -> str:
    return f"{item.subject}: {item.text}" if item.subject else item.text


def _kind(kind: str) -> MemoryKind:
    if kind not in MEMORY_KINDS:
        raise InvalidInput(f"There is no memory kind {kind!r}; known: {', '.join(MEMORY_KINDS)}.")
    return kind


def _text(text: str) -> str:
    checked = check_text(text, "text", MAX_TEXT_BYTES).strip()
    if not checked:
        raise EmptyContent("The memory has no text.")
    return checked


def _subject(subject: str | None) -> str | None:
    if subject is None:
        return None
    checked = " ".join(check_text(subject, "subject", 1_024).split())
    if not checked:
        raise EmptyContent("The subject is empty; leave it out instead.")
    return checked


def _key(text: str) -> str:
    """What two texts have in common that say the same: case, spaces and the last full stop do not count."""
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split()).rstrip(".!。 ")
    return hashlib.sha256(plain.encode()).hexdigest()[:32]


def _required(tx: Tx, owner: str | None, memory_id: str) -> MemoryItem:
    found = table.get(tx, owner, memory_id) if owner is not None else None
    if found is None:
        raise MemoryNotFound(f"The user has no memory {memory_id!r}.", memory_id=memory_id)
    return found


def _refuse_ended(item: MemoryItem, since: int) -> None:
    if item.valid_to is not None:
        raise Conflict(f"Memory {item.id!r} has ended already; nothing was changed.", valid_to=item.valid_to)
    if since < item.valid_from:
        raise Conflict(f"Memory {item.id!r} became true only after that time; nothing was changed.")


def _same(tx: Tx, owner: str, new: _New) -> MemoryItem | None:
    """The item that already says this: of the same subject, or where one of the two has none."""
    candidates = table.current_with_text(tx, owner, _key(new.text))
    for item in candidates:
        if new.subject is None or item.subject is None or _key(item.subject) == _key(new.subject):
            return item
    return None


def _overtaken(tx: Tx, owner: str, item: MemoryItem, new: _New) -> bool:
    """Whether an item without subject was said before a value of the subject that it is now said to be."""
    if item.subject is not None or new.subject is None or new.valid_from <= item.valid_from:
        return False
    return any(other.valid_from > item.valid_from for other in table.of_subject(tx, owner, _key(new.subject)))


def _again(tx: Tx, owner: str, item: MemoryItem, new: _New) -> tuple[MemoryItem, int]:
    """Note that an item was said again: it keeps its id and gains what is new.

    Returns the item and the position of its index entry when that was written anew, else 0.
    """
    position = 0
    values: dict[str, Value] = {"updated_at": new.now}
    ids = tuple(dict.fromkeys((*item.message_ids, *new.message_ids)))
    if ids != item.message_ids:
        values["message_ids"] = msgspec.json.encode(ids).decode()
    if new.metadata:
        values["metadata"] = encode_object({**item.metadata, **new.metadata}, "metadata")
    adopts = item.subject is None and new.subject is not None
    if adopts:
        subject_key = _key(cast(str, new.subject))
        valid_to, superseded_by, _ = _make_room(tx, owner, subject_key, item.id, item.valid_from, new.now)
        values |= {"subject": new.subject, "subject_key": subject_key}
        values |= {"valid_to": valid_to, "superseded_by": superseded_by}
    table.update(tx, owner, item.id, values)
    if adopts:
        recall_table.drop_entry(tx, owner, table.position(tx, owner, item.id))
        position = user_table.rewrite(tx, owner)
        table.update(tx, owner, item.id, {"position": position})
        recall_table.insert(tx, entry_row(_required(tx, owner, item.id), position))
    return _required(tx, owner, item.id), position


def _insert(tx: Tx, owner: str, new: _New, replaces: MemoryItem | None = None) -> tuple[MemoryItem, int]:
    memory_id, valid_to, superseded_by, changed = new_id(), None, None, False
    key = None if new.subject is None else _key(new.subject)
    if key is not None:
        valid_to, superseded_by, changed = _make_room(tx, owner, key, memory_id, new.valid_from, new.now)
    if replaces is not None and replaces.subject is None:
        changed = True
        _end(tx, replaces, new.valid_from, memory_id, new.now)
    position = user_table.rewrite(tx, owner) if changed else user_table.advance(tx, owner, 1)[0]
    table.insert(
        tx,
        owner,
        memory_id,
        {
            "kind": new.kind,
            "text": new.text,
            "text_key": _key(new.text),
            "subject": new.subject,
            "subject_key": key,
            "valid_from": new.valid_from,
            "valid_to": valid_to,
            "superseded_by": superseded_by,
            "session_id": new.session_id,
            "message_ids": msgspec.json.encode(new.message_ids).decode(),
            "metadata": encode_object(new.metadata, "metadata"),
            "position": position,
            "created_at": new.now,
            "updated_at": new.now,
        },
    )
    item = _required(tx, owner, memory_id)
    recall_table.insert(tx, entry_row(item, position))
    return item, position


def _make_room(
    tx: Tx, owner: str, subject_key: str, memory_id: str, since: int, now: int
) -> tuple[int | None, str | None, bool]:
    """End the value that held before `since`; return until when the new one holds, by which it is followed, and
    whether an older one was changed."""
    others = [item for item in table.of_subject(tx, owner, subject_key) if item.id != memory_id]
    before = [item for item in others if item.valid_from <= since]
    after = [item for item in others if item.valid_from > since]
    changed = bool(before) and (before[-1].valid_to is None or before[-1].valid_to > since)
    if changed:
        _end(tx, before[-1], since, memory_id, now)
    return (after[0].valid_from, after[0].id, changed) if after else (None, None, changed)


def _end(tx: Tx, item: MemoryItem, until: int, by: str | None, now: int) -> None:
    table.update(tx, item.user_id, item.id, {"valid_to": until, "superseded_by": by, "updated_at": now})
    recall_table.close_entry(tx, item.user_id, table.position(tx, item.user_id, item.id), until)
