"""What a purge does to the rows of a store: those of the person go, and so do words that name them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import msgspec

from ingat.lifecycle.person import MOST_TRACES, Person
from ingat.store.contract import Store, Tx
from ingat.store.tables import audit, logs, purging, users

T = TypeVar("T")

ROWS_A_WRITE = 1_000
"""Rows that one transaction removes, so that other writes never wait long."""
LOGS_A_WRITE = 500
LOGS_A_LOOK = 20_000
WORDS_A_LOOK = 1_000
SESSIONS_A_WRITE = 200

_json = msgspec.json.Decoder()


class Rows:
    """The rows of one store. `removed` counts those that went, by table; `blanked` those whose words went."""

    def __init__(self, store: Store, person: Person) -> None:
        self._store, self._person = store, person
        self.removed: Counter[str] = Counter()
        self.blanked: Counter[str] = Counter()
        self.looked_through: Counter[str] = Counter()
        self.files: set[str] = set()
        """Files of artifacts, which nobody else may have."""

    def learn(self) -> None:
        """Learn what the store and its audit trail know of the person."""
        known = -1
        while known != len(self._person.ids):
            known = len(self._person.ids)
            for each in sorted(self._person.ids):
                self._store.read(partial(self._learn, user_id=each))
            self._person.add_ids(self._store.read(lambda tx: audit.person(tx, self._person.ids))[0])

    def count(self) -> None:
        """Count what would go."""
        for each in sorted(self._person.ids):
            self.removed.update(self._store.read(partial(purging.numbers, user_id=each)))
        logged = {seq for some in self._logs() for seq in some}
        self.removed["log_entry"] = len(logged)
        self.removed = +self.removed
        self._look_through()

    def remove(self, last: Callable[[Tx, str], bool]) -> None:
        """Remove the person's rows, a part in each transaction; `last` removes what is left of a user in one."""
        self.removed.clear()
        self._look_through()
        for user_id in sorted(self._person.ids):
            self._drain_recalled(user_id)
            for table in purging.DRAINED:
                self._drain(table, user_id)
            self.removed.update(self._store.write(partial(self._remove_rest, user_id=user_id, last=last)))
        for session_ids in _parts(sorted(self._person.sessions), SESSIONS_A_WRITE):
            self._store.write(lambda tx, some=session_ids: [purging.orphans(tx, each) for each in some])  # type: ignore[misc]
        for seqs in self._logs():
            for some in _parts(seqs, LOGS_A_WRITE):
                self.removed["log_entry"] += self._store.write(partial(logs.delete, seqs=some))

    def blank(self) -> None:
        """Remove the words of operations and jobs that name the person."""
        after = ""
        while found := self._store.read(partial(purging.words_after, operation_id=after, limit=WORDS_A_LOOK)):
            after = found[-1].id
            self.looked_through["operation"] += len(found)
            theirs = [each.id for each in found if self._is_about(each)]
            if theirs:
                self._store.write(partial(purging.blank_operations, ids=theirs))
                self.blanked["operation"] += len(theirs)
        for name, error, result in self._store.read(purging.jobs):
            self.looked_through["job"] += 1
            if self._person.is_named_in(error or "", _value(result)):
                self._store.write(partial(purging.blank_job, name=name))
                self.blanked["job"] += 1

    def forget(self, tx: Tx) -> None:
        """Remove who the person is in the audit trail, and the words of entries that name them. In one transaction."""
        forgotten, after, looked_through = audit.forget(tx, self._person.ids), -1, 0
        seqs: list[int] = []
        while found := purging.audit_texts_after(tx, after, WORDS_A_LOOK):
            after = found[-1][0]
            looked_through += len(found)
            seqs += [
                seq
                for seq, target, reason in found
                if self._person.is_meant_by(target) or self._person.is_spoken_of_in(reason)
            ]
        audit.forget_texts(tx, seqs)
        self.looked_through["audit_text"], self.blanked["audit_text"] = looked_through, forgotten + len(seqs)

    def _learn(self, tx: Tx, user_id: str) -> None:
        profile = users.get(tx, user_id)
        if profile is not None:
            self._person.learn(profile)
        for session_id in purging.ids_of(tx, "session", user_id):
            self._person.add_session(session_id)
        for table in ("memory", "snapshot", "artifact"):
            for row_id in purging.ids_of(tx, table, user_id):
                self._person.add_row(row_id)
        for message_id in purging.ids_of(tx, "message", user_id, MOST_TRACES // 2):
            self._person.leave_trace(message_id)
        self.files.update(purging.files_of(tx, user_id))

    def _look_through(self) -> None:
        for table in purging.TABLES:
            self.looked_through[table] = self._store.read(partial(purging.count, table=table))

    def _drain_recalled(self, user_id: str) -> None:
        drain = partial(purging.drain_recalled, user_id=user_id, limit=ROWS_A_WRITE)
        while (gone := self._store.write(drain))["recall_entry"]:
            self.removed.update(gone)

    def _drain(self, table: str, user_id: str) -> None:
        while True:
            gone = self._store.write(partial(purging.drain, table=table, user_id=user_id, limit=ROWS_A_WRITE))
            self.removed[table] += gone
            if gone < ROWS_A_WRITE:
                return

    def _remove_rest(self, tx: Tx, user_id: str, last: Callable[[Tx, str], bool]) -> dict[str, int]:
        """Remove what is left, and return how much: what came in meanwhile, the sessions, the keys and the profile."""
        numbers = purging.numbers(tx, user_id)
        del numbers["log_entry"]
        for session_id in purging.ids_of(tx, "session", user_id):
            self._person.add_session(session_id)
        purging.delete_keys(tx, user_id)
        last(tx, user_id)
        return numbers

    def _logs(self) -> list[list[int]]:
        """Return the numbers of the log entries that are about the person, in parts."""
        person = self._person
        found: list[list[int]] = []
        for column, values in (("user_id", person.ids), ("session_id", person.sessions)):
            found += [
                self._store.read(partial(purging.logs_about, column=column, value=value)) for value in sorted(values)
            ]
        after: int | None = -(1 << 62)
        words = sorted(person.words)
        while after is not None:
            seqs, after = self._store.read(
                lambda tx, place=after: purging.logs_like(tx, words, place, LOGS_A_LOOK)  # type: ignore[misc]
            )
            found.append([seq for seq in seqs if self._store.read(partial(self._names, seq=seq))])
        return found

    def _names(self, tx: Tx, seq: int) -> bool:
        entry = logs.get(tx, seq)
        return entry is not None and self._person.owns(entry)

    def _is_about(self, words: purging.Words) -> bool:
        return self._person.is_meant_by(words.target) or self._person.is_spoken_of_in(words.reason)


def _value(raw: str | None) -> object:
    return None if raw is None else _json.decode(raw)


def _parts(values: list[T], size: int) -> list[list[T]]:
    return [values[start : start + size] for start in range(0, len(values), size)]
