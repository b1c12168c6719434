"""Data health: what the doctor says of the data directory: whether it is there, and has what the store relies on."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from ingat.core.errors import SecretMissing
from ingat.core.records import Check
from ingat.core.secret import FILE, Secret
from ingat.lifecycle.copyfolder import CopyFolder
from ingat.lifecycle.restorepoints import RestorePoints
from ingat.store.contract import Store, Tx
from ingat.store.tables import artifacts, ledger, operations, trail

DATA_FIRST = (
    "check INGAT_DATA (data directory) first: it must name the folder that this store was used with; if it does, put"
    " back what is missing from a copy of that folder"
)


class Relied(NamedTuple):
    """What a store relies on in its data directory: copies by their names, the key, files of artifacts."""

    copies: Collection[str]
    key: bool
    files: bool


def relied_on(tx: Tx) -> Relied:
    """Return what the rows of a store say that its data directory holds."""
    copies, newest = operations.restore_points(tx), trail.newest_backup(tx)
    if newest is not None:
        copies.add(newest)
    return Relied(copies, ledger.relies_on_key(tx), bool(artifacts.files_after(tx, None, "", 1)))


def data_checks(store: Store, points: RestorePoints, secret: Secret, data: Path | None) -> list[Check]:
    """Return what the doctor says: nothing of a store in memory, and of the key only where the store relies on it.

    A store whose rows name nothing in the data directory need not have one yet. Copies that are in the second place are
    not missing. StoreError when the key cannot be read.
    """
    if data is None:
        return []
    relied, there = store.read(relied_on), data.is_dir()
    needed = bool(relied.copies) or relied.key or relied.files
    missing = set(relied.copies) - CopyFolder(data).names().keys()
    if missing and points.mirror is not None:
        missing -= {file.name for file in points.list()}
    value = "there" if there else "not there" if needed else "none yet"
    found = [_check("data directory", value, needed and not there)]
    if relied.key:
        key = _key(store, secret)
        found.append(_check(FILE, key, key != "there"))
    found.append(_check("copies missing", f"{len(missing)} copies", bool(missing), target="0 copies"))
    return found


def _key(store: Store, secret: Secret) -> str:
    there = secret.is_there()  # reads the key before the transaction
    try:
        store.read(lambda tx: ledger.check_secret(tx, secret))
    except SecretMissing:
        return "another one" if there else "not there"
    return "there"


def _check(name: str, value: str, bad: bool, target: str = "there") -> Check:
    advice = DATA_FIRST if bad else None
    return Check(name=name, value=value, target=target, state="bad" if bad else "ok", advice=advice)
