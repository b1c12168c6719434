"""Mirror: the second place that every copy is brought to: a folder, or whatever fsspec has a name for.

A copy is written under another name, compared with its source by size and SHA-256, and only then renamed, so that what
bears the name of a copy is whole wherever renaming is one step. (Object stores copy on renaming: an object appears
whole there, too.)
"""

from __future__ import annotations

import hashlib
import importlib
import os
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar

from ingat.core.errors import InvalidSettings
from ingat.core.folders import sync_folder
from ingat.core.ids import new_id
from ingat.lifecycle.foreign import Broke, Foreign

T = TypeVar("T")

UNFINISHED = ".unfinished"
_PIECE_BYTES = 1 << 20
_PATIENCE_S = 60.0
_NOT_INSTALLED = ("ImportError", "ModuleNotFoundError")
_SLOWEST_BYTES_A_SECOND = 100_000
"""A second place that takes fewer is given up on."""
_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*(?:::[A-Za-z][A-Za-z0-9+.-]*)*)://")
_SECRET = re.compile(r"(?<=://)[^/@]*@|\?.*$")


class MirrorFailed(OSError):
    """The second place could not be read or written. What the other side said is not repeated: it may hold a key."""


class Mirror(Protocol):
    """A second place. Every method raises MirrorFailed or another OSError."""

    shown: str
    """The place as it may be shown: without what a URL says of passwords."""

    def names(self) -> dict[str, int]:
        """Return the names of the files that are there, with their size in bytes."""
        ...

    def put(self, name: str, source: Path) -> None:
        """Bring a file there; one of this name is replaced. The copy is read back and compared."""
        ...

    def visit(self, name: str, look: Callable[[BinaryIO], T]) -> T:
        """Open a file there, and return what a function that may go to any place of it sees in it.

        FileNotFoundError when it is not there. What else the function raises is lost in a place that is not a folder.
        """
        ...

    def delete(self, name: str) -> bool:
        """Remove a file, and return whether it was there."""
        ...


def open_mirror(place: str, first: Path | None = None) -> Mirror:
    """Return the second place that a setting names: a folder, or a URL of fsspec such as `s3://bucket/folder`.

    Nothing is opened yet. InvalidSettings for a URL of a kind that fsspec does not know, and for the folder of the
    `first` place itself.
    """
    found = _URL.match(place)
    if found is not None and found[1] not in ("file", "local"):
        return Remote(place)
    path = Path(place if found is None else place[found.end() :]).absolute()
    if first is not None and path.resolve() == first.resolve():
        raise InvalidSettings(
            f"backup_mirror names {path}, where the backups are anyway. Nothing was opened; name another folder.",
            setting="backup_mirror",
        )
    return Folder(path)


class Folder:
    """A folder, for instance of another disk. It is made when it is not there, for its owner only."""

    def __init__(self, path: Path) -> None:
        self._path, self.shown = path, str(path)

    def names(self) -> dict[str, int]:
        """Return the names and sizes of the files that are there."""
        if not self._path.exists():
            return {}
        found = {}
        for path in self._path.iterdir():
            with suppress(FileNotFoundError):  # removed by another process since
                found[path.name] = path.stat().st_size
        return found

    def put(self, name: str, source: Path) -> None:
        """Bring a file there, on the disk when this returns."""
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = self._path / f"{name}.{new_id()}{UNFINISHED}"
        try:
            with source.open("rb") as file, open_new(unfinished) as copy:
                wanted = pour(file, copy.write)
                copy.flush()
                os.fsync(copy.fileno())
            with unfinished.open("rb") as copy:
                _compare(wanted, pour(copy))
            os.replace(unfinished, self._path / name)
            sync_folder(self._path)
        except BaseException:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
            raise

    def visit(self, name: str, look: Callable[[BinaryIO], T]) -> T:
        """Open a file there, and return what a function sees in it."""
        with (self._path / name).open("rb") as source:
            return look(source)

    def delete(self, name: str) -> bool:
        """Remove a file."""
        try:
            (self._path / name).unlink()
        except FileNotFoundError:
            return False
        sync_folder(self._path)
        return True


class Remote:
    """What a URL of fsspec names. Its code is not ours: whatever it raises or however long it takes, we go on."""

    def __init__(self, url: str) -> None:
        self._url, self.shown = url.rstrip("/"), _SECRET.sub("", url)
        self._foreign, self._lock = Foreign("ingat-mirror"), threading.Lock()
        self._opened: tuple[Any, str] | None = None
        fsspec = importlib.import_module("fsspec")
        known = {*fsspec.available_protocols(), *fsspec.registry}
        for kind in url.partition("://")[0].split("::"):
            if kind not in known:
                raise InvalidSettings(
                    f"backup_mirror names a place of the kind {kind!r}, which fsspec does not know. Nothing was opened;"
                    " name a folder, or a URL such as s3://bucket/folder.",
                    setting="backup_mirror",
                )

    def names(self) -> dict[str, int]:
        """Return the names and sizes of the files that are there."""

        def look() -> dict[str, int]:
            files, folder = self._place()
            files.invalidate_cache()
            try:
                found = files.ls(folder, detail=True)
            except FileNotFoundError:
                return {}
            return {str(each["name"]).rsplit("/", 1)[-1]: int(each["size"] or 0) for each in found}

        return self._do("listed", look)

    def put(self, name: str, source: Path) -> None:
        """Bring a file there."""
        unfinished = f"{name}.{new_id()}{UNFINISHED}"

        def bring() -> None:
            files, folder = self._place()
            files.makedirs(folder, exist_ok=True)
            path = f"{folder}/{unfinished}"
            try:
                with source.open("rb") as file, files.open(path, "wb") as copy:
                    wanted = pour(file, copy.write)
                with files.open(path, "rb") as copy:
                    _compare(wanted, pour(copy))
                files.mv(path, f"{folder}/{name}")
            except BaseException:
                with suppress(OSError):
                    files.rm(path)
                raise

        self._do("written", bring, source.stat().st_size)

    def visit(self, name: str, look: Callable[[BinaryIO], T]) -> T:
        """Open a file there, and return what a function sees in it."""
        size = self.names().get(name)
        if size is None:
            raise FileNotFoundError(name)

        def visit() -> T:
            files, folder = self._place()
            with files.open(f"{folder}/{name}", "rb") as source:
                return look(source)

        return self._do("read", visit, size)

    def delete(self, name: str) -> bool:
        """Remove a file."""

        def remove() -> bool:
            files, folder = self._place()
            try:
                files.rm(f"{folder}/{name}")
            except FileNotFoundError:
                return False
            return True

        return self._do("cleaned", remove)

    def _place(self) -> tuple[Any, str]:
        if self._opened is None:
            files, folder = importlib.import_module("fsspec").core.url_to_fs(self._url)
            self._opened = files, str(folder).rstrip("/")
        return self._opened

    def _lacking(self) -> str:
        """Return what fsspec says is to be installed for this kind of place."""
        known, kinds = importlib.import_module("fsspec.registry").known_implementations, self._url.partition("://")[0]
        told = (known.get(kind, {}) for kind in kinds.split("::"))
        needed = " ".join(each["err"] for each in told if each.get("err"))
        return f"a package is not installed. {needed}".rstrip()

    def _do(self, what: str, run: Callable[[], T], size_bytes: int = 0) -> T:
        """Let the other side do something, one thing at a time."""
        patience_s = _PATIENCE_S + size_bytes / _SLOWEST_BYTES_A_SECOND
        with self._lock:
            found = self._foreign.call(run, patience_s)
        if isinstance(found, Broke):
            why = self._lacking() if found.code in _NOT_INSTALLED else found.code
            raise MirrorFailed(f"the second place {self.shown} could not be {what}: {why}")
        return found


def open_new(path: Path) -> BinaryIO:
    """Return a new file, which only its owner can read."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def pour(source: BinaryIO, write: Callable[[bytes], object] | None = None) -> tuple[int, str]:
    """Read a file to its end, handing each piece on, and return its size and SHA-256."""
    digest, size = hashlib.sha256(), 0
    while piece := source.read(_PIECE_BYTES):
        digest.update(piece)
        size += len(piece)
        if write is not None:
            write(piece)
    return size, digest.hexdigest()


def _compare(wanted: tuple[int, str], found: tuple[int, str]) -> None:
    if wanted != found:
        raise MirrorFailed(f"the copy has {found[0]:,} bytes that are not the {wanted[0]:,} of its source")
