"""Copies: what can be restored, read whatever its form, checked, and the part of it that is wanted."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from tempfile import SpooledTemporaryFile
from typing import Any, BinaryIO, NamedTuple, cast

import msgspec

from ingat.core.errors import BackupNotFound, IngatError, InvalidFile, InvalidInput, RestorePointMissing
from ingat.core.records import Message
from ingat.lifecycle.checking import Checker
from ingat.lifecycle.copyfile import FORMAT, Line
from ingat.lifecycle.encryption import header_of
from ingat.lifecycle.incoming import MAX_JSON_BYTES, Incoming
from ingat.lifecycle.klar import is_klar, records_of
from ingat.lifecycle.lines import Added, FilePiece, Record
from ingat.lifecycle.plan import key_of
from ingat.lifecycle.restorepoints import RestorePoints
from ingat.lifecycle.spool import SPOOL_BYTES

MOST_ERRORS = 100
"""What is wrong with a file, as far as it is listed; the rest is counted."""
_PIECE_BYTES = 256 << 10
_FIRST_LINE_BYTES = 64 << 10
_MARK = b"\xef\xbb\xbf"
UPLOAD = "the file"


class Copy(NamedTuple):
    """Something that can be restored: what people call it, its rows, and what there is to say of it."""

    name: str
    lines: Iterator[Line]
    notes: list[str]


Count = Callable[[str], int]


class Copies:
    """Opens copies. A context manager: what is read of them is read before it ends."""

    def __init__(self, points: RestorePoints, count_tokens: Count, check_role: Callable[[str], str], now: int) -> None:
        self._points, self._count, self._check_role, self._now = points, count_tokens, check_role, now
        self._held = ExitStack()

    def __enter__(self) -> Copies:
        return self

    def __exit__(self, *error: object) -> None:
        self._held.close()

    def named(self, name: str) -> Copy:
        """Return a backup or restore point of this store; BackupNotFound, RestorePointMissing, BackupLocked."""
        if all(each.name != name for each in self._points.list()):
            raise BackupNotFound(
                f"There is no backup or restore point {str(name)[:128]!r}; `ingat backup list` shows them.",
                name=str(name)[:128],
            )
        _, lines = self._points.read(name)
        return Copy(name, lines, [])

    def given(self, source_file: BinaryIO) -> Copy:
        """Return what a file holds, its rows checked as those of an import are.

        A backup or restore point, also encrypted; an export; a backup of klar; each also packed with gzip. Its content
        tells which. Raises InvalidFile for any other, and for one that is damaged; BackupLocked.
        """
        kept = self._kept(source_file)
        if self._is_ours(kept):
            kept.seek(0)
            try:
                _, lines = self._points.read_file(kept)
            except RestorePointMissing as error:
                raise InvalidFile(f"{error.message}") from error
            return Copy(UPLOAD, self._checked(lines), [])
        kept.seek(0)
        document, notes = _document(kept), list[str]()
        if document is not None and is_klar(document):
            return Copy(UPLOAD, records_of(document, self._count, self._now, notes), notes)
        kept.seek(0)
        with _restoring():
            incoming = Incoming(kept, self._now)
        return Copy(UPLOAD, self._imported(incoming), incoming.notes)

    def _kept(self, source_file: BinaryIO) -> BinaryIO:
        """Return the file where it can be read more than once."""
        kept = self._held.enter_context(SpooledTemporaryFile(SPOOL_BYTES, mode="w+b"))  # noqa: SIM115  # closed by __exit__
        while piece := source_file.read(_PIECE_BYTES):
            if not isinstance(piece, bytes):
                raise InvalidInput("The file to restore must be opened for bytes (mode 'rb').")
            kept.write(piece)
        kept.seek(0)
        return cast(BinaryIO, kept)

    def _is_ours(self, kept: BinaryIO) -> bool:
        if header_of(kept) is not None:
            return True
        kept.seek(0)
        if kept.read(2) != b"\x1f\x8b":
            return False
        kept.seek(0)
        try:
            first = msgspec.json.decode(gzip.GzipFile(fileobj=kept, mode="rb").readline(_FIRST_LINE_BYTES))
        except (OSError, EOFError, zlib.error, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return False
        return isinstance(first, dict) and first.get("format") == FORMAT

    def _checked(self, lines: Iterator[Line]) -> Iterator[Line]:
        """Return the rows of one of our files, each checked; what belongs to others need not be in the file."""
        checker = Checker(self._count, self._check_role)
        for number, (kind, record) in enumerate(lines, 1):
            if isinstance(record, Added):
                continue
            if not isinstance(record, FilePiece):
                _suppose(checker, record)
                try:
                    record = checker.check(record)
                except IngatError as error:
                    raise InvalidFile(f"Row {number}, {kind}: {error.message} Nothing was restored.") from error
            yield kind, record

    def _imported(self, incoming: Incoming) -> Iterator[Line]:
        with _restoring():
            yield from self._items(incoming)

    def _items(self, incoming: Incoming) -> Iterator[Line]:
        checker, errors, more = Checker(self._count, self._check_role), list[str](), 0
        for place, found in incoming.items():
            try:
                if isinstance(found, IngatError):
                    raise found
                record = found if isinstance(found, FilePiece) else checker.check(found)
            except InvalidInput as error:
                if len(errors) < MOST_ERRORS:
                    errors.append(error.message if error.message.startswith(place) else f"{place}: {error.message}")
                else:
                    more += 1
                continue
            if not errors:
                yield ("file" if isinstance(record, FilePiece) else key_of(record).kind), record
        if errors:
            told = f" (and {more} more)" if more else ""
            raise InvalidFile(f"The file cannot be used: {' '.join(errors)}{told} Nothing was restored.", errors=errors)


@contextmanager
def _restoring() -> Iterator[None]:
    """Let what is said of a file that is no import say so."""
    try:
        yield
    except InvalidFile as error:
        said = error.message.replace("Nothing was imported", "Nothing was restored")
        raise InvalidFile(said, **error.details) from error


def _suppose(checker: Checker, record: Record) -> None:
    """Let the checker know of the user and the session that a row belongs to, which a restore point need not hold."""
    user_id = getattr(record, "user_id", None)
    if user_id is not None:
        checker.suppose_user(user_id)
    if isinstance(record, Message):
        checker.suppose_session(record.session_id, record.user_id)
    elif key_of(record).kind == "expiry":
        checker.suppose_session(key_of(record).id, "")


def _document(kept: BinaryIO) -> Any:
    """Return the JSON document that a file is; None when it is none, or too large to be held."""
    packed = kept.read(2) == b"\x1f\x8b"
    kept.seek(0)
    file = gzip.GzipFile(fileobj=kept, mode="rb") if packed else kept
    try:
        raw = file.read(MAX_JSON_BYTES + 1)
    except (OSError, EOFError, zlib.error):
        return None
    if len(raw) > MAX_JSON_BYTES:
        return None
    try:
        return msgspec.json.decode(raw.removeprefix(_MARK))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


class Wanted:
    """The part of a copy that is wanted: all of it, or what is of some users and sessions.

    Asked row by row, in the order of the file. Held in memory: the ids of the users and sessions that are wanted.
    """

    def __init__(self, users: Sequence[str], sessions: Sequence[str], resolve: Callable[[str], str | None]) -> None:
        """`resolve` returns who has an id or alias in the store."""
        self._resolve = resolve
        self._users = {each: resolve(each) for each in users}
        self._sessions = set(sessions)
        self._found_users: set[str] = set()
        self._found_sessions: set[str] = set()
        self._is_wanted: dict[str, bool] = {}
        self._theirs: set[str] = set()
        self._people: dict[str, Record] = {}
        self.whole = not users and not sessions

    def rows(self, lines: Iterator[Line]) -> Iterator[Record]:
        """Return the rows that are wanted, with the pieces of files; those of artifacts that are not may be among them.

        The profile of a user who is not wanted comes when a session of theirs is.
        """
        for _, record in lines:
            if self.whole:
                if not isinstance(record, Added):
                    yield record
                continue
            yield from self._chosen(record)

    def missing(self) -> tuple[list[str], list[str]]:
        """Return the users and the sessions that the copy does not hold."""
        return (
            [each for each in self._users if each not in self._found_users],
            [each for each in self._sessions if each not in self._found_sessions],
        )

    def _chosen(self, record: Record) -> Iterator[Record]:
        if isinstance(record, FilePiece):
            yield record
            return
        if isinstance(record, Added):
            return
        kind, user_id, row_id = key_of(record)
        names = getattr(record, "aliases", ())
        wanted = user_id is not None and self._wants_user(user_id, names)
        if kind == "session":
            if row_id in self._sessions:
                self._found_sessions.add(row_id)
            elif not wanted:
                return
            self._theirs.add(row_id)
            yield from self._profile(user_id)
            yield record
        elif kind == "user" and not wanted:
            if self._sessions and user_id is not None:
                self._people[user_id] = record
        elif wanted or self._is_of_session(kind, record):
            if kind == "message":
                self._found_sessions.add(cast(Message, record).session_id)
            yield record

    def _is_of_session(self, kind: str, record: Record) -> bool:
        session_id = getattr(record, "session_id", None)
        if session_id is None:
            return False
        if kind == "log":
            return record.user_id is None and session_id in self._theirs  # type: ignore[union-attr]
        if kind == "memory" and getattr(record, "kind", "") != "summary":
            return False
        return session_id in self._theirs or session_id in self._sessions

    def _profile(self, user_id: str | None) -> Iterator[Record]:
        """Return the profile of somebody of whom only a session is wanted: it comes when nobody has it."""
        found = self._people.pop(user_id or "", None)
        if found is not None and self._resolve(user_id or "") is None:
            yield found

    def _wants_user(self, user_id: str, names: Sequence[str]) -> bool:
        if user_id not in self._is_wanted or names:
            mine = {user_id, *names}
            there = self._resolve(user_id) or user_id
            found = {each for each, resolved in self._users.items() if each in mine or resolved == there}
            self._found_users |= found
            self._is_wanted[user_id] = self._is_wanted.get(user_id, False) or bool(found)
        return self._is_wanted[user_id]
