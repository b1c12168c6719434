"""Merge: two users who turn out to be one person become one."""

from __future__ import annotations

from typing import cast

import msgspec

from ingat.core import clock
from ingat.core.errors import InvalidInput
from ingat.core.ids import new_id, normalise_user_id
from ingat.core.json import encode_object
from ingat.core.records import User
from ingat.core.roles import Roles
from ingat.store.contract import Store, Tx, Value
from ingat.store.tables import keys, memories, messages, recall, sessions, users


def merge_users(store: Store, roles: Roles, now: clock.Clock, source: str, target: str) -> User:
    """Give everything of `source` to `target` and return the target; the source's id becomes an alias. One transaction.

    The target's values win and its gaps are filled; of the two roles the one with precedence; protected when either
    was. Of two values of one subject the newer holds. Where both have an active session of one channel, the source's
    is closed; where both have a message of one id (by an import), the source's gets a new one. Raises UserNotFound,
    or InvalidInput when both are the same user already.
    """
    first, second = normalise_user_id(source), normalise_user_id(target)
    moment = now()

    def work(tx: Tx) -> User:
        old, new = users.required(tx, first), users.required(tx, second)
        if old.user_id == new.user_id:
            raise InvalidInput(f"{source!r} and {target!r} are one user already.")
        _close_clashes(tx, old.user_id, new.user_id, moment)
        _rename_clashes(tx, old.user_id, new.user_id)
        sessions.move(tx, old.user_id, new.user_id)
        offset = users.version(tx, new.user_id)
        memories.move(tx, old.user_id, new.user_id, offset)
        recall.move(tx, old.user_id, new.user_id, offset)
        keys.move(tx, old.user_id, new.user_id)
        users.move_aliases(tx, old.user_id, new.user_id)
        users.advance(tx, new.user_id, users.version(tx, old.user_id))
        users.rewrite(tx, new.user_id)
        users.delete(tx, old.user_id)
        users.add_alias(tx, old.user_id, new.user_id)
        users.update(tx, new.user_id, _joined(old, new, roles), moment)
        return cast(User, users.get(tx, new.user_id))

    return store.write(work)


def _joined(old: User, new: User, roles: Roles) -> dict[str, Value]:
    values: dict[str, Value] = {
        field: getattr(new, field) if getattr(new, field) is not None else getattr(old, field)
        for field in ("name", "gender", "product", "address", "language")
    }
    for field in ("flags", "slots", "metadata"):
        values[field] = encode_object({**getattr(old, field), **getattr(new, field)}, field)
    return {
        **values,
        "role": roles.strongest((old.role, new.role)),
        "protected": int(old.protected or new.protected),
        "created_at": min(old.created_at, new.created_at),
    }


def _close_clashes(tx: Tx, old: str, new: str, now: int) -> None:
    """End the older of two values of one subject, and one of two items that say the same."""
    for mine, theirs in memories.clashes(tx, old, new):
        ended, kept = (mine, theirs) if mine.valid_from <= theirs.valid_from else (theirs, mine)
        until = max(kept.valid_from, ended.valid_from)
        memories.update(tx, ended.user_id, ended.id, {"valid_to": until, "superseded_by": kept.id, "updated_at": now})
        recall.close_entry(tx, ended.user_id, memories.position(tx, ended.user_id, ended.id), until)


def _rename_clashes(tx: Tx, old: str, new: str) -> None:
    """Give the messages of `old` whose ids `new` has too an id of their own, also where memories name them."""
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
