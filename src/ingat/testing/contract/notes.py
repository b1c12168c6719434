"""Notes: the tables that the contract is tested with, what is written into them, and a write that waits."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ingat.store.contract import Store, Tx

TABLES = (
    "CREATE TABLE note (author {text} NOT NULL, n BIGINT NOT NULL, body {text}, PRIMARY KEY (author, n))",
    "CREATE TABLE reply (id BIGINT NOT NULL PRIMARY KEY, author {text} NOT NULL, n BIGINT NOT NULL,"
    " FOREIGN KEY (author, n) REFERENCES note (author, n))",
    "CREATE TABLE kept (id BIGINT NOT NULL PRIMARY KEY, body {text}, whole BIGINT, part DOUBLE PRECISION, raw {raw})",
    "CREATE TABLE job (name {text} NOT NULL PRIMARY KEY, state {text} NOT NULL, owner {text})",
    "CREATE UNIQUE INDEX job_running ON job (owner) WHERE state = 'running' AND owner IS NOT NULL",
    "CREATE INDEX job_owner ON job (COALESCE(owner, ''), name)",
)


def note(author: str, n: int, body: str = "x") -> Callable[[Tx], int]:
    """Return a function that writes one note and returns the number of changed rows."""
    return lambda tx: tx.run("INSERT INTO note (author, n, body) VALUES (?, ?, ?)", (author, n, body))


def notes(tx: Tx) -> list[tuple[object, ...]]:
    """Return the author and the number of every note."""
    return list(tx.all("SELECT author, n FROM note ORDER BY author, n"))


class Held:
    """A write that has started and does not end until it is let go."""

    def __init__(self, store: Store, *, alone: bool = False) -> None:
        self.started, self.release = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=store.write, args=(self._run,), kwargs={"alone": alone})
        self.thread.start()
        assert self.started.wait(30)

    def _run(self, tx: Tx) -> None:
        note("held", 0)(tx)
        self.started.set()
        assert self.release.wait(30)

    def let_go(self) -> None:
        """Let it end, and wait until it has."""
        self.release.set()
        self.thread.join(30)
        assert not self.thread.is_alive()
