"""After a move everything works in the new place: the way back, copies, purges, seals, numbers and what is refused."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ingat.core.errors import ProtectedUser, UserNotFound
from ingat.lifecycle.move import move
from ingat.memory import Memory
from ingat.testing import CountingEmbedder, TurnableClock
from tests import postgres
from tests.lifecycle.moving import FILE, as_read, filled
from tests.lifecycle.restoring import bad, bring

SECRET = "correct horse battery staple"

pytestmark = pytest.mark.sqlite_only("it chooses both engines itself")


class Moved(NamedTuple):
    """A memory in its new place, and what was known of it in the old one."""

    memory: Memory
    folder: Path
    backup: str
    raw: bytes
    erased: str
    before: Any
    last_log: int


def opened(url: str, folder: Path, clock: TurnableClock) -> Memory:
    return Memory(url, data=str(folder), now=clock, embedder=CountingEmbedder(), backup_passphrase=SECRET)


@pytest.fixture(params=["from the file", "into the file"])
def moved(request: pytest.FixtureRequest, tmp_path: Path, clock: TurnableClock) -> Iterator[Moved]:
    """A filled store that was moved from a file to a server, or the other way."""
    with postgres.empty_store() as url:
        ways = {
            "from the file": (f"sqlite:///{tmp_path}/a.db", url),
            "into the file": (url, f"sqlite:///{tmp_path}/a.db"),
        }
        yield from _moved(*ways[request.param], tmp_path, clock)


def _moved(source: str, target: str, tmp_path: Path, clock: TurnableClock) -> Iterator[Moved]:
    here, there = tmp_path / "here", tmp_path / "there"
    filled(source, clock, data=str(here), backup_passphrase=SECRET)
    with opened(source, here, clock) as memory:
        memory.users.save("pia", name="Pia")
        memory.users.protect("pia")
        backup = memory.backups.create(reason="before the move").name
        raw = (here / "restore-points" / backup).read_bytes()
        before = as_read(memory)
        erased = memory.erase.session("talk", reason="a mistake").id
        last_log = max(entry.seq for entry in memory.logs.list(limit=5).items)
    move(source, target, source_data=str(here), target_data=str(there))
    with opened(target, there, clock) as memory:
        yield Moved(memory, there, backup, raw, erased, before, last_log)


def test_what_was_erased_before_is_undone_and_redone(moved: Moved) -> None:
    memory = moved.memory
    erased = as_read(memory)

    memory.undo(moved.erased)

    assert as_read(memory) == moved.before
    memory.redo()
    assert as_read(memory) == erased
    assert memory.audit.verify().whole
    assert bad(memory) == []


def test_a_copy_of_the_old_place_brings_back_what_went_in_the_new_one(moved: Moved) -> None:
    memory = moved.memory
    memory.erase.user("cleo", reason="a mistake")

    report = memory.backups.restore(moved.backup)

    assert as_read(memory) == moved.before
    assert report.added["message"] > 40
    read = io.BytesIO()
    memory.artifacts.read(read.write, memory.artifacts.list(user_id="cleo")[0].id)
    assert read.getvalue() == FILE
    assert report.operation is not None
    memory.undo(report.operation.id, force=True)
    assert "cleo" not in _users(memory)


def test_a_purge_goes_through_the_copies_that_came_along(moved: Moved) -> None:
    memory = moved.memory
    assert list(moved.folder.rglob("artifacts/??/??/*")) != []

    certificate = memory.purge("cleo", reason="asked for")

    assert certificate.complete
    searched = {each.place: each for each in certificate.searched}
    assert searched["backups and restore points"].rewritten >= 1
    assert searched["files of artifacts"].removed == 1
    report = bring(memory, moved.raw)  # a copy that was handed out before
    assert report.purged["user"] == 1
    with pytest.raises(UserNotFound):
        memory.users.get("cleo")
    assert memory.audit.verify().whole
    assert bad(memory) == []


def test_logs_are_numbered_on_and_the_audit_trail_goes_on(moved: Moved) -> None:
    moved.memory.logs.add("the first in the new place")
    moved.memory.erase.session("now")

    assert [entry.seq for entry in moved.memory.logs.list(limit=1).items] == [moved.last_log + 1]
    assert moved.memory.audit.verify().whole


def test_who_was_protected_is_protected(moved: Moved) -> None:
    with pytest.raises(ProtectedUser):
        moved.memory.erase.user("pia")
    with pytest.raises(ProtectedUser):
        moved.memory.purge("pia", reason="asked for")


def test_a_session_goes_on_and_an_archived_one_opens(moved: Moved) -> None:
    memory = moved.memory

    assert memory.sessions.open("cleo", "web").id == "now"
    said = memory.sessions.append("now", "user", "The kettle whistles")
    assert said.seq == 2
    memory.sessions.unarchive("packed")
    assert memory.sessions.messages("packed")[0].content.startswith("Ten packets of tea.")
    assert memory.recall("cleo", "kettle whistles").hits[0].text == "The kettle whistles"


def _users(memory: Memory) -> list[str]:
    return [user.user_id for user in memory.users.list().items]
