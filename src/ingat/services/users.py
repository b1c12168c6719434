"""Users: who the person is, under which names they come, and what is known of them."""

from __future__ import annotations

from typing import Any, cast

from msgspec import UNSET, UnsetType

from ingat.core import clock
from ingat.core.errors import AliasTaken, InvalidInput, UserNotFound
from ingat.core.given import shown
from ingat.core.ids import normalise_user_id
from ingat.core.json import encode_object
from ingat.core.limits import check_limit
from ingat.core.records import Page, User
from ingat.core.roles import DEFAULT_ROLE, Roles
from ingat.core.texts import MAX_FIELD_BYTES, check_text
from ingat.store.contract import Store, Tx, Value
from ingat.store.tables import audit
from ingat.store.tables import users as table
from ingat.store.tables.paging import decode_cursor

Text = str | None | UnsetType
Object = dict[str, Any] | UnsetType


class Users:
    """The users of one store. Every method takes a user's id or any of their aliases."""

    def __init__(self, store: Store, roles: Roles, now: clock.Clock) -> None:
        self._store, self._roles, self._now = store, roles, now

    def save(
        self,
        user_id: str,
        *,
        name: Text = UNSET,
        gender: Text = UNSET,
        product: Text = UNSET,
        address: Text = UNSET,
        language: Text = UNSET,
        role: str | UnsetType = UNSET,
        flags: Object = UNSET,
        slots: Object = UNSET,
        metadata: Object = UNSET,
    ) -> User:
        """Create the user, or change what is given and leave the rest; None clears a text. One transaction.

        `flags`, `slots` and `metadata` are merged key by key; a key set to null is removed.
        """
        known = normalise_user_id(user_id)
        texts = {"name": name, "gender": gender, "product": product, "address": address, "language": language}
        values: dict[str, Value] = {
            field: text if text is None else check_text(text, field, MAX_FIELD_BYTES)
            for field, text in texts.items()
            if text is not UNSET
        }
        if role is not UNSET:
            values["role"] = self._roles.check(role)
        objects = {"flags": flags, "slots": slots, "metadata": metadata}
        given = {field: value for field, value in objects.items() if value is not UNSET}
        for field, value in given.items():
            encode_object(value, field)
        now = self._now()

        def work(tx: Tx) -> User:
            owner = table.resolve(tx, known)
            before = table.get(tx, owner) if owner else None
            for field, patch in given.items():
                merged = {**(getattr(before, field) if before else {}), **patch}
                kept = {key: value for key, value in merged.items() if value is not None}
                values[field] = encode_object(kept, field)
            if before is None:
                table.insert(tx, known, values, now)
            elif values:
                table.update(tx, before.user_id, values, now)
            saved = cast(User, table.get(tx, before.user_id if before else known))
            former = before.role if before else DEFAULT_ROLE
            if saved.role != former:
                reason = f"{former} → {saved.role}"
                audit.append(tx, now, "users.role", "user", user_id=saved.user_id, target=saved.user_id, reason=reason)
            return saved

        return self._store.write(work)

    def get(self, user_id: str) -> User:
        """Return the user, or raise UserNotFound; asking never creates one."""
        known = normalise_user_id(user_id)
        return self._store.read(lambda tx: table.required(tx, known))

    def list(
        self,
        limit: int = 50,
        *,
        cursor: str | None = None,
        search: str | None = None,
        role: str | None = None,
        protected: bool | None = None,
        sort: table.UserSort = "user_id",
        descending: bool = False,
    ) -> Page[User]:
        """Return one page of users; `page.next` is the cursor of the next page, None on the last.

        `search` finds part of an id, alias, name or product, without regard to case.
        """
        check_limit(limit, "limit")
        if protected is not None:
            _check_flag(protected, "protected")
        after = decode_cursor(cursor)
        if search is not None:
            check_text(search, "search", MAX_FIELD_BYTES)
        if role is not None:
            self._roles.check(role)
        if sort not in ("user_id", "name", "created_at", "updated_at"):
            raise InvalidInput(f"Users cannot be sorted by {shown(sort)}; use user_id, name, created_at or updated_at.")
        items, more = self._store.read(
            lambda tx: table.page(
                tx,
                limit,
                cursor=after,
                sort=sort,
                descending=descending,
                search=search,
                role=role,
                protected=protected,
            )
        )
        return Page(items=tuple(items), next=more)

    def alias(self, user_id: str, alias: str) -> User:
        """Let the user also be known by `alias`; raise AliasTaken when it is another user's id or alias."""
        known, other, now = normalise_user_id(user_id), normalise_user_id(alias), self._now()

        def work(tx: Tx) -> User:
            user = table.required(tx, known)
            if table.get(tx, other) is not None and other != user.user_id:
                raise AliasTaken(
                    f"{alias!r} is a user of its own; merge the two if they are one person.", user_id=other
                )
            if other != user.user_id:
                owner = table.add_alias(tx, other, user.user_id)
                if owner != user.user_id:
                    raise AliasTaken(f"{alias!r} already names another user.", user_id=owner)
                audit.share(tx, user.user_id, other, now)
            return cast(User, table.get(tx, user.user_id))

        return self._store.write(work)

    def unalias(self, user_id: str, alias: str) -> User:
        """Take an alias from the user; raise UserNotFound when it is not theirs."""
        known, other = normalise_user_id(user_id), normalise_user_id(alias)

        def work(tx: Tx) -> User:
            user = table.required(tx, known)
            if not table.drop_alias(tx, other, user.user_id):
                raise UserNotFound(f"{alias!r} is not an alias of {user.user_id!r}.")
            audit.part(tx, user.user_id, other)
            return cast(User, table.get(tx, user.user_id))

        return self._store.write(work)

    def protect(self, user_id: str, protected: bool = True) -> User:
        """Mark the user as protected (or not): a protected user is only erased with force and a reason."""
        known, now = normalise_user_id(user_id), self._now()
        _check_flag(protected, "protected")

        def work(tx: Tx) -> User:
            user = table.required(tx, known)
            table.update(tx, user.user_id, {"protected": int(protected)}, now)
            if user.protected != protected:
                action = "users.protect" if protected else "users.unprotect"
                audit.append(tx, now, action, "user", user_id=user.user_id, target=user.user_id)
            return cast(User, table.get(tx, user.user_id))

        return self._store.write(work)


def _check_flag(value: object, what: str) -> None:
    if not isinstance(value, bool):
        raise InvalidInput(f"{what} must be true or false.", given=type(value).__name__)
