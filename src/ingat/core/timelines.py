"""Timelines: which value of a subject holds when, and which items say the same thing. Pure, without a store.

The items of one subject stand in the order of (`valid_from`, `id`). Each holds until its own end or until the next one
begins, whichever comes first, so that never two hold at once. An item that was joined into another, or overtaken in the
very millisecond in which it began, never held: it stays in the history and bounds nothing.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from ingat.core.errors import ContentTooLong, InvalidLimit
from ingat.core.json import encode_object
from ingat.core.records import MemoryItem

MAX_MESSAGE_IDS = 1_000
"""Messages that one item may name as where it was said."""

Line = Sequence[MemoryItem]


class Known(NamedTuple):
    """An item that says already what is said, and since when it holds now that it was said again."""

    item: MemoryItem
    since: int


def key_of(text: str) -> str:
    """Return what two texts have in common that say the same: case, spaces and the last full stop do not count."""
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return hashlib.sha256((plain.rstrip(".!。 ") or plain).encode()).hexdigest()[:32]


def place(item: MemoryItem) -> tuple[int, str]:
    """Return where an item stands in the timeline of its subject."""
    return item.valid_from, item.id


def over(item: MemoryItem, now: int) -> bool:
    """Return whether an item has ended; one whose end lies ahead has not."""
    return item.valid_to is not None and item.valid_to <= now


def never_held(item: MemoryItem) -> bool:
    """Return whether another item stands in an item's place from its beginning."""
    return item.superseded_by is not None and over(item, item.valid_from)


def arrange(items: Line) -> list[MemoryItem]:
    """Return the items of one subject in order, each ended where the next one begins if it does not end before.

    An end that is earlier than that is the item's own and is kept.
    """
    ordered = sorted(items, key=place)
    found = [item for item in ordered if never_held(item)]
    line = [item for item in ordered if not never_held(item)]
    for item, after in zip(line, [*line[1:], None], strict=False):
        if after is not None and (item.valid_to is None or item.valid_to > after.valid_from):
            item = _ending(item, after.valid_from, after.id)
        found.append(item)
    return sorted(found, key=place)


def says_same(one: MemoryItem, other: MemoryItem) -> bool:
    """Return whether two items say the same: the same text of the same subject, or where one of the two has none.

    A summary is the same only as one of the same session.
    """
    if (one.kind == "summary") != (other.kind == "summary"):
        return False
    if one.kind == "summary" and one.session_id != other.session_id:
        return False
    if one.subject is not None and other.subject is not None and key_of(one.subject) != key_of(other.subject):
        return False
    return key_of(one.text) == key_of(other.text)


def both_hold(one: MemoryItem, other: MemoryItem, now: int) -> bool:
    """Return whether there is a moment, now or later, at which both items hold."""
    ends = [item.valid_to for item in (one, other) if item.valid_to is not None]
    return all(max(one.valid_from, other.valid_from, now) < end for end in ends)


def not_before(new: MemoryItem, line: Line) -> int:
    """Return since when a value holds that is said now: never before one that began by an earlier look at the clock.

    A clock may be set back; what is said later wins nevertheless.
    """
    begun = max((place(item) for item in line if item.valid_from <= item.updated_at), default=place(new))
    if begun <= place(new):
        return new.valid_from
    return begun[0] if begun[1] <= new.id else begun[0] + 1


def not_twice(new: MemoryItem, candidates: Line) -> int:
    """Return since when an item without subject holds: never before the end of one that has said the same till then.

    Both would hold again when the clock is set back, or for a look at that time.
    """
    ends = [
        item.valid_to
        for item in candidates
        if item.subject is None and item.valid_to is not None and says_same(item, new) and not never_held(item)
    ]
    return max([new.valid_from, *ends]) if new.subject is None else new.valid_from


def find(new: MemoryItem, candidates: Line, lines: Mapping[str, Line], now: int) -> Known | None:
    """Return the item that says already what `new` says, or None when `new` is to stand for itself.

    `candidates` have the same text; `lines` are the timelines, by key, of all subjects that occur. An item of the same
    subject comes before one where only one of the two has a subject.
    """
    same = [item for item in candidates if says_same(item, new) and not never_held(item)]
    for item in sorted(same, key=lambda each: ((each.subject is None) != (new.subject is None), place(each))):
        since = _since(item, new, lines, now)
        if since is not None:
            return Known(item, since)
    return None


def _since(item: MemoryItem, new: MemoryItem, lines: Mapping[str, Line], now: int) -> int | None:
    history = item.subject is not None and new.subject is not None and item.superseded_by is not None
    if (over(item, now) and not history) or over(item, new.valid_from):
        return None
    first, last = sorted((item.valid_from, new.valid_from))
    if item.subject is None and new.subject is not None:
        return first if _is_free(lines[key_of(new.subject)], item, first, (last + 1, "")) else None
    if item.valid_from <= new.valid_from:
        return item.valid_from
    if item.subject is None or _is_free(lines[key_of(item.subject)], item, first, place(item)):
        return new.valid_from
    return item.valid_from if new.subject is None and item.valid_from <= now else None


def _is_free(line: Line, item: MemoryItem, since: int, until: tuple[int, str]) -> bool:
    """Whether no other value begins between the place that the item would have at `since` and another place."""
    return not any(
        (since, item.id) < place(other) < until for other in line if other.id != item.id and not never_held(other)
    )


def again(known: Known, new: MemoryItem, now: int) -> MemoryItem:
    """Return the item as it is once `new` was said too: its kind, session and metadata are the newest.

    A planned end of its own is called off. InvalidLimit above MAX_MESSAGE_IDS.
    """
    item = known.item
    ids = tuple(dict.fromkeys((*item.message_ids, *new.message_ids)))
    if len(ids) > MAX_MESSAGE_IDS and ids != item.message_ids:
        raise InvalidLimit(
            f"The memory names {len(item.message_ids)} messages; {MAX_MESSAGE_IDS} are the most. Nothing was changed;"
            " say it without message_ids.",
            maximum=MAX_MESSAGE_IDS,
        )
    planned = item.superseded_by is None and not over(item, now)
    return replace(
        item,
        kind=new.kind,
        subject=item.subject if item.subject is not None else new.subject,
        valid_from=known.since,
        valid_to=None if planned else item.valid_to,
        session_id=new.session_id or item.session_id,
        message_ids=ids,
        metadata={**item.metadata, **new.metadata} if new.metadata else item.metadata,
        updated_at=now,
    )


def give_way(item: MemoryItem, new: MemoryItem, now: int) -> MemoryItem | None:
    """Return an item without subject, ended by `new` that says the same of a subject; None when it stays as it is."""
    if item.subject is not None or new.subject is None or over(item, now) or not says_same(item, new):
        return None
    until = max(item.valid_from, new.valid_from)
    return None if over(new, until) or over(item, new.valid_from) else _ending(item, until, new.id)


def unite(items: Line, now: int) -> list[MemoryItem]:
    """Return the items of what were two users as those of one: timelines interleaved, what says the same joined.

    Joined are items that say the same and both hold, into the one that has a subject, and equal values of a subject
    that follow each other; the item that is kept gains messages and metadata, and holds since the earlier time unless
    another value began in between. The item joined stays in the history, ended and naming the one that was kept.
    """
    found = {item.id: item for item in items}
    lines: dict[str, list[str]] = {}
    texts: dict[str, list[MemoryItem]] = {}
    for item in sorted(items, key=place):
        texts.setdefault(key_of(item.text), []).append(item)
        if item.subject is not None:
            lines.setdefault(key_of(item.subject), []).append(item.id)
    for ids in lines.values():
        found |= {item.id: item for item in arrange([found[each] for each in ids])}
    for group in texts.values():
        for number, first in enumerate(group):
            for second in group[number + 1 :]:
                one, other = found[first.id], found[second.id]
                if never_held(one):
                    break
                if never_held(other) or not _are_one(one, other, now):
                    continue
                kept, gone = (other, one) if one.subject is None and other.subject is not None else (one, other)
                ids = lines[key_of(kept.subject)] if kept.subject is not None else []
                kept = _join(kept, gone, [found[each] for each in ids])
                gone = _ending(gone, max(gone.valid_from, kept.valid_from), kept.id)
                found |= {kept.id: kept, gone.id: gone}
                found |= {item.id: item for item in arrange([found[each] for each in ids])}
    return list(found.values())


def _are_one(one: MemoryItem, other: MemoryItem, now: int) -> bool:
    follows = one.superseded_by == other.id and one.valid_to == other.valid_from and one.subject is not None
    return (follows or both_hold(one, other, now)) and says_same(one, other)


def _join(kept: MemoryItem, gone: MemoryItem, line: Line) -> MemoryItem:
    since = min(kept.valid_from, gone.valid_from)
    if not _is_free(line, kept, since, place(kept)):
        since = kept.valid_from
    end, by = kept.valid_to, kept.superseded_by
    if by == gone.id or (by is None and end is not None and (gone.valid_to is None or gone.valid_to > end)):
        end, by = gone.valid_to, gone.superseded_by
    ids = tuple(dict.fromkeys((*kept.message_ids, *gone.message_ids)))
    metadata = {**gone.metadata, **kept.metadata}
    try:
        encode_object(metadata, "metadata")
    except ContentTooLong:
        metadata = kept.metadata
    return replace(
        kept,
        valid_from=since,
        valid_to=end,
        superseded_by=by,
        session_id=kept.session_id or gone.session_id,
        message_ids=ids if len(ids) <= MAX_MESSAGE_IDS else kept.message_ids,
        metadata=metadata,
    )


def _ending(item: MemoryItem, valid_to: int | None, by: str | None) -> MemoryItem:
    return replace(item, valid_to=valid_to, superseded_by=by)
