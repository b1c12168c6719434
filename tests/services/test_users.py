"""Users: saved in part, found under every name they come with, listed in pages."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from ingat.core.errors import AliasTaken, InvalidInput, InvalidLimit, InvalidText, UnknownRole, UserNotFound
from ingat.core.records import User
from ingat.memory import Memory
from ingat.testing import TurnableClock


def everybody(memory: Memory, **how: object) -> list[str]:
    """Return the ids of all users, page by page of two."""
    ids: list[str] = []
    cursor = None
    while True:
        page = memory.users.list(2, cursor=cursor, **how)  # type: ignore[arg-type]
        ids += [user.user_id for user in page]
        cursor = page.next
        if cursor is None:
            return ids


# -- saving --------------------------------------------------------------------------------------------------------


def test_a_new_user_is_a_client_without_protection(memory: Memory, clock: TurnableClock) -> None:
    assert memory.users.save("ana") == User(user_id="ana", created_at=clock(), updated_at=clock())


def test_saving_changes_what_is_given_and_leaves_the_rest(memory: Memory) -> None:
    memory.users.save("ana", name="Ana", language="pt", role="godfather")
    user = memory.users.save("ana", address="Rua 1")

    assert (user.name, user.language, user.role, user.address) == ("Ana", "pt", "godfather", "Rua 1")


def test_none_clears_a_text(memory: Memory) -> None:
    memory.users.save("ana", name="Ana", product="Starter")

    assert memory.users.save("ana", product=None).product is None
    assert memory.users.get("ana").name == "Ana"


@pytest.mark.parametrize("field", ["flags", "slots", "metadata"])
def test_json_is_merged_key_by_key_and_null_removes_a_key(memory: Memory, field: str) -> None:
    memory.users.save("ana", **{field: {"a": 1, "b": {"deep": True}, "c": 3}})  # type: ignore[arg-type]
    user = memory.users.save("ana", **{field: {"a": 2, "c": None, "d": [1]}})  # type: ignore[arg-type]

    assert getattr(user, field) == {"a": 2, "b": {"deep": True}, "d": [1]}


def test_saving_nothing_changes_nothing(memory: Memory, clock: TurnableClock) -> None:
    before = memory.users.save("ana", name="Ana")
    clock.turn(hours=1)

    assert memory.users.save("ana") == before


def test_saving_moves_the_time_of_change_only(memory: Memory, clock: TurnableClock) -> None:
    before = memory.users.save("ana")
    clock.turn(hours=1)
    after = memory.users.save("ana", name="Ana")

    assert (after.created_at, after.updated_at) == (before.created_at, clock())


def test_every_form_of_a_number_is_one_user(memory: Memory) -> None:
    memory.users.save("+62 811-0000-1111", name="Budi")

    assert memory.users.get("6281100001111@s.whatsapp.net").name == "Budi"
    assert len(memory.users.list()) == 1


def test_an_unknown_role_changes_nothing(memory: Memory) -> None:
    with pytest.raises(UnknownRole):
        memory.users.save("ana", name="Ana", role="king")

    with pytest.raises(UserNotFound):
        memory.users.get("ana")


@pytest.mark.parametrize("text", ["\x00", "\ud800"], ids=ascii)
def test_a_text_that_cannot_be_kept_changes_nothing(memory: Memory, text: str) -> None:
    memory.users.save("ana", name="Ana")

    with pytest.raises(InvalidText):
        memory.users.save("ana", name=text)
    with pytest.raises(InvalidText):
        memory.users.save("ana", slots={"a": text}) if text != "\x00" else memory.users.save("ana", address=text)
    assert memory.users.get("ana").name == "Ana"


def test_asking_for_a_user_never_creates_one(memory: Memory) -> None:
    for _ in range(2):
        with pytest.raises(UserNotFound):
            memory.users.get("ana")
    memory.recall("ana", "anything")
    memory.context("ana")
    memory.memories.list("ana")
    memory.sessions.list("ana")
    memory.sessions.history("ana")

    assert len(memory.users.list()) == 0


# -- listing -------------------------------------------------------------------------------------------------------


@pytest.fixture
def many(memory: Memory, clock: TurnableClock) -> Memory:
    for name, role in [("d", "admin"), ("b", "client"), ("e", "client"), ("a", "client"), ("c", "godfather")]:
        memory.users.save(name, name=None if name == "e" else name.upper(), role=role)
        clock.turn(seconds=1)
    memory.users.save("b", product="Starter plan 100%")
    return memory


@pytest.mark.parametrize(
    ("sort", "order"), [("user_id", "abcde"), ("name", "eabcd"), ("created_at", "dbeac"), ("updated_at", "deacb")]
)
def test_users_are_sorted_across_pages(many: Memory, sort: str, order: str) -> None:
    assert everybody(many, sort=sort) == list(order)
    assert everybody(many, sort=sort, descending=True) == list(reversed(order))


def test_pages_stay_whole_while_users_come_and_go(many: Memory) -> None:
    first = many.users.list(2)
    many.users.save("aa")
    many.users.save("bb")
    rest = many.users.list(10, cursor=first.next)

    assert [user.user_id for user in first] == ["a", "b"]
    assert [user.user_id for user in rest] == ["bb", "c", "d", "e"]


def test_users_of_equal_rank_are_on_one_page_each(memory: Memory) -> None:
    for number in range(7):
        memory.users.save(f"u{number}", name="Same")

    assert everybody(memory, sort="name") == [f"u{number}" for number in range(7)]
    assert everybody(memory, sort="created_at", descending=True) == [f"u{number}" for number in range(6, -1, -1)]


def test_users_are_filtered_by_role_and_protection(many: Memory) -> None:
    many.users.protect("e")

    assert everybody(many, role="client") == ["a", "b", "e"]
    assert everybody(many, protected=True) == ["e"]
    assert everybody(many, role="client", protected=False) == ["a", "b"]


@pytest.mark.parametrize("words", ["starter", "PLAN", "100%", "B"])
def test_users_are_found_by_part_of_what_they_are_called(many: Memory, words: str) -> None:
    assert everybody(many, search=words) == ["b"]


def test_users_are_found_by_an_alias(many: Memory) -> None:
    many.users.alias("c", "telegram:777")

    assert everybody(many, search="gram:77") == ["c"]


@pytest.mark.parametrize("words", ["%", "_", "\\"])
def test_signs_of_patterns_are_only_letters(memory: Memory, words: str) -> None:
    memory.users.save("plain", name="nothing special")
    memory.users.save("odd", name=f"a{words}b")

    assert everybody(memory, search=words) == ["odd"]


@pytest.mark.parametrize("words", ["Иван", "иван", "ИВАН", "Ömer", "ömer", "ÉLAN", "Élan"])
def test_case_does_not_count_in_any_alphabet(memory: Memory, words: str) -> None:
    """SQLite's own LOWER knows ASCII only, so a name with a capital Ö was once found by nobody."""
    memory.users.save("1", name="Иван Ömer Élan")

    assert everybody(memory, search=words) == ["1"]


@pytest.mark.parametrize("limit", [0, -1, 1_001, 10**20])
def test_a_page_of_no_or_too_many_users_is_refused(memory: Memory, limit: int) -> None:
    with pytest.raises(InvalidLimit):
        memory.users.list(limit)


@pytest.mark.parametrize(
    "cursor",
    ["", "!!", "é", "AAAA", "bm9uc2Vuc2U", base64.urlsafe_b64encode(b"[1]").decode(), "W1siYSJdLCAxXQ"],
)
def test_a_cursor_that_no_list_gave_is_refused(memory: Memory, cursor: str) -> None:
    with pytest.raises(InvalidInput):
        memory.users.list(cursor=cursor)


def test_a_cursor_with_a_number_beyond_the_store_is_refused(memory: Memory) -> None:
    cursor = base64.urlsafe_b64encode(b'[1000000000000000000000000,"a"]').decode()

    with pytest.raises(InvalidInput):
        memory.users.list(cursor=cursor, sort="created_at")


def test_an_unknown_order_is_refused(memory: Memory) -> None:
    with pytest.raises(InvalidInput):
        memory.users.list(sort="user_id; DROP TABLE user_profile")  # type: ignore[arg-type]


def test_an_unknown_role_is_no_filter(memory: Memory) -> None:
    with pytest.raises(UnknownRole):
        memory.users.list(role="king")


# -- aliases and protection -------------------------------------------------------------------------------------


def test_a_user_answers_to_an_alias(memory: Memory) -> None:
    memory.users.save("ana", name="Ana")
    user = memory.users.alias("ana", "+1 555 0100")

    assert user.aliases == ("15550100",)
    assert memory.users.get("15550100@c.us") == user
    assert memory.users.save("15550100", gender="f").user_id == "ana"
    assert len(memory.users.list()) == 1


def test_an_alias_given_twice_is_one(memory: Memory) -> None:
    memory.users.save("ana")
    memory.users.alias("ana", "a1")

    assert memory.users.alias("a1", "a1").aliases == ("a1",)


def test_ones_own_id_is_no_alias(memory: Memory) -> None:
    memory.users.save("ana")

    assert memory.users.alias("ana", "ana").aliases == ()


def test_an_alias_of_another_user_is_taken(memory: Memory) -> None:
    memory.users.save("ana")
    memory.users.save("budi")
    memory.users.alias("ana", "a1")

    for taken in ("a1", "ana"):
        with pytest.raises(AliasTaken) as caught:
            memory.users.alias("budi", taken)
        assert caught.value.details == {"user_id": "ana"}
    assert memory.users.get("budi").aliases == ()


def test_an_alias_needs_a_user(memory: Memory) -> None:
    with pytest.raises(UserNotFound):
        memory.users.alias("nobody", "a1")


def test_a_taken_away_alias_names_nobody(memory: Memory) -> None:
    memory.users.save("ana")
    memory.users.alias("ana", "a1")

    assert memory.users.unalias("ana", "a1").aliases == ()
    with pytest.raises(UserNotFound):
        memory.users.get("a1")


def test_only_ones_own_alias_can_be_taken_away(memory: Memory) -> None:
    memory.users.save("ana")
    memory.users.save("budi")
    memory.users.alias("ana", "a1")

    with pytest.raises(UserNotFound):
        memory.users.unalias("budi", "a1")
    assert memory.users.get("a1").user_id == "ana"


def test_a_user_is_protected_until_told_otherwise(memory: Memory) -> None:
    memory.users.save("ana")

    assert memory.users.protect("ana").protected
    assert memory.users.save("ana", name="Ana").protected
    assert not memory.users.protect("ana", False).protected


def test_protecting_needs_a_user(memory: Memory) -> None:
    with pytest.raises(UserNotFound):
        memory.users.protect("nobody")


@pytest.mark.parametrize("wrong", ["no", 1, None])
def test_protection_is_true_or_false(memory: Memory, wrong: Any) -> None:
    memory.users.save("ana")

    with pytest.raises(InvalidInput):
        memory.users.protect("ana", wrong)
