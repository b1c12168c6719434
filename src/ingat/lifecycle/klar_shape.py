"""Klar's shape: the fields of its JSON files, and the ids that their lines get. See docs/klar.md."""

from __future__ import annotations

import hashlib

import msgspec

CLEAN_KEYS = (
    "user_id",
    "session_token",
    "name",
    "gender",
    "product",
    "serial",
    "address",
    "summary_context",
    "history",
    "last_answer",
    "flags",
    "slots",
    "created_at",
    "updated_at",
)
"""The fields that klar reads back, in the order of its files."""
PROFILE = ("name", "gender", "product", "address")
OWN = "ingat"
"""The field that holds what klar has no field for."""
OWN_PROFILE = ("language", "role", "protected", "aliases")
CONTEXT = "summary_context"
LAST = "last_answer"
"""What the user said last."""
ROLES = {"bot": "assistant", "user": "user", "assistant": "assistant", "system": "system", "tool": "tool"}
SESSION_NAME = "klar"


def session_id_of(user_id: str) -> str:
    """Return the id of the session that the history of a klar user becomes."""
    return derived("klar session", user_id)


class MessageIds:
    """The ids of the lines of one user's history, asked for one after another: what is said, and how often it was."""

    def __init__(self, user_id: str) -> None:
        self._user_id, self._times = user_id, dict[tuple[str, str, int], int]()

    def of(self, role: str, text: str, at: int) -> str:
        """Return the id of the next line."""
        key = (role, hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(), at)
        self._times[key] = number = self._times.get(key, 0) + 1
        return derived("klar message", self._user_id, *key, number)


def derived(*parts: str | int) -> str:
    """Return an id that is the same each time it is asked for the same parts."""
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()[:32]
