"""Snapshots in the wire format."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from ingat.core import clock
from tests.api.original.wire import Wire, refused

STATE = {"parameters": {"min_close_price": 10.0}, "columns": ["ticker", "date", "gap_percent"], "templates": []}


def save(wire: Wire, name: str = "Pre-backup State", **given: Any) -> dict[str, Any]:
    return dict(wire.do("save_snapshot", name=name, state_data=given.pop("state_data", STATE), **given)["snapshot"])


def test_a_snapshot_is_saved_as_in_the_examples(wire: Wire) -> None:
    saved = save(wire, is_auto_save=False)

    assert re.fullmatch(r"snap_\d{13}_[0-9a-z]{9}", saved["id"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", saved["created_at"])
    assert (saved["name"], saved["description"]) == ("Pre-backup State", None)
    assert (saved["state_data"], saved["is_auto_save"], saved["version"]) == (STATE, False, "1.0.0")


def test_snapshots_of_one_name_are_numbered(wire: Wire) -> None:
    numbers = [save(wire, "numbered", description="d")["version_number"] for _ in range(2)]

    assert numbers == [1, 2]


def test_snapshots_are_listed_newest_first_with_their_states(alone: Wire) -> None:
    saved = [save(alone, str(number), is_auto_save=number == 1) for number in range(3)]

    assert alone.read("snapshots") == {"success": True, "snapshots": saved[::-1], "more": False}
    assert alone.read("snapshots", limit=1) == {"success": True, "snapshots": saved[:1:-1], "more": True}


def test_one_snapshot_is_shown(wire: Wire) -> None:
    saved = save(wire)

    assert wire.read("snapshot", snapshot_id=saved["id"])["snapshot"] == saved
    assert refused(wire.get("snapshot", snapshot_id="snap_x")) == (200, "snapshot_not_found")


def test_a_snapshot_made_elsewhere_is_shown_with_the_prefix(wire: Wire) -> None:
    other = wire.server.memory.snapshots.save("elsewhere", STATE).id

    assert wire.read("snapshot", snapshot_id=f"snap_{other}")["snapshot"]["id"] == f"snap_{other}"


def test_loading_gives_the_state_to_the_hooks(alone: Wire) -> None:
    """Difference 8: in the original nothing took the state over."""
    saved = save(alone)
    without = alone.do("load_snapshot", snapshot_id=saved["id"])
    taken = []
    alone.server.memory.snapshots.on_load(lambda snapshot: taken.append(snapshot.state))

    loaded = alone.do("load_snapshot", snapshot_id=saved["id"])

    assert (without["snapshot"], without["restored"], without["hooks"]) == (saved, False, 0)
    assert "Nothing was restored" in without["note"]
    assert (loaded["restored"], loaded["hooks"], taken) == (True, 1, [STATE])


def test_an_exported_snapshot_can_be_imported(wire: Wire) -> None:
    saved = save(wire, "Exported", description="d", is_auto_save=True)

    text = wire.read("export_snapshot", snapshot_id=saved["id"])["snapshot_json"]
    imported = wire.do("import_snapshot", snapshot_json=text)["snapshot"]

    assert json.loads(text) == saved
    assert re.fullmatch(r"snap_\d{13}_imported", imported["id"])
    same = ("name", "description", "created_at", "state_data", "is_auto_save", "version")
    assert {name: imported[name] for name in same} == {name: saved[name] for name in same}


def test_two_imports_of_one_millisecond_are_both_kept(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    """Difference 7: in the original the second overwrote the first."""
    monkeypatch.setattr(clock, "now", lambda: 1_700_000_000_000)
    given = json.dumps({"name": "same moment", "state_data": {"n": 1}})

    made = [wire.do("import_snapshot", snapshot_json=given)["snapshot"]["id"] for _ in range(2)]

    assert made[0] == "snap_1700000000000_imported"
    assert made[0] != made[1]
    assert all(wire.read("snapshot", snapshot_id=each)["snapshot"]["state_data"] == {"n": 1} for each in made)


@pytest.mark.parametrize(
    "text",
    ["{", "[]", "null", '{"name": "x"}', '{"name": "x", "state_data": 1}', '{"state_data": {}}', '"\\ud800"'],
)
def test_what_is_no_snapshot_is_not_imported(wire: Wire, text: str) -> None:
    """Difference 7: the original took a snapshot without a state."""
    status, code = refused(wire.post("import_snapshot", snapshot_json=text))

    assert (status, code in ("invalid_file", "invalid_input")) == (200, True)


def test_a_snapshot_that_is_not_there_cannot_be_exported(wire: Wire) -> None:
    assert refused(wire.get("export_snapshot", snapshot_id="snap_x")) == (404, "snapshot_not_found")


def test_a_deleted_snapshot_is_gone_and_can_be_brought_back(wire: Wire) -> None:
    saved = save(wire)

    done = wire.done(wire.delete("delete_snapshot", snapshot_id=saved["id"]))

    assert refused(wire.get("snapshot", snapshot_id=saved["id"])) == (200, "snapshot_not_found")
    wire.server.memory.undo(done["operation_id"])
    assert wire.read("snapshot", snapshot_id=saved["id"])["snapshot"] == saved
    assert wire.do("delete_snapshot", snapshot_id=saved["id"])["operation_id"]
    assert refused(wire.post("delete_snapshot", snapshot_id=saved["id"])) == (200, "snapshot_not_found")
