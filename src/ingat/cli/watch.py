"""`ingat watch`: the board, drawn anew every few seconds, of this store or of a server that runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any, NamedTuple, TypeVar
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import msgspec
from msgspec import Struct
from rich.console import Group
from rich.live import Live
from rich.text import Text

from ingat.cli.board import board
from ingat.cli.command import Command, Option
from ingat.cli.language import mark
from ingat.cli.run import Run, current_run, local_time
from ingat.cli.values import Seconds
from ingat.core.clock import now
from ingat.core.errors import Forbidden, IngatError, InvalidSettings, StoreUnavailable, Unauthorized
from ingat.core.logs import LogEntry
from ingat.core.stats import Stats
from ingat.core.urls import without_password

TIMEOUT_S = 10.0
READ, SHOWN = 50, 8
"""Log entries that are read, and that are shown at the most."""
HIDDEN = frozenset({"chat"})
"""Categories that may hold what people said."""


class Look(NamedTuple):
    """What was seen at one moment; `at` is of a clock that only runs forward, in seconds."""

    stats: Stats
    entries: tuple[LogEntry, ...]
    at: float


class _Entries(Struct):
    logs: tuple[LogEntry, ...]


Source = Callable[[], Look]
T = TypeVar("T", bound=Struct)


def _watch(every: float, once: bool, url: str | None, key: str | None) -> None:
    run = current_run()
    with _source(run, url, key) as (look, name):
        if once:
            _show(run, look(), None, name)
            return
        try:
            _follow(run, look, name, every)
        except KeyboardInterrupt:
            return  # this is how it is left


def _follow(run: Run, look: Source, name: str, every: float) -> None:
    last, seen = None, look()
    if run.json or not run.out.is_terminal:
        while True:
            _show(run, seen, last, name)
            sleep(every)
            last, seen = seen, look()
    with Live(console=run.out, screen=True, auto_refresh=False, vertical_overflow="crop") as live:
        trouble = ""
        while True:
            live.update(_picture(run, seen, last, name, trouble), refresh=True)
            sleep(every)
            try:
                last, seen, trouble = seen, look(), ""
            except StoreUnavailable as error:
                trouble = error.message


def _show(run: Run, seen: Look, last: Look | None, name: str) -> None:
    if run.json:
        run.print_json({"stats": seen.stats, "logs": seen.entries})
    else:
        run.draw(_picture(run, seen, last, name, ""))


def _picture(run: Run, seen: Look, last: Look | None, name: str, trouble: str) -> Group:
    head = f"Ingat · {name} · {local_time(now())}"
    drawn = board(run.translate, seen.stats, seen.entries, run.out.width, head, _rates(run, seen, last))
    return Group(Text(trouble, style="bold red"), drawn) if trouble else drawn


def _rates(run: Run, seen: Look, last: Look | None) -> list[tuple[str, str]]:
    """Return what came in since the look before, by the minute."""
    if last is None or seen.at <= last.at:
        return []
    minutes = (seen.at - last.at) / 60
    _ = run.translate
    rates = [(_("messages per minute"), (seen.stats.messages.total - last.stats.messages.total) / minutes)]
    if seen.stats.process == msgspec.structs.replace(last.stats.process, memory_bytes=seen.stats.process.memory_bytes):
        requests = [
            sum(each.count for each in one.stats.performance.timings if each.kind == "request") for one in (seen, last)
        ]
        rates.append((_("requests per minute"), (requests[0] - requests[1]) / minutes))
    return [(name, f"{rate:,.1f}") for name, rate in rates]


# -- where it looks --------------------------------------------------------------------------------------------------


@contextmanager
def _source(run: Run, url: str | None, key: str | None) -> Iterator[tuple[Source, str]]:
    if url is not None:
        yield _Server(url, key), url
        return
    with run.memory() as memory:

        def look() -> Look:
            return Look(memory.stats(), _shown(tuple(memory.logs.list(limit=READ))), monotonic())

        yield look, without_password(run.settings.store)


class _NoRedirect(HTTPRedirectHandler):
    """Follows nothing, so that the key goes to nobody but the server that was named."""

    def redirect_request(self, *_: Any) -> None:
        """Return no new request."""
        return


class _Server:
    """A server that runs, asked over HTTP."""

    def __init__(self, url: str, key: str | None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidSettings(f"--url must be an address such as http://127.0.0.1:8081; it is {url!r}.")
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._open = build_opener(_NoRedirect).open

    def __call__(self) -> Look:
        stats = self._ask("/v1/stats", Stats)
        entries = self._ask(f"/v1/logs?limit={READ}", _Entries)
        return Look(stats, _shown(entries.logs), monotonic())

    def _ask(self, path: str, kind: type[T]) -> T:
        try:
            with self._open(Request(self._url + path, headers=self._headers), timeout=TIMEOUT_S) as answer:
                body = answer.read()
        except HTTPError as error:
            raise self._refused(error) from error
        except (URLError, OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise StoreUnavailable(
                f"The server at {self._url} cannot be reached: {reason}. See that `ingat serve` runs, and where.",
                server=self._url,
            ) from error
        try:
            return msgspec.json.decode(body, type=kind)
        except msgspec.MsgspecError as error:
            raise StoreUnavailable(
                f"What answers at {self._url} is no Ingat of this version: {error}.", server=self._url
            ) from error

    def _refused(self, error: HTTPError) -> IngatError:
        url = self._url
        if error.code == 401 and self._headers:
            return Unauthorized(
                f"The server at {url} does not know this access key: it is unknown or revoked. `ingat keys create` on"
                " its store makes another.",
                server=url,
            )
        if error.code == 401:
            return Unauthorized(
                f"The server at {url} wants an access key: give it with --key or INGAT_KEY.", server=url
            )
        if error.code == 403:
            return Forbidden(f"The server at {url} shows its numbers to admin and service keys only.", server=url)
        return StoreUnavailable(f"The server at {url} answered with {error.code}.", server=url, status=error.code)


def _shown(entries: tuple[LogEntry, ...]) -> tuple[LogEntry, ...]:
    return tuple(each for each in entries if each.category not in HIDDEN)[:SHOWN]


watch = Command(
    "watch",
    callback=_watch,
    help=mark("Show targets, numbers and log entries, live.")
    + "\n\n"
    + mark("Timings are those of the process that is asked: give a server's --url to see those of the server."),
    params=[
        Option(
            ["--every"],
            type=Seconds(0.2, 3_600),
            metavar="SECONDS",
            default=5.0,
            show_default=True,
            help=mark("seconds between two looks"),
        ),
        Option(["--once"], is_flag=True, default=False, help=mark("look once and leave")),
        Option(["--url"], metavar="URL", help=mark("a server that runs, such as http://127.0.0.1:8081")),
        Option(
            ["--key"],
            metavar="KEY",
            envvar="INGAT_KEY",
            help=mark("admin or service key of that server; also in the variable INGAT_KEY"),
        ),
    ],
)
