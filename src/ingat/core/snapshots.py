"""Snapshots: records of named application state that was saved."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from ingat.core.records import Json


class SnapshotHead(Struct, frozen=True, kw_only=True):
    """A snapshot without its state. `version` counts the snapshots of one user and name from 1."""

    id: str
    user_id: str | None = None
    name: str
    version: int
    description: str | None = None
    is_auto: bool
    size_bytes: int
    sha256: str
    metadata: Json = {}
    created_at: int


class Snapshot(SnapshotHead, frozen=True, kw_only=True):
    """A snapshot with its state."""

    state: Json


class Change(Struct, frozen=True, kw_only=True):
    """One difference between two states. `path` is a JSON pointer (RFC 6901)."""

    path: str
    kind: Literal["added", "removed", "changed"]
    before: Any = None
    after: Any = None


class Comparison(Struct, frozen=True, kw_only=True):
    """What changed from one snapshot to another."""

    before: SnapshotHead
    after: SnapshotHead
    changes: tuple[Change, ...]
    truncated: bool = False


class SnapshotStats(Struct, frozen=True, kw_only=True):
    """How many snapshots there are; `auto` of them are automatic."""

    total: int
    auto: int


class Loaded(Struct, frozen=True, kw_only=True):
    """A snapshot that was loaded: its state, and whether anything was told to take it over."""

    snapshot: Snapshot
    restored: bool
    hooks: int
    note: str
