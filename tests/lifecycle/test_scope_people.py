"""A user goes with everything that is theirs, and comes back exactly; so does everybody."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from ingat.core.errors import Conflict, InvalidInput, ProtectedUser, SessionNotFound, StoreFull, UserNotFound
from ingat.lifecycle import scope_people
from ingat.lifecycle.erase import MOST_TRIES
from ingat.memory import Memory
from ingat.store.contract import Tx
from ingat.testing import CountingEmbedder, TurnableClock, filled_memory, open_memory
from tests.engine import store_at
from tests.lifecycle.dump import index, truth
from tests.lifecycle.kept import closed, policy
from tests.lifecycle.test_erase import between, once, restore_points

TABLES = (
    "user_profile",
    "user_alias",
    "session",
    "session_owner",
    "message",
    "transcript_pack",
    "memory",
    "recall_entry",
    "recall_vector",
    "snapshot",
    "artifact",
)


def keep_file(memory: Memory, raw: bytes, **options: Any) -> str:
    return memory.artifacts.save(io.BytesIO(raw), name="model.bin", **options).id


@pytest.fixture
def memory(clock: TurnableClock) -> Iterator[Memory]:
    with filled_memory(clock=clock) as opened:
        yield opened


@pytest.fixture
def rich(clock: TurnableClock) -> Iterator[Memory]:
    """A memory where Ana, who is protected, has some of everything: compressed messages and a summary too."""
    with open_memory(now=clock, embedder=CountingEmbedder()) as memory:
        memory.users.save("ana", name="Ana", flags={"vip": True}, role="godfather")
        memory.users.alias("ana", "628111222333@c.us")
        memory.users.protect("ana")
        long = memory.sessions.create("ana", id="long", channel="web")
        lines = [{"role": "user", "content": f"The boiler leaks again {n}. " * 9} for n in range(80)]
        memory.sessions.append_many(long.id, lines)
        clock.turn(days=2)
        memory.expire()
        policy(memory, compress_after_days=1)
        memory.sessions.archive("long")
        clock.turn(days=2)
        memory.retain()
        talk = memory.sessions.create("ana", id="talk", channel="web", metadata={"a": [1]})
        memory.sessions.append(talk.id, "user", "The boiler leaks", author="Ana", id="m1")
        memory.remember("ana", "F57A", subject="boiler", session_id="talk", message_ids=["m1"])
        clock.turn(minutes=1)
        memory.remember("ana", "F58B", subject="boiler")
        memory.sessions.append(memory.sessions.create("ben").id, "user", "Dear all", id="m1")
        memory.snapshots.save("A", state={"x": 1.5}, user_id="ana")
        memory.snapshots.save("A", state={"x": 2}, user_id="ana")
        memory.snapshots.save("B", state={"y": []})
        memory.logs.add("first", category="chat", user_id="ana", data={"n": 1})
        keep_file(memory, b"weights" * 100_000, user_id="ana", session_id="talk")
        keep_file(memory, b"of nobody")
        assert memory.vectors is not None
        memory.vectors.flush()
        yield memory


def held(memory: Memory, user_id: str) -> dict[str, int]:
    """Return how many rows of a user are left in each table."""

    def look(tx: Tx) -> dict[str, int]:
        rows = {table: tx.one(f"SELECT COUNT(*) FROM {table} WHERE user_id = ?", (user_id,)) for table in TABLES}
        return {table: int(row[0]) for table, row in rows.items() if row and row[0]}

    return memory.store.read(look)


def said(memory: Memory) -> list[Any]:
    """Return what everybody said, compressed or not."""
    sessions = sorted(memory.sessions.list(limit=1_000), key=lambda each: each.id)
    return [message for session in sessions for message in memory.sessions.messages(session.id, limit=None)]


def without_contents(state: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Leave out what compression changes in the rows of messages: what was said is compared by itself."""
    apart = ("content", "attachments", "metadata", "packed")
    rows = [{name: value for name, value in row.items() if name not in apart} for row in state["message"]]
    return {**state, "message": rows}


# -- a user --------------------------------------------------------------------------------------------------------


def test_a_user_goes_with_everything_that_is_theirs(rich: Memory) -> None:
    assert set(held(rich, "ana")) == set(TABLES)
    operation = rich.erase.user("ana", reason="asked for it", force=True)

    assert held(rich, "ana") == {}
    assert {kind for kind, number in operation.counts.items() if number} == {
        "user",
        "session",
        "message",
        "memory",
        "expiry",
        "snapshot",
        "artifact",
        "file",
    }
    assert (operation.scope, operation.target) == ("user", "ana")
    with pytest.raises(UserNotFound):
        rich.users.get("ana")
    assert [each.name for each in rich.doctor() if each.state == "bad"] == []


def test_nothing_of_others_goes_with_a_user(rich: Memory) -> None:
    before = truth(rich)

    rich.erase.user("ana", reason="asked for it", force=True)

    after = truth(rich)
    assert all(
        row in before[table] for table in after for row in after[table] if table not in ("log_count", "log_entry")
    )
    gone = [row for table in before for row in before[table] if row not in after[table]]
    assert {row["user_id"] for row in gone if "user_id" in row} == {"ana"}
    assert [row["user_id"] for row in after["snapshot"]] == [""]


def test_an_undo_brings_a_user_back_exactly(rich: Memory) -> None:
    before, messages, entries = truth(rich), said(rich), index(rich)

    operation = rich.erase.user("ana", reason="asked for it", force=True)
    rich.undo(operation.id)

    assert without_contents(truth(rich)) == without_contents(before)
    assert said(rich) == messages
    assert index(rich) == entries
    assert [each.name for each in rich.doctor() if each.state == "bad"] == []


def test_an_undo_brings_the_files_of_a_user_back(memory: Memory) -> None:
    artifact = keep_file(memory, b"weights" * 100_000, user_id="ana")

    operation = memory.erase.user("ana")
    memory.undo(operation.id)

    pieces = io.BytesIO()
    memory.artifacts.read(pieces.write, artifact)
    assert pieces.getvalue() == b"weights" * 100_000


def test_a_user_of_filled_memory_comes_back_byte_for_byte(memory: Memory) -> None:
    before, entries = truth(memory), index(memory)

    memory.undo(memory.erase.user("ana").id)

    assert truth(memory) == before
    assert index(memory) == entries


def test_log_entries_and_keys_of_a_user_stay(memory: Memory) -> None:
    memory.logs.add("about Ana", user_id="ana")
    key = memory.keys.create("user", user_id="ana")

    memory.erase.user("ana")

    assert [entry.user_id for entry in memory.logs.list(search="about Ana").items] == ["ana"]
    assert key.id in [each.id for each in memory.keys.list()]


def test_a_user_goes_by_an_alias(memory: Memory) -> None:
    operation = memory.erase.user("+1 555 0100")

    assert operation.target == "ana"
    with pytest.raises(UserNotFound):
        memory.users.get("ana")


@pytest.mark.parametrize("user_id", ["../../evil", "$(rm -rf x)", "'; drop table user_profile", "x" * 10_000, " "])
def test_an_id_that_nobody_has_deletes_nothing(memory: Memory, user_id: str) -> None:
    before = truth(memory)
    with pytest.raises((UserNotFound, InvalidInput)):
        memory.erase.user(user_id)
    assert truth(memory) == before
    assert restore_points(memory) == []


def test_a_second_erase_finds_nobody(memory: Memory) -> None:
    memory.erase.user("ana")
    with pytest.raises(UserNotFound):
        memory.erase.user("ana")
    assert len(memory.operations.list().items) == 1


def test_who_comes_after_an_erase_is_a_new_person(memory: Memory) -> None:
    memory.erase.user("ana")
    memory.remember("ana", "Likes tea.")

    assert [item.text for item in memory.memories.list("ana")] == ["Likes tea."]
    assert not [hit for hit in memory.recall("ana", "What is Bruno allergic to?").hits if "Bruno" in hit.text]


# -- protection ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "named"),
    [({"sop_pending": True}, "flags.sop_pending"), ({"active_intent": "repair"}, "flags.active_intent")],
    ids=["sop_pending", "active_intent"],
)
def test_a_user_with_an_open_case_is_refused(memory: Memory, flags: dict[str, Any], named: str) -> None:
    memory.users.save("ana", flags=flags)
    before = truth(memory)

    with pytest.raises(ProtectedUser, match="Nothing was deleted") as caught:
        memory.erase.user("ana", reason="cleanup")
    assert caught.value.details["protected_by"] == [named]
    assert truth(memory) == before
    assert restore_points(memory) == []


def test_an_intent_of_none_does_not_protect(memory: Memory) -> None:
    memory.users.save("ana", flags={"active_intent": "none", "sop_pending": False})
    assert memory.erase.user("ana").counts["user"] == 1


def test_force_deletes_a_protected_user_and_needs_a_reason(memory: Memory) -> None:
    memory.users.protect("ana")

    with pytest.raises(InvalidInput, match="reason"):
        memory.erase.user("ana", force=True)
    with pytest.raises(InvalidInput, match="reason"):
        memory.erase.user("ana", force=True, reason="  ")
    assert memory.erase.user("ana", force=True, reason="the law asks for it").counts["user"] == 1


def test_the_settings_name_other_flags(clock: TurnableClock) -> None:
    with filled_memory(clock=clock, protected_flags=["vip"]) as memory:
        memory.users.save("ana", flags={"sop_pending": True})
        memory.users.save("noor", flags={"vip": 1})
        with pytest.raises(ProtectedUser):
            memory.erase.user("noor")
        assert memory.erase.user("ana").counts["user"] == 1


def test_a_dry_run_shows_counts_and_what_protects(rich: Memory) -> None:
    before = truth(rich)

    plan = rich.erase.user("ana", dry_run=True)

    assert (plan.id, plan.dry_run, plan.protected_by) == ("", True, ("protected",))
    assert truth(rich) == before
    assert rich.erase.user("ana", force=True, reason="asked for it").counts == plan.counts


def test_a_protection_that_comes_in_between_holds(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    between(memory, monkeypatch, lambda: memory.users.save("ana", flags={"sop_pending": True}))

    with pytest.raises(ProtectedUser):
        memory.erase.user("ana")
    assert memory.users.get("ana").flags["sop_pending"] is True
    assert restore_points(memory) == []


# -- in between ----------------------------------------------------------------------------------------------------


CHANGES: dict[str, Any] = {
    "message": lambda memory, session: memory.sessions.append(session.id, "user", "One more thing."),
    "memory": lambda memory, session: memory.remember("ana", "Likes tea."),
    "profile": lambda memory, session: memory.users.save("ana", address="Porto"),
    "alias": lambda memory, session: memory.users.alias("ana", "628999"),
    "session": lambda memory, session: memory.sessions.update(session.id, name="Another"),
    "snapshot": lambda memory, session: memory.snapshots.save("desk", {}, user_id="ana"),
    "artifact": lambda memory, session: keep_file(memory, b"late", user_id="ana"),
    "metadata": lambda memory, session: memory.memories.edit(
        "ana", memory.memories.list("ana").items[0].id, metadata={"late": True}
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_in_between_is_in_the_restore_point(
    memory: Memory, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    memory.remember("ana", "Bruno is a dachshund.")
    session = memory.sessions.list("ana", state="active")[0]
    seen: list[Any] = []

    def act() -> None:
        CHANGES[change](memory, session)
        seen.append(truth(memory))

    between(memory, monkeypatch, once(act))
    operation = memory.erase.user("ana")
    memory.undo(operation.id)

    assert restore_points(memory)[0] == operation.restore_point
    assert truth(memory) == seen[0]


def test_a_user_who_is_written_to_all_the_while_stays(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    session = memory.sessions.list("ana", state="active")[0]
    between(memory, monkeypatch, lambda: memory.sessions.append(session.id, "user", "And another thing."))

    with pytest.raises(Conflict, match="Nothing was deleted"):
        memory.erase.user("ana")
    assert len(memory.sessions.messages(session.id)) == 2 + MOST_TRIES
    assert restore_points(memory) == []


def test_what_is_acknowledged_while_a_user_is_erased_is_in_the_restore_point_or_stays(memory: Memory) -> None:
    told: list[str] = []
    begun, stop = threading.Event(), threading.Event()

    def talk() -> None:
        while not stop.is_set():
            with suppress(SessionNotFound):  # erased before the line was said
                open_session = memory.sessions.open("ana", channel="web")
                told.append(memory.sessions.append(open_session.id, "user", f"line {len(told)}").id)
            begun.set()

    writer = threading.Thread(target=talk)
    writer.start()
    assert begun.wait(10)
    operation = None
    try:
        operation = memory.erase.user("ana")
    except Conflict:
        pass
    stop.set()
    writer.join(30)
    there = {line.id for each in memory.sessions.list("ana") for line in memory.sessions.messages(each.id, limit=None)}
    if operation is not None:
        lines = memory._points.read(operation.restore_point or "")[1]
        there |= {record.id for kind, record in lines if kind == "message"}  # type: ignore[union-attr]
    assert set(told) <= there


def test_merged_in_between_the_other_user_does_not_go(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    between(memory, monkeypatch, once(lambda: memory.users.merge("ana", "6281100001111")))

    with pytest.raises(UserNotFound):
        memory.erase.user("ana")
    assert memory.users.get("6281100001111").user_id == "6281100001111"


# -- everything ----------------------------------------------------------------------------------------------------


def test_everything_goes_but_logs_policy_and_keys(rich: Memory) -> None:
    rich.keys.create("admin")
    before = truth(rich)

    operation = rich.erase.everything(reason="a new beginning", force=True)

    after = truth(rich)
    stay = {"log_entry", "log_count", "retention_policy"}
    assert {table for table, rows in after.items() if rows} == stay
    assert [row for row in before["log_entry"] if row not in after["log_entry"]] == []
    assert after["retention_policy"] == before["retention_policy"]
    assert len(rich.keys.list()) == 1
    assert (operation.counts["user"], operation.counts["snapshot"]) == (2, 3)
    assert (operation.scope, operation.target, operation.notes) == ("everything", None, ())
    assert not list(rich.artifacts.list().items)


def test_everything_comes_back(rich: Memory) -> None:
    before, messages, entries = truth(rich), said(rich), index(rich)

    operation = rich.erase.everything(reason="by mistake", force=True)
    rich.undo(operation.id)

    assert without_contents(truth(rich)) == without_contents(before)
    assert said(rich) == messages
    assert index(rich) == entries


@pytest.mark.parametrize("reason", ["", " "])
def test_everything_needs_a_reason(memory: Memory, reason: str) -> None:
    with pytest.raises(InvalidInput, match="reason"):
        memory.erase.everything(reason=reason)
    assert memory.stats().users.total > 0


def test_one_protected_user_protects_everything(memory: Memory) -> None:
    memory.users.save("noor", flags={"sop_pending": "step 2"})
    before = truth(memory)

    with pytest.raises(ProtectedUser, match="noor"):
        memory.erase.everything(reason="a new beginning")
    assert truth(memory) == before
    assert restore_points(memory) == []
    assert memory.erase.everything(reason="a new beginning", dry_run=True).protected_by == ("noor: flags.sop_pending",)


def test_a_dry_run_of_everything_foresees_the_counts(rich: Memory) -> None:
    plan = rich.erase.everything(reason="to see", dry_run=True)

    assert plan.dry_run
    assert rich.erase.everything(reason="to do", force=True).counts == plan.counts


def test_of_an_empty_store_nothing_is_recorded() -> None:
    with open_memory(embedder=None) as memory:
        assert memory.erase.everything(reason="to be sure").id == ""
        assert memory.operations.list().items == ()


def test_who_is_written_to_meanwhile_stays_whole(memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    session = memory.sessions.list("ana", state="active")[0]

    def act() -> None:
        memory.sessions.append(session.id, "user", "One more thing.")
        memory.users.save("new")

    between(memory, monkeypatch, once(act))
    number = len(memory.sessions.messages(session.id))
    operation = memory.erase.everything(reason="a new beginning")

    assert sorted(user.user_id for user in memory.users.list()) == ["ana", "new"]
    assert len(memory.sessions.messages(session.id)) == number + 1
    assert operation.notes[0].startswith("2 users")


def test_an_error_in_between_leaves_an_operation_that_brings_back_who_is_gone(
    memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = truth(memory)
    monkeypatch.setattr(scope_people, "USERS_AT_ONCE", 1)
    rest, calls = scope_people.EverythingRows.rest, list[int]()

    def failing(rows: scope_people.EverythingRows, tx: Tx) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise StoreFull("There is no room.")
        return rest(rows, tx)

    with monkeypatch.context() as patch:
        patch.setattr(scope_people.EverythingRows, "rest", failing)
        with pytest.raises(StoreFull, match="A part was deleted") as caught:
            memory.erase.everything(reason="a new beginning")

    assert 0 < memory.stats().users.total < len(before["user_profile"])
    memory.undo(caught.value.details["operation_id"])
    assert truth(memory) == before


def test_files_of_everybody_leave_the_disk(tmp_path: Any, clock: TurnableClock) -> None:
    with open_memory(**store_at(tmp_path / "store.db"), now=clock, embedder=None) as memory:
        keep_file(memory, b"weights", user_id="ana")
        keep_file(memory, b"of nobody")
        memory.erase.everything(reason="a new beginning")
    left = [path for path in (tmp_path / "store.db.data" / "artifacts").rglob("*") if path.is_file()]
    assert [path.name for path in left if len(path.name) == 64] == []


def test_sessions_that_ended_lose_their_notes(memory: Memory) -> None:
    session_id = closed(memory, "ana")
    memory.store.write(
        lambda tx: tx.run(
            "INSERT INTO session_expiry (session_id, cause, expired_at, attempts) VALUES (?, 'expired', 1, 0)",
            (session_id,),
        )
    )
    operation = memory.erase.user("ana")

    assert operation.counts["expiry"] == 1
    assert memory.store.read(lambda tx: tx.all("SELECT * FROM session_expiry")) == []
