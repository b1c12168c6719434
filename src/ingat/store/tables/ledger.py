"""The table purge_ledger: who was purged, under a keyed hash of each of their ids."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, cast

from ingat.core.errors import SecretMissing
from ingat.core.secret import FILE, Secret
from ingat.store.contract import Tx
from ingat.store.tables import settings

_FINGERPRINT = "secret_fingerprint"
_PURPOSE = "purged"
_AT_ONCE = 500


class LedgerEntry(NamedTuple):
    """That an id was purged: by which purge, when (milliseconds UTC), by whom and why."""

    purge_id: str
    at: int
    actor: str
    reason: str


def check_secret(tx: Tx, secret: Secret) -> None:
    """Raise SecretMissing when the store relies on a key that is not in the data directory, or is not this one."""
    known = settings.get(tx, _FINGERPRINT)
    if known is None:
        return
    if not secret.is_there():
        raise SecretMissing(_said("is not there", "put it back"), path=str(secret.path()))
    if secret.fingerprint() != known:
        raise SecretMissing(
            _said("is not the one that the store was used with", "put that one back"), path=str(secret.path())
        )


def relies_on_key(tx: Tx) -> bool:
    """Return whether the store relies on a key: somebody was purged, or its audit trail was pruned."""
    return settings.get(tx, _FINGERPRINT) is not None


def bind_secret(tx: Tx, secret: Secret) -> None:
    """Note which key the store relies on from now on; raises SecretMissing when it relied on another one before.

    To be called with a key that is there already (`secret.fingerprint()` makes it), so that none is made in here.
    """
    check_secret(tx, secret)
    if settings.get(tx, _FINGERPRINT) is None:
        settings.put(tx, _FINGERPRINT, secret.fingerprint())


def insert(tx: Tx, secret: Secret, ids: Iterable[str], entry: LedgerEntry) -> None:
    """Note that all of these ids, of one person, were purged; one that was purged before is noted anew."""
    bind_secret(tx, secret)
    tx.many(
        "INSERT INTO purge_ledger (id_hash, purge_id, at, actor, reason) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id_hash)"
        " DO UPDATE SET purge_id = excluded.purge_id, at = excluded.at, actor = excluded.actor,"
        " reason = excluded.reason",
        [(secret.mac(_PURPOSE, each), *entry) for each in ids],
    )


def get(tx: Tx, secret: Secret, user_id: str) -> LedgerEntry | None:
    """Return the last purge of this id, or None; raises SecretMissing."""
    if not is_used(tx):
        return None
    check_secret(tx, secret)
    row = tx.one(
        "SELECT purge_id, at, actor, reason FROM purge_ledger WHERE id_hash = ?", (secret.mac(_PURPOSE, user_id),)
    )
    return LedgerEntry(*cast("tuple[str, int, str, str]", row)) if row else None


def among(tx: Tx, secret: Secret, ids: Iterable[str]) -> dict[str, int]:
    """Return those of the ids that were purged, with the time of the last purge; raises SecretMissing."""
    if not is_used(tx):
        return {}
    check_secret(tx, secret)
    known_as = {secret.mac(_PURPOSE, each): each for each in ids}
    hashes, found = list(known_as), dict[str, int]()
    for start in range(0, len(hashes), _AT_ONCE):
        some = hashes[start : start + _AT_ONCE]
        marks = ", ".join("?" * len(some))
        for row in tx.all(f"SELECT id_hash, at FROM purge_ledger WHERE id_hash IN ({marks})", some):
            id_hash, at = cast("tuple[str, int]", row)
            found[known_as[id_hash]] = at
    return found


def is_used(tx: Tx) -> bool:
    """Return whether anybody was ever purged from this store."""
    return tx.one("SELECT 1 FROM purge_ledger LIMIT 1") is not None


def _said(wrong: str, do: str) -> str:
    return (
        f"The key {FILE} of the data directory {wrong}. The store needs it to tell who was purged, so that nobody"
        f" comes back. Nothing was changed; {do} from a copy of the data directory, then try again."
    )
