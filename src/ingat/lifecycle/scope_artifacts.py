"""Scope of an artifact: what is known of it, and its file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager

from ingat.core.artifacts import Artifact
from ingat.core.protection import Guard
from ingat.lifecycle.cut import Cut
from ingat.lifecycle.filing import leave
from ingat.lifecycle.outgoing import pieces_of
from ingat.lifecycle.restorepoints import Line
from ingat.services.artifacts import required
from ingat.store.contract import Tx
from ingat.store.files import PIECE_BYTES, Files
from ingat.store.tables import users
from ingat.store.tables.removal import Doomed


class ArtifactRows(Cut):
    """One artifact, of that user where one is given. Its file leaves the disk when no other artifact has it."""

    def __init__(self, artifact_id: str, user_id: str | None, guard: Guard, files: Files) -> None:
        self._id, self._of, self._guard, self._files = artifact_id, user_id, guard, files
        self._seen: Artifact | None = None

    def keeping(self) -> AbstractContextManager[None]:
        """Let nobody remove a file meanwhile."""
        return self._files.keeping()

    def collect(self, tx: Tx) -> Iterator[Line]:
        """Return the artifact and the pieces of its file. Raises ArtifactNotFound and ProtectedUser."""
        found = self._seen = self._found(tx)
        self.user_id = found.user_id
        yield "artifact", found
        for piece in pieces_of(self._files, found.sha256, found.size_bytes):
            yield "file", piece

    def doom(self, tx: Tx, counts: Mapping[str, int]) -> Doomed | None:
        """Return the artifact, unless a merge has given it to another user since. Raises as `collect`."""
        return Doomed(artifacts=[self._id]) if self._found(tx) == self._seen else None

    def done(self) -> None:
        """Remove the file, unless another artifact has it."""
        if self._seen is not None:
            leave(self._files, [self._seen.sha256])

    def count(self, tx: Tx) -> dict[str, int]:
        """Return how many rows `collect` would return, without reading the file."""
        found = self._found(tx)
        there = self._files.has(found.sha256, found.size_bytes)
        pieces = max(1, -(-found.size_bytes // PIECE_BYTES))
        return {"artifact": 1, "file": pieces} if there else {"artifact": 1}

    def _found(self, tx: Tx) -> Artifact:
        found = required(tx, self._id, self._of)
        owner = None if found.user_id is None else users.get(tx, found.user_id)
        if owner is not None:
            self.protected_by = self._guard.admit(owner, f"Artifact {found.id!r}")
        return found
