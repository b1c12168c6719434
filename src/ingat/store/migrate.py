"""Brings a store's tables up to date: numbered SQL files, each applied once, together with its record."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Protocol, cast

from ingat.core.clock import Clock, now
from ingat.core.errors import StoreError, StoreNewer
from ingat.store.contract import MISSING, TABLE, Row, Store, Tx
from ingat.store.script import statements

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")

_RECORDS = """
CREATE TABLE IF NOT EXISTS schema_migration (
    number INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    applied_at BIGINT NOT NULL
)
"""


@dataclass(frozen=True)
class Migration:
    """One SQL file. The checksum does not depend on how lines end."""

    number: int
    name: str
    sql: str
    sha256: str


class Keeper(Protocol):
    """Keeps what is in a store that is about to be changed; both run in the transaction that changes it.

    They may be called again from the start, when the engine had to undo that transaction.
    """

    def before(self, tx: Tx, applied: int) -> None:
        """See the store as it is, with the tables of so many files."""
        ...

    def after(self, tx: Tx, names: Sequence[str]) -> None:
        """See it with the tables of these files too, before that is committed; when this raises, it is undone."""
        ...


def migrate(
    store: Store,
    folder: Path,
    *,
    clock: Clock = now,
    keeper: Keeper | None = None,
    made: Callable[[Tx], None] | None = None,
) -> list[str]:
    """Apply the files of the folder that the store does not have yet, in order, and return their names.

    All of them and their records in `schema_migration` are one transaction, in which no other process writes. Several
    processes may do this at once: one of them applies the files, the others wait for it as long as for any lock. A
    store that is up to date is only read. The `keeper` is called for a store that had files applied before; `made`
    runs in the same transaction for a store that had none, and sees its new tables.

    Errors: StoreNewer when the store holds migrations that the folder does not; StoreError when a file was changed
    after it was applied, or the folder's numbers are not 1, 2, 3, …; any other StoreError from the engine. Nothing is
    changed then, nor when a statement, the keeper or `made` fails.
    """
    migrations = read_migrations(folder)
    if not _missing(_recorded(store), migrations):
        return []
    return store.write(partial(_apply, migrations, clock, keeper, made), alone=True)


def pending(store: Store, folder: Path) -> tuple[int, list[str]]:
    """Return how many files were applied to a store, and the names of those that `migrate` would apply; as errors."""
    applied = _recorded(store)
    return len(applied), [migration.name for migration in _missing(applied, read_migrations(folder))]


def read_migrations(folder: Path) -> list[Migration]:
    """Return the folder's SQL files in the order of their numbers, or raise StoreError when one is missing or twice."""
    found = []
    for path in sorted(folder.glob("*.sql")):
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise StoreError(f"{path.name} is not named like 0001_words.sql. Nothing was changed.", file=path.name)
        sql = path.read_text(encoding="utf-8")
        found.append(Migration(int(match[1]), path.stem, sql, sha256(sql.encode()).hexdigest()))
    if not found or [migration.number for migration in found] != list(range(1, len(found) + 1)):
        raise StoreError(
            f"The schema files in {folder.name} are not numbered 1, 2, 3 and so on. Nothing was changed."
            " Install again.",
            files=[migration.name for migration in found],
        )
    return found


def _recorded(store: Store) -> list[Row]:
    """Return what was applied to a store; nothing where there is no table of records yet."""
    try:
        return store.read(_applied)
    except StoreError as error:
        if error.details.get(MISSING) != TABLE:
            raise
        return []


def _applied(tx: Tx) -> list[Row]:
    return tx.all("SELECT number, name, sha256 FROM schema_migration ORDER BY number")


def _missing(applied: list[Row], migrations: list[Migration]) -> list[Migration]:
    """Return what is not applied yet, or raise when what is applied is not what the folder says."""
    records = {number: (name, checksum) for number, name, checksum in applied}
    newer = [str(name) for number, (name, _) in records.items() if not 1 <= cast(int, number) <= len(migrations)]
    if newer:
        raise StoreNewer(
            f"The store was written by a newer version of Ingat ({', '.join(newer)}). It was left as it is; update"
            " Ingat, or name another store.",
            migrations=newer,
        )
    missing = []
    for migration in migrations:
        record = records.get(migration.number)
        if record is None:
            missing.append(migration)
        elif record != (migration.name, migration.sha256):
            raise _changed(migration)
    return missing


def _changed(migration: Migration) -> StoreError:
    return StoreError(
        f"The schema file {migration.name} is not the one that was applied to this store. Nothing was changed; install"
        " the version of Ingat that made the store, or a newer one.",
        migration=migration.name,
    )


def _apply(
    migrations: list[Migration], clock: Clock, keeper: Keeper | None, made: Callable[[Tx], None] | None, tx: Tx
) -> list[str]:
    """Apply what is missing now, which another process may have done since it was looked for."""
    tx.run(_RECORDS)
    applied = _applied(tx)
    missing = _missing(applied, migrations)
    kept = keeper if applied and missing else None
    if kept is not None:
        kept.before(tx, len(applied))
    for migration in missing:
        for statement in statements(migration.sql):
            tx.run(statement)
        tx.run(
            "INSERT INTO schema_migration (number, name, sha256, applied_at) VALUES (?, ?, ?, ?)",
            (migration.number, migration.name, migration.sha256, clock()),
        )
    names = [migration.name for migration in missing]
    if kept is not None:
        kept.after(tx, names)
    if made is not None and not applied:
        made(tx)
    return names
