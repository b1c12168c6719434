"""Restore points: files that hold exactly the rows that an operation takes away, verified before it does."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, TypeVar

from ingat.core.errors import BackupLocked, RestorePointFailed, RestorePointMissing
from ingat.lifecycle.copied import (
    LOCAL,
    MIRROR,
    STORE_ID,
    Glimpse,
    RestorePoint,
    RestorePointFile,
    copy_estimate,
    failed,
    manifest_of,
    missing,
    why,
)
from ingat.lifecycle.copyfile import (
    UNREADABLE,
    WHOLE,
    Damaged,
    Line,
    Manifest,
    Seal,
    check_copy,
    glance,
    lines_of,
    same_rows,
    write_copy,
)
from ingat.lifecycle.copyfolder import ENCRYPTED, FOLDER, CopyFolder, is_name, moment_of, new_name, was_abandoned
from ingat.lifecycle.encryption import Header, Vault, header_of
from ingat.lifecycle.mirror import Mirror, pour

__all__ = [
    "FOLDER",
    "LOCAL",
    "MIRROR",
    "STORE_ID",
    "Glimpse",
    "Line",
    "Manifest",
    "RestorePoint",
    "RestorePointFile",
    "RestorePoints",
    "copy_estimate",
    "manifest_of",
]

T = TypeVar("T")

_MOST_TRIES = 5
_BROKEN = (*UNREADABLE, Damaged)

_log = logging.getLogger("ingat.backups")


class RestorePoints:
    """The restore points of one store, in the folder `restore-points` of its data directory.

    None: for a store in memory; they are in a folder of their own that is removed by `close`. With a `vault` that has a
    passphrase new files are encrypted. Every file is also brought to the `mirror` after it was verified; when that
    fails, it is logged as an error and refuses nothing.
    """

    def __init__(self, folder: Path | None, *, vault: Vault | None = None, mirror: Mirror | None = None) -> None:
        self._folder, self._vault, self.mirror = CopyFolder(folder), vault or Vault(), mirror
        self._salt: str | None = None
        self.trouble: str | None = None
        """What the second place said when it was last tried in vain; None: it never was."""

    @property
    def lasts(self) -> bool:
        """Whether the files stay when the store is closed."""
        return self._folder.lasts

    # -- writing -------------------------------------------------------------------------------------------------------

    def take(
        self, lines: Iterable[Line], *, scope: str, target: str | None, reason: str, actor: str, at: int, schema: int
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

    def write(self, lines: Iterable[Line], manifest: Manifest, *, expected_bytes: int = 0) -> RestorePoint:
        """Do the first half of `take`: what is written is on the disk, but was not read back yet.

        RestorePointFailed at once when there is not as much room as `expected_bytes` and 1 MiB; MissingExtra when it is
        to be encrypted and the package for that is missing.
        """
        self._vault.check()
        try:
            self._folder.check_room(expected_bytes)
            self._folder.sweep(manifest.created_at)
            name = new_name(manifest.created_at, encrypted=self._vault.locks)
            return self._write(name, lines, manifest, verified=False)
        except _BROKEN as error:
            raise failed(error) from error

    def verify(self, point: RestorePoint, *, mirrored: bool = True) -> None:
        """Do the second half of `take`: read the file back; when it is not what was written, remove it and raise.

        Then bring it to the second place, if there is one, unless `mirrored` is False.
        """
        path = Path(point.path)
        try:
            self._compare(path, Seal(counts=point.counts, sha256=point.sha256))
        except (*_BROKEN, BackupLocked) as error:
            with suppress(OSError):
                path.unlink(missing_ok=True)
            raise failed(error) from error
        if mirrored and self.mirror is not None:
            try:
                self._bring_out(self.mirror, point.name, path)
            except OSError as error:
                self.trouble = str(error)
                _log.error(
                    "The copy %s could not be brought to the second place: %s. It is in the data directory;"
                    " `ingat backup mirror` tries again.",
                    point.name,
                    error,
                    extra={"category": "backup"},
                )

    def replace(self, name: str, lines: Iterable[Line], manifest: Manifest) -> RestorePoint:
        """Write a restore point anew under its name, verified, in every place where it is, and return it.

        What was in the file before is in none of them then. RestorePointFailed when it could not be written here (then
        nothing was changed), OSError when it could not be brought to the second place, from where the old one is
        removed then, if that can be done.
        """
        try:
            self._folder.check_room(0)
            point = self._write(name, lines, manifest, verified=True)
        except _BROKEN as error:
            raise failed(error) from error
        if self.mirror is not None:
            try:
                self.mirror.put(name, Path(point.path))
            except OSError:
                self.mirror.delete(name)
                raise
        return point

    def delete(self, name: str) -> bool:
        """Remove a restore point from every place, and return whether it was there: nothing brings it back any more.

        OSError when it could not be removed from one of them; what was removed stays removed.
        """
        self._path(name)
        was_there = self._folder.delete(name)
        if self.mirror is not None:
            was_there = self.mirror.delete(name) or was_there
        return was_there

    def bring_out(self, name: str) -> None:
        """Bring a restore point that is here to the second place; OSError."""
        if self.mirror is not None:
            self._bring_out(self.mirror, name, self._path(name))

    # -- reading -------------------------------------------------------------------------------------------------------

    def read(self, name: str) -> tuple[Manifest, Iterator[Line]]:
        """Check a restore point from end to end, and return its manifest and an iterator over its lines.

        One that is not here, or damaged here, is first brought back from the second place. RestorePointMissing when it
        is gone, damaged, or of a newer format; BackupLocked without the passphrase it was made with.
        """
        path = self._path(name)
        try:
            manifest, _ = self._checked(path)
        except _BROKEN as error:
            manifest = self._bring_back(name, error)
        return manifest, self._lines(name, path)

    def see(self, name: str, look: Callable[[Manifest, Iterator[Line]], T]) -> T:
        """Return what is seen in a restore point that was checked; one of the second place is not kept here.

        RestorePointMissing, BackupLocked.
        """

        def seen(path: Path) -> T:
            manifest, _ = self._checked(path)
            return look(manifest, self._lines(name, path))

        path = self._path(name)
        try:
            return seen(path) if path.exists() else self._fetched(name, seen)
        except _BROKEN as error:
            raise missing(name, error) from error

    def read_file(self, file: BinaryIO) -> tuple[Manifest, Iterator[Line]]:
        """Do what `read` does with a file that is open somewhere, and can be read from its beginning again."""
        try:
            content = self._vault.reader(file)
            manifest, _ = check_copy(content)
            content.seek(0)
        except _BROKEN as error:
            raise missing("the file", error) from error
        return manifest, lines_of(content)

    def look(self, name: str) -> Glimpse:
        """Return what a file says of itself, wherever it is, its rows unread; RestorePointMissing."""
        path = self._path(name)
        try:
            if path.exists() or self.mirror is None:
                with path.open("rb") as file:
                    return self._glimpse(file)
            return self.mirror.visit(name, self._glimpse)
        except OSError as error:
            raise missing(name, error) from error

    def is_whole(self, name: str) -> bool:
        """Whether a file is in one of the places and reads from end to end; one that is locked counts as whole."""
        try:
            self._checked(self._path(name))
        except BackupLocked:
            return True
        except RestorePointMissing:
            return False
        except _BROKEN:
            try:
                self._fetched(name, self._checked)
            except BackupLocked:
                return True
            except _BROKEN:
                return False
        return True

    def hold_the_same(self, name: str, other: str) -> bool:
        """Whether two restore points that are here hold the same rows; False when one of them cannot be read."""
        try:
            with self._path(name).open("rb") as one, self._path(other).open("rb") as two:
                return same_rows(self._vault.reader(one), self._vault.reader(two))
        except (*_BROKEN, BackupLocked, RestorePointMissing):
            return False

    def check(self, name: str) -> tuple[Manifest, Seal]:
        """Read a file from end to end, in each place where it is, and return its manifest and seal.

        RestorePointMissing, naming the place, when one of them is damaged or it is nowhere; BackupLocked.
        """
        path, found = self._path(name), None
        try:
            if path.exists():
                found = self._checked(path)
        except _BROKEN as error:
            raise missing(name, error) from error
        if self.mirror is not None:
            try:
                found = self._fetched(name, self._checked)
            except FileNotFoundError:
                pass
            except _BROKEN as error:
                raise missing(name, Damaged(f"of its copy in the second place: {why(error)}")) from error
        if found is None:
            raise missing(name, FileNotFoundError())
        return found

    def list(self) -> list[RestorePointFile]:
        """Return the restore points that are there, oldest first; those of the second place when it can be read."""
        here, there = self._folder.names(), {}
        if self.mirror is not None:
            try:
                there = {name: size for name, size in self.mirror.names().items() if is_name(name)}
            except OSError as error:
                self.trouble = str(error)
                _log.error("The second place of backups cannot be read: %s", error, extra={"category": "backup"})
        return [
            RestorePointFile(
                name=name,
                created_at=moment_of(name),
                size_bytes=here[name] if name in here else there[name],
                places=tuple(place for place, names in ((LOCAL, here), (MIRROR, there)) if name in names),
            )
            for name in sorted(here.keys() | there.keys())
        ]

    def check_folder(self) -> None:
        """Raise RestorePointFailed when there is a folder, or should be one, that cannot be looked through."""
        try:
            next(self._folder.ready().iterdir(), None)
        except OSError as error:
            raise RestorePointFailed(
                f"The restore points cannot be looked through ({error}). Nothing was changed; see that the folder"
                " restore-points of the data directory is there and can be read and written, then try again."
            ) from error

    @property
    def lacks_package(self) -> bool:
        """Whether copies are to be encrypted and the package for that is missing: none can be made or opened then."""
        return self._vault.lacks_package

    def places(self) -> tuple[str, ...]:
        """Return the folder that they are in and the second place, as they may be shown."""
        shown = () if self._folder.path is None else (str(self._folder.path),)
        return shown if self.mirror is None else (*shown, self.mirror.shown)

    def leftovers(self) -> tuple[str, ...]:
        """Return the names of files that were left unfinished here, of a process that died or of one that still runs.

        `discard` removes one.
        """
        return self._folder.unfinished()

    def discard(self, leftover: str) -> None:
        """Remove a file that was left unfinished here; OSError."""
        if leftover in self._folder.unfinished():
            (self._folder.ready() / leftover).unlink(missing_ok=True)

    def clean(self, now: int) -> tuple[str, ...]:
        """Remove what was left unfinished in the second place a day ago or longer, and return the names; OSError."""
        if self.mirror is None:
            return ()
        gone = tuple(name for name in self.mirror.names() if was_abandoned(name, now))
        for name in gone:
            self.mirror.delete(name)
        return gone

    def close(self) -> None:
        """Remove the restore points of a store in memory; others stay. A second call does nothing."""
        self._folder.close()

    # -- inside --------------------------------------------------------------------------------------------------------

    def _path(self, name: str) -> Path:
        try:
            return self._folder.file(name)
        except FileNotFoundError as error:
            raise missing(name, error) from None

    def _bring_out(self, mirror: Mirror, name: str, path: Path) -> None:
        """Bring a file to the second place; one that is written anew or removed meanwhile, as a purge does, too."""
        for _ in range(_MOST_TRIES):
            before = path.stat()
            mirror.put(name, path)
            try:
                after = path.stat()
            except FileNotFoundError:
                mirror.delete(name)
                raise
            if (after.st_ino, after.st_mtime_ns, after.st_size) == (before.st_ino, before.st_mtime_ns, before.st_size):
                return

    def _write(self, name: str, lines: Iterable[Line], manifest: Manifest, *, verified: bool) -> RestorePoint:
        sealed: list[Seal] = []

        def fill(file: BinaryIO) -> None:
            if not name.endswith(ENCRYPTED):
                sealed.append(write_copy(file, lines, manifest))
                return
            writer = self._vault.writer(
                file, store=manifest.store, whole=manifest.scope == WHOLE, salt=self._shared_salt()
            )
            sealed.append(write_copy(writer, lines, manifest))
            writer.finish()
            self._salt = writer.salt

        path = self._folder.write(name, fill, (lambda made: self._compare(made, sealed[0])) if verified else None)
        seal = sealed[0]
        return RestorePoint(
            name=name, path=str(path), counts=seal.counts, sha256=seal.sha256, size_bytes=path.stat().st_size
        )

    def _shared_salt(self) -> str | None:
        """Return the salt of the newest encrypted file of the folder, so that one key opens all of them."""
        if self._salt is None:
            for name in sorted((name for name in self._folder.names() if name.endswith(ENCRYPTED)), reverse=True):
                with suppress(OSError, Damaged), self._folder.file(name).open("rb") as file:
                    found = header_of(file)
                    if found is not None:
                        return found[0].salt
        return self._salt

    def _checked(self, path: Path) -> tuple[Manifest, Seal]:
        with path.open("rb") as file:
            return check_copy(self._vault.reader(file))

    def _compare(self, path: Path, wanted: Seal) -> None:
        if self._checked(path)[1] != wanted:
            raise Damaged("its lines are not those that were written")

    def _glimpse(self, file: BinaryIO) -> Glimpse:
        header: Header | None = None
        try:
            found = header_of(file)
            header = found[0] if found else None
            manifest, seal = glance(self._vault.reader(file))
        except BackupLocked as error:
            return Glimpse(header=header, problem=error.message, locked=error.details.get("locked"))
        except _BROKEN as error:
            return Glimpse(header=header, problem=why(error))
        return Glimpse(manifest=manifest, seal=seal, header=header)

    def _fetched(self, name: str, look: Callable[[Path], T]) -> T:
        """Bring a file here from the second place, under another name, and return what is seen in it; OSError."""
        if self.mirror is None:
            raise FileNotFoundError(name)
        mirror = self.mirror
        with self._folder.scratch(name) as path:
            with path.open("wb") as file:
                mirror.visit(name, lambda source: pour(source, file.write))
            return look(path)

    def _bring_back(self, name: str, why: Exception) -> Manifest:
        """Put the second place's copy where it was, and return its manifest; say `why` when there is none."""
        found: list[Manifest] = []
        try:
            if self.mirror is None:
                raise FileNotFoundError(name)
            visit = partial(self.mirror.visit, name)
            self._folder.write(
                name,
                lambda file: visit(lambda source: pour(source, file.write)),
                lambda made: found.append(self._checked(made)[0]),
            )
        except FileNotFoundError:
            raise missing(name, why) from why
        except _BROKEN as error:
            raise missing(name, error) from error
        _log.info("The copy %s was brought back from the second place.", name, extra={"category": "backup"})
        return found[0]

    def _lines(self, name: str, path: Path) -> Iterator[Line]:
        try:
            with path.open("rb") as file:
                yield from lines_of(self._vault.reader(file))
        except _BROKEN as error:
            raise missing(name, error) from error
