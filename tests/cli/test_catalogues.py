"""Every sentence has its translation, and the catalogues are made from the translations as they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ingat.core.i18n import LOCALE_FOLDER
from tools.compile_catalogues import compiled, read_po, sentences

CATALOGUES = sorted(LOCALE_FOLDER.rglob("*.po"))
_NAMED = re.compile(r"{\w+}")


@pytest.mark.parametrize("po", CATALOGUES, ids=lambda po: po.parent.parent.name)
def test_the_compiled_catalogue_is_up_to_date(po: Path) -> None:
    assert po.with_suffix(".mo").read_bytes() == compiled(read_po(po.read_text(encoding="utf-8")))


@pytest.mark.parametrize("po", CATALOGUES, ids=lambda po: po.parent.parent.name)
def test_no_sentence_lacks_a_translation(po: Path) -> None:
    entries = read_po(po.read_text(encoding="utf-8"))

    assert [text for text in sentences() if not entries.get(text)] == []


@pytest.mark.parametrize("po", CATALOGUES, ids=lambda po: po.parent.parent.name)
def test_translations_name_the_same_values(po: Path) -> None:
    entries = read_po(po.read_text(encoding="utf-8"))

    assert [key for key, text in entries.items() if set(_NAMED.findall(key)) != set(_NAMED.findall(text))] == []


def test_there_is_a_catalogue() -> None:
    assert [po.parent.parent.name for po in CATALOGUES] == ["id"]


def test_sentences_of_actions_and_arguments_are_found() -> None:
    assert {"List users.", "id or alias of the user", "Not chosen:"} <= set(sentences())


@pytest.mark.parametrize("text", ['msgid "a"\nmsgstr "b"\nmsgid "a"\nmsgstr "c"\n', "msgid a\n"])
def test_a_broken_translation_file_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_po(text)
