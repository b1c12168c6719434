"""`ingat serve`: the HTTP server, in one process or several on one store."""

from __future__ import annotations

from ingat.cli.command import Command, Option
from ingat.cli.language import mark
from ingat.cli.run import Run, current_run
from ingat.cli.server import Listener, listen, serve_alone, serve_together
from ingat.cli.values import Whole
from ingat.core.errors import InvalidLimit
from ingat.core.limits import check_limit
from ingat.core.settings import Settings, data_directory
from ingat.memory import Memory

MAX_WORKERS = 64


def _serve(host: str | None, port: int | None, workers: int) -> None:
    run = current_run()
    settings = run.settings_with(host=host, port=port, synchronous=run.settings.synchronous or "FULL")
    check_limit(workers, "number of workers", 1, MAX_WORKERS)
    if workers > 1 and data_directory(settings.store, settings.data) is None:
        raise InvalidLimit("Several workers need a store that they can share; a store in memory has one process.")
    with run.memory_of(settings) as memory:
        listener = listen(settings.host, settings.port)
        with listener.socket:
            answer = serve_alone if workers == 1 else serve_together
            answer(run, memory, settings, listener, workers, lambda: _welcome(run, memory, settings, listener, workers))
    if not run.json:
        _ = run.translate
        saved = _("Stopped. Everything that was acknowledged is saved.")
        run.note(saved if run.keeps(settings) else _("Stopped. The store was in memory and is gone."))


def _welcome(run: Run, memory: Memory, settings: Settings, listener: Listener, workers: int) -> None:
    """Make the first key if there never was one, and say where the server answers and how to get in."""
    _, first = run.translate, memory.keys.create_first()
    address = listener.address
    another = "ingat keys create --role admin" + ("" if _is_usual(settings) else f" --store {settings.store}")
    if run.json:
        key = {} if first is None else {"key": first.key, "sign_in": f"{address}?key={first.key}"}
        run.print_json({"url": address, "host": settings.host, "port": listener.port, "workers": workers, **key})
        return
    run.say(_("Ingat answers at {address} and keeps {store}.").format(address=address, store=settings.store))
    if first is not None:
        run.say(_("Open this once to sign in; the key in it is for programs too and cannot be shown again:"))
        run.say(f"    {address}?key={first.key}")
        run.say(_("If it is lost, make a new one: {command}").format(command=another))
    else:
        run.say(
            _("A key was made at the first start and cannot be shown again. A new one: {command}").format(
                command=another
            )
        )
    run.say(_("Stop with Ctrl-C."))


def _is_usual(settings: Settings) -> bool:
    return settings.store == Settings().store


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
    ],
)
