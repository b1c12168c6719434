"""Exports hold everything, as of one moment, within little memory."""

from __future__ import annotations

import hashlib
import json
import threading
import tracemalloc
from pathlib import Path

import pytest

from ingat.core.errors import InvalidInput, UserNotFound
from ingat.memory import Memory
from ingat.testing import TurnableClock
from tests.engine import store_at
from tests.lifecycle.carried import FORMS, Form, content, counted, exported


def test_an_export_as_json_is_one_object_with_a_list_for_each_kind(full: Memory) -> None:
    document = content(full)

    assert (document["format"], document["version"], document["user_id"]) == ("ingat-export", 1, None)
    lists = {name: rows for name, rows in document.items() if isinstance(rows, list)}
    assert document["counts"] == {name: len(rows) for name, rows in lists.items()}
    assert counted(document["counts"]) == {
        "users": 2,
        "sessions": 2,
        "messages": 3,
        "memories": 3,
        "snapshots": 3,
        "logs": 3,
        "retention_policies": 2,
    }


def test_an_export_as_lines_ends_with_counts_and_the_checksum_of_the_lines_before(full: Memory) -> None:
    *lines, last = exported(full, "jsonl").splitlines(keepends=True)

    end = json.loads(last)
    assert end["kind"] == "end"
    assert end["sha256"] == hashlib.sha256(b"".join(lines)).hexdigest()
    assert json.loads(lines[0])["kind"] == "header"
    assert len(lines) - 1 == sum(end["counts"].values())


def test_an_export_of_one_user_has_theirs_only(full: Memory) -> None:
    document = content(full, user_id="628111222333@c.us")

    assert document["user_id"] == "ana"
    assert {row["user_id"] for name in ("users", "sessions", "messages", "memories") for row in document[name]} == {
        "ana"
    }
    assert [row["message"] for row in document["logs"]] == ["first", "second"]
    assert {row["name"] for row in document["snapshots"]} == {"A"}
    assert "retention_policies" not in document


def test_an_export_leaves_logs_out_when_told(full: Memory) -> None:
    assert "logs" not in content(full, include_logs=False)


def test_an_export_never_holds_keys_or_their_hashes(full: Memory) -> None:
    key = full.keys.create("admin", name="secret-name")
    raw = exported(full)

    assert key.key.encode() not in raw
    assert key.id.encode() not in raw


def test_a_compressed_transcript_is_exported_as_text(full: Memory, clock: TurnableClock, other: Memory) -> None:
    before = content(full)["messages"]
    clock.turn(days=400)
    full.retain()

    assert content(full)["messages"] == before


def test_an_export_of_an_unknown_user_or_format_is_refused(full: Memory) -> None:
    with pytest.raises(UserNotFound):
        exported(full, user_id="nobody")
    with pytest.raises(InvalidInput):
        full.export(lambda piece: None, format="xml")  # type: ignore[arg-type]  # that is what is tested


def test_an_export_is_as_of_one_moment(tmp_path: Path) -> None:
    with Memory(**store_at(tmp_path / "ingat.db"), embedder="none") as memory:
        memory.sessions.create("ana", id="talk")
        memory.sessions.append_many(
            "talk", [{"role": "user", "content": f"line {n} " + "x" * 3000} for n in range(200)]
        )
        pieces: list[bytes] = []

        def write(piece: bytes) -> None:
            pieces.append(piece)
            say = threading.Thread(target=memory.sessions.append, args=("talk", "user", "said meanwhile"))
            say.start()
            say.join()

        memory.export(write)

        assert len(pieces) > 1
        assert len(json.loads(b"".join(pieces))["messages"]) == 200


def test_what_writing_raises_comes_out_and_leaves_the_store_usable(full: Memory) -> None:
    def write(piece: bytes) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        full.export(write)
    assert full.users.save("cid").user_id == "cid"


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_an_export_of_a_hundred_thousand_messages_takes_little_memory(tmp_path: Path, form: Form) -> None:
    with Memory(**store_at(tmp_path / "ingat.db"), embedder="none") as memory:
        memory.sessions.create("ana", id="talk")
        for _ in range(10):
            memory.sessions.append_many("talk", [{"role": "user", "content": "x" * 200}] * 10_000)
        tracemalloc.start()
        try:
            report = memory.export(lambda piece: None, format=form)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert report.counts["messages"] == 100_000
    assert report.size_bytes > 30_000_000
    assert peak < 8_000_000
