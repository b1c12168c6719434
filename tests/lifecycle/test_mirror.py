"""The second place: what is brought there is whole, and what goes wrong there is told and stops nothing."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from ingat.core.errors import InvalidSettings
from ingat.lifecycle import mirror
from ingat.lifecycle.mirror import Folder, Mirror, MirrorFailed, Remote, open_mirror
from tests.lifecycle import places

CONTENT = os.urandom(3_000_000)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture(params=["folder", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Mirror:
    return open_mirror(str(tmp_path / "far") if request.param == "folder" else f"memory://{uuid4().hex}/far")


def content(place: Mirror, name: str) -> bytes:
    return place.visit(name, lambda file: file.read())


def test_a_place_that_is_not_there_yet_is_empty(place: Mirror) -> None:
    assert place.names() == {}
    assert place.delete("a") is False
    with pytest.raises(FileNotFoundError):
        content(place, "a")


def test_what_is_brought_is_there_and_comes_back(place: Mirror, source: Path) -> None:
    place.put("a", source)

    assert place.names() == {"a": len(CONTENT)}
    assert content(place, "a") == CONTENT


def test_what_is_there_is_replaced(place: Mirror, source: Path) -> None:
    place.put("a", source)
    source.write_bytes(b"new")
    place.put("a", source)

    assert place.names() == {"a": 3}


def test_what_is_removed_is_gone(place: Mirror, source: Path) -> None:
    place.put("a", source)

    assert place.delete("a") is True
    assert place.names() == {}


def test_a_folder_and_its_files_are_for_their_owner_only(tmp_path: Path, source: Path) -> None:
    Folder(tmp_path / "far").put("a", source)

    modes = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "far", tmp_path / "far" / "a")]
    assert modes == [0o700, 0o600]


def test_what_is_not_its_source_does_not_get_its_name(
    tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync = os.fsync

    def lose(opened: int) -> None:
        fsync(opened)
        if stat.S_ISREG(os.fstat(opened).st_mode):
            os.ftruncate(opened, 100)

    monkeypatch.setattr(os, "fsync", lose)
    with pytest.raises(MirrorFailed, match="100 bytes"):
        Folder(tmp_path / "far").put("a", source)
    assert list((tmp_path / "far").iterdir()) == []


def test_a_place_that_loses_bytes_is_found_out(source: Path) -> None:
    places.register()
    place = Remote(f"forgetful://{uuid4().hex}")

    with pytest.raises(MirrorFailed):
        place.put("a", source)
    assert place.names() == {}


def test_whatever_another_library_raises_is_told_without_its_words() -> None:
    places.register()
    place = Remote("broken://far")

    with pytest.raises(MirrorFailed, match="could not be listed: RuntimeError") as caught:
        place.names()
    assert "hunter2" not in str(caught.value)


def test_a_place_that_does_not_answer_is_given_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    places.register()
    places.ENOUGH.clear()
    monkeypatch.setattr(mirror, "_PATIENCE_S", 0.01)
    place = Remote("waiting://far")

    try:
        with pytest.raises(MirrorFailed, match="TimeoutError"):
            place.names()
    finally:
        places.ENOUGH.set()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sftp://budi:hunter2@host/far", "sftp://host/far"),
        ("memory://far?token=hunter2", "memory://far"),
        ("memory://far", "memory://far"),
    ],
)
def test_a_url_is_shown_without_what_opens_it(url: str, shown: str) -> None:
    place = open_mirror(url)

    assert place.shown == shown
    assert "hunter2" not in repr(place)


def test_a_kind_of_place_that_nobody_knows_is_refused() -> None:
    with pytest.raises(InvalidSettings, match="'floppy'"):
        open_mirror("floppy://a")


def test_a_url_of_a_file_is_a_folder(tmp_path: Path) -> None:
    assert open_mirror(f"file://{tmp_path}").shown == str(tmp_path)
    assert open_mirror(str(tmp_path)).shown == str(tmp_path)


@pytest.mark.parametrize(
    ("url", "needed"), [("s3://bucket/folder", "Install s3fs to access S3"), ("gs://b/f", "gcsfs")], ids=["s3", "gs"]
)
def test_a_place_whose_package_is_missing_names_it(url: str, needed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("s3fs", "gcsfs"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MirrorFailed, match=needed):
        Remote(url).names()
