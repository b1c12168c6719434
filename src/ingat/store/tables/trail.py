"""The audit trail as it is read and pruned: audit_entry, audit_text and audit_checkpoint; `audit` writes it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple, cast

import msgspec

from ingat.core.audit import AuditEntry
from ingat.store.contract import Row, Tx, Value
from ingat.store.tables.audit import COLUMNS, Link, Sealed, people_sha256
from ingat.store.tables.paging import Cursor, encode_cursor, keyset, listing

NEWEST_FIRST = listing("audit", "at", True)
BATCH = 1_000
"""Entries that are held in memory at a time."""

_NAMED = (
    "(SELECT p.user_id FROM pseudonym p WHERE p.pseudonym = e.subject ORDER BY p.main DESC, p.created_at, p.user_id"
    " LIMIT 1)"
)
_ENTRY = ", ".join(f"e.{name}" for name in COLUMNS.split(", "))
_WIDTH = len(Sealed._fields)
_PEOPLE = (
    "CASE WHEN e.people_sha256 IS NULL THEN CASE WHEN e.subject IS NULL THEN 0 ELSE 1 END"
    " ELSE (SELECT COUNT(*) FROM audit_person p WHERE p.seq = e.seq) END"
)
_TO_EVERYBODY = "SELECT seq FROM audit_entry WHERE scope = 'everything' AND subject IS NULL AND people_sha256 IS NULL"
"""Everybody went. Who came back when that was undone is entered by name."""
_counts = msgspec.json.Decoder(dict[str, int])


class Words(NamedTuple):
    """A row of audit_text."""

    salt: str
    target: str | None
    reason: str


class Checkpoint(NamedTuple):
    """Where the chain begins after pruning: the last entry that went, and how many did, all made before a time."""

    seq: int
    hash: str
    at: int
    actor: str
    entries: int
    before: int
    signature: str

    def said(self) -> str:
        """Return what is signed: JSON of the list ["ingat-audit-checkpoint-1", seq, hash, at, actor, entries, before].

        Made as `audit.append` says.
        """
        return msgspec.json.encode(["ingat-audit-checkpoint-1", *self[:-1]]).decode()


def page(
    tx: Tx,
    limit: int,
    cursor: Cursor | None,
    *,
    subjects: Collection[str] | None = None,
    action: str | None = None,
    actor: str | None = None,
    since: int | None = None,
    until: int | None = None,
) -> tuple[list[AuditEntry], str | None]:
    """Return one page of entries, newest first, and the cursor of the next.

    `subjects`: what was done under one of these pseudonyms, or to everything at once.
    """
    after, args, order = keyset(NEWEST_FIRST, "e.at", "e.id", True, cursor)
    wanted = {"e.action = ?": action, "e.actor = ?": actor, "e.at >= ?": since, "e.at < ?": until}
    given: dict[str, Value] = {condition: value for condition, value in wanted.items() if value is not None}
    conditions, values = [after, *given], [*args, *given.values()]
    if subjects is not None:
        marks = ", ".join("?" * len(subjects))
        conditions.append(
            f"e.seq IN ({_TO_EVERYBODY} UNION ALL SELECT seq FROM audit_entry WHERE subject IN ({marks})"
            f" UNION ALL SELECT seq FROM audit_person WHERE pseudonym IN ({marks}))"
        )
        values += [*subjects, *subjects]
    rows = tx.all(
        f"SELECT {_ENTRY}, t.target, t.reason, {_NAMED}, {_PEOPLE}"
        " FROM audit_entry e LEFT JOIN audit_text t ON t.seq = e.seq"
        f" WHERE {' AND '.join(conditions)} {order} LIMIT ?",
        (*values, limit + 1),
    )
    found = [_entry(row) for row in rows[:limit]]
    more = encode_cursor(NEWEST_FIRST, found[-1].at, found[-1].id) if len(rows) > limit else None
    return found, more


def _entry(row: Row) -> AuditEntry:
    values: Any = row
    sealed = Sealed(*values[:_WIDTH])
    target, reason, user_id, people = values[_WIDTH:]
    return AuditEntry(
        seq=sealed.seq,
        id=sealed.id,
        at=sealed.at,
        actor=sealed.actor,
        action=sealed.action,
        scope=sealed.scope,
        subject=sealed.subject,
        user_id=user_id,
        people=people,
        people_sha256=sealed.people_sha256,
        target=target,
        reason=reason,
        counts=_counts.decode(sealed.counts),
        operation_id=sealed.operation_id,
        restore_point=sealed.restore_point,
        previous=sealed.previous,
        hash=sealed.hash,
    )


def chain(tx: Tx) -> Iterator[tuple[Sealed, Words | None, str | None]]:
    """Return every entry in the order of the chain, with its words unless they are gone; a batch at a time.

    The third is the checksum of the people who stand with it, where there are any.
    """
    after = -(2**63)
    while rows := tx.all(
        f"SELECT {_ENTRY}, t.seq, t.salt, t.target, t.reason FROM audit_entry e LEFT JOIN audit_text t ON t.seq = e.seq"
        " WHERE e.seq > ? ORDER BY e.seq LIMIT ?",
        (after, BATCH),
    ):
        for row in rows:
            values: Any = row
            words = None if values[_WIDTH] is None else Words(*values[_WIDTH + 1 :])
            yield Sealed(*values[:_WIDTH]), words, _people_sha256(tx, values[0])
        after = cast(int, rows[-1][0])


def _people_sha256(tx: Tx, seq: int) -> str | None:
    people = tx.all("SELECT pseudonym FROM audit_person WHERE seq = ? ORDER BY pseudonym", (seq,))
    return people_sha256([cast(str, row[0]) for row in people]) if people else None


def checkpoint(tx: Tx) -> Checkpoint | None:
    """Return where the chain begins after it was pruned, or None."""
    row = tx.one(
        "SELECT seq, hash, at, actor, entries, before, signature FROM audit_checkpoint ORDER BY seq DESC LIMIT 1"
    )
    return Checkpoint(*cast("tuple[int, str, int, str, int, int, str]", row)) if row else None


def put_checkpoint(tx: Tx, new: Checkpoint) -> None:
    """Keep where the chain begins now, instead of where it began."""
    tx.run("DELETE FROM audit_checkpoint")
    tx.run(
        "INSERT INTO audit_checkpoint (seq, hash, at, actor, entries, before, signature) VALUES (?, ?, ?, ?, ?, ?, ?)",
        new,
    )


def oldest(tx: Tx, before: int, limit: int) -> list[Link]:
    """Return the oldest entries as far as they were made before a time, in order; never the newest of all."""
    rows = tx.all(
        "SELECT seq, hash, at FROM audit_entry WHERE seq < (SELECT MAX(seq) FROM audit_entry) ORDER BY seq LIMIT ?",
        (limit,),
    )
    found: list[Link] = []
    for seq, hash_, at in cast("list[tuple[int, str, int]]", rows):
        if at >= before:
            break
        found.append(Link(seq, hash_))
    return found


def count_before(tx: Tx, before: int, *, behind: bool = False) -> int:
    """Return how many entries pruning would delete; `behind`: once another was entered behind them."""
    later = "(SELECT MIN(seq) FROM audit_entry WHERE at >= ?)"
    newest = f"(SELECT MAX(seq) + {int(behind)} FROM audit_entry)"
    row = tx.one(f"SELECT COUNT(*) FROM audit_entry WHERE seq < COALESCE({later}, {newest})", (before,))
    return cast(int, row[0]) if row else 0


def subjects_until(tx: Tx, seq: int) -> list[str]:
    """Return the pseudonyms that stand in the entries up to this one."""
    rows = tx.all(
        "SELECT subject FROM audit_entry WHERE seq <= ? AND subject IS NOT NULL"
        " UNION SELECT pseudonym FROM audit_person WHERE seq <= ?",
        (seq, seq),
    )
    return [cast(str, row[0]) for row in rows]


def delete_until(tx: Tx, seq: int) -> None:
    """Delete the entries up to this one, their words, and who their people were."""
    tx.run("DELETE FROM audit_person WHERE seq <= ?", (seq,))
    tx.run("DELETE FROM audit_text WHERE seq <= ?", (seq,))
    tx.run("DELETE FROM audit_entry WHERE seq <= ?", (seq,))


def drop_unused_pseudonyms(tx: Tx, subjects: Sequence[str]) -> None:
    """Forget pseudonyms that no entry has any more."""
    tx.many(
        "DELETE FROM pseudonym WHERE pseudonym = ? AND NOT EXISTS"
        " (SELECT 1 FROM audit_entry e WHERE e.subject = pseudonym.pseudonym)"
        " AND NOT EXISTS (SELECT 1 FROM audit_person p WHERE p.pseudonym = pseudonym.pseudonym)",
        [(each,) for each in subjects],
    )


def operations_without_entry(tx: Tx, since: int, limit: int) -> list[str]:
    """Return ids of operations recorded from a time on that are not in the trail, oldest first."""
    rows = tx.all(
        "SELECT o.id FROM operation o WHERE o.created_at >= ? AND NOT EXISTS"
        " (SELECT 1 FROM audit_entry e WHERE e.operation_id = o.id) ORDER BY o.created_at, o.id LIMIT ?",
        (since, limit),
    )
    return [cast(str, row[0]) for row in rows]


def newest_backup(tx: Tx) -> str | None:
    """Return the name of the backup that was made last, unless a purge since may have removed it; or None."""
    row = tx.one(
        "SELECT restore_point FROM audit_entry WHERE action = 'backup.create' AND seq >"
        " (SELECT COALESCE(MAX(seq), 0) FROM audit_entry WHERE action = 'purge') ORDER BY seq DESC LIMIT 1"
    )
    return cast("str | None", row[0]) if row else None


def begun_at(tx: Tx) -> int:
    """Return when the store was given its audit trail, in milliseconds UTC."""
    row = tx.one("SELECT applied_at FROM schema_migration WHERE name LIKE '%safety%'")
    return cast(int, row[0]) if row else 0
