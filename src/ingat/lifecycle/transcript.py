"""Transcript: what a summary is made of, read in pages, with a bound on what is held of a long session."""

from __future__ import annotations

import heapq
from collections import deque
from functools import partial
from typing import NamedTuple

from ingat.core.drafts import recallable
from ingat.core.records import Message
from ingat.core.timelines import MAX_MESSAGE_IDS
from ingat.lifecycle.extract import said
from ingat.search.summary import promise
from ingat.store.contract import Store
from ingat.store.tables import messages

PAGE = 200
MOST_MESSAGES = 2_000
"""Messages that a summary is made of; of a longer session, those that promise most."""
MOST_CHARACTERS = 2_000_000
"""Their characters altogether, in the same way."""


class Transcript(NamedTuple):
    """The messages to summarise in the order said; `ids` are the newest of all that may be recalled.

    `total` and the times are those of the whole session.
    """

    messages: list[Message]
    ids: tuple[str, ...]
    total: int
    first_at: int
    last_at: int


def gather(store: Store, user_id: str, session_id: str) -> Transcript:
    """Return what a session's summary is made of: all that may be recalled, or the most telling part of very much.

    Each page is a read of its own: the session is closed, so its transcript stands still.
    """
    held: list[tuple[float, int, Message]] = []
    ids: deque[str] = deque(maxlen=MAX_MESSAGE_IDS)
    before: int | None = None
    total = characters = last_at = 0
    first_at: int | None = None
    while True:
        page = store.read(partial(messages.page, user_id=user_id, session_id=session_id, limit=PAGE, before=before))
        for message in reversed(page):
            total += 1
            first_at = message.at if first_at is None else min(first_at, message.at)
            last_at = max(last_at, message.at)
            text = said(message) if recallable(message.metadata) else ""
            if not text:
                continue
            if len(ids) < MAX_MESSAGE_IDS:
                ids.appendleft(message.id)
            heapq.heappush(held, (promise(text, own=message.role == "user"), message.seq, message))
            characters += len(text)
            while len(held) > MOST_MESSAGES or (characters > MOST_CHARACTERS and len(held) > 1):
                characters -= len(said(heapq.heappop(held)[2]))
        if len(page) < PAGE:
            break
        before = page[0].seq
    kept = sorted((message for _, _, message in held), key=lambda message: message.seq)
    return Transcript(kept, tuple(ids), total, first_at or 0, last_at)
