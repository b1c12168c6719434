"""Settling: memories from elsewhere take their place among those of a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from msgspec.structs import replace

from ingat.core.records import MemoryItem
from ingat.core.timelines import arrange, key_of
from ingat.lifecycle.put import Ready, put_memories
from ingat.services.memories import write_changes
from ingat.store.contract import Tx
from ingat.store.tables import memories


def settle(tx: Tx, ready: Sequence[Ready], new_ids: Mapping[tuple[str, str], str], now: int) -> None:
    """Add memories of users who are there. `new_ids` are those of items that got another id, by (user, id).

    What belongs to no subject, and a subject of which the store knows nothing, comes in as it is. Where both know
    values of a subject, these become one history in which each holds until the next one begins: see core.timelines.
    """
    lines: dict[tuple[str, str], list[Ready]] = {}
    for each in ready:
        item = cast(MemoryItem, each.record)
        after = item.superseded_by
        item = replace(item, superseded_by=None if after is None else new_ids.get((item.user_id, after), after))
        if item.subject is None:
            put_memories(tx, [Ready(item, each.terms)])
        else:
            lines.setdefault((item.user_id, key_of(item.subject)), []).append(Ready(item, each.terms))
    for (user_id, subject_key), line in lines.items():
        put_memories(tx, _arranged(tx, user_id, subject_key, line, now))


def _arranged(tx: Tx, user_id: str, subject_key: str, line: list[Ready], now: int) -> list[Ready]:
    there = memories.of_subject(tx, user_id, subject_key)
    given = [cast(MemoryItem, each.record) for each in line]
    if not there and sum(item.valid_to is None for item in given) <= 1:
        return line
    arranged = {item.id: item for item in arrange([*there, *given])}
    write_changes(tx, there, [arranged[item.id] for item in there], now)
    # the ends first, so that the subject never has two values without one
    ordered = sorted(line, key=lambda each: arranged[cast(MemoryItem, each.record).id].valid_to is None)
    return [Ready(arranged[cast(MemoryItem, each.record).id], each.terms) for each in ordered]
