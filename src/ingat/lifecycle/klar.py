"""Klar: the JSON backups of the klar bot, read as records. See docs/klar.md for every field.

A backup holds the whole store, `{user id: record}`, or one user, `{"user_id", "backup_timestamp", "record"}`; which of
both is told by its content. A record's history becomes one session. Where Ingat wrote the backup (see
lifecycle.klar_outgoing), the field `ingat` of records and of lines of the history says what klar has no field for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from ingat.core.errors import IngatError, InvalidFile
from ingat.core.records import Message
from ingat.lifecycle.checking import Checker
from ingat.lifecycle.klar_incoming import Person
from ingat.lifecycle.klar_shape import CLEAN_KEYS, CONTEXT
from ingat.lifecycle.lines import KINDS, Record, StoredSession

MOST_ERRORS = 100
"""Errors that are listed; the others are counted."""

_TELLING = frozenset({"user_id", "session_token", CONTEXT, "history", "last_answer", "flags", "slots"})
_ORDER = {record: place for place, record in enumerate(KINDS.values())}


def is_klar(document: Any) -> bool:
    """Whether a JSON document is a backup of klar: of the whole store, or of one user; told by its content."""
    if not isinstance(document, Mapping):
        return False
    return not document or _is_single(document) or ("format" not in document and any(map(_telling, document.values())))


def records_of(
    document: Any, count_tokens: Callable[[str], int], now: int, notes: list[str] | None = None
) -> Iterator[tuple[str, Record]]:
    """Return the rows that a backup of klar says, each with its kind: users, then sessions, messages and memories.

    The same document gives the same rows each time, ids included, and a line of the history has the same id in every
    backup; its `seq` counts from 1 in each of them, so that it may be taken in the store. Rows are checked as those of
    an import are. `notes` is told what was left out. InvalidFile lists all that is wrong as `errors`; then there are no
    rows. All rows are held in memory.
    """
    if not is_klar(document):
        raise InvalidFile("The file is no backup of klar: it holds no records of users. Nothing was restored.")
    given = {document["user_id"]: document["record"]} if _is_single(document) else document
    checker, found, errors = Checker(count_tokens, str), list[Record](), list[str]()
    for user_id, record in given.items():
        one = Person(user_id, record, now, errors, [] if notes is None else notes)
        found += _checked(checker, one.rows(), errors, repr(str(user_id)[:64]))
    if errors:
        more = f" (and {len(errors) - MOST_ERRORS} more)" if len(errors) > MOST_ERRORS else ""
        raise InvalidFile(
            f"The backup of klar cannot be used: {' '.join(errors[:MOST_ERRORS])}{more} Nothing was restored.",
            errors=errors[:MOST_ERRORS],
        )
    kinds = {record: kind for kind, record in KINDS.items()}
    found.sort(key=lambda each: _ORDER[type(each)])
    return ((kinds[type(each)], each) for each in found)


def _checked(checker: Checker, rows: list[Record], errors: list[str], place: str) -> list[Record]:
    """Return the rows in the form in which they are stored, sessions with the sums of their messages."""
    found: list[Record] = []
    sums: dict[str, list[Message]] = {}
    for row in rows:
        try:
            checked = checker.check(row)
        except IngatError as error:
            errors.append(f"{place}: {error.message}")
            continue
        found.append(checked)
        if isinstance(checked, Message):
            sums.setdefault(checked.session_id, []).append(checked)
    return [_summed(each, sums.get(each.id, [])) if isinstance(each, StoredSession) else each for each in found]


def _summed(session: StoredSession, messages: list[Message]) -> StoredSession:
    return replace(
        session,
        last_seq=max([session.last_seq, *(each.seq for each in messages)]),
        message_count=len(messages),
        tokens=sum(each.tokens for each in messages),
        last_message_at=session.active_at if messages else None,
    )


def _is_single(document: Mapping[str, Any]) -> bool:
    return isinstance(document.get("user_id"), str) and isinstance(document.get("record"), dict)


def _telling(record: Any) -> bool:
    """Whether it is a user's record: with a field that only those have, or several of the others."""
    if not isinstance(record, dict):
        return False
    return not _TELLING.isdisjoint(record) or len(record.keys() & set(CLEAN_KEYS)) > 1
