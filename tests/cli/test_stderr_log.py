"""What stands on standard error holds neither secrets nor what people said, whatever raised it."""

from __future__ import annotations

import json
import logging
import logging.config
from collections.abc import Iterator

import pytest

from ingat.cli.logs import FOREIGN, server_log, set_up_logs
from ingat.core.redact import REDACTED

SAID = "I am ill, tell nobody"
KEY = "ingat_abcdefghijklmnopqrstuvwxyz0123456789"
LOGGERS = ("ingat", "uvicorn", "uvicorn.access", *FOREIGN)


@pytest.fixture(autouse=True)
def _loggers_as_before() -> Iterator[None]:
    before = [(each, each.handlers, each.propagate, each.level) for each in map(logging.getLogger, LOGGERS)]
    yield
    for logger, handlers, propagate, level in before:
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


def _answer(message: str) -> None:
    header = f"Bearer {KEY}"
    raise RuntimeError(f"cannot send {message!r} with {header}")


def _fail(name: str) -> None:
    try:
        _answer(SAID)
    except RuntimeError:
        logging.getLogger(name).error("It failed", exc_info=True)


@pytest.mark.parametrize("name", ["ingat.jobs", "asyncio", "apscheduler.executors.ingat"])
@pytest.mark.parametrize("as_json", [False, True], ids=["lines", "json"])
def test_an_exception_is_told_by_its_type_and_frames(
    capsys: pytest.CaptureFixture[str], as_json: bool, name: str
) -> None:
    set_up_logs(as_json=as_json, colours=False)
    _fail(name)
    told = capsys.readouterr().err

    assert "It failed" in told
    assert "RuntimeError" in told
    assert "test_stderr_log.py" in told
    assert "_answer" in told
    assert SAID not in told
    assert KEY not in told


@pytest.mark.parametrize("as_json", [False, True], ids=["lines", "json"])
def test_an_exception_of_the_http_server_is_told_so_too(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    logging.config.dictConfig(server_log(as_json=as_json, colours=False))
    _fail("uvicorn.error")
    told = capsys.readouterr().err

    assert "RuntimeError" in told
    assert SAID not in told
    assert KEY not in told


def test_of_what_asyncio_says_only_the_first_line_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(as_json=True, colours=False)
    logging.getLogger("asyncio").error(
        f"Task exception was never retrieved\nfuture: <exception=RuntimeError({SAID!r})>"
    )

    assert json.loads(capsys.readouterr().err)["event"] == "Task exception was never retrieved"


def test_secrets_in_a_line_and_in_its_data_are_replaced(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(as_json=True, colours=False)
    logging.getLogger("ingat.x").warning("sent with %s", KEY, extra={"api_key": "hunter2", "tries": 3})
    told = json.loads(capsys.readouterr().err)

    assert told["event"] == f"sent with {REDACTED}"
    assert (told["api_key"], told["tries"]) == (REDACTED, 3)
