"""Files of artifacts in exports and backups: carried piece by piece, and put only when they are whole."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from ingat.core.artifacts import Artifact
from ingat.core.errors import InvalidFile
from ingat.core.reports import ImportReport
from ingat.lifecycle.filing import Filing
from ingat.lifecycle.lines import FilePiece, Record
from ingat.lifecycle.outgoing import artifact_lines
from ingat.memory import Memory
from ingat.store.files import PIECE_BYTES
from ingat.testing import open_memory

LARGE = bytes(range(256)) * 3_000


@pytest.fixture
def source(memory: Memory) -> Memory:
    """A memory with artifacts: two of equal bytes, an empty one, one of nobody."""
    memory.sessions.create("ana", id="talk")
    memory.artifacts.save(
        BytesIO(LARGE), name="model.bin", kind="model", session_id="talk", metrics={"auc": 0.9}, media_type="x/y"
    )
    memory.artifacts.save(BytesIO(LARGE), name="copy.bin", user_id="ben")
    memory.artifacts.save(BytesIO(b""), name="empty", user_id="ana")
    memory.artifacts.save(BytesIO(b"nobody's"), name="loose")
    return memory


@pytest.fixture
def target() -> Iterator[Memory]:
    with open_memory(embedder="none") as opened:
        yield opened


def lines(memory: Memory, user_id: str | None = None) -> list[Record]:
    return memory.store.read(lambda tx: [record for _, record in artifact_lines(tx, user_id, memory._files)])


def exported(memory: Memory, **how: Any) -> bytes:
    pieces: list[bytes] = []
    memory.export(pieces.append, **how)
    return b"".join(pieces)


def brought(memory: Memory, file: bytes, **how: Any) -> ImportReport:
    return memory.import_from(BytesIO(file), **how)


def contents(memory: Memory) -> dict[str, bytes]:
    found = {}
    for each in memory.artifacts.list():
        pieces: list[bytes] = []
        memory.artifacts.read(pieces.append, each.id)
        found[each.name] = b"".join(pieces)
    return found


def files(memory: Memory) -> list[str]:
    folder = memory._files._folder.path
    found = [] if folder is None else [each.name for each in folder.rglob("*") if each.is_file()]
    return sorted(each for each in found if each != "lock")


def test_a_file_goes_out_once_in_pieces_behind_all_artifacts(source: Memory) -> None:
    found = lines(source)
    pieces = [each for each in found if isinstance(each, FilePiece)]

    assert [type(each) for each in found] == [Artifact] * 4 + [FilePiece] * 5
    assert max(len(each.data) for each in pieces) == PIECE_BYTES
    assert b"".join(each.data for each in pieces if each.sha256 == pieces[0].sha256) in (LARGE, b"", b"nobody's")


def test_the_files_of_one_user_are_those_of_their_artifacts(source: Memory) -> None:
    assert [each.name for each in lines(source, "ana") if isinstance(each, Artifact)] == ["model.bin", "empty"]
    assert len({each.sha256 for each in lines(source, "ana") if isinstance(each, FilePiece)}) == 2


def test_a_damaged_file_is_left_out_and_told_of(source: Memory, caplog: pytest.LogCaptureFixture) -> None:
    damaged = source.artifacts.list(user_id="ben").items[0]
    source._files.path(damaged.sha256).write_bytes(b"x")
    with caplog.at_level(logging.ERROR):
        found = lines(source)

    assert damaged.sha256 not in {each.sha256 for each in found if isinstance(each, FilePiece)}
    assert damaged.sha256 in {each.sha256 for each in found if isinstance(each, Artifact)}
    assert f"The file {damaged.sha256} of an artifact has 1 bytes" in caplog.text


@pytest.mark.parametrize("form", ["json", "jsonl"])
def test_an_export_carries_artifacts_with_their_files(source: Memory, target: Memory, form: str) -> None:
    report = brought(target, exported(source, format=form))

    assert report.imported["artifacts"] == 4
    assert contents(target) == contents(source)
    assert target.artifacts.list() == source.artifacts.list()


def test_a_second_import_brings_nothing_and_leaves_no_file(source: Memory, target: Memory) -> None:
    brought(target, exported(source))
    before = files(target)
    report = brought(target, exported(source))

    assert (report.imported["artifacts"], report.skipped["artifacts"]) == (0, 4)
    assert files(target) == before


def test_a_dry_run_checks_files_and_keeps_none(source: Memory, target: Memory) -> None:
    report = brought(target, exported(source), dry_run=True)

    assert report.imported["artifacts"] == 4
    assert files(target) == []


def test_an_artifact_whose_id_has_another_file_gets_a_new_id(source: Memory, target: Memory) -> None:
    document = msgspec.json.decode(exported(source, user_id="ben"))
    brought(target, msgspec.json.encode(document))
    document["artifacts"][0]["name"] = "other.bin"
    report = brought(target, msgspec.json.encode(document))

    assert [each.kind for each in report.renamed] == ["artifact"]
    assert sorted(contents(target)) == ["copy.bin", "other.bin"]


def test_an_artifact_without_its_file_does_not_come_in(source: Memory, target: Memory) -> None:
    document = msgspec.json.decode(exported(source, user_id="ben"))
    document["file_pieces"], document["counts"]["file_pieces"] = [], 0
    report = brought(target, msgspec.json.encode(document))

    assert (report.imported["artifacts"], report.skipped["artifacts"]) == (0, 1)
    assert "its file is not among the rows" in " ".join(report.notes)
    assert contents(target) == {}


def test_an_artifact_without_its_file_comes_in_where_the_file_is_already(source: Memory, target: Memory) -> None:
    target.artifacts.save(BytesIO(LARGE), name="mine")
    document = msgspec.json.decode(exported(source, user_id="ben"))
    document["file_pieces"], document["counts"]["file_pieces"] = [], 0

    assert brought(target, msgspec.json.encode(document)).imported["artifacts"] == 1
    assert contents(target) == {"mine": LARGE, "copy.bin": LARGE}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda pieces: pieces[1:], "missing: number 0"),
        (lambda pieces: [pieces[0], *pieces[2:]], "missing: number 1"),
        (lambda pieces: pieces[:-1], "is not whole"),
        (lambda pieces: [*pieces[:-1], {**pieces[-1], "data": ""}], "is not whole"),
        (lambda pieces: [{**each, "sha256": "../../evil"} for each in pieces], "is no SHA-256"),
    ],
    ids=["first", "middle", "last", "changed", "hostile"],
)
def test_an_import_with_a_file_that_is_not_whole_brings_nothing(
    source: Memory, target: Memory, change: Any, message: str
) -> None:
    document = msgspec.json.decode(exported(source, user_id="ben"))
    document["file_pieces"] = change(document["file_pieces"])
    del document["counts"]
    report = brought(target, msgspec.json.encode(document))

    assert message in report.errors[0].message
    assert target.users.list().items == ()
    assert files(target) == []


def test_pieces_of_files_that_nobody_wants_are_passed_over(source: Memory, target: Memory) -> None:
    with Filing(target._files) as filing:
        assert all(filing.take(each) for each in lines(source) if isinstance(each, FilePiece))
        assert filing.finish() == set()

    assert files(target) == []


def test_files_whose_rows_are_not_added_do_not_stay(source: Memory, target: Memory) -> None:
    with Filing(target._files) as filing:
        for each in lines(source):
            filing.take(each)
        filing.finish()
        assert len(files(target)) == 3

    assert files(target) == []


def test_a_file_that_comes_twice_is_refused_once(source: Memory, target: Memory) -> None:
    artifact, *pieces = (each for each in lines(source, "ben"))
    first = pieces[0]
    assert isinstance(first, FilePiece)
    other = replace(first, sha256="0" * 64)
    with Filing(target._files) as filing:
        filing.take(artifact)
        for each in pieces:
            filing.take(each)
        filing.take(replace(artifact, sha256=other.sha256))
        with pytest.raises(InvalidFile, match="Piece|piece"):
            filing.take(replace(other, index=1))
        with pytest.raises(InvalidFile, match="comes twice"):
            filing.take(first)
        assert filing.take(first)
