from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingat.core.errors import SessionClosed
from ingat.core.records import NewMessage
from ingat.evaluation.dataset import Dataset
from ingat.evaluation.importing import Imported, import_dataset
from ingat.evaluation.readers import read_dataset
from ingat.memory import Memory
from tests.evaluation.files import BEAM, LOCOMO, written


@pytest.fixture
def memory() -> Iterator[Memory]:
    with Memory(":memory:", embedder="none") as opened:
        yield opened


@pytest.fixture
def locomo(tmp_path: Path) -> Dataset:
    return read_dataset("locomo", written(tmp_path, LOCOMO))


def test_an_import_says_what_it_added(memory: Memory, locomo: Dataset) -> None:
    assert import_dataset(memory, locomo) == Imported(users=1, sessions=2, messages=5, already_there=0)


def test_sessions_and_messages_keep_dates_authors_and_order(memory: Memory, locomo: Dataset) -> None:
    import_dataset(memory, locomo)
    meeting = locomo.conversations[0].meetings[0]

    session = memory.sessions.get(meeting.id)
    assert (session.user_id, session.created_at, session.last_message_at) == ("locomo:garden-1", meeting.at, meeting.at)
    messages = memory.sessions.messages(meeting.id)
    assert [(each.id, each.author, each.at) for each in messages] == [
        (line.id, line.author, meeting.at) for line in meeting.lines
    ]


def test_a_picture_is_found_by_its_caption(memory: Memory, locomo: Dataset) -> None:
    import_dataset(memory, locomo)

    best = memory.recall("locomo:garden-1", "heron").hits[0]

    assert best.source_id == "locomo:garden-1:D1:3"
    assert memory.sessions.message("locomo:garden-1", best.source_id).attachments[0].kind == "image"


def test_the_turns_of_a_user_and_assistant_chat_have_no_author(memory: Memory, tmp_path: Path) -> None:
    import_dataset(memory, read_dataset("beam", written(tmp_path, BEAM)))

    messages = memory.sessions.messages("beam:7:session-1")

    assert [(each.role, each.author) for each in messages] == [("user", None), ("assistant", None)]


def test_importing_twice_adds_nothing_and_says_so(memory: Memory, locomo: Dataset) -> None:
    import_dataset(memory, locomo)

    assert import_dataset(memory, locomo) == Imported(users=0, sessions=0, messages=0, already_there=5)
    assert memory.stats().messages.total == 5


def test_an_interrupted_import_is_completed(memory: Memory, locomo: Dataset) -> None:
    first, *_ = locomo.conversations[0].meetings
    memory.sessions.create("locomo:garden-1", id=first.id, at=first.at)
    line = first.lines[0]
    memory.sessions.append_many(first.id, [NewMessage(role="user", content=line.content, id=line.id, at=line.at)])

    assert import_dataset(memory, locomo) == Imported(users=0, sessions=1, messages=4, already_there=1)
    assert [each.id for each in memory.sessions.messages(first.id)] == [each.id for each in first.lines]


def test_a_closed_session_that_lacks_nothing_is_left_as_it_is(memory: Memory, locomo: Dataset) -> None:
    import_dataset(memory, locomo)
    memory.sessions.close("locomo:garden-1:1")

    assert import_dataset(memory, locomo).already_there == 5


def test_a_closed_session_is_not_added_to(memory: Memory, locomo: Dataset) -> None:
    memory.sessions.create("locomo:garden-1", id="locomo:garden-1:1")
    memory.sessions.close("locomo:garden-1:1")

    with pytest.raises(SessionClosed):
        import_dataset(memory, locomo)


def test_progress_counts_sessions(memory: Memory, locomo: Dataset) -> None:
    told: list[tuple[int, int]] = []

    import_dataset(memory, locomo, lambda done, total: told.append((done, total)))

    assert told == [(1, 2), (2, 2)]
