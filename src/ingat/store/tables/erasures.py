"""How many users were erased: of late, from the table audit_entry, and altogether, from the table setting."""

from __future__ import annotations

from typing import Literal, cast

import msgspec

from ingat.store.contract import Tx
from ingat.store.tables import settings

Total = Literal["users_erased_total", "mass_deletion_alerts_total"]
USERS: Total = "users_erased_total"
ALERTS: Total = "mass_deletion_alerts_total"

_ALARM = "mass_deletion_at"
_TAKING = "action IN ('erase', 'redo', 'purge') AND scope IN ('user', 'everything')"
_counts = msgspec.json.Decoder(dict[str, int])


def total(tx: Tx, name: Total) -> int:
    """Return how many there were since the store was made."""
    return int(settings.get(tx, name) or 0)


def add(tx: Tx, name: Total, number: int) -> None:
    """Count some more."""
    settings.put(tx, name, str(total(tx, name) + number))


def recent(tx: Tx, since: int, enough: int) -> int:
    """Return how many users were erased or purged from a time on: the number itself, or one beyond `enough`."""
    number, before = 0, (2**63 - 1, "")
    while number <= enough:
        rows = tx.all(
            f"SELECT at, id, counts FROM audit_entry WHERE at >= ? AND (at, id) < (?, ?) AND {_TAKING}"
            " ORDER BY at DESC, id DESC LIMIT ?",
            (since, *before, enough + 1),
        )
        number += sum(_counts.decode(cast(str, row[2])).get("user", 0) for row in rows)
        if len(rows) <= enough:
            break
        before = cast("tuple[int, str]", rows[-1][:2])
    return number


def alarmed_at(tx: Tx) -> int | None:
    """Return when too many were erased last, in milliseconds UTC."""
    found = settings.get(tx, _ALARM)
    return None if found is None else int(found)


def alarm(tx: Tx, at: int) -> None:
    """Note that too many were erased at this time."""
    settings.put(tx, _ALARM, str(at))
