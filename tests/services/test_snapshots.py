"""Snapshots: saved in versions, listed, loaded into hooks, compared, exported and imported."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from ingat.core.errors import (
    Conflict,
    ContentTooLong,
    HookFailed,
    InvalidId,
    InvalidInput,
    InvalidLimit,
    InvalidText,
    SnapshotNotFound,
    UserBlocked,
)
from ingat.core.snapshots import Snapshot
from ingat.memory import Memory
from ingat.store.tables import snapshots as table
from ingat.testing import TurnableClock, open_memory
from tests.engine import same_store, store_url


def versions(memory: Memory, **how: Any) -> list[tuple[str, int]]:
    """Return name and version of all snapshots, page by page of two."""
    found: list[tuple[str, int]] = []
    cursor = None
    while True:
        page = memory.snapshots.list(limit=2, cursor=cursor, **how)
        found += [(head.name, head.version) for head in page]
        cursor = page.next
        if cursor is None:
            return found


# -- saving --------------------------------------------------------------------------------------------------------


def test_a_saved_state_is_the_one_that_is_read(memory: Memory, clock: TurnableClock) -> None:
    state = {"parameters": {"min": 10.5, "on": True, "none": None}, "columns": ["ticker", "äöü"]}
    saved = memory.snapshots.save("Before", state, description="a try", metadata={"by": "hand"})

    assert memory.snapshots.get(saved.id) == saved
    assert (saved.state, saved.version, saved.is_auto, saved.user_id) == (state, 1, False, None)
    assert (saved.description, saved.metadata, saved.created_at) == ("a try", {"by": "hand"}, clock())
    assert (saved.size_bytes, len(saved.sha256)) == (len(msgspec.json.encode(state)), 64)


def test_each_user_and_name_counts_its_versions(memory: Memory) -> None:
    saved = [
        memory.snapshots.save(name, {}, user_id=user, is_auto=auto).version
        for name, user, auto in [
            ("a", None, False),
            ("a", None, True),
            ("b", None, False),
            ("a", "ana", False),
            ("a", "ana", False),
            ("a", None, False),
        ]
    ]

    assert saved == [1, 2, 1, 1, 2, 3]


def test_two_processes_that_save_at_once_get_different_versions(tmp_path: Path) -> None:
    url = store_url(tmp_path / "a.db")
    with Memory(**same_store(url), embedder=None) as first, Memory(**same_store(url), embedder=None) as second:
        got: list[int] = []

        def save(memory: Memory) -> None:
            got.extend(memory.snapshots.save("same", {"n": number}).version for number in range(20))

        threads = [threading.Thread(target=save, args=(memory,)) for memory in (first, second)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert sorted(got) == list(range(1, 41))


def test_a_user_is_known_by_every_alias(memory: Memory) -> None:
    memory.users.save("628111")
    memory.users.alias("628111", "web:17")

    saved = memory.snapshots.save("a", {}, user_id="web:17")

    assert saved.user_id == "628111"
    assert memory.snapshots.get(saved.id, user_id="628111@c.us") == saved


def test_nothing_is_saved_for_a_blocked_user(memory: Memory) -> None:
    memory.users.save("ana", role="blocked")

    with pytest.raises(UserBlocked):
        memory.snapshots.save("a", {}, user_id="ana")
    assert memory.snapshots.list().items == ()


def test_an_id_of_ones_own_is_taken_once(memory: Memory) -> None:
    memory.snapshots.save("a", {}, id="mine")

    with pytest.raises(Conflict, match="Nothing was saved"):
        memory.snapshots.save("b", {}, id="mine")
    assert versions(memory) == [("a", 1)]


DEEP: dict[str, Any] = {}
for _ in range(70):
    DEEP = {"in": DEEP}


@pytest.mark.parametrize(
    ("name", "state", "kind"),
    [
        ("a", [], InvalidInput),
        ("a", None, InvalidInput),
        ("a", {"x": object()}, InvalidInput),
        ("a", {"x": [1.0, float("nan")]}, InvalidInput),
        ("a", {"x": float("inf")}, InvalidInput),
        ("a", DEEP, InvalidInput),
        ("a", {"x": "\ud800"}, InvalidText),
        ("a", {"x": "y" * (1 << 20)}, ContentTooLong),
        ("", {}, InvalidInput),
        ("  ", {}, InvalidInput),
        (7, {}, InvalidText),
        ("\x00", {}, InvalidText),
        ("a" * 1_025, {}, ContentTooLong),
    ],
    ids=range(13),
)
def test_what_cannot_be_kept_is_refused(memory: Memory, name: Any, state: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        memory.snapshots.save(name, state)
    assert memory.snapshots.list().items == ()


def test_a_state_that_is_too_large_is_told_its_size(memory: Memory) -> None:
    with pytest.raises(ContentTooLong, match="takes 1048586 bytes as JSON; the limit is 1048576") as caught:
        memory.snapshots.save("a", {"x": "y" * ((1 << 20) + 2)})

    assert caught.value.details == {"size_bytes": 1_048_586, "max_bytes": 1_048_576}


# -- listing and reading -------------------------------------------------------------------------------------------


def test_snapshots_are_listed_newest_first_without_their_states(memory: Memory, clock: TurnableClock) -> None:
    for number in range(5):
        memory.snapshots.save(f"s{number}", {"n": number})
        clock.turn(seconds=1)

    assert versions(memory) == [(f"s{number}", 1) for number in (4, 3, 2, 1, 0)]
    assert not hasattr(memory.snapshots.list().items[0], "state")


def test_filters_go_together(memory: Memory) -> None:
    memory.snapshots.save("alpha", {}, user_id="ana")
    memory.snapshots.save("alpha", {}, user_id="ana", is_auto=True)
    memory.snapshots.save("beta", {}, user_id="ana", description="the 50% one")
    memory.snapshots.save("alpha", {})

    assert versions(memory, user_id="ana", name="alpha") == [("alpha", 2), ("alpha", 1)]
    assert versions(memory, is_auto=True) == [("alpha", 2)]
    assert versions(memory, user_id="ana", is_auto=False, search="ALP") == [("alpha", 1)]
    assert versions(memory, search="50%") == [("beta", 1)]
    assert versions(memory, user_id="nobody") == []


def test_a_search_goes_on_behind_what_one_page_may_look_through(
    memory: Memory, clock: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table, "MOST_LOOKED_AT", 3)
    for name in ("found", "x", "y", "z", "found", "x", "found", "found", "found"):
        memory.snapshots.save(name, {})
        clock.turn(seconds=1)

    assert versions(memory, search="FOUND") == [("found", number) for number in (5, 4, 3, 2, 1)]
    assert versions(memory, search="nothing") == []


def test_another_users_snapshot_is_not_found(memory: Memory) -> None:
    of_ana, of_nobody = memory.snapshots.save("a", {}, user_id="ana"), memory.snapshots.save("a", {})
    memory.users.save("budi")

    for snapshot in (of_ana, of_nobody):
        for user_id in ("budi", "unknown"):
            with pytest.raises(SnapshotNotFound):
                memory.snapshots.get(snapshot.id, user_id=user_id)
            with pytest.raises(SnapshotNotFound):
                memory.snapshots.load(snapshot.id, user_id=user_id)
            with pytest.raises(SnapshotNotFound):
                memory.snapshots.export_json(snapshot.id, user_id=user_id)
            with pytest.raises(SnapshotNotFound):
                memory.snapshots.compare(snapshot.id, snapshot.id, user_id=user_id)
    assert memory.snapshots.get(of_ana.id).user_id == "ana"


def test_bad_arguments_of_a_reader_are_refused(memory: Memory) -> None:
    with pytest.raises(SnapshotNotFound):
        memory.snapshots.get("nothing")
    with pytest.raises(InvalidId):
        memory.snapshots.get("../x")
    with pytest.raises(InvalidLimit):
        memory.snapshots.list(limit=0)
    with pytest.raises(InvalidInput):
        memory.snapshots.list(cursor="nonsense")


# -- loading -------------------------------------------------------------------------------------------------------


def test_without_hooks_nothing_is_restored_and_it_says_so(memory: Memory) -> None:
    saved = memory.snapshots.save("a", {"x": 1})

    loaded = memory.snapshots.load(saved.id)

    assert (loaded.snapshot, loaded.restored, loaded.hooks) == (saved, False, 0)
    assert "Nothing was restored" in loaded.note


def test_hooks_take_the_state_over_in_their_order(memory: Memory) -> None:
    seen: list[tuple[str, Any]] = []

    @memory.snapshots.on_load
    def first(snapshot: Snapshot) -> None:
        seen.append(("first", snapshot.state["x"]))
        snapshot.state["x"] = "spoiled"

    @memory.snapshots.on_load
    def second(snapshot: Snapshot) -> None:
        seen.append(("second", snapshot.state["x"]))

    loaded = memory.snapshots.load(memory.snapshots.save("a", {"x": 1}).id)

    assert seen == [("first", 1), ("second", 1)]
    assert (loaded.restored, loaded.hooks, loaded.note) == (True, 2, "2 hooks have taken over the state.")
    assert loaded.snapshot.state == {"x": 1}


def test_a_hook_may_use_the_memory(memory: Memory) -> None:
    memory.snapshots.on_load(lambda snapshot: memory.users.save("ana", slots=snapshot.state))

    memory.snapshots.load(memory.snapshots.save("a", {"x": 1}).id)

    assert memory.users.get("ana").slots == {"x": 1}


def test_a_hook_that_fails_is_named_and_those_after_it_are_not_called(memory: Memory) -> None:
    seen: list[int] = []

    def failing(snapshot: Snapshot) -> None:
        raise ValueError("no such column")

    memory.snapshots.on_load(lambda snapshot: seen.append(1))
    memory.snapshots.on_load(failing)
    memory.snapshots.on_load(lambda snapshot: seen.append(3))
    saved = memory.snapshots.save("a", {"x": 1})

    with pytest.raises(HookFailed, match="ValueError: no such column") as caught:
        memory.snapshots.load(saved.id)

    assert seen == [1]
    assert caught.value.details["taken_over"] == 1
    assert "failing (2 of 3)" in caught.value.message
    assert memory.snapshots.get(saved.id) == saved


def test_ctrl_c_in_a_hook_is_no_failure_of_it(memory: Memory) -> None:
    def interrupted(snapshot: Snapshot) -> None:
        raise KeyboardInterrupt

    memory.snapshots.on_load(interrupted)

    with pytest.raises(KeyboardInterrupt):
        memory.snapshots.load(memory.snapshots.save("a", {}).id)


# -- comparing -----------------------------------------------------------------------------------------------------


def test_a_comparison_names_each_change_by_its_pointer(memory: Memory) -> None:
    before = memory.snapshots.save("a", {"p": {"a/b": 1, "c~d": [1, 2, 3]}, "gone": {"x": 1}, "same": [1, {"y": 2.0}]})
    after = memory.snapshots.save("a", {"p": {"a/b": 2, "c~d": [1, 5]}, "new": None, "same": [1.0, {"y": 2}]})

    compared = memory.snapshots.compare(before.id, after.id)

    assert [(each.path, each.kind, each.before, each.after) for each in compared.changes] == [
        ("/p/a~1b", "changed", 1, 2),
        ("/p/c~0d/1", "changed", 2, 5),
        ("/p/c~0d/2", "removed", 3, None),
        ("/gone", "removed", {"x": 1}, None),
        ("/new", "added", None, None),
    ]
    assert (compared.before.version, compared.after.version, compared.truncated) == (1, 2, False)
    assert not hasattr(compared.before, "state")


def test_true_is_not_one(memory: Memory) -> None:
    before, after = memory.snapshots.save("a", {"x": [1, 0]}), memory.snapshots.save("a", {"x": [True, False]})

    assert len(memory.snapshots.compare(before.id, after.id).changes) == 2


def test_a_comparison_is_bounded(memory: Memory) -> None:
    before, after = memory.snapshots.save("a", {}), memory.snapshots.save("a", {str(n): n for n in range(1_001)})

    compared = memory.snapshots.compare(before.id, after.id)

    assert (len(compared.changes), compared.truncated) == (1_000, True)


# -- export and import ---------------------------------------------------------------------------------------------


def test_an_export_has_the_fields_of_the_original(memory: Memory) -> None:
    saved = memory.snapshots.save("a", {"x": 1}, description="d", is_auto=True, user_id="ana", metadata={"k": 1})

    assert memory.snapshots.export_json(saved.id) == {
        "id": saved.id,
        "name": "a",
        "description": "d",
        "created_at": "2025-01-06T09:00:00.000Z",
        "state_data": {"x": 1},
        "is_auto_save": True,
        "version": "1.0.0",
        "version_number": 1,
        "user_id": "ana",
        "metadata": {"k": 1},
    }


JSON = some.recursive(
    some.none()
    | some.booleans()
    | some.integers(-(2**60), 2**60)
    | some.floats(allow_nan=False, allow_infinity=False)
    | some.text(some.characters(exclude_categories=["Cs"])),
    lambda inside: (
        some.lists(inside, max_size=4) | some.dictionaries(some.text("ab/~é", max_size=4), inside, max_size=4)
    ),
    max_leaves=12,
)


@given(
    state=some.dictionaries(some.text(some.characters(exclude_categories=["Cs"]), max_size=5), JSON, max_size=5),
    name=some.text(
        some.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=20
    ).filter(lambda text: bool(text.strip())),
    is_auto=some.booleans(),
    described=some.none() | some.text("abc", max_size=9),
    before=some.integers(0, 3),
    later_ms=some.integers(0, 10**12),
)
def test_an_import_of_an_export_is_the_same_snapshot(
    state: dict[str, Any], name: str, is_auto: bool, described: str | None, before: int, later_ms: int
) -> None:
    clock = TurnableClock()
    with open_memory(now=clock) as first, open_memory() as second:
        for _ in range(before):
            first.snapshots.save(name, {}, user_id="ana")
        clock.turn(milliseconds=later_ms)
        saved = first.snapshots.save(name, state, user_id="ana", is_auto=is_auto, description=described)

        taken = second.snapshots.import_json(first.snapshots.export_json(saved.id))

        assert taken == saved == second.snapshots.get(saved.id)


ORIGINAL = {
    "id": "snap_1737000000000_a1b2c3d4e",
    "name": "Before the experiment",
    "created_at": "2025-01-16T04:00:00.000Z",
    "state_data": {"parameters": {"min_close_price": 10.0}, "columns": ["ticker"]},
    "is_auto_save": False,
    "version": "1.0.0",
}


def test_a_snapshot_of_the_original_is_taken_as_it_is(memory: Memory) -> None:
    taken = memory.snapshots.import_json(ORIGINAL)

    assert (taken.id, taken.name, taken.version) == (ORIGINAL["id"], ORIGINAL["name"], 1)
    assert (taken.created_at, taken.state, taken.is_auto) == (1_737_000_000_000, ORIGINAL["state_data"], False)


def test_a_taken_id_gets_a_new_one_and_nothing_is_overwritten(memory: Memory) -> None:
    taken = [memory.snapshots.import_json({**ORIGINAL, "state_data": {"n": n}}) for n in range(3)]

    assert len({each.id for each in taken}) == 3
    assert [each.version for each in taken] == [1, 2, 3]
    assert [memory.snapshots.get(each.id).state["n"] for each in taken] == [0, 1, 2]


def test_a_record_as_it_was_answered_can_be_imported_too(memory: Memory) -> None:
    taken = memory.snapshots.import_json(
        {"name": "a", "state": {"x": 1}, "is_auto": True, "version": 7, "created_at": 5, "size_bytes": 1, "sha256": "?"}
    )

    assert (taken.state, taken.is_auto, taken.version, taken.created_at, taken.size_bytes) == ({"x": 1}, True, 7, 5, 7)


def test_fields_that_there_are_not_are_kept_in_the_metadata(memory: Memory) -> None:
    taken = memory.snapshots.import_json({**ORIGINAL, "tags": ["x"], "metadata": {"by": "me"}})

    assert taken.metadata == {"tags": ["x"], "by": "me"}


def test_the_user_that_is_given_goes_before_the_one_in_the_snapshot(memory: Memory) -> None:
    assert memory.snapshots.import_json({**ORIGINAL, "user_id": "budi"}).user_id == "budi"
    assert memory.snapshots.import_json({**ORIGINAL, "user_id": "budi"}, user_id="ana").user_id == "ana"


@pytest.mark.parametrize(
    "wrong",
    [
        {"state_data": None},
        {"state_data": []},
        {"state_data": "{}"},
        {"name": ""},
        {"name": 5},
        {"id": "../x"},
        {"id": 5},
        {"version": "2.0.0"},
        {"version": 0},
        {"version_number": -1},
        {"version_number": True},
        {"is_auto_save": "no"},
        {"created_at": "yesterday"},
        {"created_at": "1815-12-10"},
        {"created_at": -1},
        {"created_at": True},
        {"metadata": []},
        {"description": 5},
        {"user_id": "a/b"},
    ],
    ids=str,
)
def test_a_snapshot_with_something_wrong_is_refused_as_a_whole(memory: Memory, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        memory.snapshots.import_json({**ORIGINAL, **wrong})
    assert memory.snapshots.list().items == ()


@pytest.mark.parametrize("missing", ["state_data", "name"])
def test_a_snapshot_needs_a_state_and_a_name(memory: Memory, missing: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        memory.snapshots.import_json({name: value for name, value in ORIGINAL.items() if name != missing})
    assert caught.value.details["field"] == missing


def test_what_is_no_object_is_no_snapshot(memory: Memory) -> None:
    with pytest.raises(InvalidInput):
        memory.snapshots.import_json([ORIGINAL])  # type: ignore[arg-type]


# -- merging users -------------------------------------------------------------------------------------------------


def test_merging_two_users_keeps_all_snapshots_of_both(memory: Memory) -> None:
    for user, names in (("ana", "aab"), ("web", "aaac")):
        for place, name in enumerate(names):
            memory.snapshots.save(name, {"of": user, "n": place}, user_id=user)

    memory.users.merge("web", "ana")

    found = {
        (head.name, head.version): memory.snapshots.get(head.id).state for head in memory.snapshots.list(user_id="web")
    }
    assert found == {
        ("a", 1): {"of": "ana", "n": 0},
        ("a", 2): {"of": "ana", "n": 1},
        ("a", 3): {"of": "web", "n": 0},
        ("a", 4): {"of": "web", "n": 1},
        ("a", 5): {"of": "web", "n": 2},
        ("b", 1): {"of": "ana", "n": 2},
        ("c", 1): {"of": "web", "n": 3},
    }
    assert {head.user_id for head in memory.snapshots.list()} == {"ana"}
