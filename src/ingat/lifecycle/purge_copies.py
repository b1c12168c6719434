"""What a purge does to backups and restore points: they are read, and written anew without the person."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import suppress

from msgspec.structs import replace

from ingat.core.artifacts import Artifact
from ingat.core.errors import BackupLocked, RestorePointMissing
from ingat.core.ids import new_id
from ingat.lifecycle.copyfile import Line, Manifest
from ingat.lifecycle.keeping import own
from ingat.lifecycle.lines import Added, FilePiece
from ingat.lifecycle.person import Person
from ingat.lifecycle.restorepoints import LOCAL, STORE_ID, RestorePoints
from ingat.store.contract import Store
from ingat.store.tables import operations, purging, settings

MOST_ROUNDS = 20
"""How often copies are read again because something new was learned, or because others were made meanwhile."""


class Copies:
    """The backups and restore points of one store, in both places."""

    def __init__(self, store: Store, points: RestorePoints) -> None:
        self._store, self._points = store, points
        self._seen: dict[str, None] = {}
        self.theirs: dict[str, int] = {}
        """Copies that hold rows of the person, or name them, each with the number of the rows."""
        self.locked: dict[str, None] = {}
        self.damaged: dict[str, None] = {}
        self.foreign: dict[str, None] = {}
        """Copies of other stores in the same places that hold the person: they are named, and not changed."""
        self.foreign_locked: dict[str, None] = {}
        """Those of the data directory that may."""
        self.unreachable = False
        """Whether the second place could not be looked through."""
        self.deleted: list[str] = []
        self.rewritten: list[str] = []
        self.due: list[str] = []
        """Copies that the second place could not be given anew."""

    @property
    def looked_through(self) -> int:
        """How many copies there are."""
        return len(self._seen)

    def search(self, person: Person) -> None:
        """Read every copy, learn what they tell of the person, and note which hold them; again while that is new."""
        for _ in range(MOST_ROUNDS):
            before = len(person.ids), len(person.sessions)
            self._look(person)
            if (len(person.ids), len(person.sessions)) == before:
                break
        self._look_at_others(person)

    def clean(self, person: Person) -> None:
        """Write those that hold the person anew, delete those that hold nothing else; also those made meanwhile.

        What a process left unfinished is removed. Once begun this goes through to the end: a copy that cannot be
        brought to the second place is noted in `due`. RestorePointFailed where there is no room to write.
        """
        leftovers = self._points.leftovers()
        # the rows are gone: what others began to copy before holds them, and is copied again
        self._store.write(lambda tx: purging.note_begun(tx, new_id()))
        for leftover in leftovers:
            self._points.discard(leftover)
        waiting = list(self.theirs)
        for _ in range(MOST_ROUNDS):
            for name in waiting:
                try:
                    self._clean(name, person)
                except RestorePointMissing:  # another process, which purges too, was faster; else it is told
                    if any(each.name == name for each in self._points.list()):
                        self.damaged[name] = None
            known = set(self.theirs)
            self._look(person, self._seen)
            waiting = [name for name in self.theirs if name not in known]
            if not waiting:
                return

    def catch_up(self, names: Iterable[str]) -> list[str]:
        """Bring copies to the second place, or remove them there, that an earlier purge could not; return the rest."""
        there, left = {each.name for each in self._points.list()}, []
        for name in names:
            try:
                if name in there and name not in self.deleted:
                    self._points.bring_out(name)
                elif self._points.mirror is not None:
                    self._points.mirror.delete(name)
            except OSError:
                left.append(name)
        return left

    def _look(self, person: Person, known: Container[str] = ()) -> None:
        """Read every copy that is not known."""
        self.unreachable = not _answers(self._points)
        for file in own(self._store, self._points):
            if file.name in known:
                continue
            self._seen[file.name] = None
            try:
                manifest, lines = self._points.read(file.name)
                rows = _count(lines, person)
            except BackupLocked:
                self.locked[file.name] = None
                continue
            except RestorePointMissing:
                self.damaged[file.name] = None
                continue
            if rows or _is_about(manifest, person):
                self.theirs[file.name] = rows

    def _look_at_others(self, person: Person) -> None:
        """Look through copies that are not this store's, and those that are too damaged to say whose they are.

        They may be of the same people: of this store, before it was lost and begun anew.
        """
        store_id = self._store.read(lambda tx: settings.get(tx, STORE_ID))
        for file in self._points.list():
            if file.name in self._seen:
                continue
            with suppress(RestorePointMissing):  # removed since
                seen = self._points.look(file.name)
                about = seen.manifest or seen.header
                if about is None:
                    self.damaged[file.name] = None
                    continue
                if about.store and about.store == store_id:  # made since: `clean` goes through it
                    continue
                try:
                    if self._points.see(file.name, lambda manifest, lines: _holds(manifest, lines, person)):
                        self.foreign[file.name] = None
                except BackupLocked:
                    if LOCAL in file.places:
                        self.foreign_locked[file.name] = None
                except RestorePointMissing:
                    self.damaged[file.name] = None

    def _clean(self, name: str, person: Person) -> None:
        manifest, lines = self._points.read(name)
        nameless = replace(manifest, target=None, reason="") if _is_about(manifest, person) else manifest
        if _holds_others(lines, person):
            _, lines = self._points.read(name)
            self._do(name, lambda: self._points.replace(name, _without(lines, person), nameless))
            self.rewritten.append(name)
            return
        self._store.write(lambda tx: operations.drop_points(tx, [name]))
        self._do(name, lambda: self._points.delete(name))
        self.deleted.append(name)

    def _do(self, name: str, act: Callable[[], object]) -> None:
        """Do something to a copy in both places; what the second place does not let be done is due."""
        try:
            act()
        except OSError:
            if self._points.mirror is None:
                raise
            self.due.append(name)


def _answers(points: RestorePoints) -> bool:
    """Return whether the second place can be looked at, if there is one."""
    try:
        if points.mirror is not None:
            points.mirror.names()
    except OSError:
        return False
    return True


def _count(lines: Iterator[Line], person: Person) -> int:
    """Return how many rows are the person's, and learn what they tell."""
    rows = 0
    for kind, record in lines:
        person.learn(record)
        rows += kind != "file" and person.owns(record)
    return rows


def _holds(manifest: Manifest, lines: Iterator[Line], person: Person) -> bool:
    return _is_about(manifest, person) or any(person.owns(record) for kind, record in lines if kind != "file")


def _is_about(manifest: Manifest, person: Person) -> bool:
    return person.is_meant_by(manifest.target) or person.is_spoken_of_in(manifest.reason)


def _holds_others(lines: Iterator[Line], person: Person) -> bool:
    return any(not isinstance(record, FilePiece) for _, record in _without(lines, person))


def _without(lines: Iterator[Line], person: Person) -> Iterator[Line]:
    """Return the rows of everybody else, with the files of their artifacts.

    A line of kind `added` goes with the row before it, which it is about, where the row as it was is there.
    """
    theirs, others = set[str](), set[str]()
    left_out = False
    for kind, record in lines:
        if isinstance(record, FilePiece):
            if record.sha256 in others or record.sha256 not in theirs:
                yield kind, record
            continue
        before, left_out = left_out, person.owns(record)
        if isinstance(record, Added) and record.replaced:
            left_out = left_out or before
        if isinstance(record, Artifact):
            (theirs if left_out else others).add(record.sha256)
        if not left_out:
            yield kind, record
