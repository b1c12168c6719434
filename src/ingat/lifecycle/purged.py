"""Purged: who stays away when rows are brought back from a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from msgspec.structs import replace

from ingat.core.artifacts import Artifact
from ingat.core.logs import LogEntry
from ingat.core.records import MemoryItem, Message, User
from ingat.core.secret import Secret
from ingat.core.snapshots import Snapshot
from ingat.lifecycle.lines import Expiry, Record, StoredSession
from ingat.lifecycle.mention import Mention, words_of
from ingat.store.contract import Tx
from ingat.store.tables import ledger

_MOST_KNOWN = 100_000
"""People whose answer is remembered at a time."""


class Purged:
    """Tells within one transaction who was purged. Make one for each transaction: it remembers what it found.

    Raises SecretMissing when the store has a ledger of purges and its key is gone.
    """

    def __init__(self, tx: Tx, secret: Secret) -> None:
        self._tx, self._secret = tx, secret
        self._used = ledger.is_used(tx)
        self._known: dict[str, int | None] = {}
        if self._used:
            ledger.check_secret(tx, secret)

    def is_purged(self, user_id: str, created_at: int) -> bool:
        """Return whether a person was purged, whose row in a file says that they were created at that time.

        Where the file has no row of the user, `created_at` is when the row at hand was made. A person who came back
        after the purge is another one: what was made later is theirs.
        """
        at = self.purged_at(user_id)
        return at is not None and created_at <= at

    def purged_at(self, user_id: str) -> int | None:
        """Return when the person with this id or alias was purged last, in milliseconds UTC, or None."""
        if not self._used:
            return None
        if user_id not in self._known:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            found = ledger.get(self._tx, self._secret, user_id)
            self._known[user_id] = None if found is None else found.at
        return self._known[user_id]

    def naming(self, entries: Iterable[LogEntry]) -> Iterator[LogEntry]:
        """Return the log entries whose text or data names somebody who was purged since they were made.

        Every word of them is looked up: who was purged is known by hashes only.
        """
        if not self._used:
            return
        words = [(each, set(words_of(each.message, each.source, each.data))) for each in entries]
        found = ledger.among(self._tx, self._secret, set[str]().union(*(some for _, some in words)))
        for entry, some in words:
            if any(entry.at <= found[word] for word in some & found.keys()):
                yield entry


class Admittable:
    """Goes through the rows of a file in their order and leaves out those of people who were purged.

    Left out with a user: all rows that name them or one of their sessions, and log entries whose text names one of
    their ids. `left_out` counts rows by kind, files of artifacts aside.
    """

    def __init__(self, purged: Purged) -> None:
        self._purged = purged
        self._users: dict[str, bool] = {}
        self._sessions: set[str] = set()
        self._mention = Mention()
        self.left_out: Counter[str] = Counter()
        self.files: set[str] = set()
        """The files of artifacts that were left out, which nobody else may have: `Files.drop` them at the end."""

    def admit(self, kind: str, record: Record) -> Record | None:
        """Return the row as it may come in, or None when it may not: a user comes without aliases that were purged."""
        if self._is_left_out(record):
            self.left_out[kind] += 1
            if isinstance(record, Artifact):
                self.files.add(record.sha256)
            return None
        return self._with_own_aliases(record) if isinstance(record, User) and record.aliases else record

    def notes(self) -> Iterator[str]:
        """Return what a report says of rows that were left out; nothing when there are none."""
        number = self.left_out.total()
        if number:
            rows = "1 row belongs" if number == 1 else f"{number} rows belong"
            yield f"{rows} to people who were purged from this store, so they stay away."

    def _is_left_out(self, record: Record) -> bool:
        if isinstance(record, User):
            return self._is_purged_user(record)
        if isinstance(record, StoredSession):
            gone = self._is_theirs(record.user_id, record.created_at)
            if gone:
                self._sessions.add(record.id)
            return gone
        if isinstance(record, Message):
            return record.session_id in self._sessions or self._is_theirs(record.user_id, record.at)
        if isinstance(record, Expiry):
            return record.session_id in self._sessions
        if isinstance(record, MemoryItem | Snapshot | Artifact):
            return record.user_id is not None and self._is_theirs(record.user_id, record.created_at)
        return isinstance(record, LogEntry) and self._names_them(record)

    def _is_purged_user(self, user: User) -> bool:
        at = self._purged.purged_at(user.user_id)
        if at is None:
            return False
        self._users[user.user_id] = user.created_at <= at
        if self._users[user.user_id]:
            self._mention.add([user.user_id, *user.aliases])
        return self._users[user.user_id]

    def _is_theirs(self, user_id: str, at: int) -> bool:
        known = self._users.get(user_id)
        return self._purged.is_purged(user_id, at) if known is None else known

    def _names_them(self, entry: LogEntry) -> bool:
        if entry.session_id in self._sessions or (
            entry.user_id is not None and self._is_theirs(entry.user_id, entry.at)
        ):
            return True
        return self._mention.is_in(entry.message, entry.source, entry.data)

    def _with_own_aliases(self, user: User) -> User:
        kept = tuple(each for each in user.aliases if not self._purged.is_purged(each, user.updated_at))
        return user if len(kept) == len(user.aliases) else replace(user, aliases=kept)
