"""The command line speaks English and Indonesian."""

from __future__ import annotations

import pytest

from tests.cli.runner import Ingat


def test_the_option_wins_over_the_environment(ingat: Ingat) -> None:
    assert "Belum ada pengguna." in ingat.said("users", "list", "--lang", "id", INGAT_LANG="en")


def test_the_variable_wins_over_the_locale(ingat: Ingat) -> None:
    assert "There are no users." in ingat.said("users", "list", INGAT_LANG="en", LANG="id_ID.UTF-8")


def test_the_locale_is_asked_when_nothing_else_says(ingat: Ingat, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    del ingat.variables["INGAT_LANG"]

    assert "Belum ada pengguna." in ingat.said("users", "list", LANG="id_ID.UTF-8")
    assert "There are no users." in ingat.said("users", "list", LANG="de_DE.UTF-8")


@pytest.mark.parametrize("words", [["--lang", "id", "--help"], ["--help", "--lang", "id"]])
def test_help_is_translated_wherever_the_option_stands(ingat: Ingat, words: list[str]) -> None:
    shown = ingat.said("recall", *words)

    assert "Pemakaian: ingat recall [OPSI] USER QUERY" in shown
    assert "Temukan baris yang cocok dengan sebuah pertanyaan." in shown


def test_an_error_is_translated_with_its_details(ingat: Ingat) -> None:
    ingat.said("stats")
    result = ingat("users", "show", "nobody", "--lang", "id")

    assert result.stderr.startswith("Galat: Pengguna itu tidak ada; tidak ada yang diubah.\nRincian: ")


def test_why_a_line_was_recalled_is_translated(ingat: Ingat) -> None:
    ingat.said("remember", "budi", "likes green tea")

    assert "sama-sama memuat" in ingat.said("recall", "budi", "tea?", "--lang", "id")


def test_the_answer_without_a_model_is_translated(ingat: Ingat) -> None:
    assert "Sudah saya simpan" in ingat.said("chat", "say", "budi", "halo", "--lang", "id")


def test_json_is_the_same_in_every_language(ingat: Ingat) -> None:
    ingat.json("users", "list")  # makes the store
    ingat.json("doctor")  # the next finds it larger

    assert ingat.json("doctor", "--lang", "id") == ingat.json("doctor", "--lang", "en")
