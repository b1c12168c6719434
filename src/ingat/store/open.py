"""From a store's URL to the engine that it names."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, get_args

from ingat.core.errors import InvalidSettings, MissingExtra
from ingat.core.urls import is_postgres
from ingat.store.contract import Store

Synchronous = Literal["NORMAL", "FULL"]

MAX_BUSY_TIMEOUT_MS = 600_000
MAX_READERS = 64

MEMORY = ":memory:"
"""The URL of a store that is gone when it is closed."""
_HINT = "Write sqlite:///relative.db, sqlite:////absolute/path.db, postgresql://user@host/database or :memory:."


def open_store(
    url: str, *, synchronous: Synchronous = "NORMAL", busy_timeout_ms: int = 5000, readers: int = 32
) -> Store:
    """Return the open store that the URL names, made when it is not there yet; its tables are made by `migrate`.

    `sqlite:///relative.db` is a file below the present folder, `sqlite:////absolute.db` one from the root, `:memory:`
    or `sqlite://` a store that is gone when it is closed. The path is taken as it is written, without decoding. The
    file's folder is made when missing; the file can be read by its owner only. `postgresql://user:password@host/name`
    is a database of a server, with the parameters of libpq; `?schema=name` names the schema of the tables, by default
    `ingat`.

    `synchronous`: with NORMAL a write survives the death of the process, with FULL also a power cut; on PostgreSQL it
    always survives both. `busy_timeout_ms`: how long to wait for another process's lock, on PostgreSQL also for a
    server that is gone, at least 5 seconds. `readers`: how many threads can read at once.

    Errors: InvalidSettings for anything else; MissingExtra without the driver of PostgreSQL; StoreReadOnly,
    StoreCorrupt (not a database, or another program's), StoreUnavailable, StoreFull and StoreBusy from the engine. A
    file that is refused is left as it is.
    """
    if synchronous not in get_args(Synchronous):
        raise InvalidSettings(f"synchronous is {synchronous!r}; it must be NORMAL or FULL.", synchronous=synchronous)
    _check_between("busy_timeout_ms", busy_timeout_ms, 0, MAX_BUSY_TIMEOUT_MS)
    _check_between("readers", readers, 1, MAX_READERS)
    if is_postgres(url):
        opened: Store = _postgres().PostgresStore(url, busy_timeout_ms=busy_timeout_ms, readers=readers)
        return opened
    path = sqlite_file(url)
    from ingat.store.sqlite.engine import SQLiteStore

    return SQLiteStore(path, synchronous=synchronous, busy_timeout_ms=busy_timeout_ms, readers=readers)


def is_there(url: str) -> bool:
    """Return whether the store that the URL names was made before."""
    if is_postgres(url):
        return bool(_postgres().is_there(url))
    path = sqlite_file(url)
    return path is not None and path.is_file()


def lasts(url: str) -> bool:
    """Return whether the store that the URL names is there after it was closed; InvalidSettings for no such URL."""
    return is_postgres(url) or sqlite_file(url) is not None


def passing_schema(url: str) -> AbstractContextManager[str]:
    """Yield the URL of a schema that is not there, in the same database of PostgreSQL, and drop it afterwards.

    Raises StoreError, with the schema's name, when it could not be dropped.
    """
    passing: AbstractContextManager[str] = _postgres("passing").passing_schema(url)
    return passing


def schema_folder(url: str) -> Path:
    """Return the folder with the numbered SQL files of the engine that the URL names, for `migrate`."""
    if is_postgres(url):
        return Path(__file__).with_name("postgres") / "schema"
    sqlite_file(url)
    return Path(__file__).with_name("sqlite") / "schema"


def _postgres(module: str = "engine") -> Any:
    """Return a module of the engine, which is loaded only when it is used.

    Raises MissingExtra when its driver is not installed.
    """
    try:
        return import_module(f"ingat.store.postgres.{module}")
    except ImportError as error:
        if (error.name or "").partition(".")[0] != "psycopg":
            raise
        raise MissingExtra(
            "A store on PostgreSQL needs the driver psycopg with its library libpq, which is not installed. Install"
            " ingat[postgres]; for bin/run set INGAT_EXTRAS=postgres.",
            extra="postgres",
        ) from error


def sqlite_file(url: object) -> Path | None:
    """Return the file that a URL names, None for memory, or raise InvalidSettings; the file need not be there."""
    if isinstance(url, Path):
        raise InvalidSettings(f"A store is named by a URL, not by a path. {_written(str(url))}", url=str(url))
    if not isinstance(url, str):
        raise InvalidSettings(f"A store is named by a URL, not by {url!r}. {_HINT}", given=type(url).__name__)
    if url in (":memory:", "sqlite://", "sqlite:///:memory:"):
        return None
    scheme, separator, rest = url.partition("://")
    if not separator:
        shown = f"…@{url.rpartition('@')[2]}" if "@" in url else url
        hint = _HINT if "@" in url else _written(url)
        raise InvalidSettings(f"{shown!r} is not the URL of a store: the scheme is missing. {hint}", url=shown)
    if scheme != "sqlite":
        raise InvalidSettings(f"Unknown store scheme {scheme!r}; known: sqlite, postgresql. {_HINT}", scheme=scheme)
    path = rest[1:]
    if rest and not rest.startswith("/"):
        raise InvalidSettings(f"{url!r} has two slashes where it needs three. {_written(rest)}", url=url)
    if not rest.startswith("/") or not path or path.endswith("/"):
        raise InvalidSettings(f"{url!r} names no file. {_HINT}", url=url)
    if path.startswith("~") or "?" in path or "\0" in path:
        raise InvalidSettings(f"The path in {url!r} may not start with ~ or hold ? or NUL. {_HINT}", url=url)
    return Path(path)


def _written(path: str) -> str:
    """Return the hint that shows a plain path as the URL of a store."""
    path = os.path.expanduser(path.removeprefix("sqlite:"))
    return f"Write sqlite:///{path} instead." if path and not path.endswith("/") else _HINT


def _check_between(name: str, value: int, low: int, high: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise InvalidSettings(f"{name} is {value!r}; it must be a whole number from {low} to {high}.", setting=name)
