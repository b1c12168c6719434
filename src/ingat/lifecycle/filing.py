"""Filing: the files of artifacts, taken from the lines of a file and put into their places before their rows are."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from ingat.core.artifacts import Artifact
from ingat.core.errors import InvalidFile, StoreError
from ingat.lifecycle.lines import FilePiece, Record
from ingat.store.files import Files, Kept, NewFile

_log = logging.getLogger("ingat.artifacts")


class Filing:
    """Takes rows as they are read, and puts the files of the artifacts among them into their places.

    A context manager: the transaction that adds the rows runs inside, after `finish`. In the end files that no row
    names are removed again; until then no other file is removed from the data directory. Artifacts come before the
    pieces of their files, as in every file of lines. One piece is held in memory. With `dry_run` files are checked, and
    none is put.
    """

    def __init__(self, files: Files, *, dry_run: bool = False) -> None:
        self._files, self._dry_run = files, dry_run
        self._held = ExitStack()
        self._put: Callable[[NewFile], Kept] | None = None
        self._wanted: dict[str, int] = {}
        self._done: set[str] = set()
        self._refused: set[str] = set()
        self._file: NewFile | None = None
        self._sha256, self._index = "", 0

    def take(self, record: Record) -> bool:
        """Take note of an artifact, or take a piece of a file; return whether it was a piece, which is no row.

        Pieces of files that no artifact noted before has are passed over. Raises InvalidFile, once for a file, for
        pieces that are not in order or are not of the file that they name, and StoreFull and other StoreErrors.
        """
        if isinstance(record, Artifact):
            self._wanted[record.sha256] = record.size_bytes
            self._begin()
        if not isinstance(record, FilePiece):
            return False
        if record.sha256 not in self._wanted or record.sha256 in self._refused:
            return True
        if record.sha256 != self._sha256:
            self._end_file()
            if record.sha256 in self._done:
                self._refused.add(record.sha256)
                raise InvalidFile(f"The file {record.sha256} of an artifact comes twice.")
            self._file, self._sha256, self._index = self._files.new(), record.sha256, 0
        if record.index != self._index or self._file is None:
            self._refused.add(record.sha256)
            self._forget_file()
            raise InvalidFile(f"A piece of the file {record.sha256} of an artifact is missing: number {self._index}.")
        self._file.write(record.data)
        self._index += 1
        return True

    def finish(self) -> set[str]:
        """Put the last file, and return those that artifacts have and that came neither now nor before."""
        self._end_file()
        return {
            sha256
            for sha256, size_bytes in self._wanted.items()
            if sha256 not in self._done and not self._files.has(sha256, size_bytes)
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._forget_file()
        self._held.__exit__(kind, error, trace)
        if error is None and not self._dry_run:
            leave(self._files, self._done)

    def _begin(self) -> None:
        if self._put is None:
            self._put = self._held.enter_context(self._files.putting())

    def _forget_file(self) -> None:
        file, self._file, self._sha256 = self._file, None, ""
        if file is not None:
            file.close()

    def _end_file(self) -> None:
        file, self._file = self._file, None
        if file is None:
            return
        with file:
            sha256, self._sha256 = self._sha256, ""
            if file.kept != (sha256, self._wanted[sha256]):
                raise InvalidFile(f"The file {sha256} of an artifact is not whole: its pieces have other bytes.")
            if self._put is not None and not self._dry_run:
                self._put(file)
        self._done.add(sha256)


def leave(files: Files, names: Iterable[str]) -> None:
    """Remove those of these files that no artifact has any more, after the rows are gone for good.

    One that cannot be removed is told of in the log, and goes with the next sweep.
    """
    try:
        files.drop(names)
    except StoreError as error:
        _log.warning("A file of an artifact stays for now: %s", error.message, extra={"category": "artifact"})
