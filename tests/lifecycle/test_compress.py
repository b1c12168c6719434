"""Transcripts of sessions archived long ago take less room; nothing that was said is lost or changed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from ingat.core.errors import SessionNotFound, StoreError
from ingat.core.records import Message
from ingat.lifecycle import compress as module
from ingat.lifecycle.compress import Compressed, compress
from ingat.memory import Memory
from ingat.store.contract import Tx
from ingat.store.tables import transcripts
from ingat.testing import TurnableClock, open_memory
from tests.engine import store_at

DAY_MS = 24 * 3_600_000
TALK = (
    "Kemarin AC di ruang tamu berisik sekali, dan teknisinya belum datang sampai sekarang.",
    "Ich habe gestern das alte Fahrrad verkauft, weil der Sattel nicht mehr zu reparieren war.",
    "Could you please remind me on Friday that the piano tuner is coming at nine?",
    "昨天我把自行车停在火车站旁边,今天早上它已经不在那里了。",
    "Mañana por la tarde llevo el coche al taller, porque los frenos hacen un ruido raro.",
)


@pytest.fixture
def memory(tmp_path: Path, clock: TurnableClock) -> Iterator[Memory]:
    with open_memory(**store_at(tmp_path / "store.db"), now=clock) as opened:
        yield opened


def talk(memory: Memory, exchanges: int = 40, user: str = "ana") -> str:
    session = memory.sessions.create(user)
    lines = [f"{number}: {TALK[number % len(TALK)]}" for number in range(exchanges * 2)]
    memory.sessions.append_many(
        session.id,
        [{"role": "assistant" if place % 2 else "user", "content": line} for place, line in enumerate(lines)],
    )
    return session.id


def archived(memory: Memory, exchanges: int = 40) -> str:
    session_id = talk(memory, exchanges)
    memory.sessions.archive(session_id)
    return session_id


def run(memory: Memory, clock: TurnableClock, session_id: str, *, dry_run: bool = False) -> Compressed:
    return compress(memory.store, session_id, before=clock(), now=clock(), dry_run=dry_run)


def rows(memory: Memory, sql: str) -> Any:
    return memory.store.read(lambda tx: tx.all(sql))


def said(memory: Memory, session_id: str) -> list[Message]:
    return memory.sessions.messages(session_id, None)


def test_an_archived_transcript_takes_less_room_and_reads_as_before(memory: Memory, clock: TurnableClock) -> None:
    session_id = archived(memory, 400)
    assert memory.vectors is not None
    memory.vectors.flush()
    memory.store.scrub([], users=["ana"])
    session, before, used = memory.sessions.get(session_id), said(memory, session_id), memory.store.used_bytes()
    done = run(memory, clock, session_id)
    memory.store.scrub([], users=["ana"])

    assert said(memory, session_id) == before
    assert memory.sessions.get(session_id) == session
    assert done.from_bytes == sum(len(message.content.encode()) for message in before)
    assert 0 < done.to_bytes < done.from_bytes
    assert memory.store.used_bytes() < used


def test_a_second_run_finds_nothing_to_do(memory: Memory, clock: TurnableClock) -> None:
    session_id = archived(memory)
    run(memory, clock, session_id)

    assert run(memory, clock, session_id) == Compressed(0, 0)
    assert memory.store.read(lambda tx: transcripts.due(tx, clock(), None, 10)) == []


def test_a_dry_run_returns_the_same_numbers_and_changes_nothing(memory: Memory, clock: TurnableClock) -> None:
    session_id = archived(memory)
    foreseen = run(memory, clock, session_id, dry_run=True)

    assert rows(memory, "SELECT COUNT(*) FROM transcript_pack") == [(0,)]
    assert rows(memory, "SELECT packed_at FROM session") == [(None,)]
    assert run(memory, clock, session_id) == foreseen


def test_what_compression_does_not_make_smaller_stays_as_it_is(memory: Memory, clock: TurnableClock) -> None:
    session = memory.sessions.create("ana")
    memory.sessions.append(session.id, "user", "Hi")
    memory.sessions.archive(session.id)

    assert run(memory, clock, session.id) == Compressed(0, 0)
    assert rows(memory, "SELECT content, packed FROM message") == [("Hi", 0)]
    assert memory.store.read(lambda tx: transcripts.due(tx, clock(), None, 10)) == []


@pytest.mark.parametrize("state", ["active", "closed", "archived too lately"])
def test_only_sessions_archived_long_enough_are_compressed(memory: Memory, clock: TurnableClock, state: str) -> None:
    session_id = talk(memory)
    if state == "closed":
        memory.sessions.close(session_id)
    if state == "archived too lately":
        memory.sessions.archive(session_id)
    before = clock() - 1

    assert compress(memory.store, session_id, before=before, now=clock()) == Compressed(0, 0)
    assert rows(memory, "SELECT MAX(packed) FROM message") == [(0,)]


def test_an_unknown_session_is_refused(memory: Memory, clock: TurnableClock) -> None:
    with pytest.raises(SessionNotFound):
        run(memory, clock, "ghost")


def test_a_session_that_is_brought_back_reads_on_and_is_compressed_further_when_archived_again(
    memory: Memory, clock: TurnableClock
) -> None:
    session_id = archived(memory)
    before = said(memory, session_id)
    run(memory, clock, session_id)
    memory.sessions.unarchive(session_id)
    memory.sessions.reopen(session_id)
    new = memory.sessions.append(session_id, "user", "Is the bicycle still there? " * 10)

    assert said(memory, session_id) == [*before, new]
    assert memory.context("ana", session_id).messages[-1].content == new.content
    assert rows(memory, "SELECT packed FROM message ORDER BY seq DESC LIMIT 1") == [(0,)]
    memory.sessions.archive(session_id)
    run(memory, clock, session_id)
    assert said(memory, session_id) == [*before, new]
    assert rows(memory, "SELECT packed FROM message ORDER BY seq DESC LIMIT 1") == [(2,)]


def test_a_crash_in_between_loses_nothing_and_is_completed_by_the_next_run(
    memory: Memory, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = archived(memory, 1_000)
    before = said(memory, session_id)
    whole = run(memory, clock, session_id, dry_run=True)
    monkeypatch.setattr(module, "BATCH_BYTES", 1)
    original, calls = transcripts.put, []

    def failing(tx: Tx, *arguments: Any) -> None:
        original(tx, *arguments)
        calls.append(1)
        if len(calls) == 2:
            raise StoreError("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(transcripts, "put", failing)
        with pytest.raises(StoreError, match="disk is full"):
            run(memory, clock, session_id)

    assert rows(memory, "SELECT DISTINCT packed FROM message ORDER BY 1") == [(0,), (1,)]
    assert said(memory, session_id) == before
    assert len(memory.store.read(lambda tx: transcripts.due(tx, clock(), None, 10))) == 1
    rest = run(memory, clock, session_id)
    assert 0 < rest.from_bytes < whole.from_bytes
    assert said(memory, session_id) == before
    assert rows(memory, "SELECT COUNT(*) FROM message WHERE packed = 0") == [(0,)]


def test_a_session_unarchived_between_two_parts_is_left(
    memory: Memory, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    session_id = archived(memory, 1_000)
    before = said(memory, session_id)
    monkeypatch.setattr(module, "BATCH_BYTES", 1)
    original = memory.store.write

    def interleaved(fn: Any) -> Any:
        value = original(fn)
        monkeypatch.setattr(memory.store, "write", original)
        memory.sessions.unarchive(session_id)
        return value

    monkeypatch.setattr(memory.store, "write", interleaved)
    run(memory, clock, session_id)

    assert rows(memory, "SELECT MAX(packed) FROM message") == [(1,)]
    assert rows(memory, "SELECT packed_at FROM session") == [(None,)]
    assert said(memory, session_id) == before


def test_a_compressed_session_that_is_erased_comes_back_with_what_was_said(
    memory: Memory, clock: TurnableClock
) -> None:
    session_id = archived(memory)
    before = said(memory, session_id)
    run(memory, clock, session_id)
    operation = memory.erase.session(session_id, reason="a test")
    assert rows(memory, "SELECT COUNT(*) FROM transcript_pack") == [(0,)]
    memory.undo(operation.id)

    assert said(memory, session_id) == before
    assert run(memory, clock, session_id).from_bytes > 0
    assert said(memory, session_id) == before


def test_an_export_of_a_compressed_session_holds_what_was_said(memory: Memory, clock: TurnableClock) -> None:
    session_id = archived(memory)
    before = said(memory, session_id)
    run(memory, clock, session_id)
    file = BytesIO()
    memory.export(file.write)
    file.seek(0)

    with open_memory(now=clock) as other:
        report = other.import_from(file)
        assert report.errors == ()
        assert said(other, session_id) == before


def test_two_runs_at_once_compress_each_message_once(
    memory: Memory, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BATCH_BYTES", 1)
    session_id = archived(memory, 1_500)
    before = said(memory, session_id)
    whole = run(memory, clock, session_id, dry_run=True)
    start, done = threading.Barrier(2), []

    def work() -> None:
        start.wait(30)
        done.append(run(memory, clock, session_id))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sum(each.from_bytes for each in done) == whole.from_bytes
    assert said(memory, session_id) == before
    assert [check.name for check in memory.doctor() if check.state == "bad"] == []
