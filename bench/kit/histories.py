"""Histories: the peers that keep chat messages, each with its own defaults, as steps that append one message."""

from __future__ import annotations

import json
import os
import sqlite3
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from bench.kit.sides import Step
from ingat.search.embed.contract import Embedder

SESSIONS = 100


class History(Protocol):
    """A peer's store of messages."""

    def fill(self, texts: Sequence[str]) -> None:
        """Write many messages by the fastest way there is."""
        ...

    def step(self, number: int, text: str) -> Step:
        """Return the append of one message."""
        ...


class LangChainHistory:
    """LangChain's SQLChatMessageHistory on a SQLite file."""

    def __init__(self, folder: Path, sessions: int = SESSIONS) -> None:
        warnings.simplefilter("ignore")
        from langchain_community.chat_message_histories import SQLChatMessageHistory
        from langchain_core.messages import HumanMessage

        self._path, self._message = folder / "langchain.db", HumanMessage
        first = SQLChatMessageHistory("s0", connection=f"sqlite:///{self._path}")
        others = [SQLChatMessageHistory(f"s{each}", connection=first.engine) for each in range(1, sessions)]
        self._sessions = [first, *others]

    def fill(self, texts: Sequence[str]) -> None:
        self.step(0, texts[0])()
        with sqlite3.connect(self._path) as conn:
            (model,) = conn.execute("SELECT message FROM message_store LIMIT 1").fetchone()
            rows = []
            for place, text in enumerate(texts):
                row = json.loads(model)
                row["data"]["content"] = text
                rows.append((f"s{place % len(self._sessions)}", json.dumps(row)))
            conn.executemany("INSERT INTO message_store (session_id, message) VALUES (?, ?)", rows)
        conn.close()

    def step(self, number: int, text: str) -> Step:
        session, message = self._sessions[number % len(self._sessions)], self._message(content=text)
        return lambda: session.add_message(message)

    def read(self, session: int) -> list[Any]:
        """Return all messages of a session."""
        return list(self._sessions[session].messages)


class LangGraphStore:
    """LangGraph's SqliteStore, without an index of vectors."""

    def __init__(self, folder: Path) -> None:
        from langgraph.store.base import PutOp
        from langgraph.store.sqlite import SqliteStore

        conn = sqlite3.connect(folder / "langgraph.db", check_same_thread=False, isolation_level=None)
        self._store, self._put = SqliteStore(conn), PutOp
        self._store.setup()

    def fill(self, texts: Sequence[str]) -> None:
        for start in range(0, len(texts), 1_000):
            self._store.batch(
                [
                    self._put((f"s{place % SESSIONS}",), f"filled{place}", {"role": "user", "content": texts[place]})
                    for place in range(start, min(start + 1_000, len(texts)))
                ]
            )

    def step(self, number: int, text: str) -> Step:
        namespace, key, value = (f"s{number % SESSIONS}",), f"m{number}", {"role": "user", "content": text}
        return lambda: self._store.put(namespace, key, value)


class Mem0:
    """mem0 with `infer=False`: no language model, Qdrant in a folder, and our static model as its embedder."""

    def __init__(self, folder: Path, embedder: Embedder) -> None:
        os.environ |= {"MEM0_TELEMETRY": "False", "MEM0_DIR": str(folder / "mem0"), "OPENAI_API_KEY": "unused"}
        from mem0 import Memory

        store = {"path": str(folder / "qdrant"), "embedding_model_dims": embedder.dim, "on_disk": True}
        self._memory = Memory.from_config(
            {
                "vector_store": {"provider": "qdrant", "config": store},
                "history_db_path": str(folder / "mem0.db"),
                "embedder": {"provider": "openai", "config": {"embedding_dims": embedder.dim}},
            }
        )
        self._memory.embedding_model = _Mem0Embedder(embedder)

    def fill(self, texts: Sequence[str]) -> None:
        for place, text in enumerate(texts):
            self.step(place, text)()

    def step(self, number: int, text: str) -> Step:
        said, user_id = [{"role": "user", "content": text}], f"u{number % SESSIONS}"
        return lambda: self._memory.add(said, user_id=user_id, infer=False)

    def close(self) -> None:
        """Let go of the folder, which Qdrant cannot do while the interpreter ends."""
        self._memory.vector_store.client.close()


class _Mem0Embedder:
    """The methods that mem0 asks of an embedder."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self.config = type("Config", (), {"embedding_dims": embedder.dim})()

    def embed(self, text: str, memory_action: str | None = None) -> list[float]:
        values: list[float] = self._embedder.encode([text])[0].tolist()
        return values

    def embed_batch(self, texts: list[str], memory_action: str | None = None) -> list[list[float]]:
        return [self.embed(text) for text in texts]


class TinyDb:
    """TinyDB: one JSON file, written anew at every insert."""

    def __init__(self, folder: Path) -> None:
        from tinydb import TinyDB

        self._db: Any = TinyDB(folder / "tiny.json")

    def fill(self, texts: Sequence[str]) -> None:
        self._db.insert_multiple(_row(place, text) for place, text in enumerate(texts))

    def step(self, number: int, text: str) -> Step:
        row = _row(number, text)
        return lambda: self._db.insert(row)


class JsonFile:
    """One JSON file: read, changed and written back at every append, as small bots do."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "messages.json"

    def fill(self, texts: Sequence[str]) -> None:
        self._path.write_text(json.dumps([_row(place, text) for place, text in enumerate(texts)]), encoding="utf-8")

    def step(self, number: int, text: str) -> Step:
        row = _row(number, text)

        def append() -> None:
            rows = json.loads(self._path.read_text(encoding="utf-8"))
            rows.append(row)
            self._path.write_text(json.dumps(rows), encoding="utf-8")

        return append


def _row(number: int, text: str) -> dict[str, Any]:
    return {"session": f"s{number % SESSIONS}", "seq": number, "role": "user", "content": text, "at": 1_700_000_000_000}
