"""Artifacts: kept with what is known of them, seen by their user, and read only as they were kept."""

from __future__ import annotations

import threading
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from ingat.core.artifacts import Artifact
from ingat.core.errors import (
    ArtifactNotFound,
    ContentTooLong,
    IngatError,
    InvalidId,
    InvalidInput,
    InvalidLimit,
    InvalidText,
    MemoryOff,
    SessionNotFound,
    StoreCorrupt,
    UserBlocked,
)
from ingat.memory import Memory
from ingat.testing import TurnableClock
from tests.engine import store_at


def save(memory: Memory, data: bytes = b"a,b\n", **given: Any) -> Artifact:
    return memory.artifacts.save(BytesIO(data), **{"name": "a.csv", **given})


def content(memory: Memory, artifact: Artifact) -> bytes:
    pieces: list[bytes] = []
    memory.artifacts.read(pieces.append, artifact.id)
    return b"".join(pieces)


def listed(memory: Memory, **how: Any) -> list[str]:
    """Return the names of all artifacts, page by page of two."""
    found: list[str] = []
    cursor = None
    while True:
        page = memory.artifacts.list(limit=2, cursor=cursor, **how)
        found += [each.name for each in page]
        cursor = page.next
        if cursor is None:
            return found


def files(memory: Memory) -> list[Path]:
    folder = memory._files._folder.path
    return [] if folder is None else [each for each in folder.rglob("*") if each.is_file() and each.name != "lock"]


# -- saving --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"\x00\xff\r\n", b"x" * 700_000], ids=["empty", "binary", "large"])
def test_bytes_come_back_as_they_were(memory: Memory, data: bytes) -> None:
    saved = save(memory, data)

    assert content(memory, saved) == data
    assert saved.size_bytes == len(data)


def test_what_is_known_of_a_file_is_kept(memory: Memory, clock: TurnableClock) -> None:
    saved = save(
        memory, kind="dataset", user_id="ana", media_type="text/csv", metrics={"rows": 2}, metadata={"by": "hand"}
    )

    assert memory.artifacts.get(saved.id) == saved
    assert (saved.name, saved.kind, saved.media_type, saved.user_id) == ("a.csv", "dataset", "text/csv", "ana")
    assert (saved.metrics, saved.metadata, saved.created_at) == ({"rows": 2}, {"by": "hand"}, clock())


def test_equal_bytes_are_kept_once_whoever_has_them(memory: Memory) -> None:
    first, second = save(memory, user_id="ana"), save(memory, user_id="ben")

    assert first.id != second.id
    assert len(files(memory)) == 1


def test_an_artifact_of_a_session_is_its_users(memory: Memory) -> None:
    memory.sessions.create("ana", id="talk")

    assert save(memory, session_id="talk").user_id == "ana"


def test_an_artifact_of_an_anonymous_session_is_its_own_users(memory: Memory) -> None:
    session = memory.sessions.create()

    assert save(memory, session_id=session.id).user_id == f"anonymous:{session.id}"


def test_a_user_may_be_named_by_an_alias(memory: Memory) -> None:
    memory.users.save("ana")
    memory.users.alias("ana", "628111222333")
    memory.sessions.create("ana", id="talk")

    assert save(memory, user_id="628111222333@c.us").user_id == "ana"
    assert save(memory, user_id="+62 811-1222-333", session_id="talk").user_id == "ana"


def test_without_user_and_session_it_is_nobodys(memory: Memory) -> None:
    assert save(memory).user_id is None


@pytest.mark.parametrize("session_id", ["letter", "missing"])
def test_a_session_that_the_user_does_not_have_is_refused(memory: Memory, session_id: str) -> None:
    memory.sessions.create("ben", id="letter")
    with pytest.raises(SessionNotFound, match="Nothing was saved"):
        save(memory, user_id="ana", session_id=session_id)

    assert files(memory) == []


@pytest.mark.parametrize("given", [{"user_id": "ana"}, {"session_id": "talk"}], ids=str)
def test_nothing_is_kept_of_a_blocked_user(memory: Memory, given: dict[str, Any]) -> None:
    memory.sessions.create("ana", id="talk")
    memory.users.save("ana", role="blocked")
    with pytest.raises(UserBlocked):
        save(memory, **given)

    assert files(memory) == []
    assert memory.artifacts.list().items == ()


def test_a_user_who_was_blocked_while_the_file_came_gets_nothing(memory: Memory) -> None:
    memory.users.save("ana")

    class Slow(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            memory.users.save("ana", role="blocked")
            return super().read(size)

    with pytest.raises(UserBlocked):
        memory.artifacts.save(Slow(b"late"), name="a", user_id="ana")

    assert files(memory) == []


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"name": ""}, InvalidInput),
        ({"name": " "}, InvalidInput),
        ({"name": "../../evil"}, InvalidInput),
        ({"name": ".."}, InvalidInput),
        ({"name": "a\\b"}, InvalidInput),
        ({"name": "a\r\nSet-Cookie: x"}, InvalidInput),
        ({"name": "photo\u202egpj.exe"}, InvalidInput),
        ({"name": "\u200b"}, InvalidInput),
        ({"name": "\u200d"}, InvalidInput),
        ({"name": "a\x00"}, InvalidText),
        ({"name": "\ud800"}, InvalidText),
        ({"name": "x" * 256}, ContentTooLong),
        ({"kind": ""}, InvalidInput),
        ({"kind": "x" * 65}, ContentTooLong),
        ({"media_type": "csv"}, InvalidInput),
        ({"media_type": "text/csv\r\nX: y"}, InvalidInput),
        ({"media_type": "text/" + "x" * 128}, ContentTooLong),
        ({"user_id": "../../evil"}, InvalidId),
        ({"session_id": "../../evil"}, InvalidId),
        ({"metrics": {"x": "y" * 300_000}}, ContentTooLong),
        ({"metadata": [1]}, InvalidInput),
    ],
    ids=lambda value: str(value)[:40] if isinstance(value, dict) else value.__name__,
)
def test_what_cannot_be_kept_is_refused_before_the_file_is_read(
    memory: Memory, given: dict[str, Any], error: type[IngatError]
) -> None:
    source = BytesIO(b"bytes")
    with pytest.raises(error):
        memory.artifacts.save(source, **{"name": "a", **given})

    assert source.tell() == 0
    assert files(memory) == []


def test_a_hostile_name_that_is_no_path_does_no_harm(memory: Memory) -> None:
    saved = save(memory, name="$(rm -rf x)'; drop table artifact; --")

    assert memory.artifacts.get(saved.id).name == "$(rm -rf x)'; drop table artifact; --"


def test_a_file_that_is_open_for_text_is_refused(memory: Memory, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("text")
    with path.open() as file, pytest.raises(InvalidInput, match="for bytes"):
        memory.artifacts.save(file, name="a")  # type: ignore[arg-type]

    assert files(memory) == []


def test_what_reading_raises_comes_out_and_keeps_nothing(memory: Memory) -> None:
    class Broken(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        memory.artifacts.save(Broken(), name="a")

    assert files(memory) == []


def test_nothing_is_written_while_remembering_is_switched_off(tmp_path: Path) -> None:
    with Memory(**store_at(tmp_path / "store.db"), embedder=None, enabled=False) as memory, pytest.raises(MemoryOff):
        save(memory)

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_the_same_bytes_saved_by_many_at_once_are_all_there(tmp_path: Path) -> None:
    with Memory(**store_at(tmp_path / "store.db"), embedder=None) as memory:
        threads = [threading.Thread(target=save, args=(memory, b"same" * 1_000)) for _ in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        saved = memory.artifacts.list().items

        assert len(saved) == 8
        assert {content(memory, each) for each in saved} == {b"same" * 1_000}
        assert len(files(memory)) == 1


# -- reading -------------------------------------------------------------------------------------------------------


def test_artifacts_are_listed_newest_first_page_by_page(memory: Memory, clock: TurnableClock) -> None:
    memory.sessions.create("ana", id="talk")
    rows: list[tuple[str, dict[str, Any]]] = [
        ("a", {"user_id": "ana", "kind": "model"}),
        ("b", {"session_id": "talk"}),
        ("c", {"user_id": "ben", "kind": "model"}),
        ("d", {}),
        ("e", {"user_id": "ana"}),
    ]
    for name, given in rows:
        save(memory, name=name, **given)
        clock.turn(seconds=1)

    assert listed(memory) == ["e", "d", "c", "b", "a"]
    assert listed(memory, user_id="ana") == ["e", "b", "a"]
    assert listed(memory, kind="model") == ["c", "a"]
    assert listed(memory, user_id="ana", kind="model") == ["a"]
    assert listed(memory, session_id="talk") == ["b"]
    assert listed(memory, user_id="ben", session_id="talk") == []
    assert listed(memory, user_id="nobody") == []


def test_a_cursor_of_another_list_is_refused(memory: Memory) -> None:
    cursor = memory.snapshots.list(limit=1).next or "bm9uZQ"
    with pytest.raises(InvalidInput):
        memory.artifacts.list(cursor=cursor)
    with pytest.raises(InvalidLimit):
        memory.artifacts.list(limit=0)


def test_another_users_artifact_is_as_one_that_is_not_there(memory: Memory) -> None:
    saved, nobodys = save(memory, user_id="ana"), save(memory)
    memory.users.save("ben")

    assert memory.artifacts.get(saved.id, user_id="ana") == saved
    for user_id, artifact_id in (("ben", saved.id), ("stranger", saved.id), ("ben", nobodys.id), ("ana", "missing")):
        with pytest.raises(ArtifactNotFound):
            memory.artifacts.get(artifact_id, user_id=user_id)
        with pytest.raises(ArtifactNotFound):
            memory.artifacts.read(lambda piece: None, artifact_id, user_id=user_id)


def test_a_damaged_file_is_not_read_as_if_it_were_whole(memory: Memory) -> None:
    saved = save(memory, b"bytes")
    memory._files.path(saved.sha256).write_bytes(b"other")

    with pytest.raises(StoreCorrupt, match=saved.sha256):
        content(memory, saved)


def test_a_merge_gives_them_to_the_other_user(memory: Memory) -> None:
    saved = save(memory, user_id="ana")
    memory.users.save("ben")
    memory.users.merge("ana", "ben")

    assert memory.artifacts.get(saved.id).user_id == "ben"
    assert content(memory, saved) == b"a,b\n"
