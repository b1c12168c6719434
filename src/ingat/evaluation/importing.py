"""Importing: the conversations of a dataset become users, sessions and messages of a memory."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from ingat.core.errors import SessionNotFound
from ingat.core.records import NewMessage
from ingat.evaluation.dataset import Dataset, Line, Meeting
from ingat.memory import Memory

MOST_AT_ONCE = 1_000

Progress = Callable[[int, int], None]
"""Is told how many of how many are done."""


class Imported(Struct, frozen=True, kw_only=True):
    """What an import added; `already_there` messages were left as they are."""

    users: int
    sessions: int
    messages: int
    already_there: int


def import_dataset(memory: Memory, dataset: Dataset, progress: Progress | None = None) -> Imported:
    """Bring a dataset's conversations into the memory, and return what was added.

    Each conversation is a user, with its sessions at their dates and its turns under their own ids. A second import
    adds nothing, and one that was interrupted is completed: only messages whose id the session lacks are appended,
    at most 1,000 in one transaction. Raises what `sessions.create` and `sessions.append_many` name.
    """
    total = sum(1 for _ in dataset.meetings())
    users: set[str] = set()
    sessions = messages = there = 0
    for done, (user_id, meeting) in enumerate(dataset.meetings(), 1):
        known = _known(memory, meeting)
        if known is None:
            users |= _new_users(memory, user_id)
            memory.sessions.create(user_id, id=meeting.id, at=meeting.at)
            sessions += 1
        missing = [line for line in meeting.lines if line.id not in (known or ())]
        for start in range(0, len(missing), MOST_AT_ONCE):
            some = [_message(line) for line in missing[start : start + MOST_AT_ONCE]]
            messages += len(memory.sessions.append_many(meeting.id, some))
        there += len(meeting.lines) - len(missing)
        if progress is not None:
            progress(done, total)
    return Imported(users=len(users), sessions=sessions, messages=messages, already_there=there)


def _known(memory: Memory, meeting: Meeting) -> set[str] | None:
    """Return the ids of the messages that the session has, or None when there is no such session."""
    try:
        return {message.id for message in memory.sessions.messages(meeting.id, limit=None)}
    except SessionNotFound:
        return None


def _new_users(memory: Memory, user_id: str) -> set[str]:
    return set() if memory.sessions.list(user_id, limit=1).items else {user_id}


def _message(line: Line) -> NewMessage:
    return NewMessage(
        id=line.id, role=line.role, content=line.content, author=line.author, attachments=line.attachments, at=line.at
    )
