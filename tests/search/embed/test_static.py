"""The model in the package: its files, its vectors, and what happens when a file is damaged."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from ingat.core.errors import EmbedderUnavailable
from ingat.search.embed.contract import Additive, Embedder
from ingat.search.embed.static import LONGEST_TEXT, TOKENS_AT_ONCE, StaticEmbedder
from ingat.search.embed.tensors import MODEL_DIR, READING, read_card

RECORDED = json.loads((Path(__file__).parent / "recorded_vectors.json").read_text("utf-8"))
FILES = ["card.json", "neighbours.safetensors", "vectors.safetensors", "vocab.txt"]


@pytest.fixture(scope="module")
def embedder() -> StaticEmbedder:
    return StaticEmbedder.load()


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    for name in FILES:
        shutil.copy(MODEL_DIR / name, tmp_path / name)
    return tmp_path


def test_it_fills_the_contract(embedder: StaticEmbedder) -> None:
    typed: Embedder = embedder
    assert typed.dim == 256
    assert isinstance(embedder, Additive)


def test_the_fingerprint_is_the_hash_of_the_files_that_make_the_vectors(embedder: StaticEmbedder) -> None:
    data = (MODEL_DIR / "vectors.safetensors").read_bytes() + (MODEL_DIR / "vocab.txt").read_bytes()
    assert embedder.fingerprint == f"static-minilm-256:{hashlib.sha256(data).hexdigest()[:16]}-{READING}"


def test_the_card_names_the_same_fingerprint(embedder: StaticEmbedder) -> None:
    assert read_card(MODEL_DIR).fingerprint == embedder.fingerprint


def test_the_threshold_is_read_from_the_card(copied: Path) -> None:
    card = json.loads((copied / "card.json").read_text())
    card["threshold"] = 0.123
    (copied / "card.json").write_text(json.dumps(card))
    assert StaticEmbedder.load(copied).threshold == 0.123


def test_vectors_are_those_that_model2vec_gave_for_the_same_model(embedder: StaticEmbedder) -> None:
    assert RECORDED["fingerprint"] == embedder.fingerprint
    vectors = embedder.encode(RECORDED["texts"])
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors[:, : len(RECORDED["first"][0])], RECORDED["first"], atol=2e-5)


def test_rows_have_length_one(embedder: StaticEmbedder) -> None:
    lengths = np.linalg.norm(embedder.encode(RECORDED["texts"]), axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-6)


@pytest.mark.parametrize("text", ["", " \n", "\u16a0\u16a0", "\U0001f9ff"])
def test_a_text_without_known_words_gives_zeros(embedder: StaticEmbedder, text: str) -> None:
    assert not embedder.encode([text]).any()


@pytest.mark.parametrize(
    "text",
    [
        "הדגם הוא F57A, קניתי בחיפה.",
        "Собака боится грома",
        "침실 에어컨이 시끄러워요",
        "型号是F57A，在上海买的。",
        "Ο σκύλος φοβάται",
    ],
)
def test_a_text_of_another_script_gives_zeros(embedder: StaticEmbedder, text: str) -> None:
    assert not embedder.encode([text]).any()


@pytest.mark.parametrize("text", ["Le café était fermé", "my friend 小黑 likes tea", "½ × 3 — “so”"])
def test_a_text_mostly_of_latin_letters_has_a_vector(embedder: StaticEmbedder, text: str) -> None:
    assert embedder.encode([text]).any()


def test_no_texts_give_no_rows(embedder: StaticEmbedder) -> None:
    assert embedder.encode([]).shape == (0, embedder.dim)


def test_a_batch_larger_than_the_working_memory_gives_each_its_row(embedder: StaticEmbedder) -> None:
    texts = [f"number {number} of many, and {'' if number % 7 else 'very ' * 50}far" for number in range(1500)] + [""]
    assert sum(len(text.split()) for text in texts) > TOKENS_AT_ONCE
    batch = embedder.encode(texts)
    for place in (0, 7, 749, 1499, 1500):
        np.testing.assert_allclose(batch[place], embedder.encode([texts[place]])[0], atol=1e-6)


def test_sums_of_parts_add_up_to_the_sum_of_the_whole(embedder: StaticEmbedder) -> None:
    whole, left, right = embedder.sums(["My dog was sick. We went home!", "My dog was sick.", "We went home!"])
    np.testing.assert_allclose(whole, left + right, atol=1e-4)


def test_text_after_the_limit_is_not_read(embedder: StaticEmbedder) -> None:
    text = "dog " * (LONGEST_TEXT // 4)
    assert embedder.encode([text]).tolist() == embedder.encode([text + "galaxy " * 100_000]).tolist()


def test_texts_of_one_meaning_are_nearer_than_others(embedder: StaticEmbedder) -> None:
    question, near, far = embedder.encode(
        ["When did she see the doctor?", "She had an appointment with her physician.", "The train to Oslo was late."]
    )
    assert question @ near > question @ far + 0.2


def test_threads_get_the_vectors_of_one_thread(embedder: StaticEmbedder) -> None:
    texts = [f"thread {number} writes about topic{number % 13}" for number in range(400)]
    fresh = StaticEmbedder.load()
    with ThreadPoolExecutor(8) as pool:
        rows = list(pool.map(lambda text: fresh.encode([text])[0], texts))
    np.testing.assert_allclose(rows, embedder.encode(texts), atol=1e-6)


@pytest.mark.parametrize("name", ["card.json", "vectors.safetensors", "vocab.txt"])
def test_a_missing_file_makes_it_unavailable(copied: Path, name: str) -> None:
    (copied / name).unlink()
    with pytest.raises(EmbedderUnavailable) as caught:
        StaticEmbedder.load(copied)
    assert caught.value.details["path"] == str(copied / name)


@pytest.mark.parametrize("name", ["vectors.safetensors", "vocab.txt"])
def test_one_changed_byte_makes_it_unavailable(copied: Path, name: str) -> None:
    data = bytearray((copied / name).read_bytes())
    data[len(data) // 2] ^= 1
    (copied / name).write_bytes(data)
    with pytest.raises(EmbedderUnavailable):
        StaticEmbedder.load(copied)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": "x"}'])
def test_a_damaged_card_makes_it_unavailable(copied: Path, text: str) -> None:
    (copied / "card.json").write_text(text)
    with pytest.raises(EmbedderUnavailable):
        StaticEmbedder.load(copied)


def test_the_model_takes_at_most_8_mb_zipped() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as bundle:
        for path in MODEL_DIR.iterdir():
            bundle.write(path, path.name)
    assert len(packed.getvalue()) <= 8_000_000


def test_the_licence_of_the_teacher_lies_beside_the_model() -> None:
    assert "Apache License" in (MODEL_DIR / "LICENSE").read_text("utf-8")
    notice = Path(__file__).parents[3] / "NOTICE"
    assert "all-MiniLM-L6-v2" in notice.read_text("utf-8")
