"""Stores of a move: opened only when they can be used for it, and left as they are when not."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import cast

from ingat.core.clock import Clock
from ingat.core.errors import Conflict, InvalidSettings, StoreUnavailable
from ingat.core.urls import is_postgres, without_password
from ingat.store.contract import Store, Tx
from ingat.store.migrate import migrate, pending
from ingat.store.open import is_there, open_store, schema_folder, sqlite_file
from ingat.store.tables import moving, settings

NOTHING = "Nothing was changed"
_TOLD = 4
"""How many kinds of what a target holds are told of."""


def check_names(source: str, target: str) -> None:
    """Raise InvalidSettings for URLs that name no store, a store in memory, or one file twice."""
    files = [None if is_postgres(url) else _file(url) for url in (source, target)]
    if files[0] is not None and files[1] is not None and files[0].resolve() == files[1].resolve():
        raise InvalidSettings(
            f"The source and the target are the same file {files[0]}. {NOTHING}; name another target."
        )


def _file(url: str) -> Path:
    file = sqlite_file(url)
    if file is None:
        raise InvalidSettings(f"A store in memory cannot be moved, nor moved into. {NOTHING}; name two that last.")
    return file


def open_source(url: str, busy_timeout_ms: int) -> Store:
    """Return the store to be moved, opened as it is; StoreUnavailable where there is none, StoreNewer, Conflict."""
    if not is_there(url):
        raise StoreUnavailable(
            f"There is no store at {without_password(url)} to be moved. {NOTHING}; check the URL of the source."
        )
    store = open_store(url, busy_timeout_ms=busy_timeout_ms, readers=1)
    try:
        _check_schema(store, "source")
        store.read(_check_finished)
    except BaseException:
        store.close()
        raise
    return store


def open_target(url: str, busy_timeout_ms: int) -> Store:
    """Return the store to move into, its tables left as they are. A write to it survives a power cut."""
    store = open_store(url, synchronous="FULL", busy_timeout_ms=busy_timeout_ms, readers=1)
    try:
        if is_made(store):
            _check_schema(store, "target")
    except BaseException:
        store.close()
        raise
    return store


def make_target(url: str, busy_timeout_ms: int, clock: Clock, source_id: str) -> Store:
    """Return the store to move into; where it has no tables they are made and marked in one transaction."""
    store = open_target(url, busy_timeout_ms)
    try:
        if not is_made(store):
            migrate(store, schema_folder(url), clock=clock, made=partial(moving.begin, source_id=source_id))
    except BaseException:
        store.close()
        raise
    return store


def is_made(store: Store) -> bool:
    """Return whether a store has tables."""
    return pending(store, schema_folder(store.url))[0] > 0


def _check_schema(store: Store, which: str) -> None:
    """Raise unless the tables of a store are those that this version knows: StoreNewer, or Conflict for older ones."""
    made, missing = pending(store, schema_folder(store.url))
    if missing:
        held = "was written by an older version of Ingat" if made else "holds no memory"
        raise Conflict(
            f"The {which} {store.url} {held}. {NOTHING}; open it once with this version, as `ingat doctor` does, which"
            " makes a restore point where there is something to keep, and move it then.",
            migrations=missing,
        )


def check_apart(source: Store, target: Store) -> str:
    """Return the id of the source; Conflict when the target is the same store, or a copy of it."""
    ours, theirs = (store.read(store_id) for store in (source, target))
    if ours == theirs:
        raise Conflict(
            f"The source {source.url} and the target {target.url} are the same store, or one is a copy of the other."
            f" {NOTHING}; a move that came to its end needs no second one, any other wants an empty target.",
            store_id=ours,
        )
    return ours


def store_id(tx: Tx) -> str:
    """Return what tells a store from others."""
    return cast(str, settings.get(tx, moving.STORE_ID))


def mark_target(target: Store, source_id: str) -> None:
    """Mark an empty store as the target of a move, unless it is that already. Conflict for any other."""

    def begin(tx: Tx) -> None:
        if not is_marked(tx, target, source_id):
            moving.begin(tx, source_id)

    target.write(begin, alone=True)


def is_marked(tx: Tx, target: Store, source_id: str) -> bool:
    """Return whether a store is the unfinished target of this move; Conflict unless it is, or empty."""
    mark = moving.source_of(tx)
    if mark == source_id:
        return True
    filled = moving.filled(tx)
    if mark is not None or filled:
        raise Conflict(f"The target {target.url} {_held(tx, target, mark)}", tables=filled)
    return False


def _held(tx: Tx, target: Store, mark: str | None) -> str:
    """Return what makes a store no empty one, and what to do then, in words."""
    new, drop = ("a schema", "drop this one") if is_postgres(target.url) else ("a file", "delete this one")
    held = [_counted(*each) for each in moving.told_of(tx)]
    if mark is not None:
        return (
            f"is the unfinished target of another move. {NOTHING}; run that one to its end, name {new} that is not"
            f" there yet, or {drop}."
        )
    if held:
        more = " and more" if len(held) > _TOLD else ""
        return f"is not empty: it holds {', '.join(held[:_TOLD])}{more}. {NOTHING}; name {new} that is not there yet."
    return (
        "is not empty: a server or command has already been used on it, though nobody's memory is in it."
        f" {NOTHING}; name {new} that is not there yet, or {drop}."
    )


def _counted(rows: int, names: tuple[str, str]) -> str:
    one, several = names
    if rows > moving.COUNTED:
        return f"more than {moving.COUNTED:,} {several}"
    return f"{rows:,} {one if rows == 1 else several}"


def refuse_unfinished(store: Store) -> None:
    """Raise StoreUnavailable when a store is the target of a move that did not come to its end."""
    if store.read(moving.source_of) is not None:
        raise StoreUnavailable(
            f"The store {store.url} is the target of a move that is not finished. Nothing was changed; run the same"
            " `ingat move FROM TO` again, or go on with the store that is being moved.",
            url=store.url,
        )


def _check_finished(tx: Tx) -> None:
    if moving.source_of(tx) is not None:
        raise Conflict(
            f"The source is itself the target of a move that is not finished. {NOTHING}; finish that one first."
        )
