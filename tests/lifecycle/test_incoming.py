"""Files that are wrong are refused as a whole, and what is wrong is told."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import pytest

from ingat.core.errors import InvalidFile
from ingat.memory import Memory
from tests.lifecycle.carried import FORMS, Form, content, exported, take


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        b'{"foo":1}',
        b"PK\x03\x04",
        b"\x1f\x8b\x08\x00",
        b"\xff\xfe{\x00",
        b"[" * 5000,
        b'{"format":"other","version":1}',
        b'{"format":"ingat-export"}',
        b'{"format":"ingat-export","version":2}',
        b'{"format":"ingat-export","version":true}',
        b'{"format":"ingat-export","version":1,"users":{}}',
        b'{"format":"ingat-export","version":1,"users":[],"counts":{"users":1}}',
        b'{"kind":"header","format":"ingat-export","version":2}\n',
        b'{"kind":"header","format":"ingat-export","version":1}\n',
        b'{"kind":"header","format":"ingat-export","version":1}\n{"kind":"end","counts":{},"sha256":"00"}\n',
    ],
    ids=[
        *("empty", "list", "null", "foo", "zip", "cut-gzip", "utf-16", "deep", "other", "no-version", "newer", "flag"),
        *("no-list", "counts", "newer-lines", "no-end", "checksum"),
    ],
)
def test_what_is_no_export_is_refused_as_a_whole(memory: Memory, raw: bytes) -> None:
    with pytest.raises(InvalidFile):
        take(memory, raw)
    assert memory.stats().users.total == 0


@pytest.mark.parametrize("form", FORMS)
def test_a_file_that_was_cut_off_anywhere_is_refused(full: Memory, other: Memory, form: Form) -> None:
    raw = exported(full, form)
    for length in range(0, len(raw) - 2, max(1, len(raw) // 60)):
        with pytest.raises(InvalidFile):
            take(other, raw[:length])
        with pytest.raises(InvalidFile):
            take(other, gzip.compress(raw)[: length // 8 + 2])
    assert other.stats().users.total == 0


def test_a_line_that_was_changed_is_noticed(full: Memory, other: Memory) -> None:
    with pytest.raises(InvalidFile, match="checksum"):
        take(other, exported(full, "jsonl").replace(b"boiler leaks", b"boiler works"))


def changed(full: Memory, change: Callable[[dict[str, Any]], object]) -> bytes:
    document = json.loads(exported(full))
    del document["counts"]
    change(document)
    return json.dumps(document).encode()


WRONG: list[tuple[Callable[[dict[str, Any]], object], str, str]] = [
    (lambda d: d["users"].clear(), "invalid_input", "sessions[0]"),
    (lambda d: d["sessions"].clear(), "invalid_input", "messages[0]"),
    (lambda d: d["messages"].reverse(), "invalid_input", "messages[2]"),
    (lambda d: d["messages"].append(d["messages"][0]), "invalid_input", "messages[3]"),
    (lambda d: d["messages"][0].update(role="banana"), "invalid_file", "messages[0]"),
    (lambda d: d["messages"][0].update(content="\x00"), "invalid_text", "messages[0]"),
    (lambda d: d["messages"][0].update(content=" "), "empty_content", "messages[0]"),
    (lambda d: d["messages"][0].update(content="x" * (1 << 20) + "x"), "content_too_long", "messages[0]"),
    (lambda d: d["messages"][0].update(at=-1), "invalid_input", "messages[0]"),
    (lambda d: d["messages"][0].update(user_id="ben"), "invalid_input", "messages[0]"),
    (lambda d: d["messages"][0].update(seq=0), "invalid_limit", "messages[0]"),
    (lambda d: d["messages"][0].update(seq=1 << 60), "invalid_limit", "messages[0]"),
    (lambda d: d["users"][0].update(user_id="../x"), "invalid_id", "users[0]"),
    (lambda d: d["users"][0].update(role="king"), "unknown_role", "users[0]"),
    (lambda d: d["users"].append(d["users"][0]), "invalid_input", "users[2]"),
    (lambda d: d["users"][1].update(aliases=["ana"]), "invalid_input", "users[1]"),
    (lambda d: d["users"][0].update(metadata={"a": "x" * 300_000}), "content_too_long", "users[0]"),
    (lambda d: d["sessions"][0].update(state="open"), "invalid_file", "sessions[0]"),
    (lambda d: d["sessions"][0].update(id="a/b"), "invalid_id", "sessions[0]"),
    (lambda d: d["memories"][0].update(text=" "), "empty_content", "memories[0]"),
    (lambda d: d["memories"][0].update(valid_to=None), "invalid_input", "memories[1]"),
    (lambda d: d["snapshots"][0].pop("state"), "invalid_file", "snapshots[0]"),
    (lambda d: d["snapshots"][0].update(name=" "), "invalid_input", "snapshots[0]"),
    (lambda d: d["logs"][0].update(level="loud"), "invalid_file", "logs[0]"),
    (lambda d: d["logs"][0].update(data=[1]), "invalid_file", "logs[0]"),
    (
        lambda d: d["retention_policies"][0]["policy"].update(max_sessions=0),
        "invalid_file",
        "retention_policies[0]",
    ),
    (
        lambda d: d.update(expiries=[{"session_id": "x", "cause": "reset", "expired_at": 1}]),
        "invalid_input",
        "expiries",
    ),
]


@pytest.mark.parametrize(
    ("change", "code", "place"), WRONG, ids=[f"{n}-{code}-{place}" for n, (_, code, place) in enumerate(WRONG)]
)
def test_a_row_that_is_wrong_is_told_with_its_place_and_nothing_comes_in(
    full: Memory, other: Memory, change: Callable[[dict[str, Any]], object], code: str, place: str
) -> None:
    before = content(other)
    report = take(other, changed(full, change))

    assert (report.errors[0].code, report.errors[0].id.startswith(place)) == (code, True)
    assert report.errors[0].message.startswith(place)
    assert content(other) == before


def test_all_errors_are_told_up_to_a_bound(full: Memory, other: Memory) -> None:
    users = [{"user_id": f"u{n}", "role": "king", "created_at": 1, "updated_at": 1} for n in range(150)]
    report = take(other, changed(full, lambda document: document.update(users=users)))

    assert len(report.errors) == 101
    assert "further errors" in report.errors[-1].message


def test_rows_that_are_half_given_are_made_whole(other: Memory) -> None:
    document = {
        "format": "ingat-export",
        "version": 1,
        "users": [{"user_id": "+62 811-1222-333", "created_at": 1, "updated_at": 1}],
        "sessions": [{"id": "s", "user_id": "628111222333@c.us", "created_at": 1, "updated_at": 1, "active_at": 5}],
        "messages": [
            {
                "id": "m",
                "session_id": "s",
                "user_id": "628111222333",
                "seq": 2,
                "role": "user",
                "content": "hi",
                "at": 5,
            }
            | {"tokens": 0}
        ],
    }
    report = take(other, json.dumps(document).encode())

    assert report.errors == ()
    assert other.sessions.get("s").message_count == 1
    assert other.sessions.messages("s")[0].tokens > 0
    assert other.sessions.append("s", "user", "on").seq == 3


def test_secrets_in_log_entries_do_not_come_in(full: Memory, other: Memory) -> None:
    take(
        other,
        changed(full, lambda d: d["logs"][0].update(data={"password": "hunter2"}, message="api_key=abcdef123456")),
    )

    assert b"hunter2" not in exported(other)
    assert b"abcdef123456" not in exported(other)
