"""Sortable ids; validation and normalisation of the ids that people and channels bring."""

from __future__ import annotations

import os
import re
import threading
import unicodedata

from ingat.core import clock
from ingat.core.errors import InvalidId

MAX_ID_CHARACTERS = 256
ANONYMOUS = "anonymous:"

_PERSON_JID = re.compile(r"([0-9]{5,20})(?::[0-9]+)?@(?:c\.us|s\.whatsapp\.net)", re.IGNORECASE)
_PLUS_NUMBER = re.compile(r"\+[\s0-9().\-\u2010-\u2015\u00a0]+")
_FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_COPIED_ALONG = frozenset({"Cf", "Zs"})
JOINERS = "\u200c\u200d"

_lock = threading.Lock()
_last = 0
_pid = 0


def new_id() -> str:
    """Return a new id of 32 lower-case hexadecimal digits that sorts by the time it was made.

    48 bits of milliseconds UTC, then 80 random bits, the layout of ULID. Within one process every id is greater than
    the one before, also when the clock stands still or goes back.
    """
    global _last, _pid
    fresh = (clock.now() << 80) | int.from_bytes(os.urandom(10), "big")
    with _lock:
        if fresh <= _last and _pid == os.getpid():
            fresh = _last + 1
        _last, _pid = fresh, os.getpid()
    return f"{fresh:032x}"


def check_id(value: str, what: str = "id") -> str:
    """Return the id in Unicode form NFC, without surrounding spaces and invisible marks, or raise InvalidId.

    Refused: anything but text, an empty id, more than 256 characters, `..`, a slash or backslash, control
    characters, line separators, lone surrogates, and invisible characters inside other than the two that join
    letters and emoji. Everything else is kept as it is.
    """
    if not isinstance(value, str):
        raise InvalidId(f"The {what} must be text.", given=type(value).__name__)
    if value.isascii() and value.isalnum() and len(value) <= MAX_ID_CHARACTERS:
        return value
    text = unicodedata.normalize("NFC", _stripped(value)) if len(value) <= 4 * MAX_ID_CHARACTERS else value
    if not text:
        raise InvalidId(f"The {what} is empty.")
    if len(text) > MAX_ID_CHARACTERS:
        raise InvalidId(f"The {what} has more than {MAX_ID_CHARACTERS} characters.", characters=len(text))
    if ".." in text or "/" in text or "\\" in text:
        raise InvalidId(f"The {what} may not hold '..', '/' or a backslash.")
    if has_hidden(text):
        raise InvalidId(f"The {what} holds a control character, an invisible one, or half of a surrogate pair.")
    return text


def has_hidden(text: str) -> bool:
    """Return whether a text has control or invisible characters other than the two that join letters and emoji."""
    return any(unicodedata.category(each) in _FORBIDDEN_CATEGORIES and each not in JOINERS for each in text)


def _stripped(value: str) -> str:
    """Return the text without the spaces and direction marks that come along when an id is copied."""
    start, end = 0, len(value)
    while start < end and unicodedata.category(value[start]) in _COPIED_ALONG:
        start += 1
    while end > start and unicodedata.category(value[end - 1]) in _COPIED_ALONG:
        end -= 1
    return value[start:end]


def normalise_user_id(value: str) -> str:
    """Return the one form of a person's id, or raise InvalidId.

    A WhatsApp JID of a person (`628…@c.us`, `628…@s.whatsapp.net`, with or without a device number) and an
    international phone number (`+62 811-…`) become the bare digits. Group ids (`…@g.us`) and free-form ids are kept.
    """
    text = check_id(value, "user id")
    if text.isdigit() and text.isascii():
        return text
    jid = _PERSON_JID.fullmatch(text)
    if jid:
        return jid.group(1)
    if text[0] == "+" and _PLUS_NUMBER.fullmatch(text):
        digits = "".join(character for character in text if character.isdigit())
        if 5 <= len(digits) <= 20:
            return digits
    return text


def anonymous_user_id(session_id: str) -> str:
    """Return the id of the stand-in user that owns a session whose person is not known."""
    return f"{ANONYMOUS}{session_id}"
