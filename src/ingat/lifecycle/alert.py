"""Alert: many users erased within a short time are told of at once, for somebody may have made a mistake."""

from __future__ import annotations

import msgspec

from ingat.core.actor import current_actor
from ingat.core.ids import new_id
from ingat.store.contract import Tx
from ingat.store.tables import erasures, logs

MOST_USERS = 10
"""More users than these, erased within the window, are too many."""
WINDOW_MS = 10 * 60_000


def watch(tx: Tx, at: int, users: int) -> None:
    """Count users that were just erased or purged, and write a log entry when they are too many within 10 minutes.

    To be called in the transaction that removes them, behind its audit entry, so that the count is right over all
    processes, and what is not kept raises no alarm. One entry for a burst: the next comes after 10 minutes without
    more than `MOST_USERS`.
    """
    if users < 1:
        return
    erasures.add(tx, erasures.USERS, users)
    recent = erasures.recent(tx, at - WINDOW_MS, MOST_USERS)
    if recent <= MOST_USERS:
        return
    before = erasures.alarmed_at(tx)
    erasures.alarm(tx, at)
    if before is not None and at - before < WINDOW_MS:
        return
    erasures.add(tx, erasures.ALERTS, 1)
    actor = current_actor()
    data = {"users": recent, "minutes": WINDOW_MS // 60_000, "actor": actor}
    said = (
        f"{recent} users or more were erased within {WINDOW_MS // 60_000} minutes, last by {actor}. `ingat audit` shows"
        " them all; `ingat undo OPERATION` brings each back that was not purged"
    )
    row = logs.NewRow(new_id(), at, "error", "cleanup", "alert", said, msgspec.json.encode(data).decode(), None, None)
    logs.insert(tx, row)
