"""What the tests of purge look for: the bytes of every file of a store and its data directory, unpacked too."""

from __future__ import annotations

import gzip
from collections.abc import Iterable
from pathlib import Path


def files_with(folder: Path, *words: str) -> dict[str, list[str]]:
    """Return the files below a folder that hold one of the words, packed ones unpacked, with the words."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            text = path.read_bytes()
            if path.suffix == ".gz":
                text += gzip.decompress(text)
            named = [word for word in words if word.encode() in text]
            if named:
                found[str(path.relative_to(folder))] = named
    return found


def without(dump: dict[str, list[dict[str, object]]], words: Iterable[str]) -> dict[str, list[dict[str, object]]]:
    """Return the rows of a dump that hold none of the words."""
    wanted = tuple(words)
    return {
        table: [row for row in rows if not any(word in str(each) for each in row.values() for word in wanted)]
        for table, rows in dump.items()
    }
