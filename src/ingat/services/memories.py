"""Memories: facts, notes and summaries with their time of validity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from ingat.core import clock
from ingat.core.errors import (
    Conflict,
    EmptyContent,
    InvalidInput,
    InvalidLimit,
    MemoryNotFound,
    MessageNotFound,
    SessionNotFound,
)
from ingat.core.given import shown
from ingat.core.ids import check_id, new_id, normalise_user_id
from ingat.core.json import encode_object
from ingat.core.limits import check_limit, check_time
from ingat.core.records import MEMORY_KINDS, MemoryItem, MemoryKind, Page
from ingat.core.texts import MAX_FIELD_BYTES, check_text
from ingat.core.timelines import (
    MAX_MESSAGE_IDS,
    again,
    arrange,
    both_hold,
    find,
    give_way,
    key_of,
    not_before,
    not_twice,
    over,
    says_same,
)
from ingat.search.entry import Committed, Terms, analyse
from ingat.store.contract import Store, Tx
from ingat.store.tables import memories as table
from ingat.store.tables import recall as recall_table
from ingat.store.tables import sessions as session_table
from ingat.store.tables import users as user_table
from ingat.store.tables.paging import decode_cursor

MAX_TEXT_BYTES = 64 << 10


class _Said(NamedTuple):
    """What is to be kept; `since` None: now, or when the value that it replaces began."""

    kind: MemoryKind
    text: str
    subject: str | None
    since: int | None
    session_id: str | None
    message_ids: tuple[str, ...]
    metadata: dict[str, Any]
    inherited: dict[str, Any]


class Memories:
    """The long-term items of one store."""

    def __init__(self, store: Store, now: clock.Clock, committed: Committed) -> None:
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

        A newer value of the same subject ends the older one's validity at its own `valid_from` (milliseconds UTC, by
        default now); a value that became true earlier takes its place in the history. By default a value never begins
        before the one that holds, also when the clock was set back.

        The same text remembered twice is one item (a summary: of one session). It keeps its id and takes the newest
        kind and session; messages and metadata gather. An earlier `valid_from` moves its beginning, unless another
        value of the subject lies between: then the text is a value of its own there. A planned end is called off.

        The session and the messages must be the user's, at most 1,000 messages for one item: raises SessionNotFound,
        MessageNotFound, InvalidLimit; further EmptyContent, ContentTooLong (64 KiB), UserBlocked. Nothing is kept then.
        """
        known, now = normalise_user_id(user_id), self._now()
        said = _Said(
            kind=_kind(kind),
            text=_text(text),
            subject=_subject(subject),
            since=check_time(valid_from, "valid_from"),
            session_id=None if session_id is None else check_id(session_id, "session id"),
            message_ids=_message_ids(message_ids),
            metadata={} if metadata is None else metadata,
            inherited={},
        )
        encode_object(said.metadata, "metadata")

        def work(tx: Tx) -> tuple[MemoryItem, int]:
            return _keep(tx, user_table.writable(tx, known, now), said, now)

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
            raise InvalidInput(f"Memories cannot be sorted by {shown(sort)}; use created_at, updated_at or valid_from.")
        check_time(as_of, "as_of")
        wanted_kind = None if kind is None else _kind(kind)
        key = None if subject is None else key_of(subject)
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

        For a value that changed in the world, `supersede` keeps the old one in the history. Conflict when another
        item that holds says the new text already: retire one of the two instead.
        """
        known, wanted, now = normalise_user_id(user_id), check_id(memory_id, "memory id"), self._now()
        values: dict[str, Any] = {}
        if text is not UNSET:
            values["text"] = _text(text)
        if kind is not UNSET:
            values["kind"] = _kind(kind)
        if metadata is not UNSET:
            encode_object(metadata, "metadata")

        def work(tx: Tx) -> tuple[MemoryItem, int]:
            item = _required(tx, user_table.resolve(tx, known), wanted)
            user_table.writable(tx, item.user_id, now)
            if metadata is not UNSET:
                merged = {**item.metadata, **metadata}
                values["metadata"] = {key: value for key, value in merged.items() if value is not None}
            if not values:
                return item, 0
            edited = replace(item, **values, updated_at=now)
            if text is not UNSET or kind is not UNSET:
                _refuse_double(tx, item, edited, now)
            position = write_changes(tx, [item], [edited], now)
            return _required(tx, item.user_id, wanted), position

        return self._told(*self._store.write(work))

    def supersede(
        self,
        user_id: str,
        memory_id: str,
        text: str,
        *,
        valid_from: int | None = None,
        session_id: str | None = None,
        message_ids: Sequence[str] = (),
    ) -> MemoryItem:
        """Put a newer value in an item's place and return it; the older one stays in the history, ended.

        An item that says the new text already takes the place. Session and messages are where the new value was said,
        as for `remember`. Conflict when the item has ended by `valid_from` (by default now) or begins after it.
        """
        known, wanted, now = normalise_user_id(user_id), check_id(memory_id, "memory id"), self._now()
        checked, ids = _text(text), _message_ids(message_ids)
        since = check_time(valid_from, "valid_from")
        session = None if session_id is None else check_id(session_id, "session id")

        def work(tx: Tx) -> tuple[MemoryItem, int]:
            old = _required(tx, user_table.resolve(tx, known), wanted)
            user_table.writable(tx, old.user_id, now)
            at = _moment(old, since, now)
            _refuse_ended(old, at, max(at, now))
            where = old.session_id if session is None and old.kind == "summary" else session
            said = _Said(old.kind, checked, old.subject, at, where, ids, {}, old.metadata)
            new, position = _keep(tx, old.user_id, said, now)
            old = _required(tx, old.user_id, wanted)
            if new.id != old.id and not over(old, at):
                _change(tx, old, replace(old, valid_to=at, superseded_by=new.id), now)
            return new, position

        return self._told(*self._store.write(work))

    def retire(self, user_id: str, memory_id: str, *, valid_to: int | None = None) -> MemoryItem:
        """End an item's validity without a newer value: it is no longer recalled, and stays in the history.

        `valid_to` (milliseconds UTC, by default now) may lie ahead, and may change an end that lies ahead; a value
        never holds on beyond the next one of its subject. Conflict when the item has ended already or begins later.
        """
        known, wanted, now = normalise_user_id(user_id), check_id(memory_id, "memory id"), self._now()
        check_time(valid_to, "valid_to")

        def work(tx: Tx) -> MemoryItem:
            item = _required(tx, user_table.resolve(tx, known), wanted)
            user_table.writable(tx, item.user_id, now)
            until = _moment(item, valid_to, now)
            _refuse_ended(item, until, now)
            _change(tx, item, replace(item, valid_to=until, superseded_by=None), now)
            return _required(tx, item.user_id, wanted)

        return self._store.write(work)

    def _told(self, item: MemoryItem, position: int) -> MemoryItem:
        if position:
            self._committed(item.user_id, [position], [_indexed_text(item)])
        return item


def entry_row(item: MemoryItem, position: int, terms: Terms | None = None) -> tuple[Any, ...]:
    """Return the row of recall_entry that stands for a memory item; `terms`: when they are known already."""
    terms = terms or analyse(_indexed_text(item), author=None, at_ms=item.valid_from)
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
        *terms,
        item.valid_from,
        item.valid_to,
    )


def _indexed_text(item: MemoryItem) -> str:
    return f"{item.subject}: {item.text}" if item.subject else item.text


def _kind(kind: str) -> MemoryKind:
    if kind not in MEMORY_KINDS:
        raise InvalidInput(f"There is no memory kind {shown(kind)}; known: {', '.join(MEMORY_KINDS)}.")
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


def _message_ids(given: Sequence[str]) -> tuple[str, ...]:
    if isinstance(given, (str, bytes, Mapping)) or not isinstance(given, Iterable):
        raise InvalidInput("The message_ids must be a list of message ids.", given=type(given).__name__)
    ids = tuple(dict.fromkeys(check_id(each, "message id") for each in given))
    if len(ids) > MAX_MESSAGE_IDS:
        raise InvalidLimit(
            f"One memory names at most {MAX_MESSAGE_IDS} messages; these are {len(ids)}.", maximum=MAX_MESSAGE_IDS
        )
    return ids


def _required(tx: Tx, owner: str | None, memory_id: str) -> MemoryItem:
    found = table.get(tx, owner, memory_id) if owner is not None else None
    if found is None:
        raise MemoryNotFound(f"The user has no memory {memory_id!r}.", memory_id=memory_id)
    return found


def _moment(item: MemoryItem, given: int | None, now: int) -> int:
    """The time given, by default now; for an item that began by a clock since set back, its beginning."""
    if given is not None:
        return given
    return max(now, item.valid_from) if item.valid_from <= item.updated_at else now


def _refuse_ended(item: MemoryItem, at: int, now: int) -> None:
    if over(item, now):
        raise Conflict(f"Memory {item.id!r} has ended already; nothing was changed.", valid_to=item.valid_to)
    if at < item.valid_from:
        raise Conflict(f"Memory {item.id!r} became true only after that time; nothing was changed.")


def _refuse_double(tx: Tx, item: MemoryItem, edited: MemoryItem, now: int) -> None:
    for other in table.with_text(tx, item.user_id, key_of(edited.text)):
        if other.id != item.id and both_hold(edited, other, now) and says_same(edited, other):
            raise Conflict(
                f"Memory {other.id!r} says this already; nothing was changed. Retire one of the two instead.",
                memory_id=other.id,
            )


def _refuse_foreign(tx: Tx, owner: str, said: _Said) -> None:
    if said.session_id is not None and session_table.owner(tx, said.session_id) != owner:
        raise SessionNotFound(f"The user has no session {said.session_id!r}.", session_id=said.session_id)
    missing = table.unknown_messages(tx, owner, said.message_ids)
    if missing:
        raise MessageNotFound(f"The user has no message {missing[0]!r}.", message_id=missing[0])


def _keep(tx: Tx, owner: str, said: _Said, now: int) -> tuple[MemoryItem, int]:
    """Return the item that says this, known or new, and the position of its index entry if it needs vectors, else 0."""
    _refuse_foreign(tx, owner, said)
    new = MemoryItem(
        id=new_id(),
        user_id=owner,
        kind=said.kind,
        text=said.text,
        subject=said.subject,
        valid_from=now if said.since is None else said.since,
        session_id=said.session_id,
        message_ids=said.message_ids,
        metadata=said.metadata,
        created_at=now,
        updated_at=now,
    )
    candidates = table.with_text(tx, owner, key_of(new.text))
    subjects = {key_of(item.subject) for item in (new, *candidates) if item.subject is not None}
    lines = {key: table.of_subject(tx, owner, key) for key in subjects}
    if said.since is None and new.subject is not None:
        since = not_before(new, lines[key_of(new.subject)])
        new = replace(new, valid_from=since, updated_at=since)
    known = find(new, candidates, lines, now)
    if known is not None:
        item = again(known, new, now)
        position = _change(tx, known.item, item, now)
        table.update(tx, owner, item.id, {"updated_at": max(now, known.item.updated_at)})
        return _required(tx, owner, item.id), position
    new = replace(new, metadata={**said.inherited, **said.metadata}, valid_from=not_twice(new, candidates))
    line = lines[key_of(new.subject)] if new.subject is not None else []
    return _insert(tx, new, line, candidates, now)


def _insert(
    tx: Tx, new: MemoryItem, line: Sequence[MemoryItem], candidates: Sequence[MemoryItem], now: int
) -> tuple[MemoryItem, int]:
    arranged = {item.id: item for item in arrange([*line, new])} if new.subject is not None else {new.id: new}
    new = arranged.pop(new.id)
    before, after = list(line), list(arranged.values())
    for item in candidates:
        ended = give_way(item, new, now)
        if ended is not None:
            before.append(item)
            after.append(ended)
    write_changes(tx, before, after, now)
    position = user_table.advance(tx, new.user_id, 1)[0]
    table.insert(tx, new, position)
    recall_table.insert(tx, entry_row(new, position))
    return new, position


def keep_summary(tx: Tx, summary: MemoryItem, earlier_id: str | None, now: int) -> tuple[MemoryItem, int]:
    """Write a session's summary in place of an earlier one, which ends and stays in the history.

    One that says the same of this session already stays and takes the newer lineage. Nulls of the metadata are left
    out. Returns the item and the position of its index entry if it needs vectors, else 0.
    """
    owner, said = summary.user_id, table.with_text(tx, summary.user_id, key_of(summary.text))
    same = next((item for item in said if says_same(item, summary) and not over(item, now)), None)
    metadata = {**(same.metadata if same else {}), **summary.metadata}
    summary = replace(summary, metadata={key: value for key, value in metadata.items() if value is not None})
    if same is None:
        kept, position = _insert(tx, summary, [], [], now)
    else:
        kept = replace(same, message_ids=summary.message_ids, metadata=summary.metadata, updated_at=now)
        position = _change(tx, same, kept, now)
    earlier = table.get(tx, owner, earlier_id) if earlier_id is not None else None
    if earlier is not None and earlier.id != kept.id and earlier.kind == "summary" and not over(earlier, now):
        until = max(earlier.valid_from, kept.valid_from)
        _change(tx, earlier, replace(earlier, valid_to=until, superseded_by=kept.id), now)
    return _required(tx, owner, kept.id), position


def _change(tx: Tx, item: MemoryItem, changed: MemoryItem, now: int) -> int:
    """Write an item that changed, and the timeline of its subject with it; as `write_changes`."""
    if changed.subject is None:
        return write_changes(tx, [item], [changed], now)
    line = table.of_subject(tx, item.user_id, key_of(changed.subject))
    others = [other for other in line if other.id != item.id]
    return write_changes(tx, [*others, item], arrange([*others, changed]), now)


def write_changes(tx: Tx, before: Iterable[MemoryItem], after: Iterable[MemoryItem], now: int) -> int:
    """Write the items that differ from the rows they were, their index entries too.

    Returns the position of the entry that is to have new vectors, because its text is another; 0 when there is none.
    Of several such it is the last one.
    """
    old = {item.id: item for item in before}
    fresh = 0
    entries = False
    for item in table.save(tx, old.values(), after, now):
        was = old[item.id]
        position = table.position(tx, item.user_id, item.id)
        if _indexed_text(item) != _indexed_text(was):
            recall_table.drop_entry(tx, item.user_id, position)
            fresh = user_table.rewrite(tx, item.user_id)
            table.update(tx, item.user_id, item.id, {"position": fresh})
            recall_table.insert(tx, entry_row(item, fresh))
        elif _entry_of(item) != _entry_of(was):
            table.replace_entry(tx, entry_row(item, position))
        elif item.valid_to != was.valid_to:
            recall_table.close_entry(tx, item.user_id, position, item.valid_to)
        else:
            continue
        entries = True
    if entries and not fresh:
        user_table.rewrite(tx, next(iter(old.values())).user_id)
    return fresh


def _entry_of(item: MemoryItem) -> tuple[MemoryKind, str | None, int]:
    return item.kind, item.session_id, item.valid_from
