"""The format of copies: one text for `zcat`, numbers that are known without unpacking, older files that still read."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from ingat.core.logs import LogEntry
from ingat.lifecycle.copyfile import Damaged, Line, Manifest, Seal, check_copy, glance, lines_of, write_copy
from ingat.testing import START_MS

MANIFEST = Manifest(
    schema=3, created_at=START_MS, reason="tidy", actor="test", scope="logs", target=None, store="a store"
)


def lines(count: int) -> Iterator[Line]:
    for number in range(count):
        said = f"Ánimo {number} " + os.urandom(150).hex()
        yield (
            "log",
            LogEntry(id=f"l{number}", seq=number, at=START_MS, level="info", category="c", source="s", message=said),
        )


def written(count: int) -> tuple[bytes, Seal]:
    file = io.BytesIO()
    seal = write_copy(file, lines(count), MANIFEST)
    return file.getvalue(), seal


class Counted(io.BytesIO):
    """A file that says how much of it was read."""

    taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        found = super().read(size)
        self.taken += len(found)
        return found


def test_it_is_one_text_for_other_programs() -> None:
    raw, seal = written(3)
    text = gzip.decompress(raw).decode().splitlines()

    assert [json.loads(line).get("line") for line in text] == ["manifest", None, None, None, "end"]
    assert [json.loads(line)["row"]["id"] for line in text[1:-1]] == ["l0", "l1", "l2"]
    assert json.loads(text[-1]) == {"line": "end", "counts": {"log": 3}, "sha256": seal.sha256}


def test_what_was_written_reads_back() -> None:
    raw, seal = written(300)

    assert check_copy(io.BytesIO(raw)) == (MANIFEST, seal)
    assert len(list(lines_of(io.BytesIO(raw)))) == 300


def test_both_ends_are_read_without_what_is_between() -> None:
    raw, seal = written(20_000)
    file = Counted(raw)

    assert glance(file) == (MANIFEST, seal)
    assert len(raw) > 3_000_000
    assert file.taken < 200_000


@pytest.mark.parametrize("count", [0, 1])
def test_few_rows_are_known_too(count: int) -> None:
    raw, seal = written(count)

    assert glance(io.BytesIO(raw)) == (MANIFEST, seal)
    assert check_copy(io.BytesIO(raw)) == (MANIFEST, seal)


def test_a_file_of_an_earlier_version_reads_and_only_its_numbers_are_not_known() -> None:
    raw, seal = written(5)
    text = gzip.decompress(raw).replace(b',"store":"a store"', b"")
    digest = hashlib.sha256(b"".join(text.splitlines(keepends=True)[:-1])).hexdigest()
    old = gzip.compress(text.replace(seal.sha256.encode(), digest.encode()))

    manifest, found = glance(io.BytesIO(old))
    assert (manifest.store, manifest.reason, found) == ("", "tidy", None)
    assert check_copy(io.BytesIO(old))[1].counts == {"log": 5}
    assert len(list(lines_of(io.BytesIO(old)))) == 5


def without_mark(raw: bytes) -> bytes:
    return raw[:-34]


def test_without_its_mark_it_reads_as_an_older_one() -> None:
    raw, seal = written(5)

    assert glance(io.BytesIO(without_mark(raw))) == (MANIFEST, None)
    assert check_copy(io.BytesIO(without_mark(raw))) == (MANIFEST, seal)


@pytest.mark.parametrize("place", [0, 1, 1 << 40, (1 << 64) - 1])
def test_a_mark_that_names_no_seal_is_damage(place: int) -> None:
    raw, _ = written(5)
    marked = bytearray(raw)
    marked[-18:-10] = place.to_bytes(8, "little")

    with pytest.raises((Damaged, OSError)):
        glance(io.BytesIO(bytes(marked)))


def no_manifest(text: bytes) -> bytes:
    return b"".join(text.splitlines(keepends=True)[1:])


def another_format(text: bytes) -> bytes:
    return text.replace(b"ingat-restore-point", b"ingat-something")


def a_newer_version(text: bytes) -> bytes:
    return text.replace(b'"version":1', b'"version":2')


def an_unknown_kind(text: bytes) -> bytes:
    return text.replace(b'"kind":"log"', b'"kind":"hug"', 1)


def a_row_less(text: bytes) -> bytes:
    kept = text.splitlines(keepends=True)
    return b"".join(kept[:2] + kept[3:])


@pytest.mark.parametrize(
    "change",
    [no_manifest, another_format, a_newer_version, an_unknown_kind, a_row_less],
    ids=lambda each: each.__name__,
)
def test_what_was_changed_is_not_read(change: Any) -> None:
    raw, _ = written(5)

    with pytest.raises(Damaged):
        check_copy(io.BytesIO(gzip.compress(change(gzip.decompress(raw)))))
