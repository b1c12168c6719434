"""The HTTP server's processes: the socket, the workers, and an end without loss."""

from __future__ import annotations

import errno
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, NamedTuple, cast

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn import Config, Server
from uvicorn.importer import import_from_string
from uvicorn.supervisors import Multiprocess

from ingat.aio import AsyncMemory
from ingat.cli.logs import server_log, set_up_logs
from ingat.cli.protocol import EndingProtocol
from ingat.cli.run import Run
from ingat.core import clock
from ingat.core.errors import Conflict, IngatError, InvalidSettings, StoreClosed
from ingat.core.settings import Settings
from ingat.lifecycle.scheduler import Scheduler
from ingat.memory import Memory

STORED_LOG = "ingat.app.stored_log:storing"
"""What writes our own log into a memory."""
APPLICATION = "ingat.app.asgi:create_app"
"""What makes the application of a memory; it stands above us, so the server looks it up by name."""
GRACE_S = 10
"""How long open requests may go on after the server was told to stop."""
BACKLOG = 2_048

_log = logging.getLogger("ingat.server")


class Listener(NamedTuple):
    """A socket that listens, and the address that people open."""

    socket: socket.socket
    host: str

    @property
    def port(self) -> int:
        """Return the port that it listens on."""
        return int(self.socket.getsockname()[1])

    @property
    def address(self) -> str:
        """Return the URL under which this machine reaches it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self.host, self.host)
        return f"http://[{host}]:{self.port}/" if ":" in host else f"http://{host}:{self.port}/"


def listen(host: str, port: int) -> Listener:
    """Return a socket that listens on the address; port 0 takes a free one.

    Raises Conflict when the port is taken, InvalidSettings when the address cannot be used.
    """
    try:
        family = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        server = socket.create_server((host, port), family=family, backlog=BACKLOG)
        # connections inherit it; asyncio sets it only on sockets that name their protocol
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return Listener(server, host)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise Conflict(
                f"Port {port} of {host} is taken by another program. Nothing was started; stop that program, or choose"
                " another port with --port (0 takes a free one).",
                host=host,
                port=port,
            ) from error
        raise InvalidSettings(
            f"The server cannot listen on {host} port {port}: {error.strerror or error}. Nothing was started; choose"
            " another --host or --port.",
            host=host,
            port=port,
        ) from error


def serve_alone(
    run: Run, memory: Memory, settings: Settings, listener: Listener, workers: int, ready: Callable[[], None]
) -> None:
    """Answer in this process until a signal ends it; `ready` is called when requests are about to be answered."""
    create = import_from_string(APPLICATION)
    server = Server(_config(run, create(AsyncMemory.over(memory), settings)))
    _set_up_logs(settings, as_json=run.json, colours=run.colours)
    with (
        _signals_end(server),
        import_from_string(STORED_LOG)(memory, settings.stored_level),
    ):
        _sweep_behind(memory)
        with _scheduled(memory, settings, clock.now()):
            ready()
            server.run(sockets=[listener.socket])
    if not server.started:
        raise Conflict("The server could not start; its log says why. The store was left as it is.")


def serve_together(
    run: Run, memory: Memory, settings: Settings, listener: Listener, workers: int, ready: Callable[[], None]
) -> None:
    """Answer in several processes, each with its own memory on the same store, until a signal ends them all."""
    import_from_string(APPLICATION)
    make = partial(application, settings, as_json=run.json, colours=run.colours, began=clock.now())
    config = _config(run, make, factory=True, workers=workers)
    _set_up_logs(settings, as_json=run.json, colours=run.colours)
    with _signals_end(None):
        workers_of_ours = Multiprocess(config, sockets=[listener.socket])  # from here on it hears the signals
        _sweep_behind(memory)
        ready()
        workers_of_ours.run()


def application(settings: Settings, *, as_json: bool, colours: bool, began: int) -> ASGIApp:
    """Return the application of one worker; it opens its own memory, and closes it when the worker ends.

    `began` is when the server started: jobs that one worker has run since then are not run again by the others.
    """
    _set_up_logs(settings, as_json=as_json, colours=colours)
    memory = Memory.from_settings(settings)
    create = import_from_string(APPLICATION)
    app, jobs = cast(ASGIApp, create(AsyncMemory.over(memory), settings)), ExitStack()
    jobs.enter_context(import_from_string(STORED_LOG)(memory, settings.stored_level))
    jobs.enter_context(_scheduled(memory, settings, began))
    return Closing(app, memory, jobs)


class Closing:
    """An application that ends its jobs and closes its memory when the server has answered its last request."""

    def __init__(self, app: ASGIApp, memory: Memory, jobs: ExitStack) -> None:
        self._app, self._memory, self._jobs = app, memory, jobs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return

        async def tell(message: Message) -> None:
            if message["type"].startswith("lifespan.shutdown"):
                try:
                    self._jobs.close()
                finally:
                    self._memory.close()
            await send(message)

        await self._app(scope, receive, tell)


def _set_up_logs(settings: Settings, *, as_json: bool, colours: bool) -> None:
    set_up_logs(as_json=as_json, colours=colours, level=logging.INFO, events=settings.log_level == "debug")


def _config(run: Run, app: Any, **more: Any) -> Config:
    return Config(
        app,
        log_config=server_log(as_json=run.json, colours=run.colours, level="WARNING"),
        http=EndingProtocol,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_S,
        **more,
    )


@contextmanager
def _scheduled(memory: Memory, settings: Settings, began: int) -> Iterator[None]:
    """Run the memory's jobs by the clock until the end of the block, unless the settings say that another does."""
    if not (settings.scheduler and settings.enabled):
        yield
        return
    scheduler = Scheduler(memory.jobs, began=began)
    scheduler.start()
    try:
        yield
    finally:
        scheduler.stop()


def _sweep_behind(memory: Memory) -> None:
    """Make the vectors that an earlier process left unmade, in the background."""
    if memory.vectors is None:
        return
    threading.Thread(target=_sweep, args=(memory,), name="ingat-sweep", daemon=True).start()


def _sweep(memory: Memory) -> None:
    try:
        made = memory.vectors.sweep() if memory.vectors is not None else 0
    except StoreClosed:
        return  # the server was stopped meanwhile; the next start goes on
    except IngatError as error:
        _log.warning("Vectors not made (%s): %s", error.code, error.message)
        return
    if made:
        _log.info("Vectors of %d entries made", made)


@contextmanager
def _signals_end(server: Server | None) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM end the server and nothing else, also before it listens to them itself.

    The server raises them again when it has ended; then they do nothing.
    """

    def end(number: int, frame: Any) -> None:
        if server is not None:
            server.should_exit = True

    asked = (signal.SIGINT, signal.SIGTERM)
    before = {each: signal.signal(each, end) for each in asked}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
