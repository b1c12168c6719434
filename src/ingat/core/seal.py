"""Seal: a signed file that says how far the audit trail had come, so that its newest entries cannot go unnoticed."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from ingat.core.errors import StoreError
from ingat.core.secret import Secret

FILE = "audit.head"
_PURPOSE = "audit head"


class Seal(Struct, frozen=True, kw_only=True):
    """The newest entry at a time, milliseconds UTC; `signature` is the key's MAC of the JSON list [seq, hash, at]."""

    seq: int
    hash: str
    at: int
    signature: str


class Sealing:
    """The file `audit.head` of a data directory; there is none for a store in memory."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret
        key = secret.path()
        self.path: Path | None = None if key is None else key.with_name(FILE)

    def read(self) -> Seal | None:
        """Return what was sealed last, or None when nothing was; StoreError when the file is not one that we wrote."""
        if self.path is None:
            return None
        try:
            raw = self.path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{FILE} cannot be read: {error}.", path=str(self.path)) from error
        try:
            found = msgspec.json.decode(raw, type=Seal)
        except (msgspec.MsgspecError, UnicodeError) as error:
            raise StoreError(f"{FILE} was changed: it does not hold a seal.", path=str(self.path)) from error
        if not self._secret.is_there():
            raise StoreError(f"{FILE} cannot be checked, since the key that signed it is gone.", path=str(self.path))
        if found.signature != self._signed(found.seq, found.hash, found.at):
            raise StoreError(f"{FILE} was changed, or was signed with another key.", path=str(self.path))
        return found

    def write(self, seq: int, hash_: str, at: int) -> bool:
        """Seal the newest entry; False where there is no data directory yet. As a whole or not at all.

        Raises StoreError when the file or the key cannot be written.
        """
        if self.path is None or not self.path.parent.is_dir():
            return False
        new = Seal(seq=seq, hash=hash_, at=at, signature=self._signed(seq, hash_, at))
        unfinished = self.path.with_name(f"{FILE}.{secrets.token_hex(8)}.unfinished")
        try:
            with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(msgspec.json.encode(new) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(self.path)
        except OSError as error:
            with suppress(OSError):
                unfinished.unlink()
            raise StoreError(
                f"{self.path} cannot be written ({error}). The audit trail is kept; only that its newest entries are"
                " all there cannot be told until this works again.",
                path=str(self.path),
            ) from error
        return True

    def _signed(self, seq: int, hash_: str, at: int) -> str:
        return self._secret.mac(_PURPOSE, msgspec.json.encode([seq, hash_, at]).decode())
