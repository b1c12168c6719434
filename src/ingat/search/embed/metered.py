"""An embedder that counts and times what it is given, and is otherwise the one behind it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ingat.core.meter import Meter
from ingat.search.embed.contract import Additive, Embedder


class MeteredEmbedder:
    """Any embedder, with its calls told to a meter."""

    def __init__(self, behind: Embedder, meter: Meter) -> None:
        self._behind, self._meter = behind, meter
        self.any_language: bool = getattr(behind, "any_language", False)

    @property
    def fingerprint(self) -> str:
        """What the vectors depend on."""
        return self._behind.fingerprint

    @property
    def dim(self) -> int:
        """The number of components of a vector."""
        return self._behind.dim

    @property
    def threshold(self) -> float:
        """The calibrated cosine that a turn unrelated to the question rarely reaches."""
        return self._behind.threshold

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row a text; see the contract."""
        with self._meter.time(self._meter.embeddings):
            found = self._behind.encode(texts)
        self._meter.embedded(len(texts))
        return found


class MeteredAdditive(MeteredEmbedder):
    """An additive embedder, with its calls told to a meter."""

    def __init__(self, behind: Embedder, additive: Additive, meter: Meter) -> None:
        super().__init__(behind, meter)
        self._additive = additive

    def sums(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row a text, not normalised; see the contract."""
        with self._meter.time(self._meter.embeddings):
            found = self._additive.sums(texts)
        self._meter.embedded(len(texts))
        return found


def metered(embedder: Embedder, meter: Meter) -> MeteredEmbedder:
    """Return the embedder with its calls told to the meter; it offers what the one behind it offers."""
    if isinstance(embedder, Additive):
        return MeteredAdditive(embedder, embedder, meter)
    return MeteredEmbedder(embedder, meter)
