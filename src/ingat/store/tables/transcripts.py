"""The table transcript_pack: what archived sessions' messages say, compressed in parts.

A part holds content, attachments and metadata of consecutive messages; their rows stay in message, with the number of
the part in `packed`. A part is small (64 KiB, unless one message is larger), so that a page or a recalled line costs
the unpacking of one or two parts, however long the session is.
"""

from __future__ import annotations

import zlib
from collections import OrderedDict
from collections.abc import Collection, Iterable
from typing import NamedTuple, cast

import msgspec

from ingat.core.errors import StoreCorrupt
from ingat.store.contract import Tx, Value

PART_BYTES = 64 << 10
PART_MESSAGES = 500
MOST_SHARE = 0.9
"""A part that compression makes no smaller than this share of it is left as it is."""
CODEC = "zlib"
"""Measured on conversations in parts of 64 KiB: 0.15 ms to unpack, against 0.5 to 0.8 ms for lzma and bz2, which make
parts 7 to 20 % smaller."""
HELD_BYTES = 8 << 20
"""Unpacked text that one reader holds at a time."""

_LEVEL = 6
_ROWS = 500
_body = msgspec.json.Decoder(list[tuple[int, str, str | None, str | None]])


class Content(NamedTuple):
    """What a message says: its text, and its attachments and metadata as JSON or None."""

    text: str
    attachments: str | None
    metadata: str | None


class Part(NamedTuple):
    """Consecutive messages of a session, by seq, compressed."""

    seqs: tuple[int, ...]
    raw_bytes: int
    body: bytes

    @property
    def worth_it(self) -> bool:
        """Whether compression gains anything to speak of."""
        return len(self.body) <= self.raw_bytes * MOST_SHARE


class Parts:
    """The parts of one user's transcripts within one transaction; those used last are held, within HELD_BYTES."""

    def __init__(self, tx: Tx, user_id: str) -> None:
        self._tx, self._user_id = tx, user_id
        self._held: OrderedDict[tuple[str, int], tuple[int, dict[int, Content]]] = OrderedDict()
        self._bytes = 0

    def content(self, session_id: str, part: int, seq: int) -> Content:
        """Return what a message says, or raise StoreCorrupt when the part or the message in it is not there."""
        key = session_id, part
        held = self._held.get(key)
        if held is None:
            held = _read(self._tx, self._user_id, session_id, part)
            self._held[key] = held
            self._bytes += held[0]
            while self._bytes > HELD_BYTES and len(self._held) > 1:
                self._bytes -= self._held.popitem(last=False)[1][0]
        else:
            self._held.move_to_end(key)
        found = held[1].get(seq)
        if found is None:
            raise _damaged(session_id, part)
        return found


def next_parts(tx: Tx, user_id: str, session_id: str, after: int, most_bytes: int) -> tuple[list[Part], int | None]:
    """Return parts made of the messages beyond seq `after` that are not packed yet, of about `most_bytes` together.

    Also returns the seq to go on after, None at the end of the session. Reads only.
    """
    parts: list[Part] = []
    gathered: list[tuple[int, str, str | None, str | None]] = []
    size = total = 0
    while True:
        rows = tx.all(
            "SELECT seq, content, attachments, metadata FROM message WHERE user_id = ? AND session_id = ? AND seq > ?"
            " AND packed = 0 ORDER BY seq LIMIT ?",
            (user_id, session_id, after, _ROWS),
        )
        for row in cast("list[tuple[int, str, str | None, str | None]]", rows):
            weight = _weight(row)
            if gathered and (size + weight > PART_BYTES or len(gathered) >= PART_MESSAGES):
                parts.append(_part(gathered, size))
                total += size
                if total >= most_bytes:
                    return parts, parts[-1].seqs[-1]
                gathered, size = [], 0
            gathered.append(row)
            size += weight
            after = row[0]
        if len(rows) < _ROWS:
            break
    if gathered:
        parts.append(_part(gathered, size))
    return parts, None


def put(tx: Tx, user_id: str, session_id: str, parts: Iterable[Part]) -> None:
    """Keep parts, read each back, and only then empty the rows of its messages; StoreCorrupt when one differs."""
    row = tx.one(
        "SELECT COALESCE(MAX(part), 0) FROM transcript_pack WHERE user_id = ? AND session_id = ?", (user_id, session_id)
    )
    number = cast("tuple[int]", row)[0]
    for part in parts:
        number += 1
        _keep(tx, user_id, session_id, number, part.raw_bytes, part.body)
        kept = _read(tx, user_id, session_id, number)[1]
        first, last = part.seqs[0], part.seqs[-1]
        rows = tx.all(
            "SELECT seq, content, attachments, metadata FROM message WHERE user_id = ? AND session_id = ?"
            " AND seq >= ? AND seq <= ? AND packed = 0 ORDER BY seq",
            (user_id, session_id, first, last),
        )
        if [(seq, *content) for seq, content in kept.items()] != [tuple(each) for each in rows]:
            raise StoreCorrupt(
                f"A compressed part of session {session_id!r} does not hold what was said. Nothing was compressed.",
                session_id=session_id,
            )
        # written anew instead of changed: a B-tree whose rows shrink in place keeps its pages, half empty
        emptied = tx.all(
            "DELETE FROM message WHERE user_id = ? AND session_id = ? AND seq >= ? AND seq <= ? AND packed = 0"
            " RETURNING seq, id, role, author, tokens, at",
            (user_id, session_id, first, last),
        )
        tx.many(
            "INSERT INTO message (user_id, session_id, seq, id, role, author, tokens, at, content, packed)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, '', ?)",
            [(user_id, session_id, *row, number) for row in sorted(emptied)],
        )


def due(tx: Tx, before: int, after: tuple[int, str] | None, limit: int) -> list[tuple[int, str]]:
    """Return up to `limit` (archived_at, id) of sessions archived at `before` or earlier that are not packed yet.

    The one archived first comes first; `after`: only those behind it.
    """
    rows = tx.all(
        "SELECT archived_at, id FROM session WHERE archived_at IS NOT NULL AND packed_at IS NULL AND archived_at <= ?"
        " AND (archived_at, id) > (?, ?) ORDER BY archived_at, id LIMIT ?",
        (before, *(after or (-(1 << 62), "")), limit),
    )
    return cast("list[tuple[int, str]]", rows)


def finish(tx: Tx, user_id: str, session_id: str, now: int) -> None:
    """Note that there is nothing left to pack of a session."""
    tx.run("UPDATE session SET packed_at = ? WHERE user_id = ? AND id = ?", (now, user_id, session_id))


def take_out(tx: Tx, user_id: str, session_id: str, part: int, seq: int) -> None:
    """Put what one message says back into its row and take it out of its part."""
    contents = _read(tx, user_id, session_id, part)[1]
    content = contents.pop(seq, None)
    if content is None:
        raise _damaged(session_id, part)
    tx.run(
        "UPDATE message SET content = ?, attachments = ?, metadata = ?, packed = 0"
        " WHERE user_id = ? AND session_id = ? AND seq = ?",
        (*content, user_id, session_id, seq),
    )
    tx.run("DELETE FROM transcript_pack WHERE user_id = ? AND session_id = ? AND part = ?", (user_id, session_id, part))
    if contents:
        rows = [(each, *said) for each, said in contents.items()]
        rest = _part(rows, sum(_weight(row) for row in rows))
        _keep(tx, user_id, session_id, part, rest.raw_bytes, rest.body)


def leave_out(tx: Tx, user_id: str, session_id: str, part: int, seqs: Collection[int]) -> None:
    """Take what messages that are gone said out of their part."""
    contents = _read(tx, user_id, session_id, part)[1]
    rows = [(seq, *said) for seq, said in contents.items() if seq not in seqs]
    tx.run("DELETE FROM transcript_pack WHERE user_id = ? AND session_id = ? AND part = ?", (user_id, session_id, part))
    if rows:
        rest = _part(rows, sum(_weight(row) for row in rows))
        _keep(tx, user_id, session_id, part, rest.raw_bytes, rest.body)


def unreadable(tx: Tx) -> int:
    """Return how many messages' texts are in no part, or in one that cannot be read. Reads every part."""
    parts = tx.all(
        "SELECT user_id, session_id, packed, MIN(seq), COUNT(*) FROM message WHERE packed > 0"
        " GROUP BY user_id, session_id, packed"
    )
    missing = 0
    for user_id, session_id, part, _, count in cast("list[tuple[str, str, int, int, int]]", parts):
        try:
            contents = _read(tx, user_id, session_id, part)[1]
        except StoreCorrupt:
            missing += count
            continue
        seqs = tx.all(
            "SELECT seq FROM message WHERE user_id = ? AND session_id = ? AND packed = ?", (user_id, session_id, part)
        )
        missing += sum(row[0] not in contents for row in seqs)
    return missing


def _weight(row: tuple[int, str, str | None, str | None]) -> int:
    return sum(len(text.encode()) for text in row[1:] if text)


def _part(rows: list[tuple[int, str, str | None, str | None]], size: int) -> Part:
    body = zlib.compress(msgspec.json.encode(rows), _LEVEL)
    return Part(tuple(row[0] for row in rows), size, body)


def _keep(tx: Tx, user_id: str, session_id: str, part: int, raw_bytes: int, body: bytes) -> None:
    values: tuple[Value, ...] = (user_id, session_id, part, CODEC, raw_bytes, body)
    tx.run(
        "INSERT INTO transcript_pack (user_id, session_id, part, codec, raw_bytes, body) VALUES (?, ?, ?, ?, ?, ?)",
        values,
    )


def _read(tx: Tx, user_id: str, session_id: str, part: int) -> tuple[int, dict[int, Content]]:
    row = tx.one(
        "SELECT codec, raw_bytes, body FROM transcript_pack WHERE user_id = ? AND session_id = ? AND part = ?",
        (user_id, session_id, part),
    )
    if row is None:
        raise _damaged(session_id, part)
    codec, raw_bytes, body = cast("tuple[str, int, bytes]", row)
    if codec != CODEC:
        raise _damaged(session_id, part)
    try:
        rows = _body.decode(zlib.decompress(body))
    except (zlib.error, msgspec.MsgspecError) as error:
        raise _damaged(session_id, part) from error
    return raw_bytes, {row[0]: Content(*row[1:]) for row in rows}


def _damaged(session_id: str, part: int) -> StoreCorrupt:
    return StoreCorrupt(
        f"Part {part} of the compressed transcript of session {session_id!r} is missing or damaged. Nothing was"
        " changed; restore the newest backup.",
        session_id=session_id,
        part=part,
    )
