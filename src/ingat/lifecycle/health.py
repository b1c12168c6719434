"""Health: how much the store holds, and whether its parts agree with each other."""

from __future__ import annotations

from ingat.core.errors import StoreCorrupt
from ingat.core.records import Check, Count, SessionCounts, Stats
from ingat.search.embed.contract import Embedder
from ingat.store.contract import Store, Tx
from ingat.store.tables import health, memories, messages, recall, sessions, users


def stats(store: Store, embedder: Embedder | None) -> Stats:
    """Return how much the store holds, as of one moment."""
    fingerprint = embedder.fingerprint if embedder else None

    def look(tx: Tx) -> Stats:
        states = sessions.count_by_state(tx)
        return Stats(
            users=Count(total=users.count(tx)),
            sessions=SessionCounts(
                total=sum(states.values()),
                active=states.get("active", 0),
                closed=states.get("closed", 0),
                archived=states.get("archived", 0),
            ),
            messages=Count(total=messages.count(tx)),
            memories=Count(total=memories.count(tx)),
            size_bytes=store.size_bytes(),
            embedder=fingerprint,
            vectors_missing=recall.counts(tx, fingerprint)[1],
        )

    return store.read(look)


def doctor(store: Store, embedder: Embedder | None) -> list[Check]:
    """Look through the whole store and return what was checked, each with value, target and state.

    Rows (the engine's own integrity check, owners, order within sessions), counters (messages and tokens that
    sessions keep) and index (an entry for each message and memory, vectors of the embedder in use). Reads only. A
    damaged file is a finding, not an error.
    """
    faults = store.check()
    found = [
        _check("files", f"{len(faults)} faults", "0 faults", bool(faults), "; ".join(faults[:3]) or None),
    ]
    try:
        found += _agreement(store)
        if embedder is not None:
            found += _vectors(store, embedder.fingerprint)
    except StoreCorrupt as error:
        found.append(_check("reading every row", "not possible", "possible", True, error.message))
    return found


def _agreement(store: Store) -> list[Check]:
    return [
        _check(name, f"{number} rows", "0 rows", number > 0, advice if number else None)
        for name, number, advice in store.read(health.disagreements)
    ]


def _vectors(store: Store, fingerprint: str) -> list[Check]:
    entries, missing = store.read(lambda tx: recall.counts(tx, fingerprint))
    foreign = store.read(lambda tx: health.foreign_vectors(tx, fingerprint))
    return [
        Check(
            name="vectors missing",
            value=f"{missing} of {entries}",
            target="0",
            state="warn" if missing else "ok",
            advice="they are made behind the writes; `ingat reindex` makes them now" if missing else None,
        ),
        Check(
            name="vectors of another embedder",
            value=str(foreign),
            target="0",
            state="warn" if foreign else "ok",
            advice="`ingat reindex` replaces them" if foreign else None,
        ),
    ]


def _check(name: str, value: str, target: str, bad: bool, advice: str | None) -> Check:
    return Check(name=name, value=value, target=target, state="bad" if bad else "ok", advice=advice)
