"""The table setting: what the store remembers about itself."""

from __future__ import annotations

from typing import cast

from ingat.store.contract import Tx


def get(tx: Tx, name: str) -> str | None:
    """Return a value, or None."""
    row = tx.one("SELECT value FROM setting WHERE name = ?", (name,))
    return cast(str, row[0]) if row else None


def put(tx: Tx, name: str, value: str) -> None:
    """Keep a value."""
    tx.run(
        "INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, value),
    )


def drop(tx: Tx, name: str) -> None:
    """Keep a value no longer."""
    tx.run("DELETE FROM setting WHERE name = ?", (name,))
