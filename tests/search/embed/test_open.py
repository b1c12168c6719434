"""Opening an embedder by name."""

from __future__ import annotations

import subprocess
import sys

import pytest

from ingat.core.errors import InvalidSettings
from ingat.search.embed.open import open_embedder


def test_static_opens_the_model_in_the_package() -> None:
    embedder = open_embedder("static")
    assert embedder is not None
    assert embedder.encode(["hello"]).shape == (1, embedder.dim)


def test_none_means_words_alone() -> None:
    assert open_embedder("none") is None


def test_an_unknown_name_is_refused_and_the_known_ones_are_listed() -> None:
    with pytest.raises(InvalidSettings) as caught:
        open_embedder("quantum")
    assert caught.value.details == {"name": "quantum", "available": ["static", "none"]}


def test_words_alone_do_not_load_the_static_engine() -> None:
    code = (
        "import sys; from ingat.search.embed.open import open_embedder; open_embedder('none');"
        "sys.exit('ingat.search.embed.static' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
