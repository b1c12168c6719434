"""One person has one id, whatever a channel calls them; ids sort by time; dangerous ids are refused."""

from __future__ import annotations

import threading
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingat.core import clock
from ingat.core.errors import InvalidId
from ingat.core.ids import MAX_ID_CHARACTERS, anonymous_user_id, check_id, new_id, normalise_user_id

PERSON = "6281234567890"


@pytest.mark.parametrize(
    "form",
    [
        PERSON,
        "+6281234567890",
        "+62 812-3456-7890",
        "+62 (812) 3456 7890",
        "+62.812.3456.7890",
        "+62\u00a0812\u20113456\u20117890",
        "  +62 812 3456 7890  ",
        "6281234567890@c.us",
        "6281234567890@s.whatsapp.net",
        "6281234567890@S.WhatsApp.NET",
        "6281234567890:12@s.whatsapp.net",
    ],
)
def test_every_form_of_a_number_is_one_person(form: str) -> None:
    assert normalise_user_id(form) == PERSON


@pytest.mark.parametrize(
    "kept",
    [
        "120363025246125486@g.us",
        "6281234567890-1600000000@g.us",
        "status@broadcast",
        "123456789012345@lid",
        "ana",
        "Ana Pereira",
        "ana@example.org",
        "telegram:42",
        "anonymous:0193",
        "用户一",
        "דנה",
        "1234@c.us",
        "+abc",
        "+12",
        "0812-3456-7890",
        "$(rm -rf x)",
        "'; DROP TABLE user_profile; --",
        "%_*?",
        "a.b",
        "👩‍👩‍👧",
    ],
)
def test_groups_and_free_form_ids_are_kept_as_they_are(kept: str) -> None:
    assert normalise_user_id(kept) == kept


def test_digits_of_other_scripts_are_not_dropped_from_a_number() -> None:
    """A number written with some Arabic digits was once cut to the others, which is another person's."""
    mixed = "+62812٣٤٥٦٧٨٩٠"

    assert normalise_user_id(mixed) != "62812"


@pytest.mark.parametrize(
    "refused",
    [
        "",
        "   ",
        "..",
        "a..b",
        "../../evil",
        "..\\evil",
        "a/b",
        "/etc/passwd",
        "a\\b",
        "a\x00b",
        "a\nb",
        "a\rb",
        "\t",
        "a\x1b[2J",
        "a\x7f",
        "a\x85b",
        "a\u2028b",
        "a\u2029b",
        "a\ud800",
        "\udfff",
        "x" * (MAX_ID_CHARACTERS + 1),
        "é" * (MAX_ID_CHARACTERS + 1),
        "x" * 1_000_000,
        " " * 2_000 + "x",
    ],
    ids=lambda value: ascii(value)[:24],
)
def test_a_dangerous_id_is_refused(refused: str) -> None:
    with pytest.raises(InvalidId) as caught:
        normalise_user_id(refused)

    assert caught.value.code == "invalid_id"
    assert len(caught.value.message) < 300


@pytest.mark.parametrize("refused", [None, 5, b"ana", ["ana"], True])
def test_an_id_that_is_no_text_is_refused(refused: object) -> None:
    with pytest.raises(InvalidId):
        check_id(refused)  # type: ignore[arg-type]


def test_an_id_of_the_greatest_length_is_taken() -> None:
    assert check_id("é" * MAX_ID_CHARACTERS) == "é" * MAX_ID_CHARACTERS


def test_two_spellings_of_one_letter_are_one_id() -> None:
    assert check_id("Jose\u0301") == check_id("José") == "José"


@given(st.text())
def test_an_id_once_taken_stays_as_it_is(text: str) -> None:
    try:
        once = normalise_user_id(text)
    except InvalidId:
        return

    assert normalise_user_id(once) == once
    assert unicodedata.is_normalized("NFC", once)
    assert not {"/", "\\", "\0", "\n"} & set(once)


def test_ids_sort_by_the_order_in_which_they_were_made() -> None:
    ids = [new_id() for _ in range(2_000)]

    assert ids == sorted(set(ids))


def test_ids_of_many_threads_are_all_different() -> None:
    ids: list[list[str]] = [[] for _ in range(8)]
    barrier = threading.Barrier(8)

    def make(own: list[str]) -> None:
        barrier.wait()
        own.extend(new_id() for _ in range(2_000))

    threads = [threading.Thread(target=make, args=(own,)) for own in ids]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({each for own in ids for each in own}) == 8 * 2_000
    assert all(own == sorted(own) for own in ids)


def test_ids_still_grow_when_the_clock_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    before = new_id()
    monkeypatch.setattr(clock, "now", lambda: 1_000)

    assert new_id() > before


def test_an_id_begins_with_its_time() -> None:
    low, made, high = clock.now(), new_id(), clock.now()

    assert low <= int(made[:12], 16) <= high + 1


def test_an_anonymous_user_is_named_after_the_session() -> None:
    assert anonymous_user_id("s1") == "anonymous:s1"


@pytest.mark.parametrize(
    "copied", ["\u202a+62 811-1234-567\u202c", "\u200e628111234567\u200f", "\u00a0628111234567 ", "\ufeff628111234567"]
)
def test_marks_that_come_along_when_a_number_is_copied_do_not_make_another_person(copied: str) -> None:
    assert normalise_user_id(copied) == "628111234567"


@pytest.mark.parametrize("hidden", ["an\u200ba", "an\u202ea", "an\u00ada"])
def test_an_invisible_character_inside_an_id_is_refused(hidden: str) -> None:
    with pytest.raises(InvalidId):
        check_id(hidden)


def test_characters_that_join_letters_and_emoji_are_kept() -> None:
    assert check_id("👩\u200d🚀") == "👩\u200d🚀"
