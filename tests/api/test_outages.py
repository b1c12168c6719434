"""A store that cannot be reached: what callers are told of it, what admins are, and what the log has."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ingat.api import health
from ingat.api.endpoint import one_at_a_time
from ingat.api.flights import Flights
from ingat.api.health import Readiness
from ingat.api.outages import Outages
from ingat.core.errors import (
    IngatError,
    StoreBusy,
    StoreConflict,
    StoreCorrupt,
    StoreError,
    StoreFull,
    StoreReadOnly,
    StoreUnavailable,
)
from ingat.core.records import Key
from ingat.store.contract import OUTCOME, UNKNOWN
from tests.api.server import Server, running

SECRET = "db.internal.example"
KINDS = [StoreUnavailable, StoreBusy, StoreFull, StoreReadOnly, StoreCorrupt, StoreError]
SERVICE = Key(id="s", role="service", created_at=0)


def _gone() -> StoreUnavailable:
    return StoreUnavailable(f"{SECRET} cannot be reached.", url=f"postgresql://{SECRET}/x", driver=f"no {SECRET}")


class AwayStore:
    """A store whose database is away; a read is told so at once, or when `told` is set."""

    def __init__(self) -> None:
        self.told, self.read_ended = threading.Event(), threading.Event()

    def read(self, fn: Callable[..., Any]) -> Any:
        """Wait until it is told."""
        assert self.told.wait(30)
        self.read_ended.set()
        raise _gone()

    async def awrite(self, fn: Callable[..., Any]) -> Any:
        """Wait until it is told, without a thread."""
        await asyncio.to_thread(self.told.wait)
        raise _gone()


class _Memory:
    def __init__(self, store: AwayStore) -> None:
        self.sync = self
        self.store = store


@pytest.fixture
def unobserved() -> Callable[[Any], list[str]]:
    """Runs a coroutine and returns what its event loop had to report."""

    def run(work: Any) -> list[str]:
        told: list[str] = []

        async def watched() -> None:
            asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["message"]))
            await work()
            for _ in range(3):
                await asyncio.sleep(0)
            gc.collect()

        asyncio.run(watched())
        return told

    return run


async def _refused(probe: Readiness) -> str:
    with pytest.raises(StoreUnavailable) as caught:
        await probe({"type": "http", "method": "GET"}, None, None)  # type: ignore[arg-type]
    return caught.value.message


def test_a_probe_that_was_given_up_ends_unreported(
    unobserved: Callable[[Any], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "PROBE_S", 0.01)
    store = AwayStore()

    async def work() -> None:
        probe = Readiness(_Memory(store))  # type: ignore[arg-type]
        assert "did not answer" in await _refused(probe)
        store.told.set()
        await asyncio.to_thread(store.read_ended.wait)
        ended = [each for each in (probe._read, probe._write) if each is not None]
        await asyncio.wait(ended)

    assert unobserved(work) == []


def test_a_probe_whose_read_and_write_fail_at_once_ends_unreported(unobserved: Callable[[Any], list[str]]) -> None:
    store = AwayStore()
    store.told.set()

    async def work() -> None:
        probe = Readiness(_Memory(store))  # type: ignore[arg-type]
        assert SECRET in await _refused(probe)
        assert probe._write is not None
        await asyncio.wait([probe._write])

    assert unobserved(work) == []


@pytest.mark.parametrize("way", ["flight", "alone"])
@pytest.mark.parametrize("error", [_gone(), RuntimeError("my pin is 4711")], ids=["outage", "mistake"])
def test_a_request_that_was_given_up_is_logged_only_when_the_mistake_is_ours(
    unobserved: Callable[[Any], list[str]], way: str, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def work() -> None:
        go = asyncio.Event()

        async def run() -> None:
            await go.wait()
            raise error

        called = Flights().fly(SERVICE, run) if way == "flight" else one_at_a_time(run, "purge")()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(called, 0.01)
        go.set()

    assert unobserved(work) == []
    ours = isinstance(error, RuntimeError)
    assert caplog.messages == (["A request that had been given up failed (RuntimeError)"] if ours else [])
    assert "4711" not in str([vars(record) for record in caplog.records])


@pytest.mark.parametrize("kind", KINDS, ids=[each.code for each in KINDS])
def test_a_caller_learns_neither_the_place_nor_the_driver(kind: type[StoreError]) -> None:
    told = Outages().disclosed(
        kind(f"{SECRET} fell", url=SECRET, driver=SECRET, path=SECRET, busy_timeout_ms=5), admin=False
    )

    assert type(told) is kind
    assert SECRET not in told.message
    assert "try it again later" in told.message
    assert told.details == {"busy_timeout_ms": 5}


def test_a_write_whose_outcome_is_unknown_stays_so() -> None:
    error = StoreUnavailable("It is kept as a whole or not at all.", driver=SECRET, **{OUTCOME: UNKNOWN})

    told = Outages().disclosed(error, admin=False)

    assert (told.message, told.details) == (error.message, {OUTCOME: UNKNOWN})


@pytest.mark.parametrize("error", [StoreConflict("twice", driver="UNIQUE"), StoreCorrupt("Run `ingat reindex`.")])
def test_what_tells_nothing_of_the_place_is_answered_as_it_is(error: IngatError) -> None:
    assert Outages().disclosed(error, admin=False) is error


def test_an_outage_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    outages = Outages()
    for admin in (False, True, False):
        outages.disclosed(_gone(), admin=admin)

    assert caplog.messages == [f"Requests are refused (store_unavailable): {_gone().message}"]
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.fixture
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that has let its keys in when its database goes away."""
    with running(tmp_path) as server:
        for key in (server.admin, server.service):
            assert server.ask("GET", "/v1/users", key=key).status == 200

        def gone(*_: Any, **__: Any) -> Any:
            raise _gone()

        with monkeypatch.context() as patched:
            patched.setattr(server.memory.store.behind, "read", gone)
            yield server


def test_an_admin_key_is_told_where_the_store_is_and_no_other(away: Server) -> None:
    admin, service = (away.ask("GET", "/v1/users", key=key) for key in (away.admin, away.service))

    assert (service.status, service.code, service.json["error"]["details"]) == (503, "store_unavailable", {})
    assert SECRET.encode() not in service.body
    assert SECRET in admin.json["error"]["details"]["url"]


@pytest.mark.parametrize("path", ["/readyz", "/api/memory"])
def test_who_brings_no_key_is_not_told_where_the_store_is(away: Server, path: str) -> None:
    answer = away.ask("GET", path, key="unknown to the keyring" if path != "/readyz" else None)

    assert answer.status == 503
    assert SECRET.encode() not in answer.body
