"""What was exported comes back, all of it or nothing."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import ingat
from ingat.core.errors import InvalidInput, StoreFull
from ingat.memory import Memory
from ingat.testing import filled_memory
from tests.engine import same_store, store_url
from tests.lifecycle.carried import FORMS, Form, content, exported, take


@pytest.mark.parametrize("form", FORMS)
def test_an_import_into_an_empty_store_makes_it_the_same(full: Memory, other: Memory, form: Form) -> None:
    report = take(other, exported(full, form))

    assert not (report.errors)
    assert not report.notes
    assert not report.renamed
    assert content(other) == content(full)
    assert [check for check in other.doctor() if check.state == "bad"] == []


def test_imported_lines_are_recalled_by_words_and_get_vectors(full: Memory, other: Memory) -> None:
    take(other, exported(full))

    assert other.recall("ana", "leaking boiler").hits[0].source_id == "m1"
    assert other.vectors is not None
    other.vectors.flush()
    assert other.stats().vectors_missing == 0


@pytest.mark.parametrize("form", FORMS)
def test_a_second_import_imports_nothing(full: Memory, other: Memory, form: Form) -> None:
    raw = exported(full, form)
    first = take(other, raw)
    before = content(other)
    second = take(other, raw)

    assert not any(second.imported.values())
    assert second.skipped == first.imported
    assert content(other) == before


def test_a_dry_run_says_the_same_and_keeps_nothing(full: Memory, other: Memory) -> None:
    before = content(other)
    raw = exported(full)
    tried = take(other, raw, dry_run=True)

    assert tried.dry_run
    assert content(other) == before
    done = take(other, raw)
    assert (tried.imported, tried.skipped, tried.renamed, tried.notes) == (
        done.imported,
        done.skipped,
        done.renamed,
        done.notes,
    )


@pytest.mark.parametrize(
    "change",
    [
        lambda raw: b"\xef\xbb\xbf" + raw,
        gzip.compress,
        lambda raw: raw.replace(b"\n", b"\r\n"),
        lambda raw: raw + b"\n\n",
    ],
    ids=["mark", "gzip", "crlf", "blank-lines"],
)
@pytest.mark.parametrize("form", FORMS)
def test_a_file_that_was_only_packed_differently_comes_in(
    full: Memory, other: Memory, form: Form, change: Callable[[bytes], bytes]
) -> None:
    take(other, change(exported(full, form)))

    assert content(other) == content(full)


def test_a_file_that_cannot_be_read_twice_comes_in(full: Memory, other: Memory) -> None:
    class Pipe(io.RawIOBase):
        def __init__(self, raw: bytes) -> None:
            self._inner = io.BytesIO(raw)

        def read(self, size: int = -1) -> bytes:
            return self._inner.read(min(size, 7))

    other.import_from(Pipe(exported(full, "jsonl")))  # type: ignore[arg-type]  # as much of a file as a pipe is

    assert content(other) == content(full)


def test_an_error_in_the_middle_of_the_transaction_keeps_nothing(
    full: Memory, other: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(other)

    def fail(*_: Any) -> None:
        raise StoreFull("The disk is full.")

    monkeypatch.setattr("ingat.store.tables.snapshots.insert", fail)
    with pytest.raises(StoreFull):
        take(other, exported(full))

    assert content(other) == before


def test_a_temporary_file_without_room_keeps_nothing(
    full: Memory, other: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    class NoRoom(io.BytesIO):
        def write(self, _: Any) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("ingat.lifecycle.spool.SpooledTemporaryFile", lambda *_, **__: NoRoom())
    with pytest.raises(StoreFull, match="temporary file"):
        take(other, exported(full))
    assert other.stats().users.total == 0


NO_ROOM = """
import resource, sys
from ingat.core.errors import StoreFull
from ingat.memory import Memory
with Memory(sys.argv[1], embedder="none") as memory:
    most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, most[1]))
    try:
        with open(sys.argv[2], "rb") as file:
            memory.import_from(file)
    except StoreFull as error:
        print(error.code)
    print(memory.stats().messages.total, memory.stats().users.total)
    resource.setrlimit(resource.RLIMIT_FSIZE, most)
    with open(sys.argv[2], "rb") as file:
        print(memory.import_from(file).imported["messages"], [c.name for c in memory.doctor() if c.state == "bad"])
"""


@pytest.mark.sqlite_only("limits the size of the store's file")
def test_a_disk_without_room_keeps_nothing_and_takes_it_when_there_is(full: Memory, tmp_path: Path) -> None:
    full.sessions.append_many("letter", [{"role": "user", "content": f"{n} " + "word " * 200} for n in range(800)])
    file, url = tmp_path / "export.json", store_url(tmp_path / "ingat.db")
    file.write_bytes(exported(full))
    environment = os.environ | {"PYTHONPATH": str(Path(ingat.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", NO_ROOM, url, str(file)], env=environment, capture_output=True, text=True, check=False
    )

    assert done.stdout.splitlines() == ["store_full", "0 0", "803 []"], done.stderr


DIES = """
import os, sys
from ingat.memory import Memory
from ingat.store.tables import snapshots
snapshots.insert = lambda *_: os._exit(9)
with Memory(sys.argv[1], embedder="none") as memory, open(sys.argv[2], "rb") as file:
    memory.import_from(file)
"""


def test_a_process_that_dies_in_the_middle_keeps_nothing_and_the_next_brings_it_in(
    full: Memory, tmp_path: Path
) -> None:
    file, url = tmp_path / "export.json", store_url(tmp_path / "ingat.db")
    file.write_bytes(exported(full))
    environment = os.environ | {"PYTHONPATH": str(Path(ingat.__file__).parents[1])}
    died = subprocess.run([sys.executable, "-c", DIES, url, str(file)], env=environment, check=False)

    assert died.returncode == 9
    with Memory(**same_store(url), embedder="none") as memory:
        assert memory.stats().users.total == 0
        take(memory, file.read_bytes())
        assert content(memory) == content(full)


def test_a_file_opened_for_text_is_refused(memory: Memory) -> None:
    with pytest.raises(InvalidInput, match="bytes"):
        memory.import_from(io.StringIO("{}"))  # type: ignore[arg-type]  # that is what is tested


def test_an_import_after_a_recall_is_seen_by_it(full: Memory) -> None:
    with filled_memory() as other:
        other.recall("ana", "anything")
        take(other, exported(full))

        assert other.recall("ana", "boiler").hits


def test_exports_and_imports_are_logged_with_counts_only(
    full: Memory, other: Memory, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO", "ingat.transfer"):
        take(other, exported(full))
    out, back = caplog.records

    assert (out.category, back.category) == ("export", "import")  # type: ignore[attr-defined]  # of `extra`
    assert "3 messages" in out.message
    assert "3 messages" in back.message
    assert "boiler" not in caplog.text
