"""`ingat serve`: the HTTP server, in one process or several on one store."""

from __future__ import annotations

import logging
import shlex
from typing import NamedTuple

from ingat.cli.command import Command, Option
from ingat.cli.daemon import recording, running, start
from ingat.cli.language import mark
from ingat.cli.run import Run, current_run
from ingat.cli.server import listen, serve_alone, serve_together
from ingat.cli.values import Whole
from ingat.core.errors import InvalidLimit
from ingat.core.limits import check_limit
from ingat.core.settings import Settings, data_directory
from ingat.core.urls import has_password, without_password
from ingat.memory import Memory

MAX_WORKERS = 64

_log = logging.getLogger("ingat.server")


def _serve(host: str | None, port: int | None, workers: int, detach: bool, no_key: bool) -> None:
    run = current_run()
    settings = run.settings_with(host=host, port=port, synchronous=run.settings.synchronous or "FULL")
    check_limit(workers, "number of workers", 1, MAX_WORKERS)
    if workers > 1 and data_directory(settings.store, settings.data) is None:
        raise InvalidLimit("Several workers need a store that they can share; a store in memory has one process.")
    if detach:
        _serve_behind(run, settings, workers, no_key=no_key)
        return
    with recording(settings) as record, run.memory_of(settings) as memory:
        listener = listen(settings.host, settings.port)

        def ready() -> None:
            try:
                record(listener.host, listener.port, listener.address, workers)
            except OSError as error:
                reason = error.strerror or error
                _log.warning("No pid file could be written (%s); `ingat stop` will not find this server", reason)
            _welcome(run, memory, settings, Place(listener.address, listener.port, None), workers, no_key=no_key)

        with listener.socket:
            answer = serve_alone if workers == 1 else serve_together
            answer(run, memory, settings, listener, workers, ready)
    if not run.json:
        _ = run.translate
        saved = _("Stopped. Everything that was acknowledged is saved.")
        run.note(saved if run.keeps(settings) else _("Stopped. The store was in memory and is gone."))


class Place(NamedTuple):
    """Where a server answers; `pid` is that of one in the background."""

    address: str
    port: int
    pid: int | None


def _serve_behind(run: Run, settings: Settings, workers: int, *, no_key: bool) -> None:
    """Start the server in the background, and say so; one that runs on this port already stays as it is."""
    _ = run.translate
    there = next((each for each in running(settings) if settings.port == each.port), None)
    if there is None:
        server = start(settings, store=run.store_given, workers=workers, language=run.language)
        with run.memory_of(settings) as memory:
            place = Place(server.url, server.port, server.pid)
            _welcome(run, memory, settings, place, workers, no_key=no_key)
    elif run.json:
        run.print_json({"url": there.url, "host": there.host, "port": there.port, "pid": there.pid, "already": True})
    else:
        run.say(_("The server runs already: {url} (process {pid}).").format(url=there.url, pid=there.pid))


def _welcome(run: Run, memory: Memory, settings: Settings, place: Place, workers: int, *, no_key: bool) -> None:
    """Make the first key if there never was one, and say where the server answers and how to get in."""
    _, first = run.translate, None if no_key else memory.keys.create_first()
    another, kept = _command(run, settings, "keys", "create", "--role", "admin"), without_password(settings.store)
    if run.json:
        key = {} if first is None else {"key": first.key, "sign_in": f"{place.address}?key={first.key}"}
        process = {} if place.pid is None else {"pid": place.pid, "already": False}
        hello = {"url": place.address, "host": settings.host, "port": place.port, "workers": workers}
        run.print_json({**hello, **process, **key})
        return
    run.say(_("Ingat answers at {address} and keeps {store}.").format(address=place.address, store=kept))
    if first is not None:
        run.say(_("Open this once to sign in; the key in it is for programs too and cannot be shown again:"))
        run.say(f"    {place.address}?key={first.key}")
        run.say(_("If it is lost, make a new one: {command}").format(command=another))
    elif no_key:
        run.say(_("No key was made or shown here. A new one: {command}").format(command=another))
    else:
        run.say(
            _("A key was made at the first start and cannot be shown again. A new one: {command}").format(
                command=another
            )
        )
    stop = _("Stop it with `{command}`.").format(command=_command(run, settings, "stop"))
    run.say(_("Stop with Ctrl-C.") if place.pid is None else stop)


def _command(run: Run, settings: Settings, *words: str) -> str:
    """Return a command for people to copy; it names the store unless a command finds that without being told."""
    if run.store_given is not None or _is_usual(settings):
        return run.command(*words)
    return shlex.join(["ingat", *words, "--store", settings.store])


def _is_usual(settings: Settings) -> bool:
    """Return whether a command finds the store without being told: so it is also with one that has a password, which
    nobody is shown and which stands in the environment or in the settings file."""
    return settings.store == Settings().store or has_password(settings.store)


serve = Command(
    "serve",
    callback=_serve,
    help=mark("Answer over HTTP until stopped.")
    + "\n\n"
    + mark("The first start makes an access key and shows it once, in a URL that signs a browser in."),
    params=[
        Option(["--host"], metavar="HOST", help=mark("address to listen on; by default 127.0.0.1")),
        Option(
            ["--port"],
            type=Whole(),
            metavar="PORT",
            help=mark("port to listen on; by default 8081; 0 takes one that is free"),
        ),
        Option(
            ["--workers"],
            type=Whole(),
            metavar="N",
            default=1,
            show_default=True,
            help=mark("processes that answer side by side on the same store"),
        ),
        Option(["--detach"], is_flag=True, help=mark("go on in the background; `ingat stop` ends it")),
        Option(["--no-key"], is_flag=True, help=mark("make no first key, where standard output goes into a log")),
    ],
)
