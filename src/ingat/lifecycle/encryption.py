"""Encryption: copies that can be read with a passphrase only, and of which no byte can be changed unseen.

A file begins with one JSON line, its header: format, parameters, salt, nonce, and which store it is of. What follows
is the copy in pieces of 64 KiB, each sealed by AES-256-GCM with the header as associated data. The nonce of a piece is
its number and whether it is the last, so that pieces can be neither swapped, left out nor cut off: the STREAM
construction of Hoang, Reyhanitabar, Rogaway and Vizár (2015, "Online Authenticated-Encryption and its
Nonce-Reuse Misuse-Resistance"). The key of a file is HKDF-SHA256 (RFC 5869) of the file's nonce and a key that scrypt
(RFC 7914) makes of the passphrase and the salt; files of one folder share a salt, so that a process runs scrypt once.
"""

from __future__ import annotations

import hashlib
import hmac
import importlib
import importlib.util
import io
import os
import threading
import unicodedata
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct

from ingat.core.errors import BackupLocked, MissingExtra
from ingat.lifecycle.copyfile import Damaged

FORMAT = "ingat-encrypted"
VERSION = 1
CHUNK_BYTES = 1 << 16
TAG_BYTES = 16
SALT_BYTES = 16
_START = b'{"format":"ingat-encrypted"'
_MOST_HEADER_BYTES = 4_096
_MOST_SCRYPT_BYTES = 256 << 20
_MOST_SCRYPT_RUNS = 16
_MOST_KEYS = 64
INSTALL = (
    'run INGAT_EXTRAS=encryption bin/run once, or pip install "ingat[encryption]" where Ingat was installed by pip'
)
"""How the package is installed."""


class Header(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first line of an encrypted file. `n`, `r` and `p` are the cost of scrypt; the last three are hexadecimal.

    The default cost is one that OWASP names for passphrases: 32 MiB, three times. `check` is an HKDF of the key that
    tells a wrong passphrase from damage; `store` and `whole` are what the manifest says of the store and the scope.
    """

    format: str = FORMAT
    version: int = VERSION
    store: str
    whole: bool
    kdf: str = "scrypt"
    cipher: str = "AES-256-GCM-STREAM"
    chunk_bytes: int = CHUNK_BYTES
    n: int = 1 << 15
    r: int = 8
    p: int = 3
    salt: str
    nonce: str
    check: str


_header = msgspec.json.Decoder(Header)


def _is_installed() -> bool:
    return importlib.util.find_spec("cryptography") is not None


class Vault:
    """Opens and makes encrypted files with one passphrase, or, without one, only tells them from others.

    Where the package `cryptography` is missing it can do no more than that, passphrase or not: nothing is written
    unencrypted instead. The passphrase is in no message, log or representation.
    """

    def __init__(self, passphrase: str | None = None) -> None:
        self._passphrase = unicodedata.normalize("NFC", passphrase).encode() if passphrase else None
        self._keys: dict[tuple[str, int, int, int], bytes] = {}
        self._lock = threading.Lock()

    @property
    def locks(self) -> bool:
        """Whether new files are encrypted."""
        return self._passphrase is not None

    @property
    def lacks_package(self) -> bool:
        """Whether there is a passphrase, and the package that it takes is missing."""
        return self._passphrase is not None and not _is_installed()

    def check(self) -> None:
        """Raise MissingExtra when new files would be encrypted and the package for it is missing."""
        if self.lacks_package:
            raise MissingExtra(
                f"A passphrase of backups is set, so no copy is written unencrypted, and the package cryptography is"
                f" missing. Nothing was changed; {INSTALL}, or unset backup_passphrase.",
                extra="encryption",
            )

    def writer(self, file: BinaryIO, *, store: str, whole: bool, salt: str | None) -> Writer:
        """Begin an encrypted file; `salt` is that of the other files of the folder, None: a new one. MissingExtra."""
        self.check()
        salt, nonce = salt or os.urandom(SALT_BYTES).hex(), os.urandom(SALT_BYTES).hex()
        plain = Header(store=store, whole=whole, salt=salt, nonce=nonce, check="")
        key = self._key(plain)
        header = msgspec.structs.replace(plain, check=_expanded(key, b"ingat check", 16).hex())
        raw = msgspec.json.encode(header) + b"\n"
        file.write(raw)
        return Writer(file, _File(key, header, raw), salt)

    def reader(self, file: BinaryIO) -> BinaryIO:
        """Return the readable content of a file: of one that is not encrypted, the file itself, from its beginning.

        BackupLocked when the passphrase is missing or another one, or the package is missing (its detail `locked` says
        which); Damaged when the header or a piece that is read is not what was written.
        """
        found = header_of(file)
        if found is None:
            file.seek(0)
            return file
        header, raw = found
        if self._passphrase is None:
            raise BackupLocked(
                "The copy is encrypted, and no passphrase is set. Nothing was changed; set backup_passphrase or"
                " backup_passphrase_file, and try again.",
                locked="no_passphrase",
            )
        if not _is_installed():
            raise BackupLocked(
                f"The copy is encrypted, and the package cryptography is missing. Nothing was changed; {INSTALL}.",
                locked="missing_extra",
            )
        key = self._key(header)
        if not hmac.compare_digest(_expanded(key, b"ingat check", 16).hex(), header.check):
            raise BackupLocked(
                "The copy is encrypted with another passphrase. Nothing was changed; set the one that was in use when"
                " it was made, and try again.",
                locked="other_passphrase",
            )
        return io.BufferedReader(_Reader(file, _File(key, header, raw)), CHUNK_BYTES)

    def _key(self, header: Header) -> bytes:
        """Return the key of all files with this salt; made once in a process."""
        runs_fit, memory_fits = 1 <= header.p <= _MOST_SCRYPT_RUNS, 128 * header.r * header.n <= _MOST_SCRYPT_BYTES
        if not runs_fit or not memory_fits or min(header.r, header.n) < 1:
            raise Damaged("the cost of its key is beyond what is allowed")
        name = (header.salt, header.n, header.r, header.p)
        with self._lock:
            if name not in self._keys:
                if len(self._keys) >= _MOST_KEYS:
                    self._keys.clear()
                try:
                    self._keys[name] = hashlib.scrypt(
                        self._passphrase or b"",
                        salt=bytes.fromhex(header.salt),
                        n=header.n,
                        r=header.r,
                        p=header.p,
                        maxmem=2 * _MOST_SCRYPT_BYTES,
                        dklen=32,
                    )
                except (ValueError, OverflowError) as error:
                    raise Damaged("its header holds numbers that make no key") from error
            return self._keys[name]


def header_of(file: BinaryIO) -> tuple[Header, bytes] | None:
    """Return the header of an encrypted file with its bytes, and stand behind it; None for another file.

    Damaged when it begins like one and cannot be understood.
    """
    file.seek(0)
    raw = file.readline(_MOST_HEADER_BYTES)
    if not raw.startswith(_START):
        return None
    try:
        header = _header.decode(raw)
        bytes.fromhex(header.salt + header.nonce)
    except (msgspec.MsgspecError, UnicodeError, ValueError):
        raise Damaged("the header of its encryption cannot be read") from None
    if (header.version, header.kdf, header.cipher) != (VERSION, "scrypt", "AES-256-GCM-STREAM"):
        raise Damaged(f"it is encrypted in a way that is not known: {header.version} {header.kdf} {header.cipher}")
    if not 1 <= header.chunk_bytes <= 1 << 24:
        raise Damaged("its header holds numbers that are out of bounds")
    return header, raw


class _File:
    """The key of one file, and how a piece of it is sealed."""

    def __init__(self, key: bytes, header: Header, raw: bytes) -> None:
        from_file = _expanded(key, b"ingat file" + bytes.fromhex(header.nonce), 39)
        aead: Any = importlib.import_module("cryptography.hazmat.primitives.ciphers.aead")
        self._aes, self._prefix, self.raw = aead.AESGCM(from_file[:32]), from_file[32:], raw
        self.invalid: type[Exception] = importlib.import_module("cryptography.exceptions").InvalidTag
        self.chunk_bytes = header.chunk_bytes

    def seal(self, number: int, last: bool, piece: bytes) -> bytes:
        sealed: bytes = self._aes.encrypt(self._nonce(number, last), piece, self.raw)
        return sealed

    def open(self, number: int, last: bool, sealed: bytes) -> bytes:
        piece: bytes = self._aes.decrypt(self._nonce(number, last), sealed, self.raw)
        return piece

    def _nonce(self, number: int, last: bool) -> bytes:
        return self._prefix + number.to_bytes(4, "big") + bytes([last])


class Writer:
    """Encrypts what is written; `finish` writes the last piece. `tell` counts what was given."""

    def __init__(self, file: BinaryIO, sealed: _File, salt: str) -> None:
        self._file, self._sealed, self.salt = file, sealed, salt
        self._held, self._number, self._given = bytearray(), 0, 0

    def write(self, data: bytes, /) -> int:
        """Take all of the bytes."""
        given = bytes(data)
        self._held += given
        self._given += len(given)
        while len(self._held) > CHUNK_BYTES:
            self._put(bytes(self._held[:CHUNK_BYTES]), last=False)
            del self._held[:CHUNK_BYTES]
        return len(given)

    def tell(self) -> int:
        """Return how many bytes were given."""
        return self._given

    def finish(self) -> None:
        """Write what is held as the last piece."""
        self._put(bytes(self._held), last=True)

    def _put(self, piece: bytes, *, last: bool) -> None:
        self._file.write(self._sealed.seal(self._number, last, piece))
        self._number += 1


class _Reader(io.RawIOBase):
    """The content of an encrypted file, a piece at a time; any place of it can be sought."""

    def __init__(self, file: BinaryIO, sealed: _File) -> None:
        self._file, self._sealed = file, sealed
        self._step = sealed.chunk_bytes + TAG_BYTES
        inside = file.seek(0, io.SEEK_END) - len(sealed.raw)
        self._last = (inside - 1) // self._step
        self._size = inside - (self._last + 1) * TAG_BYTES
        if inside < TAG_BYTES or self._size < self._last * sealed.chunk_bytes:
            raise Damaged("it ends too early")
        self._place, self._number, self._piece = 0, -1, b""

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the place that is read next."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place of the content."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = max(0, base + offset)
        return self._place

    def readinto(self, buffer: Any, /) -> int:
        """Read what is left of one piece; Damaged when it is not what was written."""
        if self._place >= self._size:
            if self._number != self._last:
                self._take(self._last)  # that the end is the end is proved by the last piece
            return 0
        number, at = divmod(self._place, self._sealed.chunk_bytes)
        if number != self._number:
            self._take(number)
        view = memoryview(buffer).cast("B")
        some = self._piece[at : at + len(view)]
        view[: len(some)] = some
        self._place += len(some)
        return len(some)

    def _take(self, number: int) -> None:
        self._file.seek(len(self._sealed.raw) + number * self._step)
        try:
            self._piece = self._sealed.open(number, number == self._last, self._file.read(self._step))
        except self._sealed.invalid:
            raise Damaged("it was changed since it was encrypted") from None
        self._number = number


def _expanded(key: bytes, purpose: bytes, size: int) -> bytes:
    """Return HKDF-SHA256 (RFC 5869) of a key for a purpose, without salt: up to 64 bytes."""
    random = hmac.digest(b"\0" * 32, key, "sha256")
    first = hmac.digest(random, purpose + b"\x01", "sha256")
    return (first + hmac.digest(random, first + purpose + b"\x02", "sha256"))[:size]
