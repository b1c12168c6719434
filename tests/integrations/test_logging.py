"""Records of the standard library and events of structlog, as they stand in the memory's log."""

from __future__ import annotations

import asyncio
import datetime
import logging
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from ingat.aio import AsyncMemory
from ingat.core.logs import LogEntry
from ingat.integrations.logging import LogHandler, LogProcessor
from ingat.memory import Memory
from ingat.testing import TurnableClock, open_memory
from tests.engine import store_at

WAIT_S = 20.0
Read = Callable[[], list[LogEntry]]


@pytest.fixture
def read(memory: Memory) -> Read:
    """Reads what is in the log, oldest first, when all that was queued is written."""

    def all_of_it() -> list[LogEntry]:
        assert memory.log_queue.flush(WAIT_S)
        return list(memory.logs.after(0, 1_000))

    return all_of_it


@pytest.fixture
def logger(memory: Memory) -> Iterator[logging.Logger]:
    """A logger of a bot, which writes to the memory and nowhere else."""
    logger, handler = logging.getLogger("bot.scanner"), LogHandler(memory)
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    logger.propagate = False
    yield logger
    logger.removeHandler(handler)
    handler.close()


@pytest.fixture
def ours(memory: Memory) -> Iterator[LogHandler]:
    """A handler for what Ingat itself reports, as the server has it."""
    logger, handler = logging.getLogger("ingat"), LogHandler(memory, logging.INFO, only_own=True)
    before = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)
    logger.setLevel(before)
    handler.close()


@pytest.mark.parametrize(
    ("number", "level"),
    [(5, "debug"), (10, "debug"), (20, "info"), (25, "info"), (30, "warn"), (40, "error"), (50, "error")],
)
def test_levels_of_python_become_ours(logger: logging.Logger, read: Read, number: int, level: str) -> None:
    logger.setLevel(1)
    logger.log(number, "scanned %d files", 3)

    assert [(entry.message, entry.level) for entry in read()] == [("scanned 3 files", level)]


def test_what_stands_in_extra_says_what_it_is_about(logger: logging.Logger, read: Read, clock: TurnableClock) -> None:
    about = {"category": "scanner", "source": "cam 1", "session_id": "s1", "user_id": "+62 811 222", "files": 3}
    logger.info("scanned", extra=about)
    (entry,) = read()

    assert (entry.category, entry.source, entry.session_id, entry.user_id) == ("scanner", "cam 1", "s1", "62811222")
    assert (entry.data, entry.at) == ({"files": 3}, clock())


def test_without_extra_the_source_is_the_logger(logger: logging.Logger, read: Read) -> None:
    logger.info("scanned")
    (entry,) = read()

    assert (entry.category, entry.source, entry.data) == ("general", "bot.scanner", {})


def test_an_exception_leaves_type_and_frames_and_no_values(logger: logging.Logger, read: Read) -> None:
    def fail(secret: str) -> None:
        local = secret * 2
        raise ValueError(f"cannot read {local}") from KeyError(secret)

    try:
        fail("marker")
    except ValueError:
        logger.exception("it failed")
    (entry,) = read()

    assert entry.level == "error"
    assert entry.data["exception"]["type"] == "ValueError"
    assert entry.data["exception"]["causes"] == ["KeyError"]
    assert entry.data["exception"]["frames"][-1].endswith(" fail")
    assert "marker" not in str(entry)


def test_secrets_in_a_record_are_replaced(logger: logging.Logger, read: Read) -> None:
    logger.info(
        "asked with Bearer abcdef123456",
        extra={"api_key": "abcdef", "headers": {"cookie": "abcdef"}, "raw": [(b"authorization", b"Basic abcdef")]},
    )

    assert "abcdef" not in str(read())


class Unprintable:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (datetime.date(2026, 5, 1), "2026-05-01"),
        (uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (float("nan"), "nan"),
        (1 << 70, str(1 << 70)),
        ({1}, [1]),
        ((1, "a"), [1, "a"]),
        ({1: None}, {"1": None}),
        (object(), "<object>"),
        (Unprintable(), "<Unprintable>"),
        (ValueError("marker"), "ValueError"),
        ("\ud800\x00", "?\ufffd"),
        (b"Bearer abcdef123456", "<19 bytes>"),
        ("x" * 5_000, "x" * 3_997 + "..."),
    ],
    ids=range(13),
)
def test_any_value_can_be_logged(logger: logging.Logger, read: Read, value: Any, kept: Any) -> None:
    logger.info("value", extra={"value": value})

    assert [entry.data for entry in read()] == [{"value": kept}]


@pytest.mark.parametrize(
    "message", ["", "\ud800", "a\x00b", "ü" * 20_000, "%d of %s"], ids=["empty", "half", "nul", "long", "arguments"]
)
def test_any_message_can_be_logged(memory: Memory, read: Read, message: str) -> None:
    args = ("x",) if "%" in message else ()
    handler = LogHandler(memory)
    handler.handle(logging.LogRecord("bot", logging.WARNING, __file__, 1, message, args, None))

    assert len(read()) == 1
    handler.close()


@pytest.mark.parametrize(
    "about", [{"user_id": ".."}, {"session_id": "a/b"}, {"category": 7}, {"source": "s" * 999}], ids=str
)
def test_what_cannot_be_what_it_says_does_not_lose_the_record(
    logger: logging.Logger, read: Read, about: dict[str, Any]
) -> None:
    logger.info("kept", extra=about)

    assert [entry.message for entry in read()] == ["kept"]


def test_endless_data_are_cut(logger: logging.Logger, read: Read) -> None:
    loop: list[Any] = []
    loop.append(loop)
    logger.info("loop", extra={"loop": loop})
    logger.info("large", extra={f"k{n}": "x" * 4_000 for n in range(50)})

    assert [entry.message for entry in read()] == ["loop", "large"]


def test_values_that_change_later_are_kept_as_they_were(logger: logging.Logger, read: Read) -> None:
    state = {"n": 1}
    logger.info("before", extra={"state": state})
    state["n"] = 2

    assert read()[0].data == {"state": {"n": 1}}


def test_the_patterns_of_operators_are_emitted_exactly(memory: Memory, ours: LogHandler, read: Read) -> None:
    session = memory.sessions.open("ana", "web")
    memory.sessions.open("ana", "web")
    message = memory.sessions.append(session.id, "user", "the fan is loud")
    memory.recall("ana", "fan")
    created, added, recalled = read()

    assert (created.message, created.category, created.source) == (
        f"Session created: {session.id}",
        "session",
        "ingat.sessions",
    )
    assert (added.message, added.category) == (f"Added message to session: {message.id}", "session")
    assert (recalled.message, recalled.category) == ("Recalled 1 memories", "recall")
    assert {(entry.level, entry.user_id) for entry in (created, added, recalled)} == {("info", "ana")}
    assert (created.session_id, added.session_id) == (session.id, session.id)


def test_appends_of_the_asynchronous_face_are_told_of_too(memory: Memory, ours: LogHandler, read: Read) -> None:
    session = memory.sessions.create("ana")

    async def talk() -> list[str]:
        face = AsyncMemory.over(memory)
        many = await face.sessions.append_many(session.id, [{"role": "user", "content": str(n)} for n in range(3)])
        face._pools.shutdown()
        return [each.id for each in many]

    ids = asyncio.run(talk())

    assert [entry.message for entry in read()[1:]] == [f"Added message to session: {each}" for each in ids]


def test_what_was_not_kept_is_not_told_of(memory: Memory, ours: LogHandler, read: Read) -> None:
    session = memory.sessions.create("ana")
    memory.sessions.close(session.id)
    for attempt in (
        lambda: memory.sessions.append(session.id, "user", "hello"),
        lambda: memory.sessions.create("ana", id=session.id),
    ):
        with pytest.raises(Exception, match=session.id):
            attempt()

    assert [entry.message for entry in read()] == [f"Session created: {session.id}"]


def test_what_was_said_never_stands_in_a_log(
    memory: Memory, ours: LogHandler, read: Read, caplog: pytest.LogCaptureFixture, embedder: Any
) -> None:
    marker = "zebramarker"
    logging.getLogger("ingat").setLevel(logging.DEBUG)
    with caplog.at_level(logging.DEBUG):
        session = memory.sessions.open("ana", "web", name=marker)
        embedder.failing = True
        memory.sessions.append(session.id, "user", f"my {marker} is ill", metadata={"a": marker}, author=marker)
        memory.remember("ana", f"has a {marker}", subject=marker)
        memory.recall("ana", marker)
        memory.search("ana", marker)
        memory.context("ana", session.id, marker)
        memory.chat("ana", f"how is my {marker}?")
        embedder.failing = False
        for bad in (
            lambda: memory.sessions.append(session.id, marker, marker),
            lambda: memory.recall("ana", marker, 0),
        ):
            with pytest.raises(Exception, match=r"role|top_k"):
                bad()
        assert memory.vectors is not None
        memory.vectors.flush(WAIT_S)
        found = read()

    assert found
    assert marker not in str(found)
    assert marker not in "".join(str(vars(record)) for record in caplog.records)


def test_every_message_is_noted_when_it_is_asked_for(clock: TurnableClock) -> None:
    with open_memory(now=clock, log_messages=True) as memory:
        session = memory.sessions.create("ana")
        memory.sessions.append(session.id, "user", "hello")
        memory.sessions.append(session.id, "assistant", "good morning")
        assert memory.log_queue.flush(WAIT_S)
        entries = memory.logs.after(0)

    assert [(e.message, e.source, e.category, e.level) for e in entries] == [
        ("user message sent", "user", "chat", "info"),
        ("assistant message sent", "assistant", "chat", "info"),
    ]
    assert {(e.session_id, e.user_id, e.at, str(e.data)) for e in entries} == {
        (session.id, "ana", clock(), str({"session_id": session.id}))
    }


def test_a_handler_of_one_store_leaves_out_what_another_reports(tmp_path: Any) -> None:
    with open_memory(**store_at(tmp_path / "one.db")) as one, open_memory(**store_at(tmp_path / "two.db")) as two:
        logger, handler = logging.getLogger("ingat"), LogHandler(one, only_own=True)
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        try:
            one.sessions.create("ana")
            two.sessions.reset(two.sessions.create("budi").id)
            logging.getLogger("ingat.api").error("Request failed")
        finally:
            logger.removeHandler(handler)
            logger.setLevel(logging.NOTSET)
            handler.close()

        assert [(entry.user_id, entry.category) for entry in one.logs.after(0)] == [("ana", "session"), (None, "api")]


@pytest.mark.parametrize("name", ["ingat.logs", "ingat.store", "ingat.store.sqlite"])
def test_what_the_log_itself_reports_is_not_written_into_it(memory: Memory, read: Read, name: str) -> None:
    handler = LogHandler(memory)
    handler.handle(logging.LogRecord(name, logging.ERROR, __file__, 1, "trouble", (), None))

    assert read() == []
    handler.close()


def test_records_made_while_entries_are_written_cause_no_more(memory: Memory, read: Read) -> None:
    write, logger, handler = memory.log_queue._write, logging.getLogger("driver"), LogHandler(memory)
    logger.addHandler(handler)

    def noisy(entries: Any) -> object:
        logger.error("a driver that reports every statement")
        return write(entries)

    memory.log_queue._write = noisy
    try:
        logger.error("one")
        entries = read()
    finally:
        memory.log_queue._write = write
        logger.removeHandler(handler)
        handler.close()

    assert [entry.message for entry in entries] == ["one"]


def test_a_handler_that_is_closed_has_written_everything(memory: Memory) -> None:
    handler = LogHandler(memory)
    handler.handle(logging.LogRecord("bot", logging.INFO, __file__, 1, "last words", (), None))
    handler.close()

    assert [entry.message for entry in memory.logs.list().items] == ["last words"]


def _structlog(memory: Memory, **more: Any) -> Any:
    return structlog.wrap_logger(
        structlog.ReturnLogger(),
        processors=[
            structlog.stdlib.add_log_level,
            LogProcessor(memory, **more),
            structlog.processors.KeyValueRenderer(),
        ],
        wrapper_class=structlog.BoundLogger,
    )


def test_a_structlog_event_is_stored_and_passed_on(memory: Memory, read: Read, clock: TurnableClock) -> None:
    log = _structlog(memory).bind(session_id="s1", category="scanner")
    rendered = log.warning("scanned", files=3)
    (entry,) = read()

    assert "event='scanned'" in rendered
    assert (entry.message, entry.level, entry.category, entry.session_id) == ("scanned", "warn", "scanner", "s1")
    assert (entry.source, entry.data, entry.at) == ("structlog", {"files": 3}, clock())


def test_a_structlog_exception_leaves_type_and_frames(memory: Memory, read: Read) -> None:
    try:
        raise ValueError("marker")
    except ValueError:
        _structlog(memory).error("it failed", exc_info=True)
    (entry,) = read()

    assert entry.data["exception"]["type"] == "ValueError"
    assert "marker" not in str(entry.data)


def test_a_structlog_event_below_the_level_is_left_out(memory: Memory, read: Read) -> None:
    _structlog(memory, level="WARNING").info("scanned")

    assert read() == []


def test_a_processor_takes_the_asynchronous_face_too(memory: Memory, read: Read) -> None:
    face = AsyncMemory.over(memory)
    LogProcessor(face)(None, "info", {"event": "scanned"})
    face._pools.shutdown()

    assert [entry.message for entry in read()] == ["scanned"]
