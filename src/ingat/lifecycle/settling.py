"""Settling: memories from elsewhere take their place among those of a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from typing import cast

from msgspec.structs import replace

from ingat.core.records import MemoryItem
from ingat.core.timelines import arrange, key_of, over, says_same
from ingat.lifecycle.put import Ready, Written, put_memories
from ingat.services.memories import write_changes
from ingat.store.contract import Tx
from ingat.store.tables import expiry, memories


def same_summary(tx: Tx, item: MemoryItem) -> MemoryItem | None:
    """Return the summary of the same session that says the same, or None: two stores may each have made it."""
    if item.kind != "summary" or item.session_id is None:
        return None
    alike = memories.with_text(tx, item.user_id, key_of(item.text))
    return next((each for each in alike if says_same(each, item)), None)


def one_a_session(tx: Tx, ready: Sequence[Ready], summaries: Set[tuple[str, str]], now: int) -> list[Ready]:
    """Return memories as they can be added, so that a session that was there keeps one summary that holds.

    `summaries` names, by (user, id), those that the file has as the summaries of sessions that were there. Where the
    store has another one, the one that was made of more, whose last message came later, holds on.
    """
    return [
        _beside_the_other(tx, each, now) if (_item(each).user_id, _item(each).id) in summaries else each
        for each in ready
    ]


def _beside_the_other(tx: Tx, ready: Ready, now: int) -> Ready:
    item = _item(ready)
    ended = expiry.get(tx, item.session_id) if item.session_id is not None else None
    own = memories.get(tx, item.user_id, ended.memory_id) if ended is not None and ended.memory_id is not None else None
    if ended is None or own is None or own.id == item.id or own.kind != "summary" or over(own, now) or over(item, now):
        return ready
    if (item.valid_from, item.created_at) <= (own.valid_from, own.created_at):
        return ready._replace(record=replace(item, valid_to=max(item.valid_from, own.valid_from), superseded_by=own.id))
    until = max(own.valid_from, item.valid_from)
    write_changes(tx, [own], [replace(own, valid_to=until, superseded_by=item.id)], now)
    expiry.name(tx, ended.session_id, item.id)
    return ready


def _item(ready: Ready) -> MemoryItem:
    return cast(MemoryItem, ready.record)


def settle(tx: Tx, ready: Sequence[Ready], new_ids: Mapping[tuple[str, str], str], now: int) -> list[Written]:
    """Add memories of users who are there, and return what lacks vectors, as `put`.

    `new_ids` are those of items that got another id, by (user, id).

    What belongs to no subject, and a subject of which the store knows nothing, comes in as it is. Where both know
    values of a subject, these become one history in which each holds until the next one begins: see core.timelines.
    """
    written: list[Written] = []
    lines: dict[tuple[str, str], list[Ready]] = {}
    for each in ready:
        item = _item(each)
        after = item.superseded_by
        item = replace(item, superseded_by=None if after is None else new_ids.get((item.user_id, after), after))
        if item.subject is None:
            written += put_memories(tx, [Ready(item, each.terms)])
        else:
            lines.setdefault((item.user_id, key_of(item.subject)), []).append(Ready(item, each.terms))
    for (user_id, subject_key), line in lines.items():
        written += put_memories(tx, _arranged(tx, user_id, subject_key, line, now))
    return written


def _arranged(tx: Tx, user_id: str, subject_key: str, line: list[Ready], now: int) -> list[Ready]:
    there = memories.of_subject(tx, user_id, subject_key)
    given = [_item(each) for each in line]
    if not there and sum(item.valid_to is None for item in given) <= 1:
        return line
    arranged = {item.id: item for item in arrange([*there, *given])}
    write_changes(tx, there, [arranged[item.id] for item in there], now)
    # the ends first, so that the subject never has two values without one
    ordered = sorted(line, key=lambda each: arranged[_item(each).id].valid_to is None)
    return [Ready(arranged[_item(each).id], each.terms) for each in ordered]
