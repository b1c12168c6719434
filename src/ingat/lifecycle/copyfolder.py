"""Copy folder: the folder of a store's backups and restore points, where every file is whole or not there."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from ingat.core.dates import DAY_MS, HOUR_MS
from ingat.core.folders import OwnFolder, sync_folder
from ingat.core.ids import new_id
from ingat.lifecycle.mirror import UNFINISHED, open_new

FOLDER = "restore-points"
PLAIN, ENCRYPTED = ".jsonl.gz", ".jsonl.gz.enc"
"""How the names of files end."""
RESERVE_BYTES = 1 << 20
"""What stays free, at the least, when a file is written."""

_NAME = re.compile(r"\d{8}T\d{9}Z-[0-9a-f]{32}\.jsonl\.gz(\.enc)?")
_ABANDONED_MS = DAY_MS


class CopyFolder:
    """The folder `restore-points` of a data directory, or, for None, one of its own that is removed by `close`.

    Folders can be entered and files read by their owner only. Raises OSError, and what the functions given raise.
    """

    def __init__(self, data: Path | None) -> None:
        self._folder = OwnFolder(data, FOLDER)
        self._writing: set[str] = set()
        self._swept_at: int | None = None

    @property
    def lasts(self) -> bool:
        """Whether it is in a data directory."""
        return self._folder.lasts

    @property
    def path(self) -> Path | None:
        """The folder, which may not be there yet; None: there is none yet."""
        return self._folder.path

    def ready(self) -> Path:
        """Return the folder, made where it is missing."""
        return self._folder.ready()

    def file(self, name: str) -> Path:
        """Return where a file is or would be; FileNotFoundError for what is no name of one."""
        folder = self.path
        if folder is None or not is_name(name):
            raise FileNotFoundError(name[:128])
        return folder / name

    def names(self) -> dict[str, int]:
        """Return the names and sizes of the files that are there."""
        folder, found = self.path, {}
        if folder is None or not folder.is_dir():
            return {}
        for path in folder.iterdir():
            if is_name(path.name):
                with suppress(FileNotFoundError):  # removed by another process since
                    found[path.name] = path.stat().st_size
        return found

    def check_room(self, expected_bytes: int) -> None:
        """Raise OSError when there is not as much room as this and 1 MiB; it says how much there is."""
        free, needed = shutil.disk_usage(self.ready()).free, expected_bytes + RESERVE_BYTES
        if free < needed:
            raise OSError(f"about {needed >> 20:,} MiB are needed, and {free >> 20:,} MiB are free")

    def write(
        self, name: str, fill: Callable[[BinaryIO], object], check: Callable[[Path], object] | None = None
    ) -> Path:
        """Let a function fill a new file, on the disk, check it, and only then give it its name; return its path.

        When anything goes wrong no new file stays, and one that had the name before does.
        """
        folder = self.ready()
        path, unfinished = folder / name, folder / f"{name}.{new_id()}{UNFINISHED}"
        self._writing.add(unfinished.name)
        try:
            with open_new(unfinished) as file:
                fill(file)
                file.flush()
                os.fsync(file.fileno())
            if check is not None:
                check(unfinished)
            os.replace(unfinished, path)
            sync_folder(folder)
        except BaseException:
            for left in (unfinished, path) if check is None else (unfinished,):
                with suppress(OSError):
                    left.unlink(missing_ok=True)
            raise
        finally:
            self._writing.discard(unfinished.name)
        return path

    @contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        """Lend an empty file beside the one of this name, and remove it in the end."""
        unfinished = self.ready() / f"{name}.{new_id()}{UNFINISHED}"
        self._writing.add(unfinished.name)
        try:
            open_new(unfinished).close()
            yield unfinished
        finally:
            self._writing.discard(unfinished.name)
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)

    def delete(self, name: str) -> bool:
        """Remove a file, and return whether it was there."""
        path = self.file(name)
        try:
            path.unlink()
            sync_folder(path.parent)
        except FileNotFoundError:
            return False
        return True

    def unfinished(self) -> tuple[str, ...]:
        """Return the names of what this process is not writing, and was never finished."""
        folder = self.path
        if folder is None or not folder.is_dir():
            return ()
        return tuple(sorted(path.name for path in folder.glob("*" + UNFINISHED) if path.name not in self._writing))

    def sweep(self, now: int) -> None:
        """Remove what a process that died left unfinished more than a day ago.

        Looks at most once an hour: a folder may have so many files that listing it takes longer than writing one.
        """
        if self._swept_at is not None and 0 <= now - self._swept_at < HOUR_MS:
            return
        self._swept_at = now
        for name in self.unfinished():
            path = self.ready() / name
            with suppress(FileNotFoundError):
                if path.stat().st_mtime * 1_000 < now - _ABANDONED_MS:
                    path.unlink()

    def close(self) -> None:
        """Remove a folder of its own; others stay. A second call does nothing."""
        self._folder.close()


def is_name(name: str) -> bool:
    """Whether it is the name of a backup or restore point."""
    return _NAME.fullmatch(name) is not None


def new_name(at: int, *, encrypted: bool) -> str:
    """Return a name that no file has and that sorts by time; it holds nothing that anybody gave."""
    moment = datetime.fromtimestamp(at // 1_000, UTC)
    stamp = f"{moment:%Y%m%dT%H%M%S}{at % 1_000:03}Z"
    return f"{stamp}-{new_id()}{ENCRYPTED if encrypted else PLAIN}"


def moment_of(name: str) -> int:
    """Return the time that a name begins with, milliseconds UTC."""
    seconds = datetime.strptime(name[:15], "%Y%m%dT%H%M%S").replace(tzinfo=UTC).timestamp()
    return int(seconds) * 1_000 + int(name[15:18])


def was_abandoned(name: str, now: int) -> bool:
    """Whether it was left unfinished, by its name, more than a day ago."""
    whole, _, rest = name.partition(".jsonl.gz")
    return bool(rest) and name.endswith(UNFINISHED) and is_name(whole + PLAIN) and moment_of(name) < now - _ABANDONED_MS
