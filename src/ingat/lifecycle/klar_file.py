"""Klar file: everybody's data written to a file, named and shaped as the backups of klar's own tools."""

from __future__ import annotations

import errno
import hashlib
import os
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from ingat.core import clock
from ingat.core.errors import RestorePointFailed
from ingat.lifecycle.klar_outgoing import write_klar
from ingat.store.contract import Store, Tx
from ingat.store.tables import purging, settings

MOST_IN_A_SECOND = 1_000
MOST_FOLDERS = 100
MOST_TRIES = 5
PARTIAL = ".memory_backup_"
"""How the names of files begin that are being written."""
_FOLDERS = "klar_folders"
_READ_BYTES = 1 << 20
_paths = msgspec.json.Decoder(list[str])
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EACCES, errno.EMLINK}


class KlarFile(NamedTuple):
    """A backup in klar's shape: where it is, how many users it holds, its size."""

    path: Path
    users: int
    size_bytes: int


def write_backup(store: Store, folder: Path, now: clock.Clock) -> KlarFile:
    """Write everybody's data, as of one moment, to `memory_backup_YYYYMMDD_HHMMSS.json` in a folder, and return it.

    The time in the name is local, as klar's was; when a file of that second is there already, `_1`, `_2` … follows it,
    so that none is ever overwritten. The folder is made when it is not there. The file can be read by its owner only;
    it appears under its name when it is complete, on the disk, and read back as it was written. RestorePointFailed when
    any of this cannot be done; then there is no file. The store remembers the folder: a purge goes through it. When a
    purge begins meanwhile, the file is written again, as it may hold who is purged.
    """
    store.write(lambda tx: _note_folder(tx, str(folder.absolute())))
    for _ in range(MOST_TRIES):
        begun = store.read(purging.last_begun)
        try:
            made = _made(store, folder, now)
        except RestorePointFailed:
            if store.read(purging.last_begun) == begun:
                raise
            continue  # the purge has removed what was not finished
        if store.read(purging.last_begun) == begun:
            return made
        made.path.unlink(missing_ok=True)
    raise RestorePointFailed(
        "People were purged again and again while the backup was written. Nothing was deleted; try it again.",
        folder=str(folder),
    )


def _made(store: Store, folder: Path, now: clock.Clock) -> KlarFile:
    partial = folder / f"{PARTIAL}{os.getpid()}_{os.urandom(4).hex()}.partial"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            users, size_bytes, checksum = _written(store, partial)
            if _checksum(partial) != checksum:
                raise OSError(errno.EIO, "What was read back is not what was written")
            path = _named(partial, folder, datetime.fromtimestamp(now() / 1000).strftime("%Y%m%d_%H%M%S"))
        finally:
            with suppress(FileNotFoundError):
                partial.unlink()
        _sync(folder)
    except OSError as error:
        raise RestorePointFailed(
            f"The backup could not be written to {folder}: {error.strerror or error}. Nothing was deleted; make room,"
            " or name another folder with --backup-dir.",
            folder=str(folder),
        ) from error
    return KlarFile(path, users, size_bytes)


def folders(tx: Tx) -> list[str]:
    """Return the folders that backups in klar's shape were written to, the last of them."""
    raw = settings.get(tx, _FOLDERS)
    return [] if raw is None else _paths.decode(raw)


def is_unfinished(name: str) -> bool:
    """Whether it is the name of a file that is being written, or that a process which died left so."""
    return name.startswith(PARTIAL) and name.endswith(".partial")


def is_backup(name: str) -> bool:
    """Whether it is the name of a backup in klar's shape, finished or not."""
    return name.startswith("memory_backup_") or is_unfinished(name)


def _note_folder(tx: Tx, folder: str) -> None:
    known = folders(tx)
    if folder not in known:
        settings.put(tx, _FOLDERS, msgspec.json.encode([*known, folder][-MOST_FOLDERS:]).decode())


def _written(store: Store, path: Path) -> tuple[int, int, str]:
    checksum, size = hashlib.sha256(), 0
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:

        def write(raw: bytes) -> None:
            nonlocal size
            size += len(raw)
            checksum.update(raw)
            file.write(raw)

        users = store.read(lambda tx: write_klar(tx, None, write))
        file.flush()
        os.fsync(file.fileno())
    return users, size, checksum.hexdigest()


def _checksum(path: Path) -> str:
    checksum = hashlib.sha256()
    with path.open("rb") as file:
        while some := file.read(_READ_BYTES):
            checksum.update(some)
    return checksum.hexdigest()


def _named(partial: Path, folder: Path, second: str) -> Path:
    """Give the file its name; one that is taken stays whose it is."""
    for number in range(MOST_IN_A_SECOND):
        path = folder / f"memory_backup_{second}{f'_{number}' if number else ''}.json"
        with suppress(FileExistsError):
            _take(partial, path)
            return path
    raise OSError(errno.EEXIST, f"There are {MOST_IN_A_SECOND} backups of this second")


def _take(partial: Path, path: Path) -> None:
    try:
        os.link(partial, path)
    except FileExistsError:
        raise
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # on a file system without links an empty file keeps the name until the whole one takes its place
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        os.replace(partial, path)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
