"""What bot developers test with does what its documentation says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ingat
from ingat.core.errors import EmbedderUnavailable, UserBlocked
from ingat.testing import START_MS, CountingEmbedder, TurnableClock, filled_memory, open_memory
from tests.engine import same_store, store_url
from tests.house.tree import ROOT

PAGE = ROOT / "docs" / "testing.md"
ENVIRONMENT = os.environ | {"PYTHONPATH": str(Path(ingat.__file__).parents[1])}
_EXAMPLE = re.compile(r"^```python\n# (\S+\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_every_example_of_the_documentation_runs(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8")
    examples = _EXAMPLE.findall(text)
    for name, body in examples:
        (tmp_path / name).write_text(body, encoding="utf-8")
    tests = sum(body.count("def test_") for _, body in examples)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert len(examples) == text.count("```python")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{tests} passed" in done.stdout


def test_pytest_is_not_needed() -> None:
    program = (
        "import sys; sys.modules['pytest'] = None; from ingat.testing import filled_memory\n"
        "with filled_memory() as memory: print(len(memory.recall('ana', 'Bruno').hits) > 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], env=ENVIRONMENT, capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("True\n", "")


def test_the_clock_stands_still_until_it_is_turned() -> None:
    clock = TurnableClock()

    assert clock() == clock() == START_MS
    assert clock.turn(days=1, hours=2, minutes=3, seconds=4.5, milliseconds=6) == clock()
    assert clock() - START_MS == 86_400_000 + 2 * 3_600_000 + 3 * 60_000 + 4_500 + 6
    assert clock.turn(days=-1, hours=-2, minutes=-3, seconds=-4.5, milliseconds=-6) == START_MS


def test_texts_that_share_words_are_near() -> None:
    one, near, far, empty = CountingEmbedder().encode(["the red boat", "a red boat", "seven calendars", "!?"])

    assert float(one @ near) > 0.5 > abs(float(one @ far))
    assert np.linalg.norm(one) == pytest.approx(1)
    assert not empty.any()


def test_a_text_has_the_same_vector_in_every_embedder_of_a_name() -> None:
    one, other = (CountingEmbedder(name=name).encode(["red boat"]) for name in ("a", "a"))

    assert np.array_equal(one, other)
    assert not np.array_equal(one, CountingEmbedder(name="b").encode(["red boat"]))
    assert CountingEmbedder(name="a").fingerprint != CountingEmbedder(name="b").fingerprint


def test_calls_and_texts_are_counted() -> None:
    embedder = CountingEmbedder()
    embedder.encode(["a", "b"])
    embedder.encode([])

    assert (embedder.calls, embedder.texts) == (2, 2)


def test_an_embedder_fails_while_it_is_told_to() -> None:
    embedder = CountingEmbedder()
    with embedder.failure(), pytest.raises(EmbedderUnavailable):
        embedder.encode(["a"])

    assert embedder.encode(["a"]).shape == (1, 64)


def test_the_filled_memory_holds_what_the_documentation_says() -> None:
    clock = TurnableClock()
    with filled_memory(clock=clock) as memory:
        ana, budi = memory.users.get("15550100"), memory.users.get("6281100001111@c.us")

        assert (ana.user_id, ana.name, ana.language, ana.product, ana.slots) == (
            "ana",
            "Ana",
            "en",
            "Starter plan",
            {"city": "Porto"},
        )
        assert (budi.name, budi.language, budi.role) == ("Budi", "id", "godfather")
        assert [(s.channel, s.state, s.message_count) for s in memory.sessions.list("ana")] == [
            ("web", "active", 2),
            ("web", "closed", 4),
        ]
        assert [(s.channel, s.message_count) for s in memory.sessions.list(budi.user_id)] == [("whatsapp", 2)]
        assert {(item.text, item.kind) for item in memory.memories.list("ana")} == {
            ("Ana lives in Porto.", "fact"),
            ("Ana prefers short answers.", "note"),
        }
        assert len(memory.memories.list("ana", history=True)) == 3
        assert clock() - START_MS == 7 * 86_400_000 + 8 * 60_000
        with pytest.raises(UserBlocked):
            memory.sessions.open("noor")
        assert memory.stats().vectors_missing == 0


def test_a_filled_memory_may_be_a_file(tmp_path: Path) -> None:
    url = store_url(tmp_path / "bot.db")
    with filled_memory(**same_store(url)):
        pass
    with open_memory(**same_store(url)) as memory:
        assert memory.users.get("ana").name == "Ana"


def test_two_memories_have_nothing_to_do_with_each_other() -> None:
    with open_memory() as one, open_memory() as other:
        one.users.save("ana")

        assert len(other.users.list()) == 0
