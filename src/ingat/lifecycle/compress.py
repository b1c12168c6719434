"""Compress: transcripts of sessions that were archived long ago take less room, and read as before."""

from __future__ import annotations

from typing import NamedTuple

from ingat.store.contract import Store, Tx
from ingat.store.tables import sessions, transcripts

BATCH_BYTES = 1 << 20
"""Text that one transaction compresses: about 50 ms in which other writers wait."""


class Compressed(NamedTuple):
    """What compression did to one session: the bytes of its texts before and after; 0 and 0 when nothing was gained."""

    from_bytes: int
    to_bytes: int


def compress(store: Store, session_id: str, *, before: int, now: int, dry_run: bool = False) -> Compressed:
    """Compress the transcript of a session that was archived at `before` or earlier; with `dry_run`, only measure.

    One transaction a part of about 1 MiB: the compressed text is kept, read back and compared before the rows of its
    messages are emptied, so that a crash leaves some parts compressed and the rest as it was, to be done by the next
    pass. Ids, order, times and index entries stay as they are. A session that is brought back meanwhile keeps what is
    compressed already. Raises SessionNotFound, StoreCorrupt or another StoreError; the part was then left as it was.
    """
    from_bytes = to_bytes = after = 0
    while True:

        def step(tx: Tx, after: int = after) -> tuple[int, int, int | None]:
            session = sessions.required(tx, session_id)
            if session.archived_at is None or session.archived_at > before:
                return 0, 0, None
            parts, further = transcripts.next_parts(tx, session.user_id, session_id, after, BATCH_BYTES)
            gaining = [part for part in parts if part.worth_it]
            if not dry_run:
                transcripts.put(tx, session.user_id, session_id, gaining)
                if further is None:
                    transcripts.finish(tx, session.user_id, session_id, now)
            return sum(part.raw_bytes for part in gaining), sum(len(part.body) for part in gaining), further

        raw, packed, further = store.read(step) if dry_run else store.write(step)
        from_bytes += raw
        to_bytes += packed
        if further is None:
            return Compressed(from_bytes, to_bytes)
        after = further
