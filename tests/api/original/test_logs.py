"""Logs in the wire format."""

from __future__ import annotations

import re

import pytest

from tests.api.original.wire import Wire, refused


def test_a_log_entry_is_added_as_in_the_examples(wire: Wire) -> None:
    added = wire.do(
        "add_log",
        level="info",
        category="scanner",
        source="system",
        message="Scanner executed successfully",
        data={"scanner_type": "lc_d2", "results": 5},
    )["log"]

    assert re.fullmatch(r"log_\d{13}_[0-9a-z]{9}", added.pop("id"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", added.pop("timestamp"))
    assert added == {
        "level": "info",
        "category": "scanner",
        "source": "system",
        "message": "Scanner executed successfully",
        "data": {"scanner_type": "lc_d2", "results": 5},
    }


def test_what_is_left_out_has_its_default(wire: Wire) -> None:
    added = wire.do("add_log", message="x")["log"]

    assert (added["level"], added["category"], added["source"], added["data"]) == ("info", "general", "api", {})


@pytest.mark.parametrize("given", [None, ""])
def test_what_is_null_or_empty_has_its_default(wire: Wire, given: str | None) -> None:
    added = wire.do("add_log", message="x", level=given, category=given, source=given, data=None)["log"]

    assert (added["level"], added["category"], added["source"], added["data"]) == ("info", "general", "api", {})


@pytest.mark.parametrize("given", ["a text", 5, [1, 2], False])
def test_data_that_is_no_object_is_kept_as_its_value(wire: Wire, given: object) -> None:
    assert wire.do("add_log", message="x", data=given)["log"]["data"] == {"value": given}


@pytest.mark.parametrize("limit", [0, 10_000])
def test_a_limit_of_none_or_too_many_takes_as_many_as_there_are_in_a_page(alone: Wire, limit: int) -> None:
    alone.do("add_log", message="x")

    found = alone.read("logs", limit=limit)

    assert (len(found["logs"]), found["more"]) == (1, False)


def test_an_entry_shows_the_session_that_it_is_about(wire: Wire, session: str) -> None:
    wire.do("add_log", message="x", session_id=session)

    (entry,) = wire.read("logs", session_id=session)["logs"]

    assert entry["session_id"] == session


def test_a_limit_takes_the_newest_entries(alone: Wire) -> None:
    """Difference 1: the original took the oldest."""
    for number in range(3):
        alone.do("add_log", message=f"m{number}")

    found = alone.read("logs", limit=2)

    assert [each["message"] for each in found["logs"]] == ["m2", "m1"]
    assert found["more"] is True


def test_filters_of_logs_are_combined(alone: Wire) -> None:
    for level, category, source, day in (
        ("error", "a", "x", "01"),
        ("error", "a", "y", "02"),
        ("error", "b", "x", "03"),
        ("info", "a", "x", "04"),
        ("error", "a", "x", "05"),
    ):
        alone.do(
            "add_log", message=day, level=level, category=category, source=source, timestamp=f"2025-12-{day}T00:00:00Z"
        )

    def found(**filters: str) -> list[str]:
        return [each["message"] for each in alone.read("logs", **filters)["logs"]]

    assert found(level="error", category="a", source="x") == ["05", "01"]
    assert found(level="error", since="2025-12-02T12:00:00Z") == ["05", "03"]
    assert found(since="1764720000000", category="a") == ["05", "04"]


def test_empty_filters_of_a_query_count_as_not_given(alone: Wire) -> None:
    alone.do("add_log", message="x")

    assert len(alone.read("logs", level="", category="", source="", since="")["logs"]) == 1


def test_filters_for_clearing_are_combined(alone: Wire) -> None:
    """Difference 2: in the original one filter that fitted was enough."""
    for level, category in (("error", "c"), ("info", "c"), ("error", "d")):
        alone.do("add_log", message="x", level=level, category=category)

    cleared = alone.do("clear_logs", filters={"level": "error", "category": "c"})

    assert cleared["deleted"] == 1
    assert len(alone.read("logs")["logs"]) == 2


@pytest.mark.parametrize("name", ["olderThan", "older_than"])
def test_entries_that_are_older_are_cleared(alone: Wire, name: str) -> None:
    for day in ("01", "02", "03"):
        alone.do("add_log", message=day, timestamp=f"2025-12-{day}T00:00:00Z")

    cleared = alone.do("clear_logs", filters={name: "2025-12-02T00:00:00Z"})

    assert cleared["deleted"] == 1
    assert [each["message"] for each in alone.read("logs")["logs"]] == ["03", "02"]


@pytest.mark.parametrize("filters", [{"filters": {}}, {"filters": None}, {}])
def test_without_filters_all_are_cleared(alone: Wire, filters: dict[str, object]) -> None:
    """Difference 2: in the original nothing was."""
    for _ in range(3):
        alone.do("add_log", message="x")

    assert alone.do("clear_logs", **filters)["deleted"] == 3
    assert alone.read("logs")["logs"] == []


def test_clear_log_is_taken_for_clear_logs(alone: Wire) -> None:
    """Difference 2: the button of the original's dashboard sends this name."""
    for _ in range(2):
        alone.do("add_log", message="x")
        assert alone.do("clear_log")["deleted"] == 1
        alone.do("add_log", message="x")
        assert alone.done(alone.delete("clear_log"))["deleted"] == 1


def test_logs_are_cleared_by_delete(alone: Wire) -> None:
    for category in ("a", "b"):
        alone.do("add_log", message="x", category=category, level="warn")

    cleared = alone.done(alone.delete("clear_logs", category="a", level="warn", older_than="2100-01-01"))

    assert cleared["deleted"] == 1
    assert alone.done(alone.delete("clear_logs", category="a"))["operation_id"] is None


def test_an_empty_filter_of_a_delete_is_refused(alone: Wire) -> None:
    """It would delete more than was meant."""
    alone.do("add_log", message="x")

    assert refused(alone.delete("clear_logs", category="")) == (200, "invalid_input")
    assert len(alone.read("logs")["logs"]) == 1


def test_a_filter_that_does_not_exist_is_refused(alone: Wire) -> None:
    alone.do("add_log", message="x")

    assert refused(alone.post("clear_logs", filter={"level": "error"})) == (200, "invalid_input")
    assert refused(alone.post("clear_logs", filters={"levels": "error"})) == (200, "invalid_input")
    assert len(alone.read("logs")["logs"]) == 1


def test_cleared_logs_can_be_brought_back(alone: Wire) -> None:
    entry = alone.do("add_log", message="x")["log"]

    alone.server.memory.undo(alone.do("clear_logs")["operation_id"])

    assert alone.read("logs")["logs"] == [entry]


@pytest.mark.parametrize("level", ["fatal", "INFO", " "])
def test_an_unknown_level_is_refused(wire: Wire, level: str) -> None:
    """Difference 13."""
    assert refused(wire.post("add_log", message="x", level=level)) == (200, "invalid_input")


def test_secrets_do_not_stay_in_logs(wire: Wire) -> None:
    added = wire.do("add_log", message="x", data={"password": "hunter2"})["log"]

    assert "hunter2" not in str(added)
