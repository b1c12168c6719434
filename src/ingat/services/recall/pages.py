"""Pages of a word search over the transcript."""

from __future__ import annotations

from itertools import compress
from typing import Literal

from ingat.core.errors import Conflict, InvalidInput
from ingat.core.limits import MAX_TOP_K
from ingat.core.records import Message, Page
from ingat.search import rank
from ingat.search.filters import Filters
from ingat.search.question import Question
from ingat.services.recall.index import Index
from ingat.store.contract import Tx
from ingat.store.tables import messages as message_table
from ingat.store.tables import recall as table
from ingat.store.tables.paging import Cursor, encode_cursor, listing

SearchSort = Literal["newest", "oldest", "relevance"]


def kind_of(sort: SearchSort) -> str:
    """Return the kind of the cursors of a search in this order."""
    return listing("search", sort, sort != "oldest")


def by_time(tx: Tx, index: Index, rows: list[int], sort: SearchSort, limit: int, after: Cursor | None) -> Page[Message]:
    """Return the page of rows (newest first) beyond the cursor, which holds time and position of a row."""
    view, descending = index.view, sort == "newest"
    if not descending:
        rows = rows[::-1]
    if after is not None:
        end = _numbers(after)
        places = [(int(view.at[row]), int(view.position[row])) for row in rows]
        beyond = [place < end if descending else place > end for place in places]
        rows = list(compress(rows, beyond))
    more = None
    if len(rows) > limit:
        last = rows[limit - 1]
        more = encode_cursor(kind_of(sort), int(view.at[last]), str(view.position[last]))
    return Page(items=tuple(_messages(tx, index, rows[:limit])), next=more)


def by_relevance(
    tx: Tx, index: Index, rows: list[int], question: Question, filters: Filters, limit: int, after: Cursor | None
) -> Page[Message]:
    """Return the page of rows, best first, from the cursor on, which holds their number so far and the index's state.

    Raises Conflict when the index is another than that of the page before.
    """
    state = f"{index.epoch}.{index.version}"
    start = 0
    if after is not None:
        if after.id != state:
            raise Conflict("The user's lines have changed since the page before; start the search again.")
        start = after.value if isinstance(after.value, int) and after.value > 0 else len(rows)
    ranking = rank.search(index.segment, question, view=index.view, top_k=MAX_TOP_K, filters=filters)
    place = {hit.row: number for number, hit in enumerate(ranking.hits)}
    rows = sorted(rows, key=lambda row: place.get(row, MAX_TOP_K))
    end = start + limit
    more = encode_cursor(kind_of("relevance"), end, state) if len(rows) > end else None
    return Page(items=tuple(_messages(tx, index, rows[start:end])), next=more)


def _numbers(cursor: Cursor) -> tuple[int, int]:
    if not isinstance(cursor.value, int) or not cursor.id.isdecimal():
        raise InvalidInput("The cursor is not one that this search gave; start again without it.")
    return cursor.value, int(cursor.id)


def _messages(tx: Tx, index: Index, rows: list[int]) -> list[Message]:
    positions = [int(index.view.position[row]) for row in rows]
    lines = table.lines_at(tx, index.user_id, positions)
    ids = [lines[position].source_id for position in positions if position in lines]
    return message_table.get_many(tx, index.user_id, ids)
