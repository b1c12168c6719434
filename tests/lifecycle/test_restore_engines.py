"""Copies know no engine: what was made on one is restored on the other, and undone and redone there."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from ingat.memory import Memory
from ingat.testing import CountingEmbedder, TurnableClock
from tests import postgres
from tests.lifecycle.moving import FILE, as_read, filled
from tests.lifecycle.restoring import bad, bring, copied, held

SECRET = "correct horse battery staple"
QUESTION = "When does the boiler leak?"

pytestmark = pytest.mark.sqlite_only("it chooses both engines itself")


class Both(NamedTuple):
    """A memory on one engine with some of everything, and an empty one on the other."""

    full: Memory
    other: Memory


@pytest.fixture(params=["from the file", "into the file"])
def both(request: pytest.FixtureRequest, tmp_path: Path, clock: TurnableClock) -> Iterator[Both]:
    with ExitStack() as opened:
        urls = [f"sqlite:///{tmp_path}/store.db", opened.enter_context(postgres.empty_store())]
        one, two = urls if request.param == "from the file" else reversed(urls)
        filled(one, clock, data=str(tmp_path / "one"), backup_passphrase=SECRET)

        def memory(url: str, folder: str) -> Memory:
            return opened.enter_context(
                Memory(
                    url,
                    data=str(tmp_path / folder),
                    now=clock,
                    embedder=CountingEmbedder(),
                    backup_passphrase=SECRET,
                )
            )

        yield Both(memory(one, "one"), memory(two, "two"))


def test_a_copy_makes_an_empty_store_on_the_other_engine_what_the_first_was(both: Both) -> None:
    bring(both.other, copied(both.full))

    assert as_read(both.other) == as_read(both.full)
    both.other.reindex()
    hits = [[hit.text for hit in each.recall("cleo", QUESTION, 20).hits] for each in both]
    assert hits[0] == hits[1] != []
    read = io.BytesIO()
    both.other.artifacts.read(read.write, both.other.artifacts.list(user_id="cleo")[0].id)
    assert read.getvalue() == FILE
    assert bad(both.other) == []


def test_it_is_undone_and_redone_on_the_other_engine(both: Both) -> None:
    before = held(both.other)
    report = bring(both.other, copied(both.full))
    assert report.operation is not None
    after = held(both.other)

    both.other.undo(report.operation.id, force=True)

    assert held(both.other) == before
    both.other.redo()
    assert held(both.other) == after


def test_what_comes_back_to_the_first_engine_is_what_it_has(both: Both) -> None:
    bring(both.other, copied(both.full))

    report = bring(both.full, copied(both.other), dry_run=True)

    assert not report.added
    assert not report.replaced
    assert not report.kept


def test_one_person_comes_from_the_copy_of_the_other_engine(both: Both) -> None:
    bring(both.other, copied(both.full), users=["cleo"])

    assert [user.user_id for user in both.other.users.list().items] == ["cleo"]
    assert len(both.other.sessions.messages("talk", None)) == 41
