"""A server for the benchmark of HTTP appends: `python -m bench.kit.server KIND FILE`; tells its port, key and sessions.

KIND is `ingat` (ours), `logged` (ours, with the log that `ingat serve` keeps by default), `vectors` (ours, with vectors
made behind the appends), `pool` (the same application, each append committed on its own in a thread of a pool) or
`nothing` (the same application, without a database).
"""

from __future__ import annotations

import asyncio
import json
import socket
import sqlite3
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar, cast

from uvicorn import Config, Server

from bench.kit.ours import url
from ingat.aio import AsyncMemory, AsyncSessions
from ingat.app.asgi import create_app
from ingat.app.stored_log import storing
from ingat.core.settings import Settings
from ingat.memory import Memory
from ingat.store.contract import Row, Store, Tx, Value
from ingat.store.sqlite.transaction import Transaction

T = TypeVar("T")

CLIENTS = 64
THREADS = 8


class PooledStore:
    """Writes as a thread pool does: a connection, a lock around it, and a commit for every write."""

    def __init__(self, path: Path) -> None:
        self._conn = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._conn.execute("PRAGMA synchronous=FULL")
        self._conn.execute("PRAGMA foreign_keys=ON")
        self._lock, self._pool = Lock(), ThreadPoolExecutor(THREADS)

    async def awrite(self, fn: Callable[[Tx], T]) -> T:
        """Run `fn` in a transaction of its own on a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._write, fn)

    def _write(self, fn: Callable[[Tx], T]) -> T:
        with self._lock:
            self._conn.execute("BEGIN IMMEDIATE")
            value = fn(Transaction(self._conn, reading=False))
            self._conn.execute("COMMIT")
            return value


class NoStore:
    """Keeps nothing, and answers what an append asks for."""

    async def awrite(self, fn: Callable[[Tx], T]) -> T:
        """Run `fn` against nothing."""
        return fn(_NoTx())


class _NoTx:
    def run(self, sql: str, args: Sequence[Value] = ()) -> int:
        return 1

    def many(self, sql: str, rows: Iterable[Sequence[Value]]) -> None:
        return None

    def one(self, sql: str, args: Sequence[Value] = ()) -> Row | None:
        if sql.startswith("UPDATE session"):
            return (1, "active")
        if sql.startswith("UPDATE user_profile"):
            return (1, "client")
        return ("u0",)

    def all(self, sql: str, args: Sequence[Value] = ()) -> list[Row]:
        return []


def _serve(kind: str, path: Path) -> None:
    sync = Memory(url(path), synchronous="FULL", embedder="static" if kind == "vectors" else "none")
    sessions = [sync.sessions.create(f"u{each}").id for each in range(CLIENTS)]
    key = sync.keys.create("service").key
    memory = AsyncMemory.over(sync)
    stand_in: dict[str, Callable[[], Any]] = {"pool": lambda: PooledStore(path), "nothing": NoStore}
    if kind in stand_in:
        store = cast(Store, stand_in[kind]())
        memory.sessions = AsyncSessions(sync.sessions, ThreadPoolExecutor(THREADS), store)
    app = create_app(memory, Settings(rate_limit_per_minute=0))
    listener = socket.create_server(("127.0.0.1", 0), backlog=2_048)
    print(json.dumps({"port": listener.getsockname()[1], "key": key, "sessions": sessions}), flush=True)
    config = Config(app, log_level="error", access_log=False, server_header=False, proxy_headers=False)
    with storing(sync, "info") if kind == "logged" else nullcontext():
        Server(config).run(sockets=[listener])
    sync.close()


if __name__ == "__main__":
    _serve(sys.argv[1], Path(sys.argv[2]))
