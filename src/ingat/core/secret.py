"""Secret: the key of one store that names purged people and signs where the audit trail begins."""

from __future__ import annotations

import errno
import hashlib
import hmac
import os
import secrets
import threading
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep

from ingat.core.errors import StoreError
from ingat.core.folders import sync_folder

FILE = "secret.key"
KEY_BYTES = 32

_UNFINISHED_S = 2.0
"""How long another process may take to write the key that it has begun."""
_POLL_S = 0.01
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EINVAL})


class Secret:
    """A random key in the file `secret.key` of the data directory, made when it is first needed.

    32 random bytes, in hexadecimal. None: for a store in memory; the key lives as long as the object. Only its owner
    can read the file. Threads and processes that need it at once agree on one. Once read, it is kept in memory.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = None if folder is None else folder.absolute()
        self._lock = threading.Lock()
        self._key: bytes | None = None

    def mac(self, purpose: str, value: str) -> str:
        """Return HMAC-SHA256 (RFC 2104) of the value for that purpose, in hexadecimal.

        Raises StoreError when the file cannot be read or made.
        """
        said = f"ingat\0{purpose}\0{value}".encode("utf-8", "surrogatepass")
        return hmac.new(self._loaded(), said, hashlib.sha256).hexdigest()

    def fingerprint(self) -> str:
        """Return what tells two keys apart without telling the key: 32 hexadecimal digits. Makes the key, as `mac`."""
        return self.mac("fingerprint", "")[:32]

    def is_there(self) -> bool:
        """Return whether there is a key already; makes none. Raises StoreError when the file cannot be read."""
        with self._lock:
            if self._key is None and self._folder is not None:
                self._key = _read(self._folder / FILE)
            return self._key is not None

    def path(self) -> Path | None:
        """Return where the key is, or will be; None for a store in memory."""
        return None if self._folder is None else self._folder / FILE

    def _loaded(self) -> bytes:
        with self._lock:
            if self._key is None:
                self._key = secrets.token_bytes(KEY_BYTES) if self._folder is None else _found_or_made(self._folder)
            return self._key


def _found_or_made(folder: Path) -> bytes:
    path = folder / FILE
    found = _read(path)
    if found is not None:
        return found
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make(path)
    except OSError as error:
        raise StoreError(
            f"The key {path} cannot be made ({error}). Nothing was changed; see that the data directory can be written"
            " and has room, then try again.",
            path=str(path),
        ) from error
    made = _read(path)
    if made is None:
        said = f"The key {path} was removed while it was made. Nothing was changed; try again."
        raise StoreError(said, path=str(path))
    return made


def _make(path: Path) -> None:
    """Make a key unless there is one: written under another name, so that nobody ever reads half of it."""
    text = secrets.token_bytes(KEY_BYTES).hex().encode() + b"\n"
    unfinished = path.with_name(f"{FILE}.{secrets.token_hex(8)}.unfinished")
    try:
        _write(unfinished, text)
        try:
            os.link(unfinished, path)
        except FileExistsError:
            return
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            with suppress(FileExistsError):
                _write(path, text)
    finally:
        with suppress(OSError):
            unfinished.unlink()
    sync_folder(path.parent)


def _write(path: Path, text: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> bytes | None:
    """Return the key, or None when there is no file; waits for one that is being written."""
    deadline = monotonic() + _UNFINISHED_S
    while True:
        try:
            text = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unusable(path, str(error)) from error
        key = _decoded(text)
        if key is not None:
            return key
        if monotonic() >= deadline or len(text) > 2 * KEY_BYTES:
            raise _unusable(path, f"it does not hold {2 * KEY_BYTES} hexadecimal digits")
        sleep(_POLL_S)


def _decoded(text: bytes) -> bytes | None:
    try:
        key = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        return None
    return key if len(key) == KEY_BYTES else None


def _unusable(path: Path, why: str) -> StoreError:
    return StoreError(
        f"The key {path} cannot be used: {why}. Nothing was changed; put the file back from a copy of the data"
        " directory. If nobody was ever purged from this store and its audit trail was never pruned, remove it instead:"
        " a new one is made.",
        path=str(path),
    )
