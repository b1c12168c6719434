"""Compression: what archived transcripts take before and after, in six languages, and what reading them costs then."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.kit.ours import url
from bench.kit.report import Report, folder, options, say
from bench.kit.sides import Step, in_turn, median
from bench.kit.tongues import Tongues
from ingat.lifecycle.compress import compress
from ingat.memory import Memory

SHORT, LONG = 21, 150
"""Words of a person's turn, and of an answer of a language model."""
LONGEST = 100_000


class Room(NamedTuple):
    """Bytes of texts, and of the whole store, before and after."""

    text: int
    packed: int
    store: int
    left: int


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; return how many goals were missed."""
    quick = options(__doc__, argv).quick
    sessions = 60 if quick else 300
    report = Report("compression", "Archived transcripts: bytes after to bytes before", quick=quick)
    bars: list[tuple[str, float]] = []
    with folder() as work:
        for name, answer, lines in (
            ("short turns, 20 a session", SHORT, 20),
            ("short turns, 100 a session", SHORT, 100),
            ("questions and long answers, 40 a session", LONG, 40),
        ):
            say(name)
            room = _room(work / f"{answer}-{lines}.db", sessions * 20 // lines, lines, answer)
            saved = 100 * (room.store - room.left) / room.text
            report.figure(f"text, {name}", 100 * room.packed / room.text, "% of before", f"{room.text:,} bytes")
            report.figure(f"saved in the store, {name}", saved, "% of the text", f"of {room.store:,} bytes in all")
            bars.append((f"Ingat text, {name}", 100 * room.packed / room.text))
            if answer == LONG:
                report.at_most("text of long answers", 100 * room.packed / room.text, 50, "%")
        _reading(report, work / "long.db", LONGEST // 10 if quick else LONGEST)
    report.note(
        "Stores without vectors, which compression leaves as they are. Words are drawn at random, by how often words"
        " are used, from about a hundred of each language: short turns of real conversations use more words and take"
        " more, about half of before (LoCoMo's, 40 a session: 49 %; BEAM's, with long answers: 24 %)."
    )
    return report.close(bars, "% of before")


def _room(path: Path, sessions: int, lines: int, answer: int) -> Room:
    tongues = Tongues()
    with Memory(url(path), embedder=None) as memory:
        made = [_session(memory, tongues, number, lines, answer) for number in range(sessions)]
        before = memory.store.used_bytes()
        done = [compress(memory.store, session_id, before=1 << 60, now=0) for session_id in made]
        text = sum(len(message.content.encode()) for each in made for message in memory.sessions.messages(each, None))
        plain = text - sum(each.from_bytes for each in done)
        return Room(text, plain + sum(each.to_bytes for each in done), before, memory.store.used_bytes())


def _session(memory: Memory, tongues: Tongues, number: int, lines: int, answer: int) -> str:
    language = tongues.languages[number % len(tongues.languages)]
    session_id = memory.sessions.create(f"u{number % 20}").id
    memory.sessions.append_many(
        session_id,
        [
            {
                "role": "assistant" if place % 2 else "user",
                "content": tongues.turn(language, answer if place % 2 else SHORT),
            }
            for place in range(lines)
        ],
    )
    memory.sessions.archive(session_id)
    return session_id


def _reading(report: Report, path: Path, size: int) -> None:
    """Measure pages of 50 from the middle of a long session, and recall, plain and compressed."""
    say(f"a session of {size:,} messages")
    tongues = Tongues(2)
    with Memory(url(path), embedder=None) as memory:
        for user in ("plain", "packed"):
            session = memory.sessions.create(user, id=user)
            for start in range(0, size, 10_000):
                texts = [tongues.turn("English", SHORT) for _ in range(min(10_000, size - start))]
                memory.sessions.append_many(session.id, [{"role": "user", "content": text} for text in texts])
        memory.sessions.archive("packed")
        compress(memory.store, "packed", before=1 << 60, now=0)

        def page(session_id: str) -> Callable[[], Step]:
            return lambda: lambda: memory.sessions.messages(session_id, 50, size // 2)

        def recall(user_id: str) -> Callable[[], Step]:
            return lambda: lambda: memory.recall(user_id, "the blue bicycle in the workshop", 5)

        for what, of in (("page of 50", page), ("recall of 5", recall)):
            sides = {each: (of(each), 5) for each in ("plain", "packed")}
            in_turn(sides, 2)
            taken = in_turn(sides, 15)
            plain, packed = (median(taken[each]) * 1e3 for each in ("plain", "packed"))
            report.figure(f"{what}, plain, of {size:,} messages", plain, "ms")
            report.figure(f"{what}, compressed, of {size:,} messages", packed, "ms")


if __name__ == "__main__":
    main()
