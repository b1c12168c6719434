"""Restore points: what is given is on the disk and reads back, or there is no file at all."""

from __future__ import annotations

import errno
import gzip
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ingat.core.errors import RestorePointFailed, RestorePointMissing, StoreBusy
from ingat.core.logs import LogEntry
from ingat.lifecycle.restorepoints import FOLDER, Line, RestorePoint, RestorePoints
from ingat.testing import START_MS


def entry(number: int) -> LogEntry:
    return LogEntry(
        id=f"log{number}", seq=number, at=START_MS, level="info", category="chat", source="test", message="Ánimo " * 9
    )


def lines(count: int) -> Iterator[Line]:
    return (("log", entry(number)) for number in range(count))


def take(points: RestorePoints, given: Iterator[Line], **values: Any) -> RestorePoint:
    return points.take(
        given,
        **{
            "scope": "logs",
            "target": None,
            "reason": "tidy",
            "actor": "test",
            "at": START_MS,
            "schema": 2,
            **values,
        },
    )


@pytest.fixture
def points(tmp_path: Path) -> RestorePoints:
    return RestorePoints(tmp_path / "data")


def files(points: RestorePoints) -> list[str]:
    folder = points._folder.path
    return sorted(path.name for path in folder.iterdir()) if folder is not None and folder.is_dir() else []


def test_what_is_taken_reads_back_with_its_manifest(points: RestorePoints) -> None:
    point = take(points, lines(3), target="x", reason="Zeile\n2")

    manifest, found = points.read(point.name)

    assert list(found) == list(lines(3))
    assert (manifest.reason, manifest.target, manifest.scope, manifest.actor) == ("Zeile\n2", "x", "logs", "test")
    assert (manifest.created_at, manifest.schema) == (START_MS, 2)
    assert point.counts == {"log": 3}
    assert point.size_bytes == Path(point.path).stat().st_size


def test_more_lines_than_one_piece_read_back(points: RestorePoints) -> None:
    point = take(points, lines(5_000))

    assert sum(1 for _ in points.read(point.name)[1]) == 5_000


def test_folders_and_files_are_for_their_owner_only(points: RestorePoints, tmp_path: Path) -> None:
    point = take(points, lines(1))

    modes = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "data", tmp_path / "data" / FOLDER)]
    assert modes == [0o700, 0o700]
    assert stat.S_IMODE(Path(point.path).stat().st_mode) == 0o600


def test_names_differ_within_one_millisecond_and_sort_by_time(points: RestorePoints) -> None:
    names = [take(points, lines(1)).name for _ in range(20)]
    later = take(points, lines(1), at=START_MS + 1).name

    assert len(set(names)) == 20
    assert [each.name for each in points.list()] == [*names, later]
    assert points.list()[-1].created_at == START_MS + 1


def test_a_name_holds_nothing_that_the_caller_gave(points: RestorePoints) -> None:
    point = take(points, lines(1), scope="../../evil", target="../../evil", actor="/etc")

    assert files(points) == [point.name]
    assert "evil" not in point.name


@pytest.mark.parametrize("name", ["", "../store.db", "/etc/passwd", "20250106T090000000Z-0.jsonl.gz", "x\x00"])
def test_a_name_that_is_none_is_not_looked_for(points: RestorePoints, name: str) -> None:
    take(points, lines(1))

    with pytest.raises(RestorePointMissing):
        points.read(name)
    with pytest.raises(RestorePointMissing):
        points.delete(name)


def test_a_restore_point_that_is_gone_is_missing(points: RestorePoints) -> None:
    point = take(points, lines(1))

    assert points.delete(point.name) is True
    assert points.delete(point.name) is False
    with pytest.raises(RestorePointMissing):
        points.read(point.name)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def flip(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 255
    path.write_bytes(raw)


def change_a_line(path: Path) -> None:
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).replace(b"log1", b"log7")))


def drop_a_line(path: Path) -> None:
    kept = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(b"".join(kept[:2] + kept[3:])))


def drop_the_end(path: Path) -> None:
    path.write_bytes(gzip.compress(b"".join(gzip.decompress(path.read_bytes()).splitlines(keepends=True)[:-1])))


def empty(path: Path) -> None:
    path.write_bytes(b"")


def change_the_reason(path: Path) -> None:
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).replace(b"tidy", b"evil")))


def make_it_newer(path: Path) -> None:
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()).replace(b'"version":1', b'"version":2')))


DAMAGES = [cut, flip, change_a_line, drop_a_line, drop_the_end, empty, change_the_reason, make_it_newer]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda each: each.__name__)
def test_a_damaged_restore_point_is_not_read(points: RestorePoints, damage: Any) -> None:
    point = take(points, lines(4))
    damage(Path(point.path))

    with pytest.raises(RestorePointMissing):
        points.read(point.name)


@pytest.mark.parametrize("damage", DAMAGES[:-1], ids=lambda each: each.__name__)
def test_a_file_that_does_not_read_back_fails_and_does_not_stay(
    points: RestorePoints, monkeypatch: pytest.MonkeyPatch, damage: Any
) -> None:
    def replace(source: Path, target: Path) -> None:
        Path(source).rename(target)
        damage(Path(target))

    monkeypatch.setattr(os, "replace", replace)

    with pytest.raises(RestorePointFailed, match="Nothing was deleted"):
        take(points, lines(4))
    assert files(points) == []


def test_lines_that_cannot_be_read_leave_no_file(points: RestorePoints) -> None:
    def broken() -> Iterator[Line]:
        yield from lines(3)
        raise StoreBusy("busy")

    with pytest.raises(StoreBusy):
        take(points, broken())
    assert files(points) == []


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")

    with pytest.raises(RestorePointFailed):
        take(RestorePoints(tmp_path / "data"), lines(1))


def test_a_disk_that_fails_to_keep_it_is_an_error(points: RestorePoints, monkeypatch: pytest.MonkeyPatch) -> None:
    def fsync(_: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fsync)

    with pytest.raises(RestorePointFailed):
        take(points, lines(1))
    assert files(points) == []


def test_what_a_dead_process_left_unfinished_goes_after_a_day(points: RestorePoints) -> None:
    first = take(points, lines(1))
    folder = Path(first.path).parent
    for name, age_ms in (("old", 25 * 3_600_000), ("young", 3_600_000)):
        left = folder / f"{name}.unfinished"
        left.touch()
        os.utime(left, ((START_MS - age_ms) / 1_000,) * 2)

    second = take(points, lines(1), at=START_MS + 3_600_000)

    assert files(points) == [first.name, second.name, "young.unfinished"]
    assert [each.name for each in points.list()] == [first.name, second.name]


def test_writing_one_does_not_list_a_folder_of_many_each_time(
    points: RestorePoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = 0

    def unfinished() -> tuple[str, ...]:
        nonlocal looked
        looked += 1
        return ()

    monkeypatch.setattr(points._folder, "unfinished", unfinished)

    for minutes in range(100):
        take(points, lines(1), at=START_MS + minutes * 60_000)

    assert looked == 2


def test_a_store_in_memory_keeps_them_in_a_folder_of_its_own_until_it_is_closed() -> None:
    points = RestorePoints(None)
    assert points.list() == []
    point = take(points, lines(1))
    folder = Path(point.path).parent

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list(points.read(point.name)[1]) == list(lines(1))
    points.close()
    points.close()
    assert not folder.exists()
    with pytest.raises(RestorePointMissing):
        points.read(point.name)


def test_closing_leaves_the_restore_points_of_a_store_in_a_file(points: RestorePoints) -> None:
    point = take(points, lines(1))
    points.close()

    assert files(points) == [point.name]
