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
from ingat.store.contract import Store, Tx
from ingat.store.tables import recall as table

BATCH = 256
MAX_WAITING = 20_000
MAX_USERS_WAITING = 10_000
"""Users to be gone through; beyond this the next recall of a user, or `sweep`, makes up for them."""
LINGER_S = 0.05
"""How long the thread waits for a batch to fill: one batch of many costs a tenth of as many batches of one."""
CLOSING_S = 5.0
"""How long closing waits for what is queued."""

_log = logging.getLogger("ingat.vectors")


class VectorFiller:
    """Makes and keeps the vectors of entries that were committed without them.

    What is told to `add` waits in memory and is bounded: beyond `MAX_WAITING` entries only the user is noted, and the
    thread finds in the store what they lack. What fails is tried again after the next batch that succeeds. Nothing is
    lost when the process dies, because an entry without vectors can be seen in the store; recall makes up for it.
    """

    def __init__(self, store: Store, embedder: Embedder) -> None:
        self._store, self._embedder = store, embedder
        self._waiting: deque[tuple[str, int, str]] = deque()
        self._known: set[tuple[str, int]] = set()
        self._users: dict[str, None] = {}
        self._owed: dict[str, None] = {}
        self._wake, self._idle = threading.Condition(), threading.Event()
        self._idle.set()
        self._thread: threading.Thread | None = None
        self._closing = self._stopping = False
        self._hurried = 0

    def add(self, user_id: str, positions: Sequence[int], texts: Sequence[str]) -> None:
        """Queue entries of one user; returns at once and never fails. Entries that wait already are not queued again.

        Without texts, or when the queue is full, the user is noted instead: see `add_user`.
        """
        if not positions:
            return
        if not texts:
            self.add_user(user_id)
            return
        with self._wake:
            if self._closing:
                return
            before = len(self._waiting)
            if before + len(positions) > MAX_WAITING:
                _note(self._users, user_id)
            else:
                for position, text in zip(positions, texts, strict=True):
                    if (user_id, position) not in self._known:
                        self._known.add((user_id, position))
                        self._waiting.append((user_id, position, text))
            # a thread that waits for its batch to fill is woken when it is full, not by each entry
            self._start(wake=before == 0 or before < BATCH <= len(self._waiting))

    def add_user(self, user_id: str) -> None:
        """Note a user whose missing vectors are to be found in the store and made; returns at once, never fails."""
        with self._wake:
            if not self._closing:
                _note(self._users, user_id)
                self._start()

    def waiting(self) -> int:
        """Return how many entries wait; those of users who are noted as a whole are not counted."""
        return len(self._waiting)

    def flush(self, timeout_s: float | None = None) -> bool:
        """Wait until all that was queued has its vectors or failed; False when the time ran out."""
        with self._wake:
            self._hurried += 1
            self._wake.notify()
        try:
            return self._idle.wait(timeout_s)
        finally:
            with self._wake:
                self._hurried -= 1

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

    def fill_user(self, user_id: str) -> None:
        """Make the vectors that one user lacks, a batch at a time, in this thread.

        What is written meanwhile is left to those who write it, so that a user who never falls silent comes to an end.
        Entries that cannot be filled are passed over. Raises EmbedderUnavailable and the store's errors.
        """
        fingerprint, after = self._embedder.fingerprint, -1
        newest = self._store.read(lambda tx: table.newest(tx, user_id))
        while not self._stopping and after < newest:

            def read(tx: Tx, after: int = after) -> tuple[list[int], list[tuple[int, str]]]:
                positions = table.lacking(tx, user_id, fingerprint, after, BATCH)
                return positions, table.texts_at(tx, user_id, positions)

            positions, texts = self._store.read(read)
            if not positions:
                return
            after = positions[-1]
            self._fill([(user_id, position, text) for position, text in texts])

    def close(self, timeout_s: float = CLOSING_S) -> None:
        """Take nothing more, finish what waits within about `timeout_s` seconds, and stop; a second call does nothing.

        What is not done by then can be made at any later time.
        """
        with self._wake:
            self._closing = True
            thread = self._thread
            self._wake.notify()
        if thread is None:
            return
        self._idle.wait(timeout_s)
        with self._wake:
            self._stopping = True
            self._forget()
            self._wake.notify()
        thread.join(timeout_s)
        self._thread = None

    def _start(self, *, wake: bool = True) -> None:
        """Wake the thread, or start one; the lock is held. Where none can be started the entries are owed."""
        self._idle.clear()
        if self._thread is None:
            thread = threading.Thread(target=self._work, name="ingat-vectors", daemon=True)
            try:
                thread.start()
            except RuntimeError as error:
                _log.warning("Vectors are made later, because no thread can be started: %s", error)
                for user_id in (*self._users, *(each[0] for each in self._waiting)):
                    _note(self._owed, user_id)
                self._forget()
                self._idle.set()
                return
            self._thread = thread
        if wake:
            self._wake.notify()

    def _due(self) -> bool:
        return len(self._waiting) >= BATCH or bool(self._users or self._hurried or self._closing)

    def _forget(self) -> None:
        self._waiting.clear()
        self._known.clear()
        self._users.clear()

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
                self._forget()
                self._owed.clear()
                self._thread = None
                self._idle.set()
            raise

    def _work_on(self) -> None:
        while True:
            with self._wake:
                while not self._waiting and not self._users:
                    self._idle.set()
                    if self._closing:
                        return
                    self._wake.wait()
                if not self._users:
                    self._wake.wait_for(self._due, LINGER_S)
                batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
                user_id = None if batch else next(iter(self._users), None)
                if user_id is not None:
                    del self._users[user_id]
            owners = dict.fromkeys(each[0] for each in batch) if user_id is None else {user_id: None}
            if not owners:  # forgotten while the thread waited
                continue
            try:
                if user_id is None:
                    self._fill(batch)
                else:
                    self.fill_user(user_id)
            except (EmbedderUnavailable, StoreError) as error:
                _log.warning("Vectors of %d users not kept (%s): %s", len(owners), error.code, error.message)
                with self._wake:
                    for owner in owners:
                        _note(self._owed, owner)
            else:
                with self._wake:
                    for owner in self._owed if not self._closing else ():
                        _note(self._users, owner)
                    self._owed.clear()
            with self._wake:
                self._known.difference_update([each[:2] for each in batch])

    def _fill(self, batch: Sequence[tuple[str, int, str]]) -> None:
        fingerprint = self._embedder.fingerprint
        vectors = encode_turns(self._embedder, [text for _, _, text in batch])
        rows = [
            (user_id, position, fingerprint, each.tobytes())
            for (user_id, position, _), each in zip(batch, vectors, strict=True)
        ]
        self._store.write(lambda tx: table.put_vectors(tx, rows))


def _note(users: dict[str, None], user_id: str) -> None:
    if len(users) < MAX_USERS_WAITING:
        users[user_id] = None
