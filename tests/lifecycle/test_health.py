"""The doctor finds every disagreement between the parts of a store, and names it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingat.core.records import Check
from ingat.memory import Memory
from ingat.testing import CountingEmbedder, TurnableClock, filled_memory, open_memory
from tests.engine import behind, contents, same_store, store_at, store_url

PLANTED = {
    "compressed messages that cannot be read": "UPDATE message SET packed = 1 WHERE content LIKE 'I moved%'",
    "sessions without owner": "DELETE FROM session_owner WHERE session_id = (SELECT MIN(id) FROM session)",
    "owners without session": "INSERT INTO session_owner (session_id, user_id) VALUES ('ghost', 'ana')",
    "messages without session": "UPDATE message SET session_id = 'ghost' WHERE content LIKE 'I moved%'",
    "sessions whose message count or tokens are wrong": "DELETE FROM message WHERE content LIKE 'I moved%'",
    "messages not in the index": "DELETE FROM recall_entry WHERE source = 'message' AND seq = 1",
    "memories not in the index": "DELETE FROM recall_entry WHERE source = 'note'",
    "index entries of nothing": "DELETE FROM memory WHERE kind = 'note'",
    "index entries of a wrong size": "UPDATE recall_entry SET terms = x'0102' WHERE source = 'note'",
    "vectors of nothing": "INSERT INTO recall_vector VALUES ('ana', 999, 'counting-64', x'00')",
    "subjects with two values at once": "UPDATE memory SET subject_key = 'k', valid_to = 9999999999999",
    "kinds of log entries whose number is wrong": "INSERT INTO log_count VALUES (40, 'ghost', 2)",
    "users whose version is behind their index": "UPDATE user_profile SET version = 1 WHERE user_id = 'ana'",
}
ALSO = {
    "token count": (
        "sessions whose message count or tokens are wrong",
        "UPDATE message SET tokens = tokens + 1 WHERE seq = 2",
    ),
    "order": ("sessions whose message count or tokens are wrong", "UPDATE session SET last_seq = 0"),
    "moved memory": (
        "memories not in the index",
        "UPDATE memory SET position = position + 100 WHERE kind = 'note'",
    ),
    "ended memory": (
        "memories not in the index",
        "UPDATE recall_entry SET valid_to = NULL WHERE source = 'fact'",
    ),
    "twice": (
        "things in the index more than once",
        "INSERT INTO recall_entry SELECT user_id, position + 500, source, source_id, session_id, seq, role, author, at,"
        " valid_from, valid_to, terms, pairs, flags, words FROM recall_entry WHERE source = 'message'",
    ),
    "uncounted entry": (
        "kinds of log entries whose number is wrong",
        "INSERT INTO log_entry (seq, id, at, level, category, source, message) VALUES (99, 'x', 1, 20, 'a', 'b', 'c')",
    ),
    "wrong owner": ("sessions without owner", "UPDATE session_owner SET user_id = 'noor'"),
}


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Memory]:
    with filled_memory(**store_at(tmp_path / "store.db")) as memory:
        memory.backups.create()
        yield memory


def bad(memory: Memory) -> set[str]:
    return {check.name for check in memory.doctor() if check.state == "bad"}


def plant(memory: Memory, statement: str) -> None:
    """Run a statement without regard to references, as another program might."""
    behind(memory.store.url, statement)


def test_a_sound_store_has_nothing_wrong(filled: Memory) -> None:
    assert [check.state for check in filled.doctor()] == ["ok"] * len(filled.doctor())


def test_every_check_tells_value_and_target(filled: Memory) -> None:
    for check in filled.doctor():
        assert check.name
        assert check.value
        assert check.target
        assert check.advice is None


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_disagreement_is_found(filled: Memory, name: str) -> None:
    plant(filled, PLANTED[name])

    assert name in bad(filled)
    assert all(check.advice for check in filled.doctor() if check.state == "bad")


@pytest.mark.parametrize("case", ALSO)
def test_another_disagreement_is_found(filled: Memory, case: str) -> None:
    name, statement = ALSO[case]
    plant(filled, statement)

    assert name in bad(filled)


def test_every_check_of_rows_has_a_planted_disagreement(filled: Memory) -> None:
    rows = {check.name for check in filled.doctor() if check.target == "0 rows"}

    assert rows - PLANTED.keys() - {name for name, _ in ALSO.values()} == set()


def test_missing_vectors_are_a_warning(filled: Memory) -> None:
    filled.store.write(lambda tx: tx.run("DELETE FROM recall_vector WHERE position = 1"))
    (check,) = [check for check in filled.doctor() if check.state != "ok"]

    assert (check.name, check.state, check.value) == ("vectors missing", "warn", "2 of 11")


def test_vectors_of_another_embedder_are_a_warning(tmp_path: Path) -> None:
    url = store_url(tmp_path / "store.db")
    with filled_memory(**same_store(url)):
        pass
    with open_memory(**same_store(url), embedder=CountingEmbedder(name="other")) as memory:
        checks = {check.name: check for check in memory.doctor()}

        assert checks["vectors of another embedder"].state == "warn"
        assert checks["vectors missing"].value == "11 of 11"


def test_without_an_embedder_no_vectors_are_wanted() -> None:
    with filled_memory(embedder=None) as memory:
        assert all(check.state == "ok" for check in memory.doctor())
        assert memory.stats().vectors_missing == 0


@pytest.mark.sqlite_only("damages the file of the store")
def test_a_damaged_file_is_found(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with filled_memory(url=f"sqlite:///{path}") as memory:
        memory.sessions.append_many(
            memory.sessions.open("ana").id, [{"role": "user", "content": f"line {n}"} for n in range(500)]
        )
    raw = bytearray(path.read_bytes())
    for start in range(len(raw) // 2, len(raw) - 4096, 4096):
        raw[start : start + 64] = b"\xff" * 64
    path.write_bytes(raw)
    with open_memory(url=f"sqlite:///{path}") as memory:
        (files,) = [check for check in memory.doctor() if check.name == "files"]

        assert files.state == "bad"


def test_the_doctor_changes_nothing(filled: Memory) -> None:
    before = filled.store.read(contents)
    filled.doctor()

    assert filled.store.read(contents) == before


def test_the_numbers_of_a_store_are_told(filled: Memory) -> None:
    stats = filled.stats()

    assert (stats.users.total, stats.messages.total, stats.memories.total) == (3, 8, 3)
    sessions = stats.sessions
    assert (sessions.total, sessions.active, sessions.closed, sessions.archived) == (3, 2, 1, 0)
    assert (stats.embedder, stats.vectors_missing) == ("counting-64", 0)
    assert stats.size_bytes > 0


# -- what has to be done, and the targets --------------------------------------------------------------------------


def check(memory: Memory, name: str) -> Check:
    (found,) = [each for each in memory.doctor() if each.name == name]
    return found


def end(memory: Memory, session_id: str, at: int, cause: str = "expired") -> None:
    """Note that a session ended and has no summary yet."""
    memory.store.write(
        lambda tx: tx.run(
            "INSERT INTO session_expiry (session_id, cause, expired_at, attempts) VALUES (?, ?, ?, 0)",
            (session_id, cause, at),
        )
    )


def test_a_summary_that_is_missing_for_long_is_a_warning(clock: TurnableClock) -> None:
    with open_memory(now=clock) as memory:
        end(memory, "s1", clock())
        assert check(memory, "sessions whose summary is missing").state == "ok"

        end(memory, "s2", clock() - 7_200_000)

        found = check(memory, "sessions whose summary is missing")
        assert (found.state, found.value) == ("warn", "1 sessions")
        assert found.advice


def ran(memory: Memory, name: str, at: int, error: str | None = None) -> None:
    memory.store.write(
        lambda tx: tx.run(
            "INSERT INTO job (name, enabled, last_started_at, last_finished_at, last_error, runs, failures, updated_at)"
            " VALUES (?, 1, ?, ?, ?, 1, 0, ?)",
            (name, at, at, error, at),
        )
    )


def test_a_job_that_runs_in_time_is_well(clock: TurnableClock) -> None:
    with open_memory(now=clock) as memory:
        ran(memory, "measure", clock())

        assert check(memory, "job measure").state == "ok"


def test_a_job_that_has_not_run_for_long_is_a_warning(clock: TurnableClock) -> None:
    with open_memory(now=clock) as memory:
        ran(memory, "measure", clock())
        clock.turn(hours=4)

        found = check(memory, "job measure")
        assert (found.state, found.value) == ("warn", "2025-01-06 09:00 UTC")
        assert "scheduler" in str(found.advice)


def test_a_job_that_failed_is_a_warning(clock: TurnableClock) -> None:
    with open_memory(now=clock) as memory:
        ran(memory, "measure", clock(), error="store_full: the disk is full")

        found = check(memory, "job measure")
        assert (found.state, found.value) == ("warn", "2025-01-06 09:00 UTC: store_full: the disk is full")


def test_a_job_that_was_stopped_is_a_warning(clock: TurnableClock) -> None:
    with open_memory(now=clock) as memory:
        memory.jobs.stop("retain")

        found = check(memory, "job retain")
        assert (found.state, found.target) == ("warn", "stopped")
        assert "ingat jobs start" in str(found.advice)


def test_a_large_user_is_a_warning() -> None:
    with open_memory(user_hint_bytes=1_000) as memory:
        memory.sessions.append(memory.sessions.open("ana").id, "user", "word " * 300)

        assert check(memory, "users beyond the size of the settings").value == "1 users"
        assert check(memory, "users beyond the size of the settings").state == "warn"


def test_a_target_beyond_its_alert_is_bad(clock: TurnableClock) -> None:
    with open_memory(now=clock) as memory:
        for user in range(20):
            memory.sessions.open(f"u{user}")
        clock.turn(days=2)

        found = check(memory, "expiry rate")
        assert (found.state, found.value, found.target) == ("bad", "0 %", "≥ 95 %; alert < 50 %")
        assert found.advice


def test_a_target_of_which_too_little_was_measured_is_left_out(filled: Memory) -> None:
    names = [each.name for each in filled.doctor()]

    assert "store size" in names
    assert "error rate" not in names
