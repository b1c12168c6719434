"""Chroma: turns of many users in one collection, looked up by vector `where user`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.kit.sides import Step

MOST_AT_ONCE = 5_000


class Chroma:
    """A collection in a folder; vectors come from outside, so that only the look-up is measured."""

    def __init__(self, folder: Path) -> None:
        import chromadb
        from chromadb.config import Settings

        client = chromadb.PersistentClient(str(folder), Settings(anonymized_telemetry=False))
        self._turns = client.create_collection("turns", embedding_function=None, metadata={"hnsw:space": "cosine"})
        self._count = 0

    def add_user(self, user_id: str, vectors: NDArray[np.float32]) -> None:
        """Add a user's turns."""
        for start in range(0, len(vectors), MOST_AT_ONCE):
            some = vectors[start : start + MOST_AT_ONCE]
            ids = [str(self._count + place) for place in range(len(some))]
            self._turns.add(ids=ids, embeddings=some, metadatas=[{"user": user_id}] * len(some))
            self._count += len(some)

    def step(self, user_id: str, vector: NDArray[np.float32], top_k: int = 5) -> Step:
        """Return the look-up of the nearest turns of one user."""
        asked: Sequence[NDArray[np.float32]] = [vector]
        query = self._turns.query
        return lambda: query(query_embeddings=asked, n_results=top_k, where={"user": user_id})
