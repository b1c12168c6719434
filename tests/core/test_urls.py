"""URLs of stores: what is shown of them, and the folder that each has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingat.core.errors import InvalidSettings
from ingat.core.urls import database_folder, database_url, has_password, without_password


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://ann:geheim@host:5432/db", "postgresql://ann@host:5432/db"),
        ("postgres://:geheim@host/db?schema=bot", "postgres://host/db?schema=bot"),
        ("postgresql://host/db?password=geheim", "postgresql://host/db"),
        ("postgresql://host/db?schema=bot&Password=geheim&user=ann", "postgresql://host/db?schema=bot&user=ann"),
        ("postgresql://host/db?pass%77ord=geheim", "postgresql://host/db"),
        ("postgresql://ann:ge@heim@host/db", "postgresql://ann@host/db"),
        ("postgresql://ann:ge/heim@host/db", "postgresql://ann@host/db"),
        ("postgresql://ann:ge?heim@host/db", "postgresql://ann@host/db"),
    ],
)
def test_a_password_is_not_shown(url: str, shown: str) -> None:
    assert without_password(url) == shown
    assert has_password(url)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///a:b@c.db",
        ":memory:",
        "postgresql:///",
        "postgresql://ann@host/db?host=/run/postgresql",
        "postgresql:///db?user=ann@example.org",
        "postgresql://one:5432,two:5433/db?schema=bot",
    ],
)
def test_a_url_without_a_password_is_shown_as_it_is(url: str) -> None:
    assert without_password(url) == url
    assert not has_password(url)


@given(st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=1, max_size=20))
def test_no_password_is_shown_whatever_stands_in_it(secret: str) -> None:
    shown = without_password(f"postgresql://ann:<{secret}>@host/db")

    assert f"<{secret}>" not in shown


@pytest.mark.parametrize(
    ("url", "variables", "folder"),
    [
        ("postgresql://host/db", {}, "host/db.ingat"),
        ("postgresql://ann:geheim@Host:5432/db?schema=bot", {}, "host/db.bot"),
        ("postgres://host:6000/db", {}, "host:6000/db.ingat"),
        ("postgresql:///db?host=/run/postgresql", {}, "%2Frun%2Fpostgresql/db.ingat"),
        ("postgresql://%2Frun%2Fpostgresql/db", {}, "%2Frun%2Fpostgresql/db.ingat"),
        ("postgresql://ann@/", {}, "localhost/ann.ingat"),
        ("postgresql://", {"PGHOST": "far", "PGPORT": "7", "PGDATABASE": "db"}, "far:7/db.ingat"),
        ("postgresql://", {"PGHOSTADDR": "10.0.0.1"}, "10.0.0.1/default.ingat"),
        ("postgresql://?service=bot", {}, "bot/bot.ingat"),
        ("postgresql://?service=bot", {"PGHOST": "far", "PGDATABASE": "db"}, "bot/bot.ingat"),
        ("postgresql://host/db?schema=one&schema=two", {}, "host/db.two"),
        ("postgresql://one,two:5433/db", {}, "one,two:5433/db.ingat"),
        ("postgresql://../..", {}, "%2E./%2E..ingat"),
    ],
)
def test_every_database_and_schema_has_a_folder(url: str, variables: dict[str, str], folder: str) -> None:
    assert database_folder(url, variables) == folder


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:1#geheim@host/db",
        "postgresql://ann:ge?heim@host/db",
        "postgresql://ann:ge/heim@host/db",
        "postgresql://[::1/db",
    ],
)
def test_a_url_whose_end_of_the_password_is_not_sure_has_no_folder(url: str) -> None:
    with pytest.raises(InvalidSettings) as caught:
        database_folder(url, {})

    assert "heim" not in str(caught.value)


def test_parameters_are_read_and_written_as_libpq_does() -> None:
    parts = database_url("postgresql:///db?host=%2Frun&options=-c%20a%3D1+2&host=/tmp&schema=bot")

    assert parts.parameters == {"host": "/tmp", "options": "-c a=1+2", "schema": "bot"}
    assert parts.written({"options": "-c a=1+2", "host": "/tmp"}) == (
        "postgresql:///db?options=-c%20a%3D1%2B2&host=%2Ftmp"
    )


def test_a_name_that_is_too_long_for_a_folder_is_shortened() -> None:
    first, second = (database_folder(f"postgresql://{'h' * 300}{n}/db", {}) for n in (1, 2))

    assert max(len(each) for each in first.split("/")) <= 255
    assert first != second
