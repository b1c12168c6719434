"""`ingat cleanup`: test users that nobody used for a while go, with a way back; nobody else does."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest

from ingat.cli import cleanup as module
from ingat.cli.cleanup import Cleanup, cleanup
from ingat.core.errors import InvalidInput, InvalidLimit, MemoryOff, StoreFull, UserNotFound
from ingat.core.protection import Protection
from ingat.core.reports import Operation
from ingat.memory import Memory
from ingat.testing import TurnableClock, open_memory
from tests.cli.runner import Ingat
from tests.cli.test_erase import asked


def cleaned(memory: Memory, clock: TurnableClock, *prefixes: str, **given: Any) -> Cleanup:
    options: dict[str, Any] = {"older_than_days": 7, "reason": "weekly", "dry_run": False, **given}
    options.setdefault("protection", Protection())
    return cleanup(memory, prefixes or ("test_",), now=clock, **options)


def there(memory: Memory) -> set[str]:
    return {each.user_id for each in memory.users.list(1_000).items}


def test_old_test_users_go_and_nobody_else(memory: Memory, clock: TurnableClock) -> None:
    for user_id in ("test_happy_male", "test_happy_female", "628111", "contest_winner", "Test_User"):
        memory.users.save(user_id, name="test_ of a name")
    clock.turn(days=8)
    memory.users.save("test_new")
    report = cleaned(memory, clock)

    assert {each.user_id for each in report.erased} == {"test_happy_male", "test_happy_female"}
    assert there(memory) == {"628111", "contest_winner", "Test_User", "test_new"}
    assert [(each.user_id, each.why) for each in report.kept] == [("test_new", "in_use")]


def test_what_was_cleaned_up_comes_back(memory: Memory, clock: TurnableClock) -> None:
    memory.users.save("test_ana", name="Ana")
    session = memory.sessions.open("test_ana")
    memory.sessions.append(session.id, "user", "The pipe leaks")
    clock.turn(days=9)
    (erased,) = cleaned(memory, clock).erased
    memory.undo(erased.operation_id)

    assert memory.users.get("test_ana").name == "Ana"
    assert [each.content for each in memory.sessions.messages(session.id)] == ["The pipe leaks"]
    assert memory.operations.get(erased.operation_id).reason == "weekly"


@pytest.mark.parametrize("what", ["message", "memory", "snapshot", "profile"])
def test_whoever_was_active_since_stays(memory: Memory, clock: TurnableClock, what: str) -> None:
    session = memory.sessions.open("test_ana")
    clock.turn(days=8)
    if what == "message":
        memory.sessions.append(session.id, "user", "still here")
    elif what == "memory":
        memory.remember("test_ana", "likes tea")
    elif what == "snapshot":
        memory.snapshots.save("state", {"x": 1}, user_id="test_ana")
    else:
        memory.users.save("test_ana", name="Ana")

    assert cleaned(memory, clock).erased == ()


def test_what_a_job_does_is_no_activity(memory: Memory, clock: TurnableClock) -> None:
    session = memory.sessions.open("test_ana")
    memory.sessions.append(session.id, "user", "The pipe under the sink leaks since Monday")
    clock.turn(days=8)
    memory.expire()

    assert [each.user_id for each in cleaned(memory, clock).erased] == ["test_ana"]


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize("mark", ["protected", "open case"])
def test_protected_test_users_stay_and_are_named(
    memory: Memory, clock: TurnableClock, mark: str, dry_run: bool
) -> None:
    memory.users.save("test_ana", flags={"sop_pending": True} if mark == "open case" else {})
    if mark == "protected":
        memory.users.protect("test_ana", True)
    memory.users.save("test_bob")
    clock.turn(days=8)
    report = cleaned(memory, clock, dry_run=dry_run)

    assert [(each.user_id, each.why) for each in report.kept] == [("test_ana", "protected")]
    assert [each.user_id for each in report.erased] == ["test_bob"]
    assert "test_ana" in there(memory)


def test_a_test_user_who_is_a_person_too_stays(memory: Memory, clock: TurnableClock) -> None:
    memory.users.save("test_ana")
    memory.users.alias("test_ana", "628111")
    memory.users.save("test_bob")
    memory.users.alias("test_bob", "test_robert")
    clock.turn(days=8)
    report = cleaned(memory, clock)

    assert [(each.user_id, each.why) for each in report.kept] == [("test_ana", "known_otherwise")]
    assert [each.user_id for each in report.erased] == ["test_bob"]


def test_a_dry_run_changes_nothing(memory: Memory, clock: TurnableClock) -> None:
    memory.users.save("test_ana")
    clock.turn(days=8)
    report = cleaned(memory, clock, dry_run=True)

    assert [(each.user_id, each.operation_id) for each in report.erased] == [("test_ana", "")]
    assert there(memory) == {"test_ana"}
    assert memory.operations.list().items == ()


def test_more_users_than_a_page_are_cleaned_up_each_once(
    memory: Memory, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_PAGE", 3)
    for number in range(10):
        memory.users.save(f"test_{number}")
        memory.users.save(f"demo_test_{number}")
    clock.turn(days=8)
    report = cleaned(memory, clock, "test_", "demo_", "test_1", "test_")

    assert len(report.erased) == 20
    assert len({each.user_id for each in report.erased}) == 20
    assert there(memory) == set()


@pytest.mark.parametrize("prefix", ["", " ", "t", "tes", "6281", "62811111", "+62811", "____", "anon", "anonymous:x"])
def test_a_prefix_that_could_fit_real_people_is_refused(memory: Memory, clock: TurnableClock, prefix: str) -> None:
    memory.users.save("test_ana")
    clock.turn(days=8)

    with pytest.raises(InvalidInput):
        cleaned(memory, clock, "test_", prefix)
    assert there(memory) == {"test_ana"}


@pytest.mark.parametrize("days", [0, -1, 36_501])
def test_days_that_would_take_everybody_are_refused(memory: Memory, clock: TurnableClock, days: int) -> None:
    with pytest.raises(InvalidLimit):
        cleaned(memory, clock, older_than_days=days)


def test_one_that_cannot_be_erased_does_not_keep_the_others(
    memory: Memory, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for user_id in ("test_a", "test_b", "test_c"):
        memory.users.save(user_id)
    clock.turn(days=8)
    erase = memory.erase.user

    def failing(user_id: str, **given: Any) -> Operation:
        if user_id == "test_a":
            raise StoreFull("The disk is full.")
        if user_id == "test_b":
            raise UserNotFound("Somebody else was quicker.")
        return erase(user_id, **given)

    monkeypatch.setattr(memory.erase, "user", failing)
    report = cleaned(memory, clock)

    assert [(each.id, each.code) for each in report.failed] == [("test_a", "store_full")]
    assert [each.user_id for each in report.erased] == ["test_c"]


def test_while_remembering_is_off_nothing_is_cleaned_up(ingat: Ingat, clock: TurnableClock) -> None:
    with open_memory(url=ingat.url, now=clock) as memory:
        memory.users.save("test_ana")
    clock.turn(days=8)

    with open_memory(url=ingat.url, now=clock, enabled=False) as memory, pytest.raises(MemoryOff):
        cleaned(memory, clock)


@pytest.fixture
def old(ingat: Ingat, clock: TurnableClock) -> Ingat:
    """A store with a test user of long ago, one who is protected, and a person."""
    with open_memory(url=ingat.url, now=clock) as memory:
        memory.users.save("test_ana")
        memory.users.save("test_bob")
        memory.users.protect("test_bob", True)
        memory.users.save("628111")
    return ingat


def test_the_command_says_who_went_how_they_come_back_and_who_stayed(old: Ingat) -> None:
    result = old("cleanup", "--yes")

    assert result.exit_code == 0
    assert "test_ana · " in result.stdout
    assert "back with: ingat undo " in result.stdout
    assert "1 test user was erased." in result.stdout
    assert "test_bob stays: protected, or with an open case" in result.stderr
    assert old("users", "show", "test_ana").exit_code == 1


def test_the_command_tells_a_program_the_same(old: Ingat) -> None:
    report = old.json("cleanup", "--dry-run", "--prefix", "demo_", "--prefix", "test_")

    assert (report["prefixes"], report["older_than_days"], report["dry_run"]) == (["demo_", "test_"], 7, True)
    assert [each["user_id"] for each in report["erased"]] == ["test_ana"]
    assert report["kept"] == [{"user_id": "test_bob", "why": "protected"}]


def test_where_nobody_can_be_asked_nothing_goes(old: Ingat) -> None:
    result = old("cleanup")

    assert result.exit_code == 2
    assert "Give --yes to delete" in result.stderr
    assert old("users", "show", "test_ana").exit_code == 0


def test_a_program_gets_its_object_alone_also_after_a_question(old: Ingat) -> None:
    done = asked(old, "cleanup", "--json", typed="y\n")

    assert "test_ana · " in done.stderr
    assert [each["user_id"] for each in json.loads(done.stdout)["erased"]] == ["test_ana"]


def test_a_failure_ends_with_1(old: Ingat) -> None:
    points = old.folder / "ingat.db.data" / "restore-points"
    shutil.rmtree(points, ignore_errors=True)
    points.parent.mkdir(exist_ok=True)
    points.write_bytes(b"")  # no restore point can be made
    result = old("cleanup", "--yes")

    assert result.exit_code == 1
    assert "test_ana: " in result.stderr
    assert old("users", "show", "test_ana").exit_code == 0


@pytest.mark.parametrize("words", [["operations", "list"], ["audit"], ["backup", "list"]], ids=" ".join)
def test_the_reason_is_told_in_the_language_of_the_reader(ingat: Ingat, words: list[str]) -> None:
    ingat.said("users", "save", "test_ana")
    ingat.said("erase", "user", "test_ana", "--yes", "--reason", module.REASON)

    assert "pembersihan berkala pengguna uji" in ingat.said(*words, INGAT_LANG="id", COLUMNS="240")
