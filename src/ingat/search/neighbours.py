"""Words of nearby meaning: a table made with the static model (`tools/distill_embedder.py`) and shipped beside it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingat.search.embed.tensors import MODEL_DIR, read_card, read_file, read_tensors

Neighbours = tuple[tuple[int, float], ...]


class NeighbourTable:
    """The stems near a stem, with weights. Stems are the ids of `search/text.py`. Safe to use from several threads."""

    def __init__(
        self,
        terms: NDArray[np.uint32],
        offsets: NDArray[np.uint32],
        neighbours: NDArray[np.uint16],
        weights: NDArray[np.uint8],
    ) -> None:
        """Take the table's columns.

        `terms` is sorted; the neighbours of `terms[i]` are `terms[neighbours[offsets[i]:offsets[i + 1]]]`, nearest
        first, and their weights 255ths at the same positions.
        """
        self._terms = terms
        self._offsets = offsets
        self._neighbours = neighbours
        self._weights = weights
        self._seen: dict[int, Neighbours] = {}

    @classmethod
    def load(cls, folder: Path = MODEL_DIR) -> NeighbourTable:
        """Read the table in `folder`. Errors: `EmbedderUnavailable` when it is missing or damaged."""
        arrays: dict[str, Any] = read_tensors(read_file(folder, read_card(folder), "neighbours.safetensors"))
        return cls(arrays["terms"], arrays["offsets"], arrays["neighbours"], arrays["weights"])

    def __len__(self) -> int:
        """Return the number of stems that have neighbours or are one."""
        return len(self._terms)

    def of(self, term: int) -> Neighbours:
        """Return up to 16 pairs (term, weight), nearest first; nothing for an unknown stem.

        A weight is (c − .4) / .6 for a cosine c of .4 to 1, so it lies between 0 and 1.
        """
        found = self._seen.get(term)
        if found is None:
            found = self._look_up(term)
            if found:
                self._seen[term] = found
        return found

    def _look_up(self, term: int) -> Neighbours:
        place = int(np.searchsorted(self._terms, np.uint32(term)))
        if place == len(self._terms) or self._terms[place] != term:
            return ()
        run = slice(int(self._offsets[place]), int(self._offsets[place + 1]))
        terms = self._terms[self._neighbours[run]].tolist()
        return tuple(zip(terms, (self._weights[run] / 255).tolist(), strict=True))


@cache
def shipped_neighbours() -> NeighbourTable:
    """Return the table that comes with the package, read once. Errors: those of `NeighbourTable.load`."""
    return NeighbourTable.load()
