"""Snapshots in the wire format."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from ingat.api.answer import encode
from ingat.api.original.answers import Erased, SnapshotAnswer, SnapshotJson, SnapshotLoaded, SnapshotsAnswer
from ingat.api.original.asked import Asked, Id, Limit, UserId
from ingat.api.original.bounded import bounded
from ingat.api.original.caller import Caller, every
from ingat.api.original.ids import SNAPSHOT, fresh, imported
from ingat.api.original.shapes import StateSnapshot, snapshot_shape
from ingat.core.errors import InvalidFile, SnapshotNotFound

_object = msgspec.json.Decoder(dict[str, Any])


class GetSnapshots(Asked, tag="snapshots"):
    """The newest snapshots, with their states."""

    limit: Limit | None = None
    user_id: UserId | None = None


class GetSnapshot(Asked, tag="snapshot"):
    """One snapshot."""

    snapshot_id: Id


class ExportSnapshot(Asked, tag="export_snapshot"):
    """One snapshot as a text of JSON."""

    snapshot_id: Id


class SaveSnapshot(Asked, tag="save_snapshot"):
    """Keep a state under a name."""

    name: str
    state_data: dict[str, Any]
    description: str | None = None
    is_auto_save: bool | None = False
    user_id: UserId | None = None


class LoadSnapshot(Asked, tag="load_snapshot"):
    """Give a state to what takes it over (ours)."""

    snapshot_id: Id


class DeleteSnapshot(Asked, tag="delete_snapshot"):
    """Delete one snapshot."""

    snapshot_id: Id


class ImportSnapshot(Asked, tag="import_snapshot"):
    """Keep a snapshot that was exported, as a new one."""

    snapshot_json: str
    user_id: UserId | None = None


def get_snapshots(caller: Caller, asked: GetSnapshots) -> SnapshotsAnswer:
    """Return the newest snapshots, with their states."""
    found = bounded(_shapes(caller), asked.limit)
    return SnapshotsAnswer(snapshots=found.rows, more=found.more)


def get_snapshot(caller: Caller, asked: GetSnapshot) -> SnapshotAnswer:
    """Return one snapshot."""
    return SnapshotAnswer(snapshot=snapshot_shape(caller.snapshot(asked.snapshot_id)))


def export_snapshot(caller: Caller, asked: ExportSnapshot) -> SnapshotJson:
    """Return one snapshot as a text of JSON."""
    return SnapshotJson(snapshot_json=encode(snapshot_shape(caller.snapshot(asked.snapshot_id))).decode())


def save_snapshot(caller: Caller, asked: SaveSnapshot) -> SnapshotAnswer:
    """Keep a state under a name, as its next version."""
    snapshot = caller.memory.snapshots.save(
        asked.name,
        asked.state_data,
        description=asked.description,
        is_auto=asked.is_auto_save is True,
        user_id=caller.owner,
        id=fresh(SNAPSHOT),
    )
    return SnapshotAnswer(snapshot=snapshot_shape(snapshot))


def load_snapshot(caller: Caller, asked: LoadSnapshot) -> SnapshotLoaded:
    """Give a state to the hooks that take it over, and return it."""
    snapshot = caller.snapshot(asked.snapshot_id)
    loaded = caller.memory.snapshots.load(snapshot.id, user_id=caller.owner)
    return SnapshotLoaded(
        snapshot=snapshot_shape(loaded.snapshot), restored=loaded.restored, hooks=loaded.hooks, note=loaded.note
    )


def delete_snapshot(caller: Caller, asked: DeleteSnapshot) -> Erased:
    """Delete one snapshot, after a restore point."""
    snapshot = caller.snapshot(asked.snapshot_id)
    done = caller.memory.erase.snapshot(snapshot.id, user_id=caller.owner, reason=caller.reason)
    return Erased(message=f"Snapshot {asked.snapshot_id} was deleted.", operation_id=done.id)


def import_snapshot(caller: Caller, asked: ImportSnapshot) -> SnapshotAnswer:
    """Keep a snapshot that was exported, under an id of its own, so that nothing is overwritten."""
    given = {**_read(asked.snapshot_json), "id": imported(SNAPSHOT)}
    return SnapshotAnswer(snapshot=snapshot_shape(caller.memory.snapshots.import_json(given, user_id=caller.owner)))


def _read(text: str) -> dict[str, Any]:
    try:
        return _object.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidFile(f"snapshot_json is no JSON object: {error}. Nothing was imported.") from None


def _shapes(caller: Caller) -> Iterator[StateSnapshot]:
    """Return snapshots one by one, each read when it is its turn: their states are large."""
    heads = every(lambda most, cursor: caller.memory.snapshots.list(user_id=caller.owner, limit=most, cursor=cursor))
    for head in heads:
        try:
            yield snapshot_shape(caller.memory.snapshots.get(head.id, user_id=caller.owner))
        except SnapshotNotFound:
            continue  # deleted since it was listed
