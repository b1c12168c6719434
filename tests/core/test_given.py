"""Given: one text where a list is needed, or a path where a file is, is told and not taken for something else."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingat.core.errors import IngatError, InvalidInput
from ingat.memory import Memory
from ingat.testing import open_memory

Act = Callable[[Memory, Any], object]


@pytest.mark.parametrize(
    ("act", "field"),
    [
        (lambda memory, given: memory.restore(io.BytesIO(), users=given), "users"),
        (lambda memory, given: memory.restore(io.BytesIO(), sessions=given), "sessions"),
        (lambda memory, given: memory.backups.restore(memory.backups.create().name, users=given), "users"),
        (lambda memory, given: memory.erase.messages("talk", message_ids=given), "message_ids"),
    ],
    ids=["users", "sessions", "backup", "messages"],
)
@pytest.mark.parametrize("given", ["628222", b"x", 7], ids=["text", "bytes", "number"])
def test_one_name_alone_is_not_taken_for_its_letters(act: Act, field: str, given: Any) -> None:
    with open_memory(embedder=None) as memory:
        memory.sessions.create("628222", id="talk")
        with pytest.raises(InvalidInput, match=f"`{field}` is a list"):
            act(memory, given)


@pytest.mark.parametrize(
    "act",
    [
        lambda memory, given: memory.restore(given),
        lambda memory, given: memory.import_from(given),
        lambda memory, given: memory.artifacts.save(given, name="x"),
    ],
    ids=["restore", "import", "artifact"],
)
@pytest.mark.parametrize("sort", ["path", "text of a path", "bytes", "text file", "text in memory"])
def test_what_is_no_file_of_bytes_is_refused_and_says_what_is_needed(act: Act, sort: str, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("x", encoding="utf-8")
    with open_memory(embedder=None) as memory, open(path, encoding="utf-8") as file:
        given = {
            "path": path,
            "text of a path": str(path),
            "bytes": b"x",
            "text file": file,
            "text in memory": io.StringIO("x"),
        }[sort]
        with pytest.raises(InvalidInput, match=r"open\(path, 'rb'\)"):
            act(memory, given)
        assert memory.artifacts.list().items == ()


@pytest.mark.parametrize(
    "act",
    [
        lambda memory, given: memory.sessions.append("talk", given, "x"),
        lambda memory, given: memory.users.save("budi", role=given),
        lambda memory, given: memory.users.list(role=given),
        lambda memory, given: memory.users.list(sort=given),
        lambda memory, given: memory.sessions.list("budi", state=given),
        lambda memory, given: memory.sessions.list("budi", sort=given),
        lambda memory, given: memory.search("budi", "fan", sort=given),
        lambda memory, given: memory.recall("budi", "fan", role=given),
        lambda memory, given: memory.memories.list("budi", sort=given),
        lambda memory, given: memory.memories.list("budi", kind=given),
        lambda memory, given: memory.remember("budi", "x", kind=given),
        lambda memory, given: memory.keys.create(given),
        lambda memory, given: memory.logs.add("x", level=given),
        lambda memory, given: memory.logs.list(level=given),
        lambda memory, given: memory.audit.list(action=given),
        lambda memory, given: memory.restore(io.BytesIO(b"x"), prefer=given),
        lambda memory, given: memory.jobs.run(given),
    ],
)
@pytest.mark.parametrize("given", [[{"content": "my pin is 4711"}], {"my pin is": 4711}, "x" * 70 + "4711"])
def test_a_word_that_is_none_of_those_known_is_not_quoted_at_length(act: Act, given: Any) -> None:
    with open_memory() as memory:
        memory.users.save("budi")
        with pytest.raises(IngatError) as caught:
            act(memory, given)

    assert "4711" not in caught.value.message
    assert "4711" not in str(caught.value.details)
