"""Read and check the files that are shipped with the static model."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ingat.core.errors import EmbedderUnavailable

MODEL_DIR = Path(__file__).parent / "model"
"""The folder of the model that comes with the package."""

DTYPES = {"I8": np.int8, "U8": np.uint8, "U16": np.uint16, "U32": np.uint32, "F32": np.float32}
"""The element types of a safetensors file that the model uses, by their name in the file's header."""

READING = 2
"""How texts are read; raised whenever the same files begin to give other vectors."""


class Card(msgspec.Struct, frozen=True):
    """What `card.json` says about the model beside it.

    `files` holds the sha256 of each file; `threshold` is a cosine; `made_from` is for the reader.
    """

    name: str
    fingerprint: str
    dim: int
    threshold: float
    files: dict[str, str]
    made_from: dict[str, Any]


def read_card(folder: Path) -> Card:
    """Return the card of the model in `folder`. Errors: `EmbedderUnavailable` when it is missing or not a card."""
    try:
        return msgspec.json.decode((folder / "card.json").read_bytes(), type=Card)
    except (OSError, msgspec.DecodeError) as error:
        raise _damaged(folder / "card.json", str(error)) from error


def read_file(folder: Path, card: Card, name: str) -> bytes:
    """Return the bytes of one of the model's files after checking them against the card.

    Errors: `EmbedderUnavailable` when the file is missing or its sha256 is not the card's.
    """
    try:
        data = (folder / name).read_bytes()
    except OSError as error:
        raise _damaged(folder / name, str(error)) from error
    if hashlib.sha256(data).hexdigest() != card.files.get(name):
        raise _damaged(folder / name, "its checksum differs from the one in card.json")
    return data


def read_tensors(data: bytes) -> dict[str, NDArray[Any]]:
    """Return the arrays of a safetensors file by name, as read-only arrays.

    The format: the header's length as 8 bytes, a JSON header, then the elements in C order. The bytes are trusted:
    `read_file` has checked them.
    """
    start = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:start])
    arrays = {}
    for name, entry in header.items():
        first, last = entry["data_offsets"]
        elements = np.frombuffer(data[start + first : start + last], DTYPES[entry["dtype"]])
        arrays[name] = elements.reshape(entry["shape"])
    return arrays


def fingerprint_of(name: str, files: dict[str, bytes]) -> str:
    """Return the identity of the model made of these files: name, 16 hex digits of one sha256 over all, `READING`."""
    digest = hashlib.sha256()
    for file_name in sorted(files):
        digest.update(files[file_name])
    return f"{name}:{digest.hexdigest()[:16]}-{READING}"


def _damaged(path: Path, why: str) -> EmbedderUnavailable:
    return EmbedderUnavailable(
        f"The model file {path.name} cannot be used: {why}. Install ingat again; until then recall works by words"
        " alone (set the embedder to none to choose that).",
        path=str(path),
    )
