"""Comparing the rest: ends of sessions, snapshots, artifacts, log entries and the history of the retention policy."""

from __future__ import annotations

from msgspec.structs import replace

from ingat.core.artifacts import Artifact
from ingat.core.backups import Prefer
from ingat.core.logs import LogEntry
from ingat.core.policy import PolicyVersion
from ingat.core.snapshots import Snapshot
from ingat.lifecycle.comparing_users import UserComparer
from ingat.lifecycle.lines import Expiry, Record
from ingat.lifecycle.outgoing import policies
from ingat.lifecycle.plan import Change, Key, Plan, content_of, present
from ingat.lifecycle.tally import Tally
from ingat.store.contract import Tx
from ingat.store.tables import snapshots

_PURGED = "\0purged"
"""Stands for the owner of a row whose owner was purged; no id has a NUL."""
_OTHER = "It has other values."
_GONE_ON = "The session went on since."
_SOMEBODY_ELSES = "It is somebody else's by now."


class RestComparer:
    """What of one copy is neither users nor what was said nor memories."""

    def __init__(
        self, tx: Tx, plan: Plan, tally: Tally, users: UserComparer, prefer: Prefer, now: int, files: set[str]
    ) -> None:
        self._tx, self._plan, self._tally, self._users = tx, plan, tally, users
        self._prefer, self._now, self._lacking = prefer, now, files
        self._versions: set[tuple[str, str, int]] = set()
        self._policies: list[PolicyVersion] = []

    def expiry(self, given: Expiry, *, ended: bool) -> None:
        """Compare how a session ended; of one that is active by now nothing comes back."""
        there = present(self._tx, Key("expiry", None, given.session_id))
        if there is None and not ended:
            self._tally.conflict("expiry", given.session_id, None, "current", _GONE_ON)
        else:
            self._decide("expiry", given.session_id, None, there, given)

    def snapshot(self, given: Snapshot) -> None:
        """Compare a snapshot; one whose version is taken gets the next."""
        owner = self._owner("snapshot", given.user_id, given.created_at)
        if owner is _PURGED:
            return
        given = replace(given, user_id=owner)
        there = present(self._tx, Key("snapshot", owner, given.id))
        if isinstance(there, Snapshot):
            if there.user_id != owner:
                self._tally.conflict("snapshot", given.id, there.user_id, "current", _SOMEBODY_ELSES)
                return
            given = replace(given, version=there.version)
        else:
            given = replace(given, version=self._version(given, owner))
        self._decide("snapshot", given.id, owner, there, given)

    def artifact(self, given: Artifact) -> None:
        """Compare an artifact."""
        owner = self._owner("artifact", given.user_id, given.created_at)
        if owner is _PURGED:
            return
        given = replace(given, user_id=owner)
        there = present(self._tx, Key("artifact", owner, given.id))
        if isinstance(there, Artifact) and there.user_id != owner:
            self._tally.conflict("artifact", given.id, there.user_id, "current", _SOMEBODY_ELSES)
        elif there != given and given.sha256 in self._lacking:
            self._tally.conflict("artifact", given.id, owner, "current", "The copy does not hold its file.")
        else:
            self._decide("artifact", given.id, owner, there, given)

    def log(self, given: LogEntry) -> None:
        """Compare a log entry; one that names somebody of this copy who was purged stays away."""
        named = self._users.are_named_in(given.message, given.source, given.data)
        if named or given.session_id in self._users.gone_sessions:
            self._tally.purged["log"] += 1
            return
        if given.user_id is not None:
            owner, purged = self._users.known(given.user_id, given.at)
            if purged:
                self._tally.purged["log"] += 1
                return
            given = replace(given, user_id=owner)
        there = present(self._tx, Key("log", given.user_id, given.id))
        self._decide("log", given.id, given.user_id, there, given)

    def policy(self, given: PolicyVersion) -> None:
        """Take one version of the retention policy."""
        self._policies.append(given)

    def finish(self) -> None:
        """Join both histories of the retention policy in the order of time: what was set last is in force."""
        there = policies(self._tx)
        known = {(each.policy, each.actor, each.changed_at) for each in there}
        new = [each for each in self._policies if (each.policy, each.actor, each.changed_at) not in known]
        self._count("unchanged", len(self._policies) - len(new))
        if not new:
            return
        self._count("added", len(new))
        joined = new
        if there:
            ordered = sorted([*there, *new], key=lambda each: each.changed_at)
            joined = [replace(each, number=number) for number, each in enumerate(ordered, 1)]
            if joined[-1].policy != there[-1].policy:
                self._tally.note("The retention policy in force is that of the copy now: it was set later.")
        before = {each.number: each for each in there}
        after = {each.number: each for each in joined}
        for number in sorted(before.keys() | after.keys()):
            if before.get(number) != after.get(number):
                self._plan.add("policy", Change(before.get(number), after.get(number)))

    def _count(self, name: str, number: int) -> None:
        if number:
            getattr(self._tally, name)["policy"] += number

    def _owner(self, kind: str, user_id: str | None, created_at: int) -> str | None:
        """Return who the user of a row is by now, None for nobody, or what stands for those who were purged."""
        if user_id is None:
            return None
        owner, purged = self._users.known(user_id, created_at)
        if purged:
            self._tally.purged[kind] += 1
            return _PURGED
        return owner

    def _version(self, given: Snapshot, owner: str | None) -> int:
        version = snapshots.free_version(self._tx, owner, given.name, given.version)
        if (owner or "", given.name, version) in self._versions:
            version = snapshots.next_version(self._tx, owner, given.name)
            while (owner or "", given.name, version) in self._versions:
                version += 1
        self._versions.add((owner or "", given.name, version))
        if version != given.version:
            self._tally.note(f"Snapshot {given.id!r} of {given.name!r} comes back as version {version}.")
        return version

    def _decide(self, kind: str, row_id: str, user_id: str | None, there: Record | None, given: Record) -> None:
        """Add what is absent, leave what is the same, and choose where both have another version."""
        if there is None:
            self._plan.add(kind, Change(None, given))
            self._tally.added[kind] += 1
        elif content_of(there) == content_of(given):
            self._tally.unchanged[kind] += 1
        elif self._prefer == "backup":
            self._plan.add(kind, Change(there, given))
            self._tally.conflict(kind, row_id, user_id, "backup", _OTHER)
        else:
            self._tally.conflict(kind, row_id, user_id, "current", _OTHER)
