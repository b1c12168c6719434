"""Folders in which a store keeps files: one under its data directory, or one that goes with the process."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import weakref
from pathlib import Path


class OwnFolder:
    """A folder of this name in a data directory, or, for None, one of its own that is removed by `close`.

    Folders can be entered by their owner only. Used by several threads. Raises OSError.
    """

    def __init__(self, data: Path | None, name: str) -> None:
        self._data, self._name = None if data is None else data.absolute(), name
        self._private: Path | None = None
        self._forget: weakref.finalize[..., OwnFolder] | None = None
        self._lock = threading.Lock()

    @property
    def lasts(self) -> bool:
        """Whether it is in a data directory."""
        return self._data is not None

    @property
    def path(self) -> Path | None:
        """The folder, which may not be there yet; None: there is none yet."""
        return self._data / self._name if self._data is not None else self._private

    def ready(self) -> Path:
        """Return the folder, made where it is missing."""
        with self._lock:
            if self._data is None:
                if self._private is None:
                    self._private = Path(tempfile.mkdtemp(prefix="ingat-"))
                    self._forget = weakref.finalize(self, shutil.rmtree, self._private, True)
                return self._private
            self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder = self._data / self._name
            folder.mkdir(mode=0o700, exist_ok=True)
            return folder

    def close(self) -> None:
        """Remove a folder of its own; others stay. A second call does nothing."""
        with self._lock:
            if self._forget is not None:
                self._forget()
                self._forget = self._private = None


def sync_folder(folder: Path) -> None:
    """Bring the names of a folder to the disk."""
    if os.name == "nt":  # a folder cannot be opened there
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
