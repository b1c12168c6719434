"""The language of the command line, from `--lang`, the settings or the locale."""

from __future__ import annotations

import gettext

import click

from ingat.core.errors import InvalidSettings
from ingat.core.i18n import LANGUAGES, LOCALE_FOLDER, Translate, language_of, translator
from ingat.core.settings import read_settings

_CHOSEN = "ingat.language"


def mark(text: str) -> str:
    """Return the text as it is, and mark it for translation when it is shown."""
    return text


def choose_language(context: click.Context, language: str) -> None:
    """Take the language for everything that this run still shows."""
    context.meta[_CHOSEN] = language


def language_in(context: click.Context | None) -> str:
    """Return the language of this run: as chosen, else that of the settings, else that of the locale."""
    if context is None:
        return _from_locale()
    if _CHOSEN not in context.meta:
        context.meta[_CHOSEN] = _from_settings()
    return str(context.meta[_CHOSEN])


def translate_in(context: click.Context | None) -> Translate:
    """Return the function that turns English sentences into the language of this run."""
    return translator(language_in(context))


def _from_settings() -> str:
    try:
        wanted = read_settings().lang
    except InvalidSettings:  # what is wrong with them is said by the command that needs them
        wanted = None
    return _from_locale() if wanted is None else language_of(wanted)


def _from_locale() -> str:
    """Return the first language of LANGUAGE, LC_ALL, LC_MESSAGES and LANG that there is a catalogue for."""
    found = gettext.find("ingat", LOCALE_FOLDER)
    return next((code for code in LANGUAGES if found and f"/{code}/" in found.replace("\\", "/")), "en")
