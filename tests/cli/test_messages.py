"""`ingat messages list` shows a session or a user."""

from __future__ import annotations

import pytest

from tests.cli.runner import Ingat


@pytest.fixture
def session(ingat: Ingat) -> str:
    found: str = ingat.json("sessions", "open", "budi")["id"]
    for text in ("one", "two", "three"):
        ingat.said("messages", "append", found, "user", text)
    return found


def texts(ingat: Ingat, *words: str) -> list[str]:
    return [message["content"] for message in ingat.json("messages", "list", *words)["messages"]]


def test_a_session_is_shown_oldest_first(ingat: Ingat, session: str) -> None:
    assert texts(ingat, "--session", session, "--limit", "2") == ["two", "three"]


def test_a_session_goes_back_before_a_message(ingat: Ingat, session: str) -> None:
    assert texts(ingat, "--session", session, "--before", "3") == ["one", "two"]


def test_a_user_is_shown_newest_first(ingat: Ingat, session: str) -> None:
    assert texts(ingat, "--user", "budi", "--limit", "2") == ["three", "two"]


@pytest.mark.parametrize("whose", ["--user", "--session"])
def test_all_means_all(ingat: Ingat, session: str, whose: str) -> None:
    shown = texts(ingat, whose, "budi" if whose == "--user" else session, "--limit", "all")

    assert sorted(shown) == ["one", "three", "two"]


@pytest.mark.parametrize("words", [[], ["--user", "a", "--session", "b"], ["--user", "a", "--before", "3"]])
def test_it_wants_to_know_of_whom(ingat: Ingat, words: list[str]) -> None:
    ingat.refused("messages", "list", *words, code="usage", exit_code=2)


def test_search_is_a_command_of_its_own(ingat: Ingat, session: str) -> None:
    assert [found["content"] for found in ingat.json("search", "budi", "two")["messages"]] == ["two"]
