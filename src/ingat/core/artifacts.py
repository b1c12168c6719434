"""Artifacts: records of files that a session made or was given."""

from __future__ import annotations

from msgspec import Struct

from ingat.core.records import Json


class Artifact(Struct, frozen=True, kw_only=True):
    """A file: a dataset, a model, a preprocessor, a vector store. `sha256` is that of its bytes.

    `user_id` is None when it belongs to nobody; `metrics` are what was measured of it, such as an accuracy.
    """

    id: str
    user_id: str | None = None
    session_id: str | None = None
    name: str
    kind: str
    media_type: str | None = None
    size_bytes: int
    sha256: str
    metrics: Json = {}
    metadata: Json = {}
    created_at: int
