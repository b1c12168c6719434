"""The seam that every embedder fills: texts in, unit vectors out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


class Embedder(Protocol):
    """Turns texts into vectors whose dot product says how near two texts are in meaning.

    An embedder holds no state that a call changes for another: it may be called from several threads at once. One that
    understands other languages as well as English says so with an attribute `any_language = True`; without it, meaning
    ranks the turns of other languages, but does not let them fit a question of which they hold no word.
    """

    @property
    def fingerprint(self) -> str:
        """What the vectors depend on (model, tokenizer, quantisation); vectors of different fingerprints do not mix."""
        ...

    @property
    def dim(self) -> int:
        """The number of components of a vector."""
        ...

    @property
    def threshold(self) -> float:
        """The calibrated cosine that a turn unrelated to the question rarely reaches."""
        ...

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row a text, shape (texts, dim), each of length 1, or all zero when nothing in the text is known.

        Errors: `EmbedderUnavailable` when the embedder cannot be reached.
        """
        ...


@runtime_checkable
class Additive(Protocol):
    """What an embedder also offers when the vector of a text is the normalised sum of its parts' vectors."""

    def sums(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row a text, shape (texts, dim), not normalised: rows of parts add up to the row of the whole."""
        ...
