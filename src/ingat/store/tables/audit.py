"""The tables audit_entry, audit_text, audit_person and pseudonym: who did what to whom, chained; `trail` reads them."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, cast

import msgspec

from ingat.core.actor import current_actor
from ingat.core.ids import new_id
from ingat.store.contract import Tx

FORMAT = "ingat-audit-1"
COLUMNS = (
    "seq, id, at, actor, action, scope, subject, counts, operation_id, restore_point, text_sha256, people_sha256,"
    " previous, hash"
)
BEGINNING = ""
"""What stands as the hash before the first entry of all."""

_PSEUDONYM_BYTES = 8
_SALT_BYTES = 16
_LINK = "INSERT INTO pseudonym (user_id, pseudonym, main, created_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"


class Sealed(NamedTuple):
    """A row of audit_entry as it is stored; `counts` is JSON text."""

    seq: int
    id: str
    at: int
    actor: str
    action: str
    scope: str
    subject: str | None
    counts: str
    operation_id: str | None
    restore_point: str | None
    text_sha256: str
    people_sha256: str | None
    previous: str
    hash: str

    def computed_hash(self) -> str:
        """Return the hash that the row must have; see `append`."""
        return _sha256((FORMAT, *self[:-1]))


class Link(NamedTuple):
    """An entry's place in the chain: what the next one names."""

    seq: int
    hash: str


def append(
    tx: Tx,
    at: int,
    action: str,
    scope: str,
    *,
    user_id: str | None = None,
    people: Iterable[str] = (),
    aliases: Iterable[str] = (),
    target: str | None = None,
    reason: str = "",
    counts: Mapping[str, int] | None = None,
    operation_id: str | None = None,
    restore_point: str | None = None,
) -> None:
    """Add an entry by the current actor to the end of the chain, in the caller's transaction.

    `user_id` is the person whose it was (an id, not an alias); the chain holds a pseudonym of it, made when it is first
    needed, which all of the person's aliases share: those in the store, and those given, where the user's rows are gone
    already. `people` are those whom it touched where these are several; one alone is as if given as `user_id`. Ids of
    people may stand in `target` and `reason` and nowhere else.

    Entries are numbered from 1 without a gap; writes happen one after another, so that two never get one place. All
    that follows is UTF-8, JSON as `json.dumps(…, ensure_ascii=False, separators=(",", ":"))` makes it, and SHA-256 in
    lower-case hexadecimal:

    - `text_sha256` is that of the list [salt, target, reason], the three of audit_text;
    - `people_sha256` is that of the list of the pseudonyms in audit_person, in the order of their letters;
    - `hash` is that of the list ["ingat-audit-1", seq, id, at, actor, action, scope, subject, counts, operation_id,
      restore_point, text_sha256, people_sha256, previous], the row's columns in this order, in which `counts` is the
      text that the column holds, and what is NULL is null;
    - `previous` is the `hash` of the entry before, "" for the first of all.
    """
    names = _subjects(tx, {*people, *(() if user_id is None else (user_id,))}, aliases, at)
    several = sorted(names) if len(names) > 1 else []
    before = head(tx)
    salt = secrets.token_hex(_SALT_BYTES)
    unsealed = Sealed(
        seq=before.seq + 1,
        id=new_id(),
        at=at,
        actor=current_actor(),
        action=action,
        scope=scope,
        subject=names.pop() if len(names) == 1 else None,
        counts=msgspec.json.encode(dict(counts or {})).decode(),
        operation_id=operation_id,
        restore_point=restore_point,
        text_sha256=text_sha256(salt, target, reason),
        people_sha256=people_sha256(several) if several else None,
        previous=before.hash,
        hash="",
    )
    entry = unsealed._replace(hash=unsealed.computed_hash())
    _keep(tx, entry, several, (salt, target, reason))


def _keep(tx: Tx, entry: Sealed, people: Sequence[str], words: tuple[str, str | None, str]) -> None:
    marks = ", ".join("?" * len(entry))
    tx.run(f"INSERT INTO audit_entry ({COLUMNS}) VALUES ({marks})", entry)
    # rows may be left over where somebody took out the newest entry: that must not keep others from acting
    tx.run("DELETE FROM audit_person WHERE seq = ?", (entry.seq,))
    tx.many("INSERT INTO audit_person (seq, pseudonym) VALUES (?, ?)", [(entry.seq, each) for each in people])
    tx.run(
        "INSERT INTO audit_text (seq, salt, target, reason) VALUES (?, ?, ?, ?) ON CONFLICT (seq) DO UPDATE"
        " SET salt = excluded.salt, target = excluded.target, reason = excluded.reason",
        (entry.seq, *words),
    )


def head(tx: Tx) -> Link:
    """Return the place of the newest entry: where it was pruned away, the checkpoint's; (0, "") when there is none."""
    row = tx.one("SELECT seq, hash FROM audit_entry ORDER BY seq DESC LIMIT 1") or tx.one(
        "SELECT seq, hash FROM audit_checkpoint ORDER BY seq DESC LIMIT 1"
    )
    return Link(*cast("tuple[int, str]", row)) if row else Link(0, BEGINNING)


def text_sha256(salt: str, target: str | None, reason: str) -> str:
    """Return the checksum of an entry's words; see `append`."""
    return _sha256((salt, target, reason))


def people_sha256(pseudonyms: Sequence[str]) -> str:
    """Return the checksum of the people of an entry, in the order of their letters; see `append`."""
    return _sha256(tuple(pseudonyms))


def share(tx: Tx, user_id: str, alias: str, at: int) -> None:
    """Let an alias stand for the same person in the audit trail as the id, where the trail knows the id."""
    for name in _pseudonyms(tx, user_id):
        _link(tx, alias, name, at)


def part(tx: Tx, user_id: str, alias: str) -> None:
    """Let an alias no longer stand for this person in the audit trail, since it was taken from them."""
    for name in _pseudonyms(tx, user_id):
        tx.run("DELETE FROM pseudonym WHERE user_id = ? AND pseudonym = ?", (alias, name))


def person(tx: Tx, ids: Iterable[str]) -> tuple[set[str], set[str]]:
    """Return (every id that the trail knows of the person who has one of these ids, their pseudonyms)."""
    known: set[str] = set()
    names: set[str] = set()
    fresh = set(ids)
    while fresh:
        known |= fresh
        found = {name for each in fresh for name in _pseudonyms(tx, each)} - names
        names |= found
        fresh = {each for name in found for each in _ids(tx, name)} - known
    return known, names


def subjects_of(tx: Tx, user_id: str) -> set[str]:
    """Return the pseudonyms under which a person is in the trail, given an id, an alias or one of the pseudonyms."""
    row = tx.one("SELECT user_id FROM user_profile WHERE user_id = ?", (user_id,)) or tx.one(
        "SELECT user_id FROM user_alias WHERE alias = ?", (user_id,)
    )
    owner = cast(str, row[0]) if row else user_id
    aliases = [cast(str, each[0]) for each in tx.all("SELECT alias FROM user_alias WHERE user_id = ?", (owner,))]
    return person(tx, {user_id, owner, *aliases, *_ids(tx, user_id)})[1] | {user_id}


def is_known(tx: Tx, user_id: str) -> bool:
    """Return whether an id, an alias or a pseudonym is that of a user, or of somebody in the trail."""
    for table, column in (
        ("user_profile", "user_id"),
        ("user_alias", "alias"),
        ("pseudonym", "user_id"),
        ("audit_entry", "subject"),
        ("audit_person", "pseudonym"),
    ):
        if tx.one(f"SELECT 1 FROM {table} WHERE {column} = ? LIMIT 1", (user_id,)) is not None:
            return True
    return False


def forget(tx: Tx, ids: Iterable[str]) -> int:
    """Remove the words of every entry about a person, and who their pseudonyms are; return how many entries' words.

    The chain stays whole. `ids` are those that are known of the person; what the trail knows besides goes too.
    """
    removed = 0
    for name in person(tx, ids)[1]:
        about = "SELECT seq FROM audit_entry WHERE subject = ?"
        removed += tx.run(f"DELETE FROM audit_text WHERE seq IN ({about})", (name,))
        tx.run("DELETE FROM pseudonym WHERE pseudonym = ?", (name,))
    return removed


def forget_texts(tx: Tx, seqs: Iterable[int]) -> None:
    """Remove the words of these entries, which name a person who is purged; a purge must be entered afterwards."""
    tx.many("DELETE FROM audit_text WHERE seq = ?", [(seq,) for seq in seqs])


def _pseudonyms(tx: Tx, user_id: str) -> list[str]:
    rows = tx.all(
        "SELECT pseudonym FROM pseudonym WHERE user_id = ? ORDER BY main DESC, created_at, pseudonym", (user_id,)
    )
    return [cast(str, row[0]) for row in rows]


def _ids(tx: Tx, pseudonym: str) -> list[str]:
    rows = tx.all("SELECT user_id FROM pseudonym WHERE pseudonym = ?", (pseudonym,))
    return [cast(str, row[0]) for row in rows]


def _subjects(tx: Tx, people: Iterable[str], aliases: Iterable[str], at: int) -> set[str]:
    """Return the pseudonyms under which people are entered, and let the aliases of each share theirs.

    `aliases` are more of those of one person, who is the only one then.
    """
    links: list[tuple[str, str, int, int]] = []
    names: set[str] = set()
    for user_id in people:
        known = _pseudonyms(tx, user_id)
        name = known[0] if known else secrets.token_hex(_PSEUDONYM_BYTES)
        stored = tx.all("SELECT alias FROM user_alias WHERE user_id = ?", (user_id,))
        others = {*aliases, *(cast(str, row[0]) for row in stored)} - {user_id}
        links += [(user_id, name, 1, at), *((each, name, 0, at) for each in sorted(others))]
        names.add(name)
    tx.many(_LINK, links)
    return names


def _link(tx: Tx, user_id: str, pseudonym: str, at: int) -> None:
    tx.run(_LINK, (user_id, pseudonym, 0, at))


def _sha256(values: tuple[Any, ...]) -> str:
    return hashlib.sha256(msgspec.json.encode(values)).hexdigest()
