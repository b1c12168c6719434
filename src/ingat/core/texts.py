"""Checks of texts that people and channels bring."""

from __future__ import annotations

from ingat.core.errors import ContentTooLong, InvalidText

MAX_CONTENT_BYTES = 1 << 20
MAX_FIELD_BYTES = 16 << 10


def check_text(text: str, what: str, max_bytes: int = MAX_CONTENT_BYTES) -> str:
    """Return the text unchanged, or raise InvalidText (NUL, lone surrogates) or ContentTooLong (in UTF-8 bytes)."""
    if not isinstance(text, str):
        raise InvalidText(f"The {what} must be text.", given=type(text).__name__)
    if "\x00" in text:
        raise InvalidText(f"The {what} holds a NUL character.")
    if text.isascii():
        size_bytes = len(text)
    else:
        try:
            size_bytes = len(text.encode())
        except UnicodeEncodeError as error:
            raise InvalidText(f"The {what} holds half of a surrogate pair at position {error.start}.") from None
    if size_bytes > max_bytes:
        raise ContentTooLong(
            f"The {what} has {size_bytes} bytes; the limit is {max_bytes}.", size_bytes=size_bytes, max_bytes=max_bytes
        )
    return text
