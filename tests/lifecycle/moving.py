"""A store with some of everything in every table that people fill, and all rows of a store to compare."""

from __future__ import annotations

import io
from contextlib import closing
from typing import Any

from ingat.memory import Memory
from ingat.store.contract import Row, Tx
from ingat.store.open import open_store
from ingat.store.tables import moving
from ingat.store.tables.catalog import TABLES
from ingat.testing import CountingEmbedder, TurnableClock, fill
from tests.lifecycle.dump import truth

LINES = 40
FILE = b"a,b\n1,2\n" * 400


def filled(url: str, clock: TurnableClock, **arguments: Any) -> str:
    """Fill a new store and return the id of an operation in it that can be undone."""
    with Memory(url, now=clock, embedder=CountingEmbedder(), **arguments) as memory:
        fill(memory, clock)
        talk = memory.sessions.create("cleo", id="talk", name="Talk \ufdd0", channel="web", metadata={"a": [1, None]})
        picture = {"kind": "image", "caption": "A wet boiler", "metadata": {"w": 640}}
        for number in range(LINES):
            memory.sessions.append(talk.id, "user", f"The boiler leaks at {number} o'clock, naïve 🐘", author="Cleo")
        memory.sessions.append(talk.id, "assistant", "Show me", attachments=[picture])
        memory.remember("cleo", "F57A", subject="boiler", session_id="talk")
        clock.turn(minutes=1)
        memory.remember("cleo", "F58B", subject="boiler")
        packed = memory.sessions.create("cleo", id="packed")
        memory.sessions.append(packed.id, "user", "Ten packets of tea. " * 60)
        memory.sessions.archive(packed.id)
        memory.snapshots.save("A", state={"x": [1.5] * 50}, user_id="cleo")
        memory.artifacts.save(io.BytesIO(FILE), name="table.csv", kind="dataset", user_id="cleo", session_id="talk")
        memory.artifacts.save(io.BytesIO(b"weights"), name="model")
        memory.keys.create("user", "cleo", "key of cleo")
        memory.retention.set(log_retention_days=300)
        for number in range(25):
            memory.logs.add(f"entry {number}", category="chat" if number % 2 else "system", user_id="cleo")
        clock.turn(days=40)
        memory.retain()
        now = memory.sessions.create("cleo", id="now", channel="web")
        memory.sessions.append(now.id, "user", "Good morning")
        for job in memory.jobs.list():
            if job.name in ("measure", "expire", "backup"):
                memory.jobs.run(job.name)
        memory.purge("noor", reason="asked for")
        done = memory.erase.user("ana", reason="moved away", force=True)
        last = memory.erase.logs(reason="not needed", user_id="cleo")
        assert last.id != done.id
        assert memory.vectors is not None
        memory.vectors.flush()
        return done.id


def rows_of(url: str) -> dict[str, list[Row]]:
    """Return every row of every table of a store, in the order of the keys, and the number of the last log entry."""

    class Looked(Exception):
        """Ends the transaction, which leaves a trace."""

    found: dict[str, list[Row]] = {}

    def look(tx: Tx) -> None:
        for table in TABLES:
            found[table.name] = [row for page in moving.pages(tx, table) for row in page]
        found["last log number"] = [(moving.last_log_number(tx),)]
        raise Looked

    with closing(open_store(url)) as store:
        try:
            store.write(look)
        except Looked:
            return found
    raise AssertionError


def as_read(memory: Memory) -> tuple[Any, Any]:
    """Return what is true in a memory, with its messages as they are read: a restored transcript is not compressed."""
    rows = {table: each for table, each in truth(memory).items() if table != "message"}
    return rows, {row["id"]: memory.sessions.messages(row["id"], None) for row in rows["session"]}
