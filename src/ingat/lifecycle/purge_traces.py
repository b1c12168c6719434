"""What may still name a person after a purge: other people's rows, and other files of the data directory."""

from __future__ import annotations

import zlib
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from ingat.lifecycle.mention import Mention
from ingat.store.contract import Store
from ingat.store.tables import purging

_PARTS = 200
_PIECE_BYTES = 1 << 20
_DATABASES = (".db", ".sqlite", ".sqlite3", "-wal", "-shm", "-journal")
"""Files that are not opened here: closing one would drop the locks that SQLite holds on it in this process."""
_OWN = ("restore-points", "secret.key")
"""What a purge looks through otherwise, or what names nobody."""
_json = msgspec.json.Decoder()


class Mentions:
    """Counts the rows that name somebody who has none of their own any more, and gathers under which ids."""

    def __init__(self, store: Store, ids: set[str]) -> None:
        self._store, self._ids, self._mention = store, ids, Mention(ids)
        self.numbers: Counter[str] = Counter()
        self.named: set[str] = set()

    def count(self) -> None:
        """Look through every table in which texts are kept, compressed transcripts too."""
        ids = sorted(self._ids)
        for table in purging.TEXTS:
            for user_id, *texts in self._store.read(partial(purging.texts_like, table=table, ids=ids)):
                if user_id not in self._ids:
                    self._note(table, self._mention.found_in(*map(_value, texts)))
        place = ("", "", -1)
        while found := self._store.read(partial(purging.packs_after, place=place, limit=_PARTS)):
            for user_id, _, _, body in found:
                if user_id not in self._ids:
                    self._note("transcript_pack", self._mention.found_in(_unpacked(body)))
            place = found[-1][:3]

    def _note(self, table: str, named: set[str]) -> None:
        self.numbers[table] += bool(named)
        self.named |= named


def files_that_name(data: Path | None, traces: list[bytes]) -> tuple[list[str], list[str]]:
    """Return (artifacts' files, other files) of a data directory that hold one of the byte strings, by their names.

    Raises OSError when one cannot be read.
    """
    artifacts: list[str] = []
    others: list[str] = []
    if data is None or not data.is_dir() or not traces:
        return artifacts, others
    for path in sorted(data.rglob("*")):
        name = path.relative_to(data)
        if name.parts[0] in _OWN or path.name.endswith(_DATABASES) or path.is_symlink() or not path.is_file():
            continue
        if _holds(path, traces):
            (artifacts if name.parts[0] == "artifacts" else others).append(str(name))
    return artifacts, others


def _holds(path: Path, traces: list[bytes]) -> bool:
    longest = max(map(len, traces))
    kept = b""
    try:
        with path.open("rb") as file:
            while piece := file.read(_PIECE_BYTES):
                text = kept + piece
                if any(each in text for each in traces):
                    return True
                kept = text[-longest:]
    except FileNotFoundError:  # removed since
        pass
    return False


def _value(text: Any) -> Any:
    """Return a column as what it says: the value of its JSON, where it is JSON."""
    if isinstance(text, str) and text[:1] in ("{", "["):
        try:
            return [text, _json.decode(text)]
        except (msgspec.MsgspecError, RecursionError):
            return text
    return text


def _unpacked(body: bytes) -> Any:
    try:
        return _json.decode(zlib.decompress(body))
    except (zlib.error, msgspec.MsgspecError):
        return None
