"""Artifacts: files that sessions made or were given, kept with what is known of them."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple

from msgspec.structs import replace

from ingat.core import clock
from ingat.core.artifacts import Artifact
from ingat.core.errors import ArtifactNotFound, InvalidInput, SessionNotFound
from ingat.core.given import check_binary
from ingat.core.ids import JOINERS, check_id, has_hidden, new_id, normalise_user_id
from ingat.core.json import decode_object, encode_object
from ingat.core.limits import check_limit
from ingat.core.records import Page
from ingat.core.roles import BLOCKED
from ingat.core.texts import check_text
from ingat.store.contract import Store, Tx
from ingat.store.files import PIECE_BYTES, Files
from ingat.store.tables import artifacts as table
from ingat.store.tables import sessions as session_table
from ingat.store.tables import users as user_table
from ingat.store.tables.paging import decode_cursor

MAX_NAME_BYTES = 255
MAX_KIND_BYTES = 64
MAX_MEDIA_TYPE_BYTES = 128

_MEDIA_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+(?:\s*;[\x20-\x7e]*)?")
_log = logging.getLogger("ingat.artifacts")


class _Whose(NamedTuple):
    """Whose an artifact is to be, as it was given."""

    user_id: str | None
    session_id: str | None


class Artifacts:
    """The artifacts of one store. Where `user_id` is given, only that user's are seen."""

    def __init__(self, store: Store, files: Files, now: clock.Clock) -> None:
        self._store, self._files, self._now = store, files, now

    def save(
        self,
        source_file: BinaryIO,
        *,
        name: str,
        kind: str = "file",
        user_id: str | None = None,
        session_id: str | None = None,
        media_type: str | None = None,
        metrics: dict[str, Any] | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> Artifact:
        """Keep the bytes of a file that is open for reading bytes, and what is known of it, and return that.

        The file is read a piece at a time; equal bytes are kept once, whoever has them. An artifact of a session is
        its user's; without session it is the given user's, who is created when unknown, and without both nobody's.
        When this returns, the bytes are on the disk. Raises SessionNotFound (also for a session of another user),
        UserBlocked, InvalidInput, StoreFull or a StoreError; nothing is kept then.
        """
        whose = _Whose(
            None if user_id is None else normalise_user_id(user_id),
            None if session_id is None else check_id(session_id, "session id"),
        )
        check_binary(source_file)
        now = self._now()
        artifact = Artifact(
            id=new_id(),
            session_id=whose.session_id,
            name=check_name(name),
            kind=check_kind(kind),
            media_type=None if media_type is None else check_media_type(media_type),
            size_bytes=0,
            sha256="",
            metrics=decode_object(encode_object(metrics or {}, "metrics")),
            metadata=decode_object(encode_object(metadata or {}, "metadata")),
            created_at=now,
        )
        # before a large file is read for nothing
        self._store.write(lambda tx: _check(tx, whose))
        with self._files.new() as file:
            while piece := source_file.read(PIECE_BYTES):
                if not isinstance(piece, bytes):
                    raise InvalidInput("The file must be opened for bytes (mode 'rb'). Nothing was saved.")
                file.write(piece)
            made = replace(artifact, sha256=file.kept.sha256, size_bytes=file.kept.size_bytes)

            def work(tx: Tx) -> Artifact:
                saved = replace(made, user_id=_owner(tx, whose, now))
                table.insert(tx, saved)
                return saved

            file.finish()
            with self._files.putting() as put:
                put(file)
                saved = self._store.write(work)
        about = {"category": "artifact", "store": self._store.url, "user_id": saved.user_id}
        _log.info("Artifact saved: %s", saved.id, extra=about)
        return saved

    def list(
        self,
        *,
        user_id: str | None = None,
        session_id: str | None = None,
        kind: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> Page[Artifact]:
        """Return one page of artifacts, newest first; `page.next` is the cursor of the next page."""
        whose = _Whose(
            None if user_id is None else normalise_user_id(user_id),
            None if session_id is None else check_id(session_id, "session id"),
        )
        sort = None if kind is None else check_kind(kind)
        check_limit(limit, "limit")
        after = decode_cursor(cursor)

        def look(tx: Tx) -> Page[Artifact]:
            owner = None if whose.user_id is None else user_table.resolve(tx, whose.user_id)
            if whose.user_id is not None and owner is None:
                return Page(items=(), next=None)
            items, more = table.page(tx, limit, cursor=after, user_id=owner, session_id=whose.session_id, kind=sort)
            return Page(items=tuple(items), next=more)

        return self._store.read(look)

    def get(self, artifact_id: str, *, user_id: str | None = None) -> Artifact:
        """Return one artifact, with `user_id` only one of that user's, or raise ArtifactNotFound."""
        known = check_id(artifact_id, "artifact id")
        person = None if user_id is None else normalise_user_id(user_id)
        return self._store.read(lambda tx: required(tx, known, person))

    def read(self, write: Callable[[bytes], object], artifact_id: str, *, user_id: str | None = None) -> Artifact:
        """Write the bytes of an artifact piece by piece, and return what is known of it.

        Raises ArtifactNotFound, StoreCorrupt when the file is gone or its bytes are not those that were kept (what was
        written until then is not to be used), and StoreUnavailable when it cannot be read now.
        """
        artifact = self.get(artifact_id, user_id=user_id)
        for piece in self._files.pieces(artifact.sha256, artifact.size_bytes):
            write(piece)
        return artifact


def required(tx: Tx, artifact_id: str, user_id: str | None = None) -> Artifact:
    """Return an artifact, with `user_id` (or an alias) only one of that user's, or raise ArtifactNotFound."""
    found = table.get(tx, artifact_id)
    if found is not None and user_id is not None:
        owner = user_table.resolve(tx, user_id)
        found = found if owner is not None and found.user_id == owner else None
    if found is None:
        raise ArtifactNotFound(
            f"There is no artifact {artifact_id[:64]!r}; `ingat artifacts list` shows them.", artifact_id=artifact_id
        )
    return found


def check_name(name: Any) -> str:
    """Return the name of an artifact, which is one that a file could have, or raise what is wrong with it."""
    text = _line(name, "name", MAX_NAME_BYTES)
    if "/" in text or "\\" in text or text in (".", ".."):
        raise InvalidInput("The name of an artifact may not be a path.", field="name")
    return text


def check_kind(kind: Any) -> str:
    """Return the kind of an artifact, a word such as dataset or model, or raise what is wrong with it."""
    return _line(kind, "kind", MAX_KIND_BYTES)


def check_media_type(media_type: Any) -> str:
    """Return a media type such as text/csv, or raise what is wrong with it."""
    text = check_text(media_type, "media type", MAX_MEDIA_TYPE_BYTES)
    if not _MEDIA_TYPE.fullmatch(text):
        raise InvalidInput(f"{text!r} is no media type; one reads as text/csv does.", field="media_type")
    return text


def _line(value: Any, field: str, max_bytes: int) -> str:
    text = check_text(value, f"{field} of an artifact", max_bytes)
    if not text.strip().strip(JOINERS):
        raise InvalidInput(f"An artifact needs a {field}.", field=field)
    if has_hidden(text):
        raise InvalidInput(f"The {field} of an artifact may not hold control or invisible characters.", field=field)
    return text


def _check(tx: Tx, whose: _Whose) -> None:
    """Raise what `_owner` would raise, and change nothing."""
    owner = _of_session(tx, whose) if whose.session_id is not None else whose.user_id
    found = None if owner is None else user_table.standing(tx, owner)
    if found is not None and found.role == BLOCKED:
        raise user_table.blocked(found.user_id)


def _owner(tx: Tx, whose: _Whose, now: int) -> str | None:
    """Return whose an artifact is: the user of its session, or the user that was given, who is created when unknown."""
    owner = _of_session(tx, whose) if whose.session_id is not None else whose.user_id
    return None if owner is None else user_table.writable(tx, owner, now)


def _of_session(tx: Tx, whose: _Whose) -> str:
    session_id = whose.session_id or ""
    owner = session_table.owner(tx, session_id)
    if owner is None:
        raise SessionNotFound(f"There is no session {session_id!r}. Nothing was saved.", session_id=session_id)
    if whose.user_id is not None and user_table.resolve(tx, whose.user_id) != owner:
        raise SessionNotFound(f"The user has no session {session_id!r}. Nothing was saved.", session_id=session_id)
    return owner
