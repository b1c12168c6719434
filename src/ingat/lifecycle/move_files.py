"""Files of a move: what follows a store from its data directory into that of another."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from ingat.core import seal, secret
from ingat.core.errors import Conflict, StoreCorrupt, StoreFull, StoreReadOnly, StoreUnavailable
from ingat.core.folders import sync_folder
from ingat.core.ids import new_id
from ingat.lifecycle import copyfolder
from ingat.lifecycle.mirror import UNFINISHED
from ingat.lifecycle.move_rows import AGAIN, Tell
from ingat.store import files

_PIECE_BYTES = 1 << 20
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_NOT_ALLOWED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})


class Followed(NamedTuple):
    """The files that follow a store: how many, their bytes, and how many of them are those of artifacts."""

    files: int
    size_bytes: int
    artifacts: int = 0


def following(folder: Path) -> list[Path]:
    """Return the files that belong to a store: its key, its seal, files of artifacts, and copies; relative, sorted.

    What is left out belongs to processes: locks, numbers of servers and their log, and what was never finished.
    """
    if not folder.is_dir():
        return []
    with _translated(folder):
        found = [path for path in (folder / secret.FILE, folder / seal.FILE) if path.is_file()]
        copies = folder / copyfolder.FOLDER
        found += [path for path in _within(copies) if copyfolder.is_name(path.name)]
        artifacts = folder / files.FOLDER
        found += [path for path in artifacts.glob("??/??/*") if files.is_sha256(path.name) and path.is_file()]
        return sorted(path.relative_to(folder) for path in found)


def check_free(source: Path, target: Path) -> None:
    """Raise Conflict when the target's folder holds files of another store; equal ones may be there already."""
    wanted = {*following(source)}
    for name in following(target):
        with _translated(target / name):
            if name not in wanted or _sum(source / name) != _sum(target / name):
                raise Conflict(
                    f"The data directory {target} holds {name}, which is not of the source. Nothing was changed; name"
                    " an empty folder for the target.",
                    folder=str(target),
                    file=str(name),
                )


def copy_files(source: Path, target: Path, tell: Tell) -> Followed:
    """Copy the files that follow, each whole or not at all and read back, and remove those that the source has lost.

    Files that are there with the same bytes are left as they are. StoreFull, StoreReadOnly, StoreUnavailable;
    StoreCorrupt when a file does not read back as it was written.
    """
    names, size_bytes = following(source), 0
    for name in {*following(target)} - {*names}:  # copied by a move that was interrupted, and deleted since
        with _translated(target / name):
            (target / name).unlink()
            sync_folder((target / name).parent)
    for number, name in enumerate(names, 1):
        size_bytes += _copy(name, source, target)
        tell(number)
    return Followed(len(names), size_bytes)


def size_of(folder: Path) -> Followed:
    """Return what would follow."""
    names = following(folder)
    with _translated(folder):
        size_bytes = sum((folder / name).stat().st_size for name in names)
    return Followed(len(names), size_bytes, sum(name.parts[0] == files.FOLDER for name in names))


def _copy(name: Path, source_folder: Path, target_folder: Path) -> int:
    source, target = source_folder / name, target_folder / name
    with _translated(source):
        size_bytes, wanted = source.stat().st_size, _sum(source)
    with _translated(target):
        if target.is_file() and _sum(target) == wanted:
            return size_bytes
        _make_folders(target.parent, target_folder)
        # where a sweep looks for what a process that died left behind
        beside = target_folder / name.parts[0] if len(name.parts) > 1 else target_folder
        unfinished = beside / f"{target.name}.{new_id()}{UNFINISHED}"
        try:
            _write(source, unfinished)
            if _sum(unfinished) != wanted:
                raise StoreCorrupt(
                    f"The file {source} did not read back as it was written to {target}. {AGAIN}", file=str(source)
                )
            os.replace(unfinished, target)
            sync_folder(target.parent)
        finally:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
    return size_bytes


def _make_folders(folder: Path, root: Path) -> None:
    if folder.is_dir():
        return
    if folder != root:
        _make_folders(folder.parent, root)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    sync_folder(folder.parent)


def _write(source: Path, target: Path) -> None:
    made = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(source, "rb") as read, open(made, "wb") as written:
        while piece := read.read(_PIECE_BYTES):
            written.write(piece)
        written.flush()
        os.fsync(written.fileno())


def _sum(path: Path) -> bytes:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _within(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Raise what the operating system says of a file as a StoreError."""
    try:
        yield
    except OSError as error:
        said = error.strerror or str(error)
        if error.errno in _NO_ROOM:
            raise StoreFull(f"There is no room for {path}. Make room. {AGAIN}", file=str(path)) from error
        if error.errno in _NOT_ALLOWED:
            raise StoreReadOnly(
                f"{path} may not be read or written ({said}). Check its permissions. {AGAIN}", file=str(path)
            ) from error
        raise StoreUnavailable(f"{path} cannot be read or written ({said}). {AGAIN}", file=str(path)) from error
