"""What a purge does to backups in klar's shape: those that `ingat clear` wrote are written anew without the person."""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import sleep
from typing import Any

import msgspec

from ingat.core.errors import IngatError
from ingat.core.folders import sync_folder
from ingat.core.ids import new_id, normalise_user_id
from ingat.core.records import User
from ingat.lifecycle.klar_file import PARTIAL, folders, is_backup, is_unfinished
from ingat.lifecycle.mirror import open_new
from ingat.lifecycle.person import Person
from ingat.store.contract import Store
from ingat.store.locks import WAIT_S, hold

MOST_ROUNDS = 20
"""How often they are read again because something new was learned of the person."""
_TRIES = 500
_records = msgspec.json.Decoder(dict[str, msgspec.Raw])
_MARK = b"\xef\xbb\xbf"
"""What some editors put at the beginning of a file."""


class _About(msgspec.Struct):
    """What a record says of whose it is."""

    name: Any = None
    ingat: Any = None


_about = msgspec.json.Decoder(_About)


class KlarBackups:
    """The backups in klar's shape in the folders that `ingat clear` wrote to, of this store or another.

    A record is the person's by its key, or by an alias that it names. Records of others stay byte by byte.
    """

    def __init__(self, store: Store, person: Person) -> None:
        self._store, self._person = store, person
        self.looked_through = 0
        self.theirs: dict[str, None] = {}
        """Paths of those that hold the person."""
        self.rewritten: list[str] = []
        self.stuck: list[str] = []
        """Paths of those that hold the person, or may, and cannot be written anew."""
        self.mentions = 0
        """How many name the person in records of others."""
        self.gone: list[str] = []
        """Folders that are not there now."""

    def search(self) -> None:
        """Read every one, learn what they tell of the person, and note which hold them; again while that is new."""
        for _ in range(MOST_ROUNDS):
            before = len(self._person.ids)
            self._look_at_all()
            if len(self._person.ids) == before:
                return

    def _look_at_all(self) -> None:
        self.theirs.clear()
        self.looked_through, self.mentions, self.stuck, self.gone = 0, 0, [], []
        for folder in self._folders():
            for path in self._files(folder):
                if is_unfinished(path.name):
                    continue
                self.looked_through += 1
                self._look(path)

    def clean(self) -> None:
        """Write those that hold the person anew, each in one step under its name, and remove unfinished ones.

        Then read all of them again. A process whose unfinished file is removed notices that, and begins anew.
        """
        for folder in self._folders():
            with suppress(OSError), _alone(folder):  # what stays is found by the search below
                for path in self._files(folder):
                    with suppress(OSError):
                        if is_unfinished(path.name):
                            path.unlink(missing_ok=True)
                        else:
                            self._clean(path)
        self.search()
        self.stuck = list(dict.fromkeys((*self.theirs, *self.stuck)))

    def _folders(self) -> list[Path]:
        return [Path(each) for each in self._store.read(folders)]

    def _files(self, folder: Path) -> list[Path]:
        try:
            return sorted(each for each in folder.iterdir() if is_backup(each.name) and not each.is_dir())
        except FileNotFoundError:
            self.gone.append(str(folder))
        except OSError:
            self.stuck.append(str(folder))
        return []

    def _look(self, path: Path) -> None:
        try:
            raw = path.read_bytes()
        except FileNotFoundError:  # removed since
            self.looked_through -= 1
            return
        except OSError:
            self.stuck.append(str(path))
            return
        found = _read(raw)
        if found is None:
            if self._is_named_in(raw):
                self.stuck.append(str(path))
            return
        for key, record in found.items():
            self._learn(key, record)
        if any(_normal(key) in self._person.ids for key in found):
            self.theirs[str(path)] = None
        elif self._is_named_in(raw):
            self.mentions += 1

    def _clean(self, path: Path) -> None:
        """Write one anew; one that cannot be read, and what is no plain file, stays."""
        before = path.lstat()
        found = _read(path.read_bytes()) if stat.S_ISREG(before.st_mode) else None
        if found is None:
            return
        kept = {key: record for key, record in found.items() if _normal(key) not in self._person.ids}
        if len(kept) == len(found):
            return
        unfinished = path.with_name(f"{PARTIAL}{os.getpid()}_{new_id()}.partial")
        try:
            with open_new(unfinished) as file:
                file.write(_written(kept))
                file.flush()
                shutil.copystat(path, unfinished)  # old ones go by their age
                with suppress(PermissionError):
                    os.fchown(file.fileno(), before.st_uid, before.st_gid)
                os.fsync(file.fileno())
            if _read(unfinished.read_bytes()) != kept:
                return
            os.replace(unfinished, path)
            self.rewritten.append(str(path))
            sync_folder(path.parent)
        finally:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)

    def _learn(self, key: str, record: msgspec.Raw) -> None:
        """Take what a record of the person tells of them."""
        with suppress(msgspec.MsgspecError, RecursionError):
            about = _about.decode(record)
            aliases = about.ingat.get("aliases") if isinstance(about.ingat, dict) else None
            known = [_normal(each) for each in aliases if isinstance(each, str)] if isinstance(aliases, list) else []
            name = about.name if isinstance(about.name, str) else None
            self._person.learn(User(user_id=_normal(key), name=name, aliases=tuple(known), created_at=0, updated_at=0))

    def _is_named_in(self, raw: bytes) -> bool:
        # an id is a key and a text of its own there, so that short ones are found as well
        traces = [msgspec.json.encode(each) for each in sorted(self._person.ids)] + self._person.searched()
        return any(each in raw for each in traces)


def _read(raw: bytes) -> dict[str, msgspec.Raw] | None:
    """Return the records of a backup by their keys, byte by byte as they stand; None for what is none."""
    try:
        found = _records.decode(raw.removeprefix(_MARK))
        if "record" in found and "user_id" in found:  # of one user
            return {msgspec.json.decode(found["user_id"], type=str): msgspec.Raw(bytes(found["record"]))}
        if not all(bytes(each).lstrip().startswith(b"{") for each in found.values()):
            return None
        return {key: msgspec.Raw(bytes(each)) for key, each in found.items()}
    except (msgspec.MsgspecError, RecursionError):
        return None


def _written(records: dict[str, msgspec.Raw]) -> bytes:
    """Return them as `ingat clear` writes them: see lifecycle.klar_outgoing."""
    parts = (json.dumps(key, ensure_ascii=False).encode() + b": " + bytes(raw) for key, raw in records.items())
    inside = b",\n  ".join(parts)
    return b"{\n  " + inside + b"\n}" if inside else b"{}"


def _normal(user_id: str) -> str:
    try:
        return normalise_user_id(user_id)
    except IngatError:
        return user_id


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold off other purges from a folder: what one writes anew another must not bring back. OSError after 10 s."""
    if os.name == "nt":  # a folder cannot be opened there
        yield
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        for _ in range(_TRIES):
            if hold(opened):
                break
            sleep(WAIT_S)
        else:
            raise TimeoutError(f"{folder} is held by another purge")
        yield
    finally:
        os.close(opened)
