"""Letters beyond ASCII are found in whatever case, with what the server has for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ingat.memory import Memory
from ingat.store.postgres.letters import best
from tests import postgres


@pytest.fixture
def url() -> Iterator[str]:
    with postgres.empty_store() as lent:
        yield lent


@pytest.mark.parametrize(
    ("known", "chosen"),
    [
        ({"pg_c_utf8", "und-x-icu", "pg_unicode_fast"}, "pg_unicode_fast"),
        ({"pg_c_utf8", "und-x-icu"}, "und-x-icu"),
        ({"pg_c_utf8"}, "pg_c_utf8"),
        (set(), "default"),
    ],
)
def test_the_best_collation_of_the_server_is_taken(known: set[str], chosen: str) -> None:
    assert best(known) == chosen


@pytest.mark.parametrize("asked", ["ÉLODIE", "élodie", "Élodie"])
def test_a_person_is_found_by_a_name_in_any_case(
    url: str, asked: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with Memory(url, embedder=None, data=str(tmp_path_factory.mktemp("data"))) as memory:
        memory.users.save("e", name="Élodie Ångström")

        assert [user.user_id for user in memory.users.list(search=asked)] == ["e"]
