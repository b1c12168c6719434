"""The recall terms of one turn or memory, made when it is written and stored beside it."""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import starmap
from typing import NamedTuple

from ingat.search.text import CODES, Group, fold, look_up, pair_id
from ingat.search.times import FOLLOW, LEAD, TIME, UNIT, date_words, unspaced_time

Committed = Callable[[str, Sequence[int], Sequence[str]], None]
"""Is told of entries that were committed without vectors: user, positions, texts."""

QUESTION = 1
"""Flag: the text ends with a question mark."""
HAS_TIME = 2
"""Flag: the text holds a time expression."""
LANGUAGE_SHIFT = 8
"""The flags' bits from here on hold 1 + the place of the text's language in `text.CODES`, or 0."""

_POSTING = struct.Struct("<IB")
TERM_BYTES, PAIR_BYTES = 5, 4
"""Size of one record of `Terms.terms` and of `Terms.pairs`."""
_MOST = 255
_LONGEST_KEPT_HEAD = 120
_QUESTION_ENDS = ("?", "？", "؟", ";")


class Terms(NamedTuple):
    """A turn's index entry: `terms` = (uint32 id, uint8 count) records, `pairs` = uint32 ids, both little-endian.

    `flags` = QUESTION | HAS_TIME | language; `words` = number of words of the text itself.
    """

    terms: bytes
    pairs: bytes
    flags: int
    words: int


def analyse(text: str, *, author: str | None, at_ms: int | None, captions: Sequence[str] = ()) -> Terms:
    """Return the index entry of "(date) author: text [captions]".

    The text needs no vectors and no other turns, so the entry can be written in the append's own transaction.
    """
    body = f"{text} {' '.join(captions)}" if captions else text
    folded = fold(body)
    looked = look_up(folded)
    head = date_words(at_ms, looked.language) if at_ms is not None else ""
    if author:
        head += " " + fold(author)
    groups = (_head_groups(head) + looked.groups) if head else looked.groups
    mains = [group[0] for group in groups]
    counts = dict.fromkeys(mains, 0)
    for main in mains:
        counts[main] += 1
    for _, others in groups:
        for term, _ in others:
            counts[term] = counts.get(term, 0) + 1
    if len(mains) > _MOST // 4:
        counts = {term: min(count, _MOST) for term, count in counts.items()}
    pairs = dict.fromkeys(map(pair_id, mains, mains[1:]))
    flags = QUESTION if text.rstrip().endswith(_QUESTION_ENDS) else 0
    if _tells_time(looked.marks) or (not folded.isascii() and unspaced_time(folded)):
        flags |= HAS_TIME
    if looked.language in CODES:
        flags |= (CODES.index(looked.language) + 1) << LANGUAGE_SHIFT
    return Terms(b"".join(starmap(_POSTING.pack, counts.items())), _packed(pairs), flags, len(looked.words))


def _head_groups(head: str) -> list[Group]:
    return _short_head_groups(head) if len(head) <= _LONGEST_KEPT_HEAD else look_up(head).groups


@lru_cache(maxsize=4096)
def _short_head_groups(head: str) -> list[Group]:
    return look_up(head).groups


def language_of(flags: int) -> str | None:
    """Return the language code that an entry's flags hold."""
    place = flags >> LANGUAGE_SHIFT
    return CODES[place - 1] if 0 < place <= len(CODES) else None


def _tells_time(marks: Sequence[int]) -> bool:
    before = 0
    for mark in marks:
        if mark & TIME or (before & LEAD and mark & UNIT) or (before & UNIT and mark & FOLLOW):
            return True
        before = mark
    return False


def _packed(ids: Iterable[int]) -> bytes:
    numbers = array("I", ids)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()
