"""Snapshots: named application state, saved by hand or automatically, versioned."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

from msgspec.structs import replace

from ingat.core import clock
from ingat.core.errors import Conflict, HookFailed, InvalidInput, SnapshotNotFound
from ingat.core.ids import check_id, new_id, normalise_user_id
from ingat.core.json import decode_object, encode_object
from ingat.core.limits import check_limit
from ingat.core.records import Page
from ingat.core.snapshots import Comparison, Loaded, Snapshot, SnapshotHead, SnapshotStats
from ingat.core.states import check_name, differences, from_portable, seal, to_portable
from ingat.core.texts import MAX_FIELD_BYTES, check_text
from ingat.store.contract import Store, Tx
from ingat.store.tables import snapshots as table
from ingat.store.tables import users as user_table
from ingat.store.tables.paging import decode_cursor

Hook = Callable[[Snapshot], object]

_log = logging.getLogger("ingat.snapshots")


class Snapshots:
    """The snapshots of one store. Where `user_id` is given, only that user's are seen."""

    def __init__(self, store: Store, now: clock.Clock) -> None:
        self._store, self._now = store, now
        self._hooks: tuple[Hook, ...] = ()

    def save(
        self,
        name: str,
        state: dict[str, Any],
        *,
        description: str | None = None,
        is_auto: bool = False,
        user_id: str | None = None,
        metadata: dict[str, Any] | None = None,
        id: str | None = None,
    ) -> Snapshot:
        """Keep the state, at most 1 MiB of JSON, under a name, as the next version of that user's and name's.

        Earlier versions stay as they are; of automatic ones (`is_auto`) retention keeps the newest. The user is
        created when unknown; UserBlocked when blocked. Conflict for an id that is taken.
        """
        sealed, now = seal(state), self._now()
        if not isinstance(is_auto, bool):
            raise InvalidInput("`is_auto` must be true or false. Nothing was saved.", field="is_auto")
        snapshot = Snapshot(
            id=new_id() if id is None else check_id(id, "snapshot id"),
            user_id=None if user_id is None else normalise_user_id(user_id),
            name=check_name(name),
            version=1,
            description=None if description is None else check_text(description, "description", MAX_FIELD_BYTES),
            is_auto=is_auto,
            size_bytes=sealed.size_bytes,
            sha256=sealed.sha256,
            metadata=decode_object(encode_object(metadata or {}, "metadata")),
            created_at=now,
            state=sealed.state,
        )

        def work(tx: Tx) -> Snapshot:
            if table.head(tx, snapshot.id) is not None:
                raise Conflict(f"There is already a snapshot {snapshot.id!r}. Nothing was saved.", id=snapshot.id)
            owner = None if snapshot.user_id is None else user_table.writable(tx, snapshot.user_id, now)
            kept = replace(snapshot, user_id=owner, version=table.next_version(tx, owner, snapshot.name))
            table.insert(tx, kept)
            return kept

        saved = self._store.write(work)
        about = {"category": "snapshot", "store": self._store.url, "user_id": saved.user_id}
        _log.info("Snapshot saved: %s", saved.id, extra=about)
        return saved

    def list(
        self,
        *,
        user_id: str | None = None,
        is_auto: bool | None = None,
        name: str | None = None,
        search: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[SnapshotHead]:
        """Return one page of snapshots without their states, newest first.

        `search` is part of a name or description, without regard to case; a page looks through 10,000 snapshots for it
        at the most, so that one may be short, or empty, and have a next one.
        """
        known = None if user_id is None else normalise_user_id(user_id)
        check_limit(limit, "limit")
        after = decode_cursor(cursor)
        for what, text in (("name", name), ("search", search)):
            if text is not None:
                check_text(text, what, MAX_FIELD_BYTES)

        def look(tx: Tx) -> tuple[Sequence[SnapshotHead], str | None]:
            owner = None if known is None else user_table.resolve(tx, known)
            if known is not None and owner is None:
                return [], None
            return table.page(tx, limit, cursor=after, user_id=owner, is_auto=is_auto, name=name, search=search)

        items, more = self._store.read(look)
        return Page(items=tuple(items), next=more)

    def stats(self) -> SnapshotStats:
        """Return how many snapshots there are, and how many of them are automatic."""
        return self._store.read(lambda tx: SnapshotStats(total=table.count(tx), auto=table.count_auto(tx)))

    def get(self, snapshot_id: str, *, user_id: str | None = None) -> Snapshot:
        """Return the snapshot, or raise SnapshotNotFound."""
        (found,) = self._read((snapshot_id,), user_id)
        return found

    def load(self, snapshot_id: str, *, user_id: str | None = None) -> Loaded:
        """Return the state and give it to the hooks, in the order in which they were registered.

        `restored` says whether any took it over; without hooks nothing is restored, and the `note` says so. When a
        hook fails, HookFailed says which one and how many before it took the state over; those after it are not
        called.
        """
        snapshot, hooks = self.get(snapshot_id, user_id=user_id), self._hooks
        for place, hook in enumerate(hooks):
            try:
                hook(replace(snapshot, state=deepcopy(snapshot.state)))
            except BaseException as error:
                if not isinstance(error, Exception):
                    raise
                raise _failed(snapshot, hook, place, len(hooks), error) from error
        if not hooks:
            note = "Nothing was restored: no hook is registered here. Take the state from the answer."
        else:
            taken = "1 hook has" if len(hooks) == 1 else f"{len(hooks)} hooks have"
            note = f"{taken} taken over the state."
        return Loaded(snapshot=snapshot, restored=bool(hooks), hooks=len(hooks), note=note)

    def on_load(self, hook: Hook) -> Hook:
        """Let a function take over the state of every snapshot that is loaded; returns it, to be used as decorator.

        It is called in this process, outside every transaction, each time with a state of its own.
        """
        self._hooks += (hook,)
        return hook

    def compare(self, snapshot_id: str, other_id: str, *, user_id: str | None = None) -> Comparison:
        """Return what changed from one snapshot to another: up to 1,000 changes, each with its JSON pointer."""
        before, after = self._read((snapshot_id, other_id), user_id)
        changes, truncated = differences(before.state, after.state)
        return Comparison(before=_head(before), after=_head(after), changes=changes, truncated=truncated)

    def export_json(self, snapshot_id: str, *, user_id: str | None = None) -> dict[str, Any]:
        """Return the snapshot as portable JSON, which `import_json` takes: the fields of the original's snapshots.

        These are id, name, description, created_at (ISO 8601), state_data, is_auto_save and version (of the format);
        with version_number, user_id and metadata beside them.
        """
        return to_portable(self.get(snapshot_id, user_id=user_id))

    def import_json(self, snapshot: dict[str, Any], *, user_id: str | None = None) -> Snapshot:
        """Keep a snapshot that was exported, here or by the original, under a new id when its own is taken.

        It keeps its time, and its version unless another snapshot of that user and name has it: then it gets the next.
        `user_id` goes before the one in the snapshot. Everything is checked first: a snapshot without a state or name
        is refused, and nothing is kept of it.
        """
        now = self._now()
        given = from_portable(snapshot, now)
        wanted = user_id if user_id is not None else given.user_id
        known, spare = None if wanted is None else normalise_user_id(wanted), new_id()

        def work(tx: Tx) -> Snapshot:
            owner = None if known is None else user_table.writable(tx, known, now)
            kept = replace(
                given,
                id=given.id if table.head(tx, given.id) is None else spare,
                user_id=owner,
                version=table.free_version(tx, owner, given.name, given.version),
            )
            table.insert(tx, kept)
            return kept

        return self._store.write(work)

    def _read(self, ids: Sequence[str], user_id: str | None) -> Sequence[Snapshot]:
        """Return snapshots as of one moment; SnapshotNotFound also for one of another user than the one given."""
        known = [check_id(each, "snapshot id") for each in ids]
        person = None if user_id is None else normalise_user_id(user_id)

        def look(tx: Tx) -> Sequence[Snapshot]:
            owner = None if person is None else user_table.resolve(tx, person)
            found = []
            for snapshot_id in known:
                snapshot = table.get(tx, snapshot_id)
                if snapshot is None or (person is not None and (owner is None or snapshot.user_id != owner)):
                    raise SnapshotNotFound(
                        f"There is no snapshot {snapshot_id[:64]!r}; `ingat snapshots list` shows them.",
                        snapshot_id=snapshot_id,
                    )
                found.append(snapshot)
            return found

        return self._store.read(look)


def _head(snapshot: Snapshot) -> SnapshotHead:
    return SnapshotHead(**{name: getattr(snapshot, name) for name in SnapshotHead.__struct_fields__})


def _failed(snapshot: Snapshot, hook: Hook, place: int, hooks: int, error: Exception) -> HookFailed:
    name = getattr(hook, "__qualname__", type(hook).__qualname__)
    return HookFailed(
        f"The hook {name} ({place + 1} of {hooks}) failed on the snapshot {snapshot.name!r}: {type(error).__name__}:"
        f" {str(error)[:500]}. {place} before it took the state over and keep it; those after it were not called."
        " The snapshot itself is unchanged.",
        snapshot_id=snapshot.id,
        hook=name,
        taken_over=place,
        hooks=hooks,
    )
