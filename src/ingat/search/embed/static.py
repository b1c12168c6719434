"""The default embedder: one vector a token, added up. In the package, no network, no key.

A text's vector is the normalised sum of its tokens' rows, each times its weight (smooth inverse frequency and the
row's quantisation step in one number). This gives what model2vec gives for the same model (`tools/distill_embedder.py`
makes and checks it) without its 0.9 s of import and load.

A text most of whose letters are not Latin has no vector. The model's vocabulary knows other scripts by the letter only,
so that any two sentences of one such script would be alike.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingat.search.embed.rows import run_sums, unit_rows
from ingat.search.embed.tensors import MODEL_DIR, fingerprint_of, read_card, read_file, read_tensors
from ingat.search.embed.wordpiece import WordPiece

LONGEST_TEXT = 20_000
"""Characters; what comes after is not read."""

TOKENS_AT_ONCE = 8_192
"""Bounds the working memory: about 8 MB of float32 rows."""

_LATIN = re.compile(
    "[A-Za-z\u00aa\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02af\u1e00-\u1eff\uff21-\uff3a\uff41-\uff5a]"
)
_LETTER = re.compile(r"[^\W\d_]")


class StaticEmbedder:
    """Fills `Embedder` and `Additive` from the rows of a static model. May be used from several threads at once."""

    def __init__(
        self,
        *,
        fingerprint: str,
        threshold: float,
        words: WordPiece,
        rows: NDArray[np.int8],
        weights: NDArray[np.float32],
    ) -> None:
        """Take the model's parts: `rows` of shape (tokens, dim) and `weights` of shape (tokens,)."""
        self.fingerprint = fingerprint
        self.threshold = threshold
        self.dim = int(rows.shape[1])
        self._words = words
        self._rows = rows
        self._weights = weights

    @classmethod
    def load(cls, folder: Path = MODEL_DIR) -> StaticEmbedder:
        """Read the model in `folder`.

        Errors: `EmbedderUnavailable` when a file is missing, damaged, or not the one that the card names.
        """
        card = read_card(folder)
        files = {name: read_file(folder, card, name) for name in ("vectors.safetensors", "vocab.txt")}
        arrays = read_tensors(files["vectors.safetensors"])
        return cls(
            fingerprint=fingerprint_of(card.name, files),
            threshold=card.threshold,
            words=WordPiece(files["vocab.txt"].decode("utf-8").split("\n")),
            rows=arrays["rows"],
            weights=arrays["weights"],
        )

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one unit row a text, shape (texts, dim); all zero when nothing of the text is known."""
        return unit_rows(self.sums(texts))

    def sums(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the weighted sum of each text's token rows, shape (texts, dim), not normalised.

        The sum of a text in Latin script is the sum of its parts' sums, when it is cut at white space or punctuation.
        """
        out = np.zeros((len(texts), self.dim), np.float32)
        numbers: list[int] = []
        counts: list[int] = []
        first = 0
        for position, text in enumerate(texts):
            read = text[:LONGEST_TEXT]
            found = self._words.tokens(read) if read.isascii() or _mostly_latin(read) else []
            numbers += found
            counts.append(len(found))
            if len(numbers) >= TOKENS_AT_ONCE:
                self._add_up(out[first : position + 1], numbers, counts)
                numbers, counts, first = [], [], position + 1
        self._add_up(out[first:], numbers, counts)
        return out

    def _add_up(self, out: NDArray[np.float32], numbers: list[int], counts: list[int]) -> None:
        """Write the sums of runs of `counts` tokens into the rows of `out`."""
        if numbers:
            taken = np.array(numbers, np.intp)
            rows = self._rows[taken].astype(np.float32)
            rows *= self._weights[taken, None]
            out[:] = run_sums(rows, counts)


def _mostly_latin(text: str) -> bool:
    """Return whether at least half of a text's letters are Latin; a text without letters counts as Latin."""
    return 2 * len(_LATIN.findall(text)) >= len(_LETTER.findall(text))
