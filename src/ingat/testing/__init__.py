"""What the developers of bots use in their own tests: a clock to turn, an embedder that counts, a filled memory.

Nothing here needs pytest. Where pytest is installed, `pytest_plugins = ["ingat.testing"]` in a `conftest.py` gives the
fixtures `turnable_clock`, `counting_embedder`, `empty_memory` and `memory`.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ingat.core.clock import Clock
from ingat.core.errors import EmbedderUnavailable
from ingat.core.records import NewMessage
from ingat.memory import Memory

START_MS = 1_736_154_000_000
"""Monday, 6 January 2025, 09:00 UTC: when a TurnableClock starts unless told otherwise."""

_WORD = re.compile(r"\w+")
_WORDS_KEPT = 10_000


class TurnableClock:
    """A clock that stands still until it is turned. Give it to `Memory` as `now`."""

    def __init__(self, start_ms: int = START_MS) -> None:
        self._now_ms = start_ms
        self._lock = threading.Lock()

    def __call__(self) -> int:
        """Return the present moment in integer milliseconds UTC."""
        return self._now_ms

    def turn(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0, milliseconds: int = 0
    ) -> int:
        """Turn the clock on, or back with negative numbers, and return the new moment in milliseconds UTC."""
        by = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        with self._lock:
            self._now_ms += round(by / timedelta(milliseconds=1)) + milliseconds
            return self._now_ms


class CountingEmbedder:
    """A small embedder that needs no files: texts are near each other when they share words.

    The same text has the same vector in every process. `calls` counts calls, `texts` the texts in them. While
    `failing` is true every call raises EmbedderUnavailable, as an embedder does that cannot be reached. Another
    `name` gives another fingerprint, as another model would.
    """

    def __init__(self, dim: int = 64, threshold: float = 0.5, name: str = "counting") -> None:
        self.calls, self.texts, self.failing = 0, 0, False
        self._dim, self._threshold, self._name = dim, threshold, name
        self._lock = threading.Lock()
        self._words: dict[str, NDArray[np.float32]] = {}

    @property
    def fingerprint(self) -> str:
        """What the vectors depend on."""
        return f"{self._name}-{self._dim}"

    @property
    def dim(self) -> int:
        """The number of components of a vector."""
        return self._dim

    @property
    def threshold(self) -> float:
        """The cosine from which on a text counts as near the question."""
        return self._threshold

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row a text, each of length 1, or all zero for a text without words."""
        with self._lock:
            self.calls += 1
            self.texts += len(texts)
        if self.failing:
            raise EmbedderUnavailable("The counting embedder was told to fail.")
        rows = np.zeros((len(texts), self._dim), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in _WORD.findall(text.casefold()):
                row += self._of_word(word)
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        out: NDArray[np.float32] = (rows / np.where(lengths > 0, lengths, 1)).astype(np.float32)
        return out

    @contextmanager
    def failure(self) -> Iterator[None]:
        """Let every call inside the `with` block fail."""
        self.failing = True
        try:
            yield
        finally:
            self.failing = False

    def _of_word(self, word: str) -> NDArray[np.float32]:
        known = self._words.get(word)
        if known is not None:
            return known
        seed = hashlib.blake2b(f"{self._name} {word}".encode("utf-8", "surrogatepass"), digest_size=16).digest()
        drawn: NDArray[np.float32] = (
            np.random.default_rng(int.from_bytes(seed, "big")).standard_normal(self._dim).astype(np.float32)
        )
        if len(self._words) < _WORDS_KEPT:
            self._words[word] = drawn
        return drawn


def fill(memory: Memory, clock: TurnableClock) -> None:
    """Put three people into a memory whose clock is `clock`, which is turned on by about a week.

    `ana` (English, alias +1 555 0100): a closed session on channel `web`, an active one, two facts of which one was
    superseded. `6281100001111` (Budi, Indonesian, godfather): one active session on `whatsapp`. `noor`: no session,
    blocked. No two of them share a line.
    """
    memory.users.save("ana", name="Ana", language="en", product="Starter plan", slots={"city": "Porto"})
    memory.users.alias("ana", "+1 555 0100")
    memory.users.save("+62 811-0000-1111", name="Budi", language="id", role="godfather")
    memory.users.save("noor", name="Noor", role="blocked")
    memory.remember("ana", "Ana lives in Lisbon.", subject="home")
    first = memory.sessions.open("ana", "web", name="Getting started")
    _say(
        memory,
        clock,
        first.id,
        "My dog Bruno is allergic to chicken.",
        "I will keep Bruno's allergy in mind.",
        "Which plan allows two calendars?",
        "The Starter plan allows two calendars.",
    )
    memory.sessions.close(first.id)
    clock.turn(days=3)
    memory.remember("ana", "Ana lives in Porto.", subject="home")
    memory.remember("ana", "Ana prefers short answers.", kind="note")
    second = memory.sessions.open("ana", "web", name="Moving house")
    _say(memory, clock, second.id, "I moved to Porto last week.", "I have noted your new address.")
    clock.turn(days=3)
    third = memory.sessions.open("6281100001111", "whatsapp")
    _say(
        memory,
        clock,
        third.id,
        "Tolong ingatkan saya bayar listrik hari Jumat.",
        "Baik, saya ingatkan Anda hari Jumat.",
    )
    clock.turn(days=1)


def _say(memory: Memory, clock: TurnableClock, session_id: str, *lines: str) -> None:
    for index, line in enumerate(lines):
        memory.sessions.append_many(
            session_id, [NewMessage(role="assistant" if index % 2 else "user", content=line, at=clock())]
        )
        clock.turn(minutes=1)


@contextmanager
def _kept_in_memory() -> Iterator[dict[str, Any]]:
    yield {"url": ":memory:"}


new_store: Callable[[], AbstractContextManager[dict[str, Any]]] = _kept_in_memory
"""What lends `open_memory` an empty store when it is given no `url`: arguments of `Memory`. Replace it to test the same
on another engine."""


@contextmanager
def open_memory(*, url: str | None = None, now: Clock | None = None, **arguments: Any) -> Iterator[Memory]:
    """Open an empty memory for a `with` block, with a clock that stands still and a CountingEmbedder.

    Without a `url` it is gone afterwards. `arguments` are those of `Memory`; give `now` or `embedder` to use your own.
    """
    arguments.setdefault("embedder", CountingEmbedder())
    lent: AbstractContextManager[dict[str, Any]] = new_store() if url is None else nullcontext({"url": url})
    with lent as store, Memory(**{"now": now or TurnableClock(), **store, **arguments}) as memory:
        yield memory


@contextmanager
def filled_memory(*, url: str | None = None, clock: TurnableClock | None = None, **arguments: Any) -> Iterator[Memory]:
    """Open a memory that holds what `fill` puts into it, for a `with` block.

    `arguments` are those of `Memory`. Vectors are there when the block begins.
    """
    turned = clock or TurnableClock()
    with open_memory(url=url, now=turned, **arguments) as memory:
        fill(memory, turned)
        if memory.vectors is not None:
            memory.vectors.flush()
        yield memory


if TYPE_CHECKING:
    import pytest
else:
    try:
        import pytest
    except ImportError:
        pytest = None

if pytest is not None:
    pytest.register_assert_rewrite("ingat.testing.contract")  # so that its failures say what differed

    @pytest.fixture
    def turnable_clock() -> TurnableClock:
        """A clock that stands still until the test turns it."""
        return TurnableClock()

    @pytest.fixture
    def counting_embedder() -> CountingEmbedder:
        """The embedder of `empty_memory` and `memory`."""
        return CountingEmbedder()

    @pytest.fixture
    def empty_memory(turnable_clock: TurnableClock, counting_embedder: CountingEmbedder) -> Iterator[Memory]:
        """A memory with nothing in it."""
        with open_memory(now=turnable_clock, embedder=counting_embedder) as opened:
            yield opened

    @pytest.fixture
    def memory(turnable_clock: TurnableClock, counting_embedder: CountingEmbedder) -> Iterator[Memory]:
        """A memory with the people that `fill` makes."""
        with filled_memory(clock=turnable_clock, embedder=counting_embedder) as opened:
            yield opened
