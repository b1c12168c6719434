"""Files: bytes that rows name by their SHA-256, kept in a folder beside the store, equal ones once.

A file is in its place before the first row that names it is committed, and leaves it when no row does any more. A crash
in between leaves at worst a file that no row names, which `sweep` removes; never a row without its file.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple, Self

from ingat.core.errors import StoreCorrupt, StoreError, StoreFull, StoreReadOnly, StoreUnavailable
from ingat.core.folders import OwnFolder, sync_folder
from ingat.store import locks
from ingat.store.contract import Store, is_undecided
from ingat.store.tables import artifacts

FOLDER = "artifacts"
PIECE_BYTES = 256 << 10

NOTHING = "nothing of it was kept"

_SHA256 = re.compile(r"[0-9a-f]{64}")
_TWO = re.compile(r"[0-9a-f]{2}")
_LOCK = "lock"
_UNFINISHED = ".unfinished"
_PASSING = frozenset(
    {errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.ETIMEDOUT, errno.ESTALE}
)
"""What keeps a file from being read that may be whole."""
_AT_ONCE = 500
"""Files that are looked at while nobody else may put any."""
_TRIES = 50
"""Looks for a moment in which nobody puts files, a second altogether."""


class Kept(NamedTuple):
    """A file that was written: the SHA-256 of its bytes, and how many they are."""

    sha256: str
    size_bytes: int


class _Putting(threading.local):
    """How often a thread is putting files, one inside another, and what it is to drop once it has ended."""

    def __init__(self) -> None:
        self.depth = 0
        self.later: list[str] = []


class Files:
    """The files of one store, in the folder `artifacts` of its data directory.

    None: for a store in memory; they are in a folder of their own that is removed by `close`. Folders can be entered
    and files read by their owner only. Used by several threads and processes at once.
    """

    def __init__(self, store: Store, data: Path | None) -> None:
        self._store = store
        self._folder = OwnFolder(data, FOLDER)
        self._mine = _Putting()

    def new(self) -> NewFile:
        """Return a file to write into; a context manager, after which nothing of it stays unless it was put."""
        with translated(NOTHING):
            return NewFile(self._folder.ready())

    @contextmanager
    def putting(self) -> Iterator[Callable[[NewFile], Kept]]:
        """Yield what puts a file in its place; until this ends nobody removes one that no row names yet.

        The transaction that adds the rows runs inside. When the body raises, files that were put and that no row names
        are removed again, unless their rows may come yet. What this thread drops inside is dropped at the end.
        StoreFull, StoreReadOnly, StoreUnavailable.
        """
        done: list[str] = []
        mine = self._mine
        mine.depth += 1

        def put(file: NewFile) -> Kept:
            with translated(NOTHING):
                file.put(_place(folder, file.kept.sha256))
            done.append(file.kept.sha256)
            return file.kept

        try:
            with ExitStack() as held:
                with translated(NOTHING):
                    folder = self._folder.ready()
                    held.enter_context(locks.shared(folder / _LOCK))
                yield put
        except BaseException as error:
            if not is_undecided(error):  # else rows may come that name them
                mine.later += done
            raise
        finally:
            mine.depth -= 1
            if not mine.depth and mine.later:
                later, mine.later = mine.later, []
                with suppress(StoreError):  # what cannot be removed now does no harm: `sweep` comes for it
                    self.drop(later)

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Until this ends nobody removes a file: what rows name that are read inside, by a view begun inside, is there.

        This thread drops nothing inside.
        """
        folder = self._folder.path
        with ExitStack() as held:
            if folder is not None and folder.is_dir():
                with translated("nothing was changed"):
                    held.enter_context(locks.shared(folder / _LOCK))
            yield

    def pieces(self, sha256: str, size_bytes: int | None = None) -> Iterator[bytes]:
        """Return the bytes of a file, a piece at a time; the end is reached only when they are what was kept.

        Raises StoreCorrupt when the file is not there, or is not what was kept: then what came so far is not either.
        StoreUnavailable when it may be whole, but this process cannot read it now.
        """
        path, digest = self.path(sha256), hashlib.sha256()
        try:
            with open(path, "rb") as file:
                found = os.fstat(file.fileno()).st_size
                if size_bytes is not None and found != size_bytes:
                    raise _damaged(sha256, f"has {found} bytes instead of {size_bytes}")
                while piece := file.read(PIECE_BYTES):
                    digest.update(piece)
                    yield piece
        except FileNotFoundError:
            raise _damaged(sha256, "is not there") from None
        except OSError as error:
            said = error.strerror or str(error)
            if error.errno in _PASSING:
                raise StoreUnavailable(
                    f"The file {sha256} of an artifact could not be read ({said}). It was left as it is; see that this"
                    " process may read it, and try it again.",
                    sha256=sha256,
                ) from error
            raise _damaged(sha256, f"cannot be read ({said})") from error
        if digest.hexdigest() != sha256:
            raise _damaged(sha256, "has other bytes than were kept")

    def fault(self, sha256: str, size_bytes: int) -> str | None:
        """Read a file from end to end and return what is wrong with it; None when all is well. StoreUnavailable."""
        try:
            for _ in self.pieces(sha256, size_bytes):
                pass
        except StoreCorrupt as error:
            return str(error.details["fault"])
        return None

    def has(self, sha256: str, size_bytes: int | None = None) -> bool:
        """Return whether a file is there, with `size_bytes` one of this size; its bytes are not looked at."""
        try:
            found = self.path(sha256).stat().st_size
        except OSError:
            return False
        return size_bytes is None or found == size_bytes

    def path(self, sha256: str) -> Path:
        """Return where a file is or would be; StoreCorrupt for what is no SHA-256."""
        if not _SHA256.fullmatch(sha256):
            raise _damaged(sha256[:64], "has no name that it could be kept under")
        return _place(self._folder.path or self._folder.ready(), sha256)

    def drop(self, files: Iterable[str], *, tries: int = _TRIES) -> list[str]:
        """Remove those of these files that no row names, after the rows are gone; return those that were removed.

        What is named stays. So do all of them while others go on putting files for longer than `tries` looks, a
        fiftieth of a second apart: `sweep` removes them then. While this thread puts files itself, they are dropped
        once it has ended. Raises StoreUnavailable when one cannot be removed.
        """
        folder, wanted, removed = self._folder.path, [each for each in files if self.has(each)], list[str]()
        if self._mine.depth:  # its own lock would be in its way
            self._mine.later += wanted
            return []
        for start in range(0, len(wanted) if folder is not None else 0, _AT_ONCE):
            removed += self._drop(wanted[start : start + _AT_ONCE], tries)
        return removed

    def sweep(self) -> int:
        """Remove every file that no row names and what was left unfinished; return how many files these were."""
        folder = self._folder.path
        if folder is None or not folder.is_dir():
            return 0
        with translated("what no artifact names stays for now"):
            removed = sum(_abandoned(path) for path in folder.glob("*" + _UNFINISHED))
            for first in _folders(folder):
                for second in _folders(first):
                    removed += len(self.drop(path.name for path in second.iterdir() if _SHA256.fullmatch(path.name)))
        return removed

    def close(self) -> None:
        """Remove the files of a store in memory; others stay. A second call does nothing."""
        self._folder.close()

    def _drop(self, some: Sequence[str], tries: int) -> list[str]:
        if len(self._named(some)) == len(set(some)):
            return []
        with (
            translated("what no artifact names stays for now"),
            locks.alone(self._folder.ready() / _LOCK, tries) as ours,
        ):
            if not ours:
                return []
            named = self._named(some)
            gone = [each for each in dict.fromkeys(some) if each not in named]
            for each in gone:
                path = self.path(each)
                path.unlink(missing_ok=True)
                sync_folder(path.parent)
            return gone

    def _named(self, some: Sequence[str]) -> set[str]:
        return self._store.read(lambda tx: artifacts.named(tx, some))


class NewFile:
    """A file that is being written; made by `Files.new`."""

    def __init__(self, folder: Path) -> None:
        self.is_put = False
        self._digest, self._size = hashlib.sha256(), 0
        self._path, self._file = _unfinished(folder)

    def write(self, piece: bytes) -> None:
        """Add bytes. StoreFull, StoreReadOnly, StoreUnavailable."""
        with translated(NOTHING):
            self._file.write(piece)
        self._digest.update(piece)
        self._size += len(piece)

    @property
    def kept(self) -> Kept:
        """What was written so far."""
        return Kept(self._digest.hexdigest(), self._size)

    def finish(self) -> None:
        """See that all of it is on the disk, which may take a while. StoreFull, StoreReadOnly, StoreUnavailable."""
        with translated(NOTHING):
            self._file.flush()
            os.fsync(self._file.fileno())

    def put(self, path: Path) -> None:
        """Put the file in its place; only by `Files.putting`. OSError."""
        self.finish()
        for folder in (path.parent.parent, path.parent):
            if not folder.is_dir():
                folder.mkdir(mode=0o700, exist_ok=True)
                sync_folder(folder.parent)
        os.replace(self._path, path)
        self.is_put = True
        sync_folder(path.parent)

    def close(self) -> None:
        """End the writing; what was not put is gone. A second call does nothing."""
        if not self.is_put:
            with suppress(OSError):
                self._path.unlink(missing_ok=True)
        with suppress(OSError):  # bytes that do not fit on the disk are not wanted any more
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@contextmanager
def translated(kept: str) -> Iterator[None]:
    """Raise what the operating system says of files as a StoreError; `kept` says what became of it."""
    try:
        yield
    except OSError as error:
        said = error.strerror or str(error)
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StoreFull(f"The disk is full: a file did not fit; {kept}. Make room and try it again.") from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise StoreReadOnly(
                f"The data directory cannot be written ({said}); {kept}. Check the permissions of its folder"
                f" {FOLDER!r}."
            ) from error
        raise StoreUnavailable(f"A file in the data directory could not be used ({said}); {kept}.") from error


def is_sha256(text: str) -> bool:
    """Return whether a text is a SHA-256 as files are named by: 64 hexadecimal digits in lower case."""
    return _SHA256.fullmatch(text) is not None


def _unfinished(folder: Path) -> tuple[Path, IO[bytes]]:
    """Make a new file whose lock says that it is being written; a sweep may have taken one that had no lock yet."""
    while True:
        path = folder / f"{secrets.token_hex(16)}{_UNFINISHED}"
        file = open(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "wb")  # noqa: SIM115  # closed by NewFile
        if locks.hold(file.fileno()) and os.fstat(file.fileno()).st_nlink:
            return path, file
        file.close()


def _abandoned(path: Path) -> bool:
    """Remove a file that was being written, when whoever wrote it is gone; return whether it was."""
    try:
        with open(path, "rb") as file:
            if not locks.hold(file.fileno()):
                return False
            path.unlink()
    except FileNotFoundError:
        return False
    return True


def _place(folder: Path, sha256: str) -> Path:
    return folder / sha256[:2] / sha256[2:4] / sha256


def _folders(folder: Path) -> list[Path]:
    return sorted(each for each in folder.iterdir() if _TWO.fullmatch(each.name) and each.is_dir())


def _damaged(sha256: str, fault: str) -> StoreCorrupt:
    return StoreCorrupt(
        f"The file {sha256} of an artifact {fault}. It was left as it is; put it back from a copy of the data directory"
        f" ({FOLDER}/{sha256[:2]}/{sha256[2:4]}), restore a backup, or erase the artifact.",
        sha256=sha256,
        fault=fault,
    )
