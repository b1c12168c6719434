"""The servers of a store that run in the background: started, found by their pid files, and stopped.

A server writes `ingat-<port>.pid` into the data directory of its store, and removes it when it has ended. Whoever stops
it signals the process that the file names and no other, and only when it still is the one that wrote it.
"""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from ingat.cli import processes
from ingat.cli.processes import Process
from ingat.core import clock
from ingat.core.errors import Conflict, Forbidden, InvalidSettings
from ingat.core.settings import Settings, data_directory, variables_for
from ingat.core.urls import without_password

STOP_S = 45.0
"""How long a stop waits: open requests have 10 s, a job in its midst and the last vectors the rest."""
START_S = 60.0
"""How long a start waits until the server answers."""
LOG = "serve.log"
LOG_BYTES = 10_000_000
"""A log that is larger is put aside at the next start, as `serve.log.1`."""
_KILLED_S = 10.0
"""How long what was killed may take to be gone; a disk that does not answer holds it."""
_TAIL_LINES = 20
_TAIL_BYTES = 16_384
_PATTERN = "ingat-*.pid"


class Server(Struct, frozen=True, kw_only=True):
    """A server, as its pid file tells: `url` is where this machine reaches it, `store` the store without its secret.

    `began` names the run of the process, so that a process that has its number later is not taken for it; `begun_at` is
    when it began to answer, milliseconds UTC.
    """

    pid: int
    began: str
    machine: str
    host: str
    port: int
    workers: int
    url: str
    store: str
    begun_at: int


class Found(NamedTuple):
    """What the pid files of a data directory tell: servers that run, files that named none any more and were removed,
    and servers of other machines that share the folder."""

    servers: list[Server]
    stale: list[Path]
    elsewhere: list[Server]


class Stopped(NamedTuple):
    """A server that was stopped; `killed` when it did not end by itself."""

    server: Server
    killed: bool


class Holder(NamedTuple):
    """The process that listens on a port; as text it reads `python3 (process 4711)`."""

    program: str
    pid: int

    def __str__(self) -> str:
        return f"{self.program} (process {self.pid})"


@contextmanager
def recording(settings: Settings, now: clock.Clock = clock.now) -> Iterator[Callable[[str, int, str, int], None]]:
    """Give a function that writes this process's pid file: host, port, URL, workers. The file goes with the block.

    A store in memory has no folder for it, so that nothing is written.
    """
    folder, own = data_directory(settings.store, settings.data), list[Path]()

    def write(host: str, port: int, url: str, workers: int) -> None:
        me = processes.process(os.getpid())
        if folder is None or me is None:
            return
        server = Server(
            pid=me.pid,
            began=me.began,
            machine=os.uname().nodename,
            host=host,
            port=port,
            workers=workers,
            url=url,
            store=without_password(settings.store),
            begun_at=now(),
        )
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        taken = any(each.port == port for each in running(settings))  # on another address
        path = folder / (f"ingat-{port}-{me.pid}.pid" if taken else f"ingat-{port}.pid")
        own.append(path)
        _write(path, msgspec.json.format(msgspec.json.encode(server), indent=2) + b"\n")

    try:
        yield write
    finally:
        for path in own:
            kept = _read(path)
            if kept is not None and kept.pid == os.getpid() and kept.machine == os.uname().nodename:
                with suppress(OSError):
                    path.unlink()


def look(settings: Settings) -> Found:
    """Read the pid files of the settings' store, and remove those whose process is gone."""
    folder, found = data_directory(settings.store, settings.data), Found([], [], [])
    for path in sorted(folder.glob(_PATTERN)) if folder is not None else ():
        server = _read(path)
        if server is not None and _is_ours(server):
            found.servers.append(server)
        elif server is not None and server.machine != os.uname().nodename:
            found.elsewhere.append(server)
        elif _read(path) == server:  # not written anew meanwhile
            with suppress(OSError):
                path.unlink()
                found.stale.append(path)
    return found


def running(settings: Settings) -> list[Server]:
    """Return the servers of the settings' store that run on this machine."""
    return look(settings).servers


def stop(
    settings: Settings, *, port: int | None = None, timeout_s: float = STOP_S, force: bool = False
) -> list[Stopped]:
    """Stop the servers of the settings' store, or the one of a port, and wait for their end; return those stopped.

    Each is asked to end, which keeps everything that it acknowledged. One that has not ended in time goes on ending and
    is named by a Conflict, unless `force`: then it is killed, with its workers. Forbidden when it is another person's.
    Either is raised after all of them were asked and waited for, and has those that were asked as `told`.
    """
    told, stopped, failed = list[Server](), list[Stopped](), list[Conflict | Forbidden]()
    for server in running(settings):
        if port in (None, server.port):
            try:
                _send(server, _process_of(server), signal.SIGTERM)
                told.append(server)
            except Forbidden as error:
                failed.append(error)
    until = time.monotonic() + timeout_s
    for server in told:
        try:
            stopped.append(_end(server, max(until - time.monotonic(), 0), timeout_s, force=force))
        except (Conflict, Forbidden) as error:
            failed.append(error)
    look(settings)  # who was killed left its file
    if failed:
        failed[0].details["told"] = [described(each) for each in told]
        raise failed[0]
    return stopped


def described(server: Server) -> dict[str, str | int]:
    """Return what programs are told of a server: enough to start it again."""
    return {
        "pid": server.pid,
        "url": server.url,
        "host": server.host,
        "port": server.port,
        "workers": server.workers,
    }


def start(
    settings: Settings,
    *,
    store: str | None = None,
    workers: int = 1,
    language: str | None = None,
    timeout_s: float = START_S,
) -> Server:
    """Start a server in the background and return it as soon as it answers; it makes no first key.

    It listens where the settings say. It keeps the store that `store` names, else that of its own settings, which are
    those of the present folder and environment, and writes its log to `serve.log` in the data directory. Conflict with
    the end of that log when it ends before it answers, or does not answer in time; then it is stopped.
    """
    folder = data_directory(settings.store, settings.data)
    if folder is None:
        raise InvalidSettings(
            "A server in the background needs a store in a file; one in memory is gone with whoever made it."
        )
    words = ["--host", settings.host, "--port", str(settings.port), "--workers", str(workers), "--no-key"]
    variables = variables_for(store)
    words += [*(["--store", store] if store and variables is None else []), *(["--lang", language] if language else [])]
    with _log(folder) as log:
        beginning = log.seek(0, os.SEEK_END)
        child = subprocess.Popen(
            [sys.executable, "-P", "-m", "ingat", "serve", *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=variables,
        )
    # waits as long as we live, so that the server's exit code is collected when it ends before us
    threading.Thread(target=child.wait, name="ingat-server", daemon=True).start()
    until = time.monotonic() + timeout_s
    while time.monotonic() < until and child.returncode is None:
        server = next((each for each in running(settings) if each.pid == child.pid), None)
        if server is not None and is_ready(server):
            return server
        time.sleep(processes.LOOK_EVERY_S)
    tail, path = _tail(folder / LOG, beginning), folder / LOG
    if child.returncode is not None:
        raise Conflict(f"The server ended before it answered. The end of its log {path}:\n{tail}", log=str(path))
    child.terminate()
    raise Conflict(
        f"The server did not answer within {timeout_s:g} s and was told to stop. The end of its log {path}:\n{tail}",
        log=str(path),
    )


def is_ready(server: Server) -> bool:
    """Return whether a server answers and can reach its store."""
    connection = http.client.HTTPConnection(urlsplit(server.url).hostname or "", server.port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def holder(port: int) -> Holder | None:
    """Return who listens on a port; None when nobody is seen to."""
    pid = processes.listener(port)
    if pid is None:
        return None
    words = processes.words_of(pid)
    return Holder(os.path.basename(words[0]) if words else "?", pid)


def _process_of(server: Server) -> Process:
    return Process(server.pid, server.began)


def _is_ours(server: Server) -> bool:
    return processes.runs(_process_of(server)) and _serves(processes.words_of(server.pid))


def _serves(words: Sequence[str]) -> bool:
    """Return whether a process was called as a server is: `ingat serve`, by whatever name and Python."""
    return "serve" in words[1:] and any("ingat" in word for word in words)


def _send(server: Server, one: Process, number: signal.Signals) -> None:
    try:
        processes.send(one, number)
    except PermissionError as error:
        raise Forbidden(
            f"The server (process {server.pid}) belongs to somebody else, so it was not stopped; stop it as its owner.",
            pid=server.pid,
        ) from error


def _end(server: Server, left_s: float, timeout_s: float, *, force: bool) -> Stopped:
    one = _process_of(server)
    if processes.ended(one, left_s):
        return Stopped(server, killed=False)
    if not force:
        raise Conflict(
            f"The server (process {server.pid}, {server.url}) was told to stop and did not end within {timeout_s:g} s."
            " It ends when it has finished what it does; --force kills it, which loses nothing that was acknowledged.",
            pid=server.pid,
            url=server.url,
        )
    workers = processes.begun_by(one)  # they would outlive it
    for each in (one, *workers):
        _send(server, each, signal.SIGKILL)
    for each in (one, *workers):
        processes.ended(each, _KILLED_S)
    return Stopped(server, killed=True)


def _read(path: Path) -> Server | None:
    """Return what a pid file tells; None when it is gone or is no pid file."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Server)
    except (OSError, msgspec.MsgspecError):
        return None


def _write(path: Path, raw: bytes) -> None:
    """Write a file that only its owner can read, as a whole or not at all."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(raw)
        os.replace(unfinished, path)
    except OSError:
        with suppress(OSError):
            unfinished.unlink()
        raise


def _log(folder: Path) -> IO[bytes]:
    """Open the log to write at its end."""
    path = folder / LOG
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        if path.stat().st_size > LOG_BYTES:
            path.replace(path.with_name(LOG + ".1"))
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")


def _tail(path: Path, beginning: int) -> str:
    """Return the last lines of a log, of what was written since it had this length."""
    with path.open("rb") as file:
        file.seek(max(beginning, path.stat().st_size - _TAIL_BYTES))
        return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-_TAIL_LINES:])
