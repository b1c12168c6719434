"""Ids of the wire format: every kind has its prefix, whoever made the id, and each stands for one stored id."""

from __future__ import annotations

import re
import secrets
import threading

from ingat.core import clock

SESSION = "session_"
MESSAGE = "msg_"
SNAPSHOT = "snap_"
LOG = "log_"

_MADE_HERE = re.compile(r"[0-9a-f]{32}")
"""What `core.ids.new_id` makes."""
_ESCAPE = "~"
_BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
_DIGITS = 9

_lock = threading.Lock()
_last = (0, 0)


def fresh(prefix: str) -> str:
    """Return a new id: the prefix, the time in milliseconds, and nine random characters of base 36.

    Within one process every id sorts after the one before, so that what was made in one millisecond stays in order.
    """
    global _last
    with _lock:
        # the upper half is left for the ids that follow within the millisecond
        _last = max((clock.now(), secrets.randbelow(36**_DIGITS // 2)), (_last[0], _last[1] + 1))
        at, number = _last
    digits = ""
    for _ in range(_DIGITS):
        number, digit = divmod(number, 36)
        digits = _BASE36[digit] + digits
    return f"{prefix}{at}_{digits}"


def imported(prefix: str) -> str:
    """Return an id for what comes from elsewhere; two of one millisecond are alike, and the second must get another."""
    return f"{prefix}{clock.now()}_imported"


def shown(prefix: str, stored: str) -> str:
    """Return a stored id as the wire format has it.

    One that has the prefix stays as it is, one of Ingat's own gets it, and any other gets it with a tilde, so that no
    two stored ids are shown alike: `stored_as` gives each back.
    """
    if _MADE_HERE.fullmatch(stored):
        return prefix + stored
    rest = stored.removeprefix(prefix)
    if rest == stored or rest.startswith(_ESCAPE) or _MADE_HERE.fullmatch(rest):
        return f"{prefix}{_ESCAPE}{stored}"
    return stored


def stored_as(prefix: str, given: str) -> str:
    """Return the stored id that an id of the wire format stands for; one without the prefix stands for itself."""
    if not given.startswith(prefix):
        return given
    rest = given[len(prefix) :]
    if rest.startswith(_ESCAPE):
        return rest[len(_ESCAPE) :]
    return rest if _MADE_HERE.fullmatch(rest) else given
