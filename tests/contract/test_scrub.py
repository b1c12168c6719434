"""What every engine must do so that nothing stays of rows that were deleted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ingat.core.errors import StoreClosed
from ingat.store.contract import Store, Tx
from tests.contract.engines import ENGINES, READS_WAIT_FOR_WRITES


@pytest.fixture(params=ENGINES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = made(str(request.param), tmp_path)
    yield opened
    opened.close()


@pytest.fixture(params=[name for name in ENGINES if name not in READS_WAIT_FOR_WRITES])
def concurrent_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened = made(str(request.param), tmp_path)
    yield opened
    opened.close()


def made(engine: str, folder: Path) -> Store:
    opened = ENGINES[engine](folder)
    opened.write(
        lambda tx: tx.run("CREATE TABLE note (author TEXT NOT NULL, n BIGINT, body TEXT, PRIMARY KEY (author, n))")
    )
    return opened


def note(author: str, n: int, body: str = "x") -> Callable[[Tx], int]:
    return lambda tx: tx.run("INSERT INTO note (author, n, body) VALUES (?, ?, ?)", (author, n, body))


def notes(tx: Tx) -> list[tuple[object, ...]]:
    return list(tx.all("SELECT author, n FROM note ORDER BY author, n"))


def test_a_scrub_finds_what_rows_hold_and_nothing_of_what_is_gone(store: Store) -> None:
    kept, gone = "kept-0123456789abcdef", "gone-0123456789abcdef"
    store.write(lambda tx: tx.many("INSERT INTO note VALUES ('a', ?, ?)", [(n, kept + gone) for n in range(200)]))
    store.write(lambda tx: tx.run("UPDATE note SET body = ?", (kept,)))
    store.write(lambda tx: tx.run("DELETE FROM note WHERE n > 0"))

    scrubbed = store.scrub([kept.encode(), gone.encode()])

    assert not scrubbed.busy
    assert scrubbed.found == ((kept.encode(),) if scrubbed.size_bytes else ())
    assert store.read(notes) == [("a", 0)]


def test_a_scrub_may_write_the_files_anew_while_others_go_on(store: Store) -> None:
    store.write(lambda tx: tx.many("INSERT INTO note VALUES ('a', ?, ?)", [(n, "x" * 1_000) for n in range(500)]))
    store.write(lambda tx: tx.run("DELETE FROM note WHERE n > 0"))
    before = store.size_bytes()

    with ThreadPoolExecutor(4) as threads:
        writing = [threads.submit(store.write, note("b", n)) for n in range(20)]
        scrubbed = store.scrub([b"xxxx"], rewrite=True)
        assert [each.result(30) for each in writing] == [1] * 20

    assert not scrubbed.busy
    assert store.size_bytes() <= before
    assert len(store.read(notes)) == 21
    assert store.check() == []


def test_a_scrub_gives_up_on_one_who_keeps_an_old_view(concurrent_store: Store) -> None:
    concurrent_store.write(note("a", 1))

    def looks(tx: Tx) -> bool:
        notes(tx)
        thread = ThreadPoolExecutor(1)
        thread.submit(concurrent_store.write, note("a", 2)).result(30)
        return thread.submit(concurrent_store.scrub, [b"x"], timeout_s=0.0).result(30).busy

    assert concurrent_store.read(looks)
    assert not concurrent_store.scrub([b"x"]).busy


def test_a_scrub_inside_read_or_write_is_refused(store: Store) -> None:
    with pytest.raises(StoreClosed, match="inside read or write"):
        store.read(lambda _: store.scrub([]))
    with pytest.raises(StoreClosed, match="inside read or write"):
        store.write(lambda _: store.scrub([]))
