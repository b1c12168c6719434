"""Merge: two users who turn out to be one person become one."""

from __future__ import annotations

from typing import Any, cast

import msgspec

from ingat.core import clock
from ingat.core.errors import ContentTooLong, InvalidInput
from ingat.core.ids import new_id, normalise_user_id
from ingat.core.json import MAX_JSON_BYTES, encode_object
from ingat.core.protection import Protection
from ingat.core.records import User
from ingat.core.roles import Roles
from ingat.core.timelines import unite
from ingat.services.memories import write_changes
from ingat.store.contract import Store, Tx, Value
from ingat.store.tables import artifacts, audit, keys, logs, memories, messages, recall, sessions, snapshots, users


def merge_users(store: Store, roles: Roles, protection: Protection, now: clock.Clock, source: str, target: str) -> User:
    """Give everything of `source` to `target` and return the target; the source's id becomes an alias. One transaction.

    The target's values win and its gaps are filled; of the two roles the one with precedence (see core.roles);
    protected when either was, also by a flag. The values of a subject become one history, in which the newest holds,
    and memories that say the same become one. Where both have an active session of one channel, the one that was used
    last stays open (of two used at the same time the target's); where both have a message or memory of one id (by an
    import or a restore), the source's gets a new one; where both have snapshots of one name, the source's versions
    follow the target's. Nothing is changed when it raises UserNotFound, InvalidInput (both are the same user already)
    or ContentTooLong (flags, slots or metadata of both do not fit into one object).
    """
    first, second = normalise_user_id(source), normalise_user_id(target)
    moment = now()

    def work(tx: Tx) -> User:
        old, new = users.required(tx, first), users.required(tx, second)
        if old.user_id == new.user_id:
            raise InvalidInput(f"{source!r} and {target!r} are one user already.")
        joined = _joined(old, new, roles, protection)
        _rename_clashes(tx, old.user_id, new.user_id)
        _unite(tx, old.user_id, new.user_id, moment)
        sessions.move(tx, old.user_id, new.user_id, moment)
        offset = users.version(tx, new.user_id)
        memories.move(tx, old.user_id, new.user_id, offset)
        recall.move(tx, old.user_id, new.user_id, offset)
        keys.move(tx, old.user_id, new.user_id)
        logs.move(tx, old.user_id, new.user_id)
        snapshots.move(tx, old.user_id, new.user_id)
        artifacts.move(tx, old.user_id, new.user_id)
        users.move_aliases(tx, old.user_id, new.user_id)
        users.advance(tx, new.user_id, users.version(tx, old.user_id))
        users.rewrite(tx, new.user_id)
        users.delete(tx, old.user_id)
        users.add_alias(tx, old.user_id, new.user_id)
        audit.append(tx, moment, "users.merge", "user", user_id=new.user_id, target=f"{old.user_id} → {new.user_id}")
        users.update(tx, new.user_id, joined, moment)
        return cast(User, users.get(tx, new.user_id))

    return store.write(work)


def _joined(old: User, new: User, roles: Roles, protection: Protection) -> dict[str, Value]:
    values: dict[str, Value] = {
        field: getattr(new, field) if getattr(new, field) is not None else getattr(old, field)
        for field in ("name", "gender", "product", "address", "language")
    }
    for field in ("flags", "slots", "metadata"):
        both = {**getattr(old, field), **getattr(new, field)}
        values[field] = _fitting(old, new, field, protection.kept(both, old.flags) if field == "flags" else both)
    return {
        **values,
        "role": roles.strongest((old.role, new.role)),
        "protected": int(old.protected or new.protected),
        "created_at": min(old.created_at, new.created_at),
    }


def _fitting(old: User, new: User, field: str, both: dict[str, Any]) -> str:
    try:
        return encode_object(both, field)
    except ContentTooLong as error:
        raise ContentTooLong(
            f"The {field} of {old.user_id!r} and {new.user_id!r} do not fit into one object of {MAX_JSON_BYTES} bytes."
            f" Nothing was changed; take something out of the {field} of one of them and merge again.",
            **{**error.details, "field": field},
        ) from None


def _unite(tx: Tx, old: str, new: str, now: int) -> None:
    """Interleave the timelines of both users and join the memories that say the same, while they are still apart."""
    before = [*memories.of_user(tx, new), *memories.of_user(tx, old)]
    write_changes(tx, before, unite(before, now), now)


def _rename_clashes(tx: Tx, old: str, new: str) -> None:
    """Give messages and memories of `old` whose ids `new` has too an id of their own, also where others name them."""
    for memory_id in memories.shared_ids(tx, old, new):
        fresh = new_id()
        memories.rename(tx, old, memory_id, fresh)
        recall.rename(tx, old, memory_id, fresh)
    renamed = {message_id: new_id() for message_id in messages.shared_ids(tx, old, new)}
    if not renamed:
        return
    for message_id, fresh in renamed.items():
        messages.rename(tx, old, message_id, fresh)
        recall.rename(tx, old, message_id, fresh)
    for item in memories.of_user(tx, old):
        ids = tuple(renamed.get(message_id, message_id) for message_id in item.message_ids)
        if ids != item.message_ids:
            memories.update(tx, old, item.id, {"message_ids": msgspec.json.encode(ids).decode()})
