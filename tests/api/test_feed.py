"""The live feed: every new entry once, to who may see it, and nobody has to wait for it to end."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from ingat.api import feed
from ingat.core.logs import NewLog
from tests.api.server import Server, running

PATH = "/v1/logs/stream"


class Event(NamedTuple):
    id: int
    message: str


class Reader:
    """Reads one stream, a block of lines at a time."""

    def __init__(self, server: Server, path: str = PATH, key: str | None = None, **headers: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        sent = {"Authorization": f"Bearer {key or server.service}"} if key != "" else {}
        self._connection.request("GET", path, headers={**sent, **{k.replace("_", "-"): v for k, v in headers.items()}})
        self.answer = self._connection.getresponse()
        self.position = -1
        if self.answer.status == 200:
            self.block()

    def block(self) -> dict[str, str]:
        """Return the fields of the next block; empty at the end of the stream."""
        fields: dict[str, str] = {}
        while line := self.answer.readline().decode():
            if line == "\n":
                self.position = int(fields.get("id", self.position))
                return fields
            name, _, value = line.rstrip("\n").partition(": ")
            fields[name] = value
        return fields

    def events(self, number: int) -> list[Event]:
        """Return the next events, passing over what only says that the stream lives."""
        found: list[Event] = []
        while len(found) < number:
            fields = self.block()
            assert fields, "the stream ended"
            if "data" in fields:
                entry = msgspec.json.decode(fields["data"])
                assert (fields["event"], int(fields["id"])) == ("log", entry["seq"])
                found.append(Event(entry["seq"], entry["message"]))
        return found

    def ended(self) -> bool:
        """Read to the end, and return whether it came."""
        while self.block():
            pass
        return True

    def close(self) -> None:
        self.answer.close()
        self._connection.close()


@pytest.fixture
def open_feed(server: Server) -> Iterator[Callable[..., Reader]]:
    """Opens streams, and closes them at the end."""
    with contextlib.ExitStack() as stack:

        def opened(path: str = PATH, **more: Any) -> Reader:
            reader = Reader(server, path, **more)
            stack.callback(reader.close)
            return reader

        yield opened


def _messages(events: list[Event]) -> list[str]:
    return [event.message for event in events]


def test_new_entries_come_as_they_are_stored(server: Server, open_feed: Callable[..., Reader]) -> None:
    server.memory.logs.add("before")
    reader = open_feed()
    assert reader.answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert reader.answer.headers["cache-control"] == "no-store"
    server.memory.logs.add("one")
    server.memory.logs.add("two\nlines")

    assert _messages(reader.events(2)) == ["one", "two\nlines"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("level=warn", ["chat warn", "test warn"]),
        ("min_level=warn&category=chat", ["chat warn", "chat error"]),
        ("source=cam&session_id=s1", ["chat error"]),
    ],
)
def test_only_what_fits_every_filter_comes(
    server: Server, open_feed: Callable[..., Reader], query: str, expected: list[str]
) -> None:
    reader = open_feed(f"{PATH}?{query}")
    server.memory.logs.add_many(
        [
            NewLog(message="chat info", category="chat"),
            NewLog(message="chat warn", category="chat", level="warn"),
            NewLog(message="test warn", category="test", level="warn"),
            NewLog(message="chat error", category="chat", level="error", source="cam", session_id="s1"),
        ]
    )

    assert _messages(reader.events(len(expected))) == expected


@pytest.mark.parametrize("way", ["header", "query", "both"])
def test_who_comes_back_gets_every_entry_once(server: Server, open_feed: Callable[..., Reader], way: str) -> None:
    first = open_feed()
    server.memory.logs.add("1")
    (seen,) = first.events(1)
    first.close()
    server.memory.logs.add_many([NewLog(message=str(n)) for n in range(2, 1_300)])
    if way == "header":
        again = open_feed(Last_Event_ID=str(seen.id))
    else:
        start = seen.id if way == "query" else 0
        again = open_feed(f"{PATH}?after={start}", **({"Last_Event_ID": str(seen.id)} if way == "both" else {}))
    server.memory.logs.add("last")

    assert _messages(again.events(1_299)) == [*(str(n) for n in range(2, 1_300)), "last"]


def test_who_comes_from_a_store_with_more_entries_gets_what_is_new(
    server: Server, open_feed: Callable[..., Reader]
) -> None:
    server.memory.logs.add("old")
    reader = open_feed(f"{PATH}?after=1000000")
    server.memory.logs.add("new")

    assert _messages(reader.events(1)) == ["new"]


def test_a_reader_that_falls_behind_loses_nothing(
    server: Server, open_feed: Callable[..., Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "HELD", 10)
    reader = open_feed()
    for start in range(0, 3_000, 1_000):
        server.memory.logs.add_many([NewLog(message=f"{n} {'x' * 500}") for n in range(start, start + 1_000)])

    assert [int(message.split()[0]) for message in _messages(reader.events(3_000))] == list(range(3_000))


def test_a_stream_that_has_nothing_to_say_says_so_and_moves_on(
    server: Server, open_feed: Callable[..., Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "KEEP_ALIVE_S", 0.05)
    reader = open_feed(f"{PATH}?category=rare")
    seq = server.memory.logs.add("of another category").seq
    while reader.position < seq:
        fields = reader.block()
        assert fields.keys() == {"", "id"} or fields.keys() == {": here", "id"}

    assert reader.position >= seq


def test_it_is_not_cut_by_the_time_limit_of_requests(tmp_path: Path) -> None:
    with running(tmp_path, request_timeout_s=0.3) as server:
        reader = Reader(server)
        # later than the limit: the answer to a request that is cut takes just as long
        slow = server.raw(
            b"POST /v1/users HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\nAuthorization: Bearer %b\r\n\r\n"
            % server.admin.encode()
        )
        assert b" 408 " in slow
        server.memory.logs.add("still here")

        assert _messages(reader.events(1)) == ["still here"]
        reader.close()


def test_the_server_stops_while_streams_are_open(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        readers = [Reader(server) for _ in range(3)]
        server.stop_soon()

        assert all(reader.ended() for reader in readers)
    for reader in readers:
        reader.close()


def test_it_ends_when_its_key_is_revoked(
    server: Server, open_feed: Callable[..., Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "KEEP_ALIVE_S", 0.05)
    key = server.memory.keys.create("service")
    reader = open_feed(key=key.key)
    assert server.ask("DELETE", f"/v1/keys/{key.id}", key=server.admin).status == 200

    assert reader.ended()


def test_no_more_streams_than_the_most_are_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "MOST_STREAMS", 2)
    with running(tmp_path) as server:
        readers = [Reader(server) for _ in range(2)]
        refused = server.ask("GET", PATH)
        for reader in readers:
            reader.close()

    assert (refused.status, refused.code) == (429, "rate_limited")
    assert refused.headers["retry-after"] == "10"


def test_a_user_key_and_no_key_see_nothing(server: Server, user: str) -> None:
    assert server.ask("GET", PATH, key=server.user_key(user)).code == "forbidden"
    assert server.ask("GET", PATH, key=None).code == "unauthorized"


def test_a_browser_that_has_signed_in_may_watch(server: Server, open_feed: Callable[..., Reader]) -> None:
    cookie = server.ask("GET", f"/?key={server.admin}", key=None).headers["set-cookie"].split(";")[0]
    reader = open_feed(key="", Cookie=cookie)
    server.memory.logs.add("for the page")

    assert _messages(reader.events(1)) == ["for the page"]


@pytest.mark.parametrize(
    "query", ["level=loud", "after=x", "after=-1", "after=", "search=x", "level=info&level=warn", "after=" + "9" * 30]
)
def test_a_wrong_query_is_refused(server: Server, query: str) -> None:
    answer = server.ask("GET", f"{PATH}?{query}")

    assert (answer.status, answer.code) == (400, "invalid_input")


def test_a_head_request_is_answered(server: Server) -> None:
    assert server.ask("HEAD", PATH).status == 200


def test_the_store_is_looked_at_once_for_all_and_not_when_nobody_watches() -> None:
    async def watch() -> tuple[int, bool]:
        looks = 0
        looked = asyncio.Event()

        async def read(seq: int, limit: int) -> tuple[()]:
            nonlocal looks
            looks += 1
            looked.set()
            return ()

        async def newest() -> int:
            return 7

        entries = feed.Entries(read, newest)
        assert [await entries.join() for _ in range(5)] == [7] * 5
        await looked.wait()
        first = looks
        for _ in range(5):
            entries.leave()
        return first, entries._poll is None

    assert asyncio.run(watch()) == (1, True)
