"""Vectors: filled in behind the writes, by one thread, in batches."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from ingat.core.errors import EmbedderUnavailable, StoreError
from ingat.search.embed.contract import Embedder
from ingat.search.embed.turns import encode_turns
from ingat.store.contract import Store
from ingat.store.tables import recall as table

BATCH = 256
MAX_WAITING = 20_000

_log = logging.getLogger("ingat.vectors")


class VectorFiller:
    """Makes and keeps the vectors of entries that were committed without them.

    What is told to `add` waits in memory and is bounded: beyond `MAX_WAITING` it is left to `sweep`. Nothing is lost
    when the process dies, because an entry without vectors can be seen in the store; recall makes up for them.
    """

    def __init__(self, store: Store, embedder: Embedder) -> None:
        self._store, self._embedder = store, embedder
        self._waiting: deque[tuple[str, int, str]] = deque()
        self._wake, self._idle = threading.Condition(), threading.Event()
        self._idle.set()
        self._thread: threading.Thread | None = None
        self._closing = False

    def add(self, user_id: str, positions: Sequence[int], texts: Sequence[str]) -> None:
        """Queue entries of one user; returns at once. What does not fit into the queue is left to `sweep`."""
        with self._wake:
            if self._closing or len(self._waiting) + len(positions) > MAX_WAITING:
                return
            self._waiting.extend(zip([user_id] * len(positions), positions, texts, strict=True))
            self._idle.clear()
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="ingat-vectors", daemon=True)
                self._thread.start()
            self._wake.notify()

    def waiting(self) -> int:
        """Return how many entries wait."""
        return len(self._waiting)

    def flush(self, timeout_s: float | None = None) -> bool:
        """Wait until everything that was queued has its vectors; False when the time ran out."""
        return self._idle.wait(timeout_s)

    def sweep(self, progress: Callable[[int], None] | None = None) -> int:
        """Make the vectors that are missing anywhere in the store, in this thread; return how many entries got some.

        `progress` is told the number done so far. Users are gone through one page of entries at a time.
        """
        done, after = 0, ("", -1)
        while True:
            missing = self._read_missing(after)
            if not missing:
                return done
            after = missing[-1][:2]
            self._fill(missing)
            done += len(missing)
            if progress is not None:
                progress(done)

    def close(self) -> None:
        """Stop after the batch that is being made; what still waits can be made at any later time."""
        with self._wake:
            self._closing = True
            self._waiting.clear()
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _read_missing(self, after: tuple[str, int]) -> list[tuple[str, int, str]]:
        fingerprint = self._embedder.fingerprint
        rows = self._store.read(lambda tx: table.without_vectors(tx, fingerprint, after, BATCH))
        by_user: dict[str, list[int]] = {}
        for user_id, position in rows:
            by_user.setdefault(user_id, []).append(position)
        texts: dict[tuple[str, int], str] = {}
        for user_id, positions in by_user.items():
            found = self._store.read(partial(table.texts_at, user_id=user_id, positions=positions))
            texts.update({(user_id, position): text for position, text in found})
        return [(user_id, position, texts.get((user_id, position), "")) for user_id, position in rows]

    def _work(self) -> None:
        try:
            self._work_on()
        except BaseException:
            # an embedder that breaks its contract ends this thread; nobody may wait for it, and the next add starts one
            with self._wake:
                self._waiting.clear()
                self._thread = None
                self._idle.set()
            raise

    def _work_on(self) -> None:
        while True:
            with self._wake:
                while not self._waiting:
                    self._idle.set()
                    if self._closing:
                        return
                    self._wake.wait()
                batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            try:
                self._fill(batch)
            except (EmbedderUnavailable, StoreError) as error:
                # the entries stay without vectors, which the store shows; recall and sweep make up for it
                _log.warning("Vectors of %d entries not kept (%s): %s", len(batch), error.code, error.message)

    def _fill(self, batch: Sequence[tuple[str, int, str]]) -> None:
        fingerprint = self._embedder.fingerprint
        vectors = encode_turns(self._embedder, [text for _, _, text in batch])
        rows = [
            (user_id, position, fingerprint, each.tobytes())
            for (user_id, position, _), each in zip(batch, vectors, strict=True)
        ]
        self._store.write(lambda tx: table.put_vectors(tx, rows))
