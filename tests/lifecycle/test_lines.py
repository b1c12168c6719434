"""Rows as JSON lines: what is written comes back, and what is wrong is told with its place."""

from __future__ import annotations

import msgspec
import pytest

from ingat.core.artifacts import Artifact
from ingat.core.errors import InvalidFile
from ingat.core.logs import LogEntry
from ingat.core.policy import PolicyVersion, RetentionPolicy
from ingat.core.records import Attachment, MemoryItem, Message, User
from ingat.core.snapshots import Snapshot
from ingat.lifecycle.lines import KINDS, Added, Expiry, FilePiece, Record, StoredSession, decode_line, encode_line

MESSAGE = Message(
    id="m1",
    session_id="s1",
    user_id="ana",
    seq=3,
    role="user",
    content='Äh "x"\n😀',
    author="Ana",
    attachments=(Attachment(kind="image", url="https://example.org/a.png", caption="A cat", size_bytes=3),),
    metadata={"a": [1, {"b": None}]},
    tokens=7,
    at=5,
)
RECORDS: dict[str, Record] = {
    "user": User(
        user_id="ana",
        name="Ana",
        role="admin",
        protected=True,
        flags={"a": 1},
        aliases=("x",),
        created_at=1,
        updated_at=2,
    ),
    "session": StoredSession(
        id="s1",
        user_id="ana",
        channel="web",
        state="archived",
        message_count=2,
        last_seq=4,
        tokens=9,
        created_at=1,
        updated_at=5,
        active_at=4,
        last_message_at=4,
        closed_at=5,
        archived_at=5,
        reopened_at=3,
    ),
    "message": MESSAGE,
    "memory": MemoryItem(
        id="i1",
        user_id="ana",
        kind="fact",
        text="tea",
        subject="drink",
        valid_from=1,
        valid_to=3,
        superseded_by="i2",
        session_id="s1",
        message_ids=("m1",),
        metadata={"x": 1},
        created_at=1,
        updated_at=3,
    ),
    "expiry": Expiry(session_id="s1", cause="reset", expired_at=5, done_at=6, memory_id="i1", next_id="s2", attempts=1),
    "snapshot": Snapshot(
        id="p1",
        user_id="ana",
        name="A",
        version=2,
        is_auto=True,
        size_bytes=2,
        sha256="00",
        created_at=1,
        state={"a": 1.0},
    ),
    "artifact": Artifact(
        id="a1",
        user_id="ana",
        session_id="s1",
        name="model.bin",
        kind="model",
        media_type="x/y",
        size_bytes=3,
        sha256="00",
        metrics={"auc": 0.9},
        metadata={"a": [1]},
        created_at=2,
    ),
    "file": FilePiece(sha256="00", index=2, data=b"\x00\xff\n"),
    "log": LogEntry(id="l1", seq=9, at=1, level="warn", category="chat", source="bot", message="hi", data={"a": 1}),
    "added": Added(of="message", user_id="ana", id="m1", replaced=True, content="00", exact="11"),
    "policy": PolicyVersion(number=1, policy=RetentionPolicy(log_retention_days=3), actor="cli:ana", changed_at=4),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_comes_back_as_it_was(kind: str) -> None:
    line = encode_line(kind, RECORDS[kind])

    assert line.endswith(b"}\n")
    assert line.count(b"\n") == 1
    assert decode_line(line) == (kind, RECORDS[kind])


def test_unknown_fields_are_kept_in_the_metadata_of_a_row_or_attachment() -> None:
    row = msgspec.to_builtins(MESSAGE)
    row["mood"] = "glad"
    row["attachments"][0]["width"] = 640
    _, message = decode_line(msgspec.json.encode({"kind": "message", "row": row}))

    assert isinstance(message, Message)
    assert message.metadata == {"mood": "glad", **MESSAGE.metadata}
    assert message.attachments[0].metadata == {"width": 640}


def test_unknown_fields_of_a_log_entry_are_kept_in_its_data() -> None:
    row = {**msgspec.to_builtins(RECORDS["log"]), "trace": "t1"}
    _, entry = decode_line(msgspec.json.encode({"kind": "log", "row": row}))

    assert isinstance(entry, LogEntry)
    assert entry.data == {"trace": "t1", "a": 1}


def test_an_unknown_field_does_not_take_the_place_of_one_of_the_metadata() -> None:
    row = {**msgspec.to_builtins(MESSAGE), "a": "other"}

    assert decode_line(msgspec.json.encode({"kind": "message", "row": row}))[1] == MESSAGE


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"", "truncated"),
        (b"{", "truncated"),
        (b"[]", "Expected `object`"),
        (b'{"kind":"user"}', "missing required field `row`"),
        (b'{"kind":"ghost","row":{}}', "no kind of row 'ghost'"),
        (b'{"kind":"user","row":{"user_id":"a"}}', "created_at"),
        (b'{"kind":"user","row":{"user_id":1,"created_at":1,"updated_at":1}}', "Expected `str`"),
        (b'{"kind":"user","row":{"user_id":"a","created_at":"1","updated_at":1}}', "Expected `int`"),
        (b'{"kind":"user","row":{"user_id":"a","created_at":true,"updated_at":1}}', "Expected `int`"),
        (b'{"kind":"user","row":{"user_id":"\xff","created_at":1,"updated_at":1}}', "utf-8"),
        (
            b'{"kind":"policy","row":{"number":1,"actor":"a","changed_at":1,"policy":{"max_sessions":0}}}',
            "max_sessions",
        ),
        (
            b'{"kind":"user","row":{"user_id":"a","created_at":1,"updated_at":1,"z":'
            + b"[" * 100_000
            + b"]" * 100_000
            + b"}}",
            "",
        ),
    ],
    ids=[
        "empty",
        "cut",
        "list",
        "no-row",
        "kind",
        "field",
        "type",
        "text-time",
        "flag-time",
        "bytes",
        "policy",
        "deep",
    ],
)
def test_a_line_that_cannot_be_read_is_refused_with_its_place(line: bytes, problem: str) -> None:
    with pytest.raises(InvalidFile) as refused:
        decode_line(line, "line 17")

    assert refused.value.message.startswith("line 17")
    assert problem.lower() in refused.value.message.lower()
