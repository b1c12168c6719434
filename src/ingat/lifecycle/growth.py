"""Growth: how a store grows by the day, how old it is, and who in it has grown large."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import partial

from ingat.core.stats import Measure, SizeHint
from ingat.core.targets import Weekly
from ingat.store.contract import Store
from ingat.store.tables import measures

MOST_LARGE_USERS = 20
USERS_AT_ONCE = 1_000
BYTES_OF_A_TOKEN = 8
"""More than a token's text takes, so that no user is overlooked whose messages are then looked at."""

LARGE_USER = "`ingat retain` archives and compresses old sessions"
LARGE_STORE = "`ingat retain` archives and compresses old sessions and prunes logs"


def large_users(store: Store, limit: int) -> tuple[SizeHint, ...]:
    """Return the users whose texts are larger than `limit` bytes, the largest first, at most 20.

    Sessions keep how many tokens they hold, so that only few users' messages are looked at. Reads page by page.
    """
    found: list[SizeHint] = []
    after = ""
    while True:
        page = store.read(partial(measures.sizes_of_users, after=after, limit=USERS_AT_ONCE))
        for user_id, tokens in page:
            size = tokens * BYTES_OF_A_TOKEN
            if size > limit:
                size = store.read(partial(measures.text_bytes, user_id=user_id))
            if size > limit:
                found.append(SizeHint(user_id=user_id, size_bytes=size, limit_bytes=limit, advice=LARGE_USER))
        if len(page) < USERS_AT_ONCE:
            return tuple(sorted(found, key=lambda each: -each.size_bytes)[:MOST_LARGE_USERS])
        after = page[-1][0]


def hints(size: int, limit: int, last: Measure | None) -> tuple[SizeHint, ...]:
    """Return the hint of a store beyond its size, and those of users as of the last measure."""
    users = last.large_users if last else ()
    if size <= limit:
        return users
    return (SizeHint(user_id=None, size_bytes=size, limit_bytes=limit, advice=LARGE_STORE), *users)


def bytes_a_day(newest: Sequence[Measure], day: str, days: int, size: int) -> float | None:
    """Return the mean growth since the oldest measure of so many days before `day`; it may be negative."""
    earlier = [each for each in newest if 1 <= _between(each.day, day) <= days]
    if not earlier:
        return None
    first = min(earlier, key=lambda each: each.day)
    return round((size - first.size_bytes) / _between(first.day, day), 1)


def age(oldest: Sequence[Measure], newest: Sequence[Measure], day: str) -> Weekly:
    """Return how long the store has been measured, and how many sessions were used on a day, then and of late."""
    if not oldest:
        return Weekly(0, None, None)
    start = oldest[0].day
    first = [each for each in oldest if _between(start, each.day) < 7]
    late = [each for each in newest if _between(each.day, day) < 7]
    return Weekly(_between(start, day), _mean(first), _mean(late))


def _between(first: str, last: str) -> int:
    return (date.fromisoformat(last) - date.fromisoformat(first)).days


def _mean(found: Sequence[Measure]) -> float | None:
    return sum(each.active_last_day for each in found) / len(found) if found else None
