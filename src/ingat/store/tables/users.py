"""The tables user_profile and user_alias."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, NoReturn, cast

from ingat.core.errors import UserBlocked, UserNotFound
from ingat.core.json import decode_object
from ingat.core.records import User
from ingat.core.roles import BLOCKED, DEFAULT_ROLE
from ingat.store.contract import Row, Tx, Value
from ingat.store.tables.paging import LIKE, Cursor, encode_cursor, keyset, like_pattern, listing

UserSort = Literal["user_id", "name", "created_at", "updated_at"]

_COLUMNS = (
    "user_id, name, gender, product, address, language, role, protected, flags, slots, metadata, created_at, updated_at"
)
_SORTS: dict[UserSort, str] = {
    "user_id": "user_id",
    "name": "COALESCE(name, '')",
    "created_at": "created_at",
    "updated_at": "updated_at",
}


class Standing(NamedTuple):
    """What a read or a write needs to know of a user first."""

    user_id: str
    role: str
    version: int
    epoch: int


def _user(row: Row, aliases: Sequence[str]) -> User:
    values: Any = row
    return User(
        user_id=values[0],
        name=values[1],
        gender=values[2],
        product=values[3],
        address=values[4],
        language=values[5],
        role=values[6],
        protected=bool(values[7]),
        flags=decode_object(values[8]),
        slots=decode_object(values[9]),
        metadata=decode_object(values[10]),
        aliases=tuple(aliases),
        created_at=values[11],
        updated_at=values[12],
    )


def resolve(tx: Tx, user_id: str) -> str | None:
    """Return the id of the user that has this id or alias, or None."""
    row = tx.one("SELECT user_id FROM user_profile WHERE user_id = ?", (user_id,)) or tx.one(
        "SELECT user_id FROM user_alias WHERE alias = ?", (user_id,)
    )
    return cast(str, row[0]) if row else None


def standing(tx: Tx, user_id: str) -> Standing | None:
    """Return role, version and epoch of the user that has this id or alias, or None."""
    query = "SELECT user_id, role, version, epoch FROM user_profile WHERE user_id = "
    row = tx.one(query + "?", (user_id,)) or tx.one(
        query + "(SELECT user_id FROM user_alias WHERE alias = ?)", (user_id,)
    )
    return Standing(*cast("tuple[str, str, int, int]", row)) if row else None


def exact(tx: Tx, user_id: str) -> Standing | None:
    """Return role, version and epoch of the user with exactly this id, or None."""
    row = tx.one("SELECT user_id, role, version, epoch FROM user_profile WHERE user_id = ?", (user_id,))
    return Standing(*cast("tuple[str, str, int, int]", row)) if row else None


def ensure(tx: Tx, user_id: str, now: int) -> Standing:
    """Return the standing of the user with this id or alias, created with nothing but the id when there is none."""
    found = standing(tx, user_id)
    if found is None:
        insert(tx, user_id, {}, now)
        found = cast(Standing, exact(tx, user_id))
    return found


def writable(tx: Tx, user_id: str, now: int) -> str:
    """Return the id of the user with this id or alias, created when there is none, or raise UserBlocked."""
    found = ensure(tx, user_id, now)
    if found.role == BLOCKED:
        raise blocked(found.user_id)
    return found.user_id


def blocked(user_id: str) -> UserBlocked:
    """Return the error for a write on behalf of a blocked user."""
    return UserBlocked(
        f"User {user_id!r} is blocked: nothing is stored for them. Nothing was changed.", user_id=user_id
    )


def required(tx: Tx, user_id: str) -> User:
    """Return the user with this id or alias, or raise UserNotFound."""
    owner = resolve(tx, user_id)
    found = get(tx, owner) if owner is not None else None
    if found is None:
        raise UserNotFound(f"There is no user {user_id!r}.", user_id=user_id)
    return found


def advance(tx: Tx, user_id: str, by: int) -> tuple[int, str]:
    """Raise the user's version by `by` and return (new version, role); the versions skipped are the caller's own.

    This and the next two raise UserNotFound when there is no user with exactly this id.
    """
    row = tx.one(
        "UPDATE user_profile SET version = version + ? WHERE user_id = ? RETURNING version, role", (by, user_id)
    )
    return cast("tuple[int, str]", row or _gone(user_id))


def version(tx: Tx, user_id: str) -> int:
    """Return the user's version."""
    row = tx.one("SELECT version FROM user_profile WHERE user_id = ?", (user_id,))
    return cast("tuple[int]", row or _gone(user_id))[0]


def rewrite(tx: Tx, user_id: str) -> int:
    """Raise version and epoch, which makes every copy of the user's recall index out of date; return the version."""
    row = tx.one(
        "UPDATE user_profile SET version = version + 1, epoch = epoch + 1 WHERE user_id = ? RETURNING version",
        (user_id,),
    )
    return cast("tuple[int]", row or _gone(user_id))[0]


def _gone(user_id: str) -> NoReturn:
    raise UserNotFound(f"There is no user {user_id!r} any more. Nothing was changed.", user_id=user_id)


def get(tx: Tx, user_id: str) -> User | None:
    """Return the user with exactly this id, or None."""
    row = tx.one(f"SELECT {_COLUMNS} FROM user_profile WHERE user_id = ?", (user_id,))
    return _user(row, aliases(tx, user_id)) if row else None


def insert(tx: Tx, user_id: str, values: dict[str, Value], now: int) -> bool:
    """Add a user if that id is free, and return whether it was; `values` are columns other than ids and times.

    The epoch starts at random, so that an index that was built for an earlier owner of the id is not taken for this
    user's.
    """
    columns = {"role": DEFAULT_ROLE, "protected": 0, "flags": "{}", "slots": "{}", "metadata": "{}", **values}
    names = ", ".join(columns)
    marks = ", ".join("?" * len(columns))
    row = tx.one(
        f"INSERT INTO user_profile (user_id, {names}, version, epoch, created_at, updated_at)"
        f" VALUES (?, {marks}, 0, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING user_id",
        (user_id, *columns.values(), secrets.randbits(62), now, now),
    )
    return row is not None


def update(tx: Tx, user_id: str, values: dict[str, Value], now: int) -> None:
    """Change the given columns."""
    changes = "".join(f"{name} = ?, " for name in values)
    tx.run(f"UPDATE user_profile SET {changes}updated_at = ? WHERE user_id = ?", (*values.values(), now, user_id))


def aliases(tx: Tx, user_id: str) -> list[str]:
    """Return the user's aliases in alphabetical order."""
    rows = tx.all("SELECT alias FROM user_alias WHERE user_id = ? ORDER BY alias", (user_id,))
    return [cast(str, row[0]) for row in rows]


def add_alias(tx: Tx, alias: str, user_id: str) -> str:
    """Make the alias the user's if nobody has it; return whose it is."""
    tx.run("INSERT INTO user_alias (alias, user_id) VALUES (?, ?) ON CONFLICT DO NOTHING", (alias, user_id))
    row = tx.one("SELECT user_id FROM user_alias WHERE alias = ?", (alias,))
    return cast("tuple[str]", row)[0]


def drop_alias(tx: Tx, alias: str, user_id: str) -> bool:
    """Take the alias from the user; return whether it was theirs."""
    return tx.run("DELETE FROM user_alias WHERE alias = ? AND user_id = ?", (alias, user_id)) > 0


def page(
    tx: Tx,
    limit: int,
    *,
    cursor: Cursor | None,
    sort: UserSort,
    descending: bool,
    search: str | None,
    role: str | None,
    protected: bool | None,
) -> tuple[list[User], str | None]:
    """Return one page of users and the cursor of the next.

    `search` is part of an id, a name, a product or an alias, without regard to case.
    """
    column = _SORTS[sort]
    kind = listing("users", sort, descending)
    after, args, order = keyset(kind, column, "user_id", descending, cursor)
    where = [after]
    if search is not None:
        where.append(
            f"(LOWER(user_id) {LIKE} OR LOWER(COALESCE(name, '')) {LIKE} OR LOWER(COALESCE(product, '')) {LIKE}"
            f" OR user_id IN (SELECT user_id FROM user_alias WHERE LOWER(alias) {LIKE}))"
        )
        args += [like_pattern(search)] * 4
    if role is not None:
        where.append("role = ?")
        args.append(role)
    if protected is not None:
        where.append("protected = ?")
        args.append(int(protected))
    rows = tx.all(
        f"SELECT {_COLUMNS}, {column} FROM user_profile WHERE {' AND '.join(where)} {order} LIMIT ?",
        (*args, limit + 1),
    )
    more = encode_cursor(kind, rows[limit - 1][-1], cast(str, rows[limit - 1][0])) if len(rows) > limit else None
    return [_user(row, aliases(tx, cast(str, row[0]))) for row in rows[:limit]], more


def guarded(tx: Tx, after: str, limit: int) -> list[User]:
    """Return up to `limit` users beyond an id who are marked as protected or have any flag, in order."""
    rows = tx.all(
        f"SELECT {_COLUMNS} FROM user_profile WHERE user_id > ? AND (protected = 1 OR flags <> '{{}}')"
        " ORDER BY user_id LIMIT ?",
        (after, limit),
    )
    return [_user(row, ()) for row in rows]


def every_id(tx: Tx) -> list[str]:
    """Return the ids of all users in alphabetical order."""
    return [cast(str, row[0]) for row in tx.all("SELECT user_id FROM user_profile ORDER BY user_id")]


def count(tx: Tx) -> int:
    """Return how many users there are."""
    return cast("tuple[int]", tx.one("SELECT COUNT(*) FROM user_profile"))[0]


def delete(tx: Tx, user_id: str) -> None:
    """Remove the profile and the aliases; all else that is theirs must be gone or moved before."""
    tx.run("DELETE FROM user_alias WHERE user_id = ?", (user_id,))
    tx.run("DELETE FROM user_profile WHERE user_id = ?", (user_id,))


def move_aliases(tx: Tx, source: str, target: str) -> None:
    """Give one user's aliases to another."""
    tx.run("UPDATE user_alias SET user_id = ? WHERE user_id = ?", (target, source))
