"""Restore points: files that hold exactly the rows that an operation takes away, verified before it does."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import shutil
import tempfile
import threading
import weakref
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct

from ingat.core.dates import DAY_MS
from ingat.core.errors import IngatError, RestorePointFailed, RestorePointMissing
from ingat.core.ids import new_id
from ingat.lifecycle.lines import Record, decode_line, encode_line

Line = tuple[str, Record]
"""A row with its kind: see lifecycle.lines."""

FORMAT = "ingat-restore-point"
VERSION = 1
FOLDER = "restore-points"

_NAME = re.compile(r"\d{8}T\d{9}Z-[0-9a-f]{32}\.jsonl\.gz")
_UNFINISHED = ".unfinished"
_PIECE_BYTES = 1 << 16
_LEVEL = 5
_ABANDONED_MS = DAY_MS


class Manifest(Struct, frozen=True, kw_only=True, tag_field="line", tag="manifest"):
    """The first line of a restore point: what it is, and why it was taken. `created_at` is milliseconds UTC.

    `schema` is the number of the newest schema file of the store that the rows were in.
    """

    format: str = FORMAT
    version: int = VERSION
    schema: int
    created_at: int
    reason: str
    actor: str
    scope: str
    target: str | None


class _Seal(Struct, frozen=True, kw_only=True, tag_field="line", tag="end"):
    """The last line: how many rows of each kind there are, and the SHA-256 of all lines before it."""

    counts: dict[str, int]
    sha256: str


class RestorePoint(Struct, frozen=True, kw_only=True):
    """A restore point that was taken. `sha256` is that of its lines, `size_bytes` the size of its file."""

    name: str
    path: str
    counts: dict[str, int]
    sha256: str
    size_bytes: int


class RestorePointFile(Struct, frozen=True, kw_only=True):
    """A file among the restore points. `created_at`, milliseconds UTC, comes from its name."""

    name: str
    created_at: int
    size_bytes: int


_manifest = msgspec.json.Decoder(Manifest)
_seal = msgspec.json.Decoder(_Seal)


class RestorePoints:
    """The restore points of one store, in the folder `restore-points` of its data directory.

    None: for a store in memory; they are in a folder of their own that is removed by `close`. Folders can be entered
    and files read by their owner only.
    """

    def __init__(self, folder: Path | None) -> None:
        self._data = None if folder is None else folder.absolute()
        self._private: Path | None = None
        self._forget: weakref.finalize[..., RestorePoints] | None = None
        self._lock = threading.Lock()
        self._writing: set[str] = set()

    def take(
        self,
        lines: Iterable[Line],
        *,
        scope: str,
        target: str | None,
        reason: str,
        actor: str,
        at: int,
        schema: int,
    ) -> RestorePoint:
        """Write the lines into a new file, read it back, and return what it holds; `at` is now, milliseconds UTC.

        Lines are read one by one, so that they need not fit into memory. When this returns, the file is on the disk
        and holds what was given. RestorePointFailed when it could not be written or read back; whatever goes wrong, no
        file stays.
        """
        manifest = Manifest(schema=schema, created_at=at, reason=reason, actor=actor, scope=scope, target=target)
        point = self.write(lines, manifest)
        self.verify(point)
        return point

    def write(self, lines: Iterable[Line], manifest: Manifest) -> RestorePoint:
        """Do the first half of `take`: what is written is on the disk, but was not read back yet."""
        name = f"{_stamp(manifest.created_at)}-{new_id()}.jsonl.gz"
        try:
            folder = self._ready()
            self._sweep(folder, manifest.created_at)
        except OSError as error:
            raise _failed(error) from error
        path, unfinished = folder / name, folder / (name + _UNFINISHED)
        self._writing.add(unfinished.name)
        try:
            with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                counts, sha256 = _write(file, lines, manifest)
                file.flush()
                os.fsync(file.fileno())
                size = file.tell()
            os.replace(unfinished, path)
            _sync_folder(folder)
        except BaseException as error:
            for left in (unfinished, path):
                with suppress(OSError):
                    left.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise _failed(error) from error
            raise
        finally:
            self._writing.discard(unfinished.name)
        return RestorePoint(name=name, path=str(path), counts=counts, sha256=sha256, size_bytes=size)

    def verify(self, point: RestorePoint) -> None:
        """Do the second half of `take`: read the file back; when it is not what was written, remove it and raise."""
        try:
            _, seal = _checked(Path(point.path))
            if (seal.counts, seal.sha256) != (point.counts, point.sha256):
                raise _Damaged("its lines are not those that were written")
        except (OSError, EOFError, zlib.error, _Damaged) as error:
            with suppress(OSError):
                Path(point.path).unlink(missing_ok=True)
            raise _failed(error) from error

    def read(self, name: str) -> tuple[Manifest, Iterator[Line]]:
        """Check a restore point from end to end, and return its manifest and an iterator over its lines.

        RestorePointMissing when it is gone, damaged, or of a newer format.
        """
        path = self._path(name)
        try:
            manifest, _ = _checked(path)
        except (OSError, EOFError, zlib.error, _Damaged) as error:
            raise _missing(name, error) from error
        return manifest, self._lines(name, path)

    def list(self) -> list[RestorePointFile]:
        """Return the restore points that are there, oldest first."""
        folder = self._folder()
        if folder is None or not folder.is_dir():
            return []
        found = []
        for path in folder.iterdir():
            if _NAME.fullmatch(path.name):
                with suppress(FileNotFoundError):  # removed by another process since
                    size = path.stat().st_size
                    found.append(RestorePointFile(name=path.name, created_at=_moment(path.name), size_bytes=size))
        return sorted(found, key=lambda each: each.name)

    def delete(self, name: str) -> bool:
        """Remove a restore point, and return whether it was there: its operation cannot be undone from now on.

        OSError when it could not be removed.
        """
        path = self._path(name)
        try:
            path.unlink()
            _sync_folder(path.parent)
        except FileNotFoundError:
            return False
        return True

    def close(self) -> None:
        """Remove the restore points of a store in memory; others stay. A second call does nothing."""
        with self._lock:
            if self._forget is not None:
                self._forget()
                self._forget = self._private = None

    def _lines(self, name: str, path: Path) -> Iterator[Line]:
        try:
            with gzip.open(path, "rb") as file:
                file.readline()
                held = file.readline()
                for raw in file:
                    yield decode_line(held)
                    held = raw
        except (OSError, EOFError, zlib.error) as error:
            raise _missing(name, error) from error

    def _folder(self) -> Path | None:
        return self._data / FOLDER if self._data is not None else self._private

    def _ready(self) -> Path:
        with self._lock:
            if self._data is None:
                if self._private is None:
                    self._private = Path(tempfile.mkdtemp(prefix="ingat-"))
                    self._forget = weakref.finalize(self, shutil.rmtree, self._private, True)
                return self._private
            self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder = self._data / FOLDER
            folder.mkdir(mode=0o700, exist_ok=True)
            return folder

    def _path(self, name: str) -> Path:
        folder = self._folder()
        if folder is None or not _NAME.fullmatch(name):
            raise _missing(name, FileNotFoundError("it is not there"))
        return folder / name

    def _sweep(self, folder: Path, now: int) -> None:
        """Remove what a process that died left unfinished more than a day ago."""
        for path in folder.glob("*" + _UNFINISHED):
            with suppress(FileNotFoundError):
                if path.name not in self._writing and path.stat().st_mtime * 1_000 < now - _ABANDONED_MS:
                    path.unlink()


class _Damaged(Exception):
    """What is read back is not a whole restore point."""


def _write(file: BinaryIO, lines: Iterable[Line], manifest: Manifest) -> tuple[dict[str, int], str]:
    digest, counts = hashlib.sha256(), Counter[str]()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=file, mtime=0) as packed:
        piece = bytearray(msgspec.json.encode(manifest) + b"\n")
        for kind, record in lines:
            piece += encode_line(kind, record)
            counts[kind] += 1
            if len(piece) >= _PIECE_BYTES:
                digest.update(piece)
                packed.write(piece)
                piece.clear()
        digest.update(piece)
        seal = _Seal(counts=dict(counts), sha256=digest.hexdigest())
        packed.write(piece + msgspec.json.encode(seal) + b"\n")
    return seal.counts, seal.sha256


def _checked(path: Path) -> tuple[Manifest, _Seal]:
    """Read a file from end to end and return its manifest and seal, when its lines are what the seal says."""
    digest, counts = hashlib.sha256(), Counter[str]()
    with gzip.open(path, "rb") as file:
        held = file.readline()
        manifest = _manifest_of(held)
        digest.update(held)
        held = file.readline()
        for raw in file:
            try:
                counts[decode_line(held)[0]] += 1
            except (IngatError, msgspec.MsgspecError) as error:
                raise _Damaged(f"a line cannot be read: {error}") from error
            digest.update(held)
            held = raw
    try:
        seal = _seal.decode(held)
    except (msgspec.MsgspecError, UnicodeError):
        raise _Damaged("its end is missing") from None
    if seal.sha256 != digest.hexdigest() or seal.counts != dict(counts):
        raise _Damaged("its lines do not have the checksum that it names")
    return manifest, seal


def _manifest_of(raw: bytes) -> Manifest:
    try:
        manifest = _manifest.decode(raw)
    except (msgspec.MsgspecError, UnicodeError):
        raise _Damaged("it does not begin with a manifest") from None
    if manifest.format != FORMAT or manifest.version > VERSION:
        raise _Damaged(f"its format is {manifest.format} {manifest.version}; known is {FORMAT} {VERSION}")
    return manifest


def _stamp(at: int) -> str:
    moment = datetime.fromtimestamp(at // 1_000, UTC)
    return f"{moment:%Y%m%dT%H%M%S}{at % 1_000:03}Z"


def _moment(name: str) -> int:
    seconds = datetime.strptime(name[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC).timestamp()
    return int(seconds) * 1_000 + int(name[15:18])


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # a folder cannot be opened there
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _failed(error: Exception) -> RestorePointFailed:
    return RestorePointFailed(
        f"No restore point could be made ({error}). Nothing was deleted; see that the data directory can be written and"
        " has room, then try again.",
    )


def _missing(name: str, error: Exception) -> RestorePointMissing:
    why = "its file is not there" if isinstance(error, FileNotFoundError) else str(error)
    return RestorePointMissing(
        f"The restore point cannot be used: {why}. Nothing was changed. If a copy of the data directory has the file"
        f" {name[:128]!r}, put it back into restore-points and try again; otherwise what it held is gone.",
        restore_point=name[:128],
    )
