"""A PostgreSQL server of a test module's own, set up as the shared one is not, and what is in its files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg

from tests import postgres

_SETTINGS = (
    "fsync = off",
    "autovacuum = off",
    "jit = off",
    "wal_level = logical",
    "archive_mode = on",
    "archive_command = 'true'",
    "wal_keep_size = '32MB'",
    "max_prepared_transactions = 5",
)


class Server(NamedTuple):
    """A server that runs: its folder, and the URL of its database as a superuser."""

    folder: Path
    url: str

    def store(self, schema: str, user: str = "") -> str:
        """Return the URL of a store on it, for another user than the superuser if one is named."""
        url = self.url.replace("postgres@", f"{user}@") if user else self.url
        return f"{url}{'&' if '?' in url else '?'}schema={schema}"

    def run(self, *statements: str) -> None:
        """Run statements as the superuser, each for itself."""
        with closing(psycopg.connect(self.url, autocommit=True)) as conn:
            for statement in statements:
                conn.execute(statement.encode())

    def one(self, query: str) -> object:
        """Return the first value of a query."""
        with closing(psycopg.connect(self.url, autocommit=True)) as conn:
            row = conn.execute(query.encode()).fetchone()
            return row[0] if row else None

    def files_with(self, word: str) -> list[str]:
        """Return the files of tables and indexes that hold a word, when all that changed is written to them."""
        self.run("CHECKPOINT")
        base = self.folder / "base"
        return [str(path) for path in sorted(base.rglob("*")) if path.is_file() and word.encode() in path.read_bytes()]


@contextmanager
def own_server() -> Iterator[Server]:
    """Start a server, and stop it and remove its files at the end of the `with` block.

    Its files are in no folder of pytest's, whose parent every run of pytest closes to all other users again.
    """
    postgres.require()
    folder = postgres.new_folder()
    try:
        yield Server(folder, postgres.start(folder, _SETTINGS))
    finally:
        postgres.stop(folder)
        shutil.rmtree(folder.parent, ignore_errors=True)
