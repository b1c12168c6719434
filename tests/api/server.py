"""A real server on the loopback address, over a real store file, and a client that sends what it is told."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import uvicorn

from ingat.aio import AsyncMemory
from ingat.app.asgi import create_app
from ingat.cli.protocol import EndingProtocol
from ingat.core.settings import Settings
from ingat.memory import Memory
from tests.engine import store_at


class Answer(NamedTuple):
    """An answer as it came: `headers` by lower-case name, `json` of the body (None when it is not JSON)."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return msgspec.json.decode(self.body)

    @property
    def code(self) -> str:
        """The code of an error."""
        assert self.json.keys() == {"error"}
        assert self.json["error"].keys() == {"code", "message", "details"}
        return str(self.json["error"]["code"])


class Server:
    """A server that runs, and the memory that it serves."""

    def __init__(self, memory: Memory, port: int, behind: uvicorn.Server) -> None:
        self.memory, self.port, self._behind = memory, port, behind
        self.url = f"http://127.0.0.1:{port}"
        self.admin = memory.keys.create("admin").key
        self.service = memory.keys.create("service").key

    def stop_soon(self) -> None:
        """Begin to shut down."""
        self._behind.should_exit = True

    def user_key(self, user_id: str) -> str:
        """Return a new key that is bound to this user."""
        return self.memory.keys.create("user", user_id).key

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = "",
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Send one request and return its answer. `key` "" stands for the service key, None for none.

        `body` is sent as it is when it is bytes, else as JSON.
        """
        sent = {"Connection": "close", **(headers or {})}
        if key is not None:
            sent.setdefault("Authorization", f"Bearer {key or self.service}")
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, data, {k: v for k, v in sent.items() if v})
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, found, response.read())
        finally:
            connection.close()

    def raw(self, data: bytes) -> bytes:
        """Send bytes and return all that comes back."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(data)
            parts = []
            while part := connection.recv(1 << 16):
                parts.append(part)
        return b"".join(parts)


@contextmanager
def running(folder: Path, *, memory: Memory | None = None, **settings: Any) -> Iterator[Server]:
    """Run a server over a new store in this folder (or over this memory) until the end of the block."""
    memory = memory or Memory(**store_at(folder / "ingat.db"), embedder="none", backup_mirror=f"{folder}/second place")
    face = AsyncMemory.over(memory)
    config = uvicorn.Config(
        create_app(face, Settings(**settings)),
        http=EndingProtocol,
        lifespan="on",
        log_config=None,
        access_log=False,
        ws="none",
    )
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(config)
    thread = threading.Thread(target=asyncio.run, args=(server.serve([listener]),))
    thread.start()
    try:
        yield Server(memory, listener.getsockname()[1], server)
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
        memory.close()
        face._pools.shutdown()
