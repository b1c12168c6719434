"""Brings a store's tables up to date: numbered SQL files, each applied once, together with its record."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import cast

from ingat.core.clock import Clock, now
from ingat.core.errors import StoreError, StoreNewer
from ingat.store.contract import Row, Store, Tx

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


def migrate(store: Store, folder: Path, *, clock: Clock = now) -> list[str]:
    """Apply the files of the folder that the store does not have yet, in order, and return their names.

    Each file and its record in `schema_migration` are one transaction. Several processes may do this at once: each
    file is applied by one of them. A store that is up to date is only read.

    Errors: StoreNewer when the store holds migrations that the folder does not; StoreError when a file was changed
    after it was applied, or the folder's numbers are not 1, 2, 3, …; nothing is changed then. When a statement fails,
    the files before it stay applied and nothing of its own file is kept.
    """
    migrations = read_migrations(folder)
    try:
        applied = store.read(_applied)
    except StoreError:
        applied = []  # no table of records yet, which each engine says in its own words; other trouble comes again
    missing = _missing(applied, migrations)
    return [migration.name for migration in missing if store.write(partial(_apply, migration, clock))]


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


def statements(sql: str) -> Iterator[str]:
    """Yield the statements of a script, each with its semicolon; triggers and comments stay whole."""
    pending = ""
    for piece in re.split("(?<=;)", sql):
        pending += piece
        if pending.endswith(";") and sqlite3.complete_statement(pending):
            yield pending.strip()
            pending = ""
    if re.sub(r"--[^\n]*|/\*.*?\*/", "", pending, flags=re.DOTALL).strip():
        raise StoreError("A schema file ends within a statement. Nothing of it was kept.", statement=pending.strip())


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


def _apply(migration: Migration, clock: Clock, tx: Tx) -> bool:
    """Apply one file with its record; False when another process has done so since."""
    tx.run(_RECORDS)
    applied = tx.one("SELECT name, sha256 FROM schema_migration WHERE number = ?", (migration.number,))
    if applied is not None:
        if applied != (migration.name, migration.sha256):
            raise _changed(migration)
        return False
    for statement in statements(migration.sql):
        tx.run(statement)
    tx.run(
        "INSERT INTO schema_migration (number, name, sha256, applied_at) VALUES (?, ?, ?, ?)",
        (migration.number, migration.name, migration.sha256, clock()),
    )
    return True
