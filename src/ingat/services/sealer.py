"""Sealer: notes outside the store how far the audit trail has come, so that a cut end does not go unnoticed."""

from __future__ import annotations

from ingat.core import clock
from ingat.core.errors import SecretMissing, StoreError
from ingat.core.seal import Sealing
from ingat.core.secret import Secret
from ingat.store.contract import Store, Tx
from ingat.store.tables import audit as table
from ingat.store.tables import ledger
from ingat.store.tables.chain import sealed_in


class Sealer:
    """Seals the audit trail of one store in the file `audit.head`."""

    def __init__(self, store: Store, secret: Secret, now: clock.Clock) -> None:
        self._store, self._secret, self._now = store, secret, now
        self._sealing = Sealing(secret)

    def seal(self) -> bool:
        """Write down outside the store how far the trail has come; return whether there was something to write.

        What was sealed before must still be in the trail; else the file stays, as what shows that it is not. Where
        there is no data directory, nothing is written. Raises SecretMissing and StoreErrors.
        """
        if self._sealing.path is None or not self._sealing.path.parent.is_dir():
            return False
        if not self._secret.is_there() and self._sealing.path.exists():
            raise SecretMissing("The key that signed the end of the audit trail is gone.")
        before = self._sealing.read()

        def work(tx: Tx) -> table.Link | None:
            ledger.check_secret(tx, self._secret)
            newest = table.head(tx)
            if newest.seq == 0 or (before is not None and (before.seq, before.hash) == newest):
                return None
            if before is not None and (before.seq > newest.seq or not sealed_in(tx, before)):
                raise StoreError("The audit trail has lost entries; `ingat audit verify` says which.")
            return newest

        newest = self._store.read(work)
        return newest is not None and self._sealing.write(newest.seq, newest.hash, self._now())
