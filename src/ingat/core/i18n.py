"""Translation of what people read, by gettext catalogues in the package."""

from __future__ import annotations

import gettext
from collections.abc import Callable
from pathlib import Path

Translate = Callable[[str], str]
LANGUAGES = ("en", "id")
LOCALE_FOLDER = Path(__file__).parent.parent / "locale"


def language_of(wanted: str | None) -> str:
    """Return the supported language that a code or locale name (`id`, `id_ID.UTF-8`) asks for; English by default."""
    code = _code(wanted or "en")
    return code if code in LANGUAGES else "en"


def names_language(wanted: str) -> bool:
    """Return whether a code or locale name asks for a language that there is a catalogue for."""
    return _code(wanted) in LANGUAGES


def _code(wanted: str) -> str:
    return wanted.replace("-", "_").split("_")[0].split(".")[0].lower()


def translator(language: str) -> Translate:
    """Return the function that turns an English sentence into the language; English where a sentence is missing."""
    return gettext.translation("ingat", LOCALE_FOLDER, [language], fallback=True).gettext
