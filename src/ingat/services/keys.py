"""Access keys: made once, shown once, kept as a hash."""

from __future__ import annotations

import hashlib
import hmac
import secrets

from msgspec.structs import replace

from ingat.core import clock
from ingat.core.errors import InvalidInput, KeyNotFound, Unauthorized
from ingat.core.given import shown
from ingat.core.ids import check_id, new_id, normalise_user_id
from ingat.core.records import KEY_ROLES, Key, KeyRole, NewKey
from ingat.core.texts import check_text
from ingat.store.contract import Store, Tx
from ingat.store.tables import audit
from ingat.store.tables import keys as table
from ingat.store.tables import settings as setting_table
from ingat.store.tables import users as user_table

PREFIX = "ingat_"
_FIRST_KEY = "first_key_id"


class Keys:
    """The access keys of one store. A key has 256 random bits, so a plain SHA-256 of it is safe to keep."""

    def __init__(self, store: Store, now: clock.Clock) -> None:
        self._store, self._now = store, now

    def create(self, role: KeyRole = "service", user_id: str | None = None, name: str | None = None) -> NewKey:
        """Make a key and return it with its secret, which cannot be shown again.

        `admin` may do everything, `service` everything but the keys, `user` only what concerns `user_id`.
        """
        fresh, key = self._make(role, user_id, name)

        def work(tx: Tx) -> str | None:
            # inside the write, so that a merge cannot come between
            owner = None if key.user_id is None else user_table.resolve(tx, key.user_id) or key.user_id
            table.insert(tx, replace(key, user_id=owner), _digest(fresh.key))
            _enter(tx, "keys.create", replace(key, user_id=owner), key.created_at)
            return owner

        return replace(fresh, user_id=self._store.write(work))

    def create_first(self) -> NewKey | None:
        """Make an admin key if this store never had one, and return it; None when it had.

        Several processes that start at once make one key.
        """
        fresh, key = self._make("admin", None, "first key")

        def work(tx: Tx) -> bool:
            if setting_table.get(tx, _FIRST_KEY) is not None or table.every(tx):
                return False
            setting_table.put(tx, _FIRST_KEY, key.id)
            table.insert(tx, key, _digest(fresh.key))
            _enter(tx, "keys.create", key, key.created_at)
            return True

        return fresh if self._store.write(work) else None

    def list(self) -> list[Key]:
        """Return all keys without their secrets, oldest first."""
        return self._store.read(table.every)

    def revoke(self, key_id: str) -> Key:
        """Let the key open nothing any more, from the next request on; raise KeyNotFound."""
        known, now = check_id(key_id, "key id"), self._now()

        def work(tx: Tx) -> Key:
            before = table.get(tx, known)
            table.revoke(tx, known, now)
            key = table.get(tx, known)
            if key is None:
                raise KeyNotFound(f"There is no key {known[:64]!r}; `ingat keys list` shows them.")
            if before is not None and before.revoked_at is None:
                _enter(tx, "keys.revoke", key, now)
            return key

        return self._store.write(work)

    def check(self, secret: str) -> Key:
        """Return the key that has this secret, or raise Unauthorized. Takes the same time for right and wrong ones."""
        digest = _digest(secret if isinstance(secret, str) else "")
        found = self._store.read(lambda tx: table.with_digest(tx, digest))
        known, stored = found or (None, bytes(32))
        if not hmac.compare_digest(stored, digest) or known is None or known.revoked_at is not None:
            raise Unauthorized("The access key is unknown or revoked; `ingat keys create` makes a new one.")
        return known

    def _make(self, role: KeyRole, user_id: str | None, name: str | None) -> tuple[NewKey, Key]:
        if role not in KEY_ROLES:
            raise InvalidInput(f"There is no key role {shown(role)}; known: {', '.join(KEY_ROLES)}.")
        if (role == "user") != (user_id is not None):
            raise InvalidInput("A key of role 'user' needs a user id, and only such a key takes one.")
        owner = None if user_id is None else normalise_user_id(user_id)
        if name is not None:
            check_text(name, "name", 1_024)
        key = Key(id=new_id(), role=role, user_id=owner, name=name, created_at=self._now())
        fresh = NewKey(id=key.id, key=PREFIX + secrets.token_urlsafe(32), role=role, user_id=owner, name=name)
        return fresh, key


def _enter(tx: Tx, action: str, key: Key, at: int) -> None:
    """Write what was done to a key into the audit trail: its id, name and role."""
    told = f"{key.id} {key.name}" if key.name else key.id
    audit.append(tx, at, action, "key", user_id=key.user_id, target=told, reason=key.role)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()
