"""The table of neighbour words that is shipped with the model."""

from __future__ import annotations

import shutil
import zlib
from pathlib import Path

import numpy as np
import pytest

from ingat.core.errors import EmbedderUnavailable
from ingat.search.embed.tensors import MODEL_DIR
from ingat.search.neighbours import NeighbourTable, shipped_neighbours


def term(stem: str) -> int:
    return zlib.crc32(stem.encode("utf-8"))


@pytest.fixture
def small() -> NeighbourTable:
    return NeighbourTable(
        terms=np.array([10, 20, 4_000_000_000], np.uint32),
        offsets=np.array([0, 2, 2, 3], np.uint32),
        neighbours=np.array([2, 1, 0], np.uint16),
        weights=np.array([255, 51, 255], np.uint8),
    )


def test_neighbours_come_in_the_order_of_the_table_with_weights_as_shares(small: NeighbourTable) -> None:
    assert small.of(10) == ((4_000_000_000, 1.0), (20, 0.2))
    assert small.of(4_000_000_000) == ((10, 1.0),)


def test_a_stem_without_neighbours_has_none(small: NeighbourTable) -> None:
    assert small.of(20) == ()


@pytest.mark.parametrize("unknown", [0, 15, 4_294_967_295])
def test_an_unknown_stem_has_none(small: NeighbourTable, unknown: int) -> None:
    assert small.of(unknown) == ()


@pytest.mark.parametrize(
    ("stem", "neighbour"),
    [("car", "vehicl"), ("doctor", "physician"), ("dog", "puppi"), ("buy", "purchas"), ("marri", "wed")],
)
def test_shipped_words_of_one_meaning_are_neighbours(stem: str, neighbour: str) -> None:
    assert dict(shipped_neighbours().of(term(stem)))[term(neighbour)] > 0.2


@pytest.mark.parametrize(("stem", "stranger"), [("car", "doctor"), ("dog", "invoic"), ("buy", "mountain")])
def test_shipped_words_of_other_meaning_are_not(stem: str, stranger: str) -> None:
    assert term(stranger) not in dict(shipped_neighbours().of(term(stem)))


def test_no_shipped_word_is_its_own_neighbour_or_has_more_than_16() -> None:
    table = shipped_neighbours()
    for stem in ("car", "doctor", "dog", "buy", "marri", "happi", "money", "school", "food", "travel"):
        near = table.of(term(stem))
        assert 0 < len(near) <= 16
        assert term(stem) not in dict(near)
        assert all(0 <= weight <= 1 for _, weight in near)
        assert [weight for _, weight in near] == sorted((weight for _, weight in near), reverse=True)


def test_the_shipped_table_is_read_once() -> None:
    assert shipped_neighbours() is shipped_neighbours()


def test_a_damaged_table_makes_it_unavailable(tmp_path: Path) -> None:
    shutil.copy(MODEL_DIR / "card.json", tmp_path)
    (tmp_path / "neighbours.safetensors").write_bytes(b"\0" * 64)
    with pytest.raises(EmbedderUnavailable):
        NeighbourTable.load(tmp_path)
