"""Retention: the policy in force, its changes, and its history."""

from __future__ import annotations

import logging

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from ingat.core import clock
from ingat.core.actor import current_actor
from ingat.core.limits import check_limit
from ingat.core.policy import PolicyVersion, RetentionPolicy
from ingat.core.records import Page
from ingat.store.contract import Store, Tx
from ingat.store.tables import audit
from ingat.store.tables import retention as table
from ingat.store.tables.paging import decode_cursor

_log = logging.getLogger("ingat.retention")


class Retention:
    """The retention policy of one store."""

    def __init__(self, store: Store, now: clock.Clock) -> None:
        self._store, self._now = store, now

    def get(self) -> RetentionPolicy:
        """Return the policy in force: the defaults while none was ever set."""
        return self._store.read(table.current)

    def set(
        self,
        *,
        log_retention_days: int | UnsetType = UNSET,
        max_log_entries: int | UnsetType = UNSET,
        session_retention_days: int | UnsetType = UNSET,
        max_sessions: int | UnsetType = UNSET,
        auto_archive_sessions: bool | UnsetType = UNSET,
        cleanup_frequency_hours: int | UnsetType = UNSET,
        session_timeout_hours: int | UnsetType = UNSET,
        compress_after_days: int | UnsetType = UNSET,
        max_auto_snapshots: int | UnsetType = UNSET,
        backup_retention_days: int | UnsetType = UNSET,
        backup_keep_last: int | UnsetType = UNSET,
        audit_retention_days: int | UnsetType = UNSET,
    ) -> RetentionPolicy:
        """Change what is given, all or nothing, and return the policy; InvalidSettings changes nothing.

        The change is recorded with who made it and when; one that changes nothing is not. Two callers at once who
        change different fields both get theirs. Jobs go by the new policy within seconds.
        """
        values = {
            "log_retention_days": log_retention_days,
            "max_log_entries": max_log_entries,
            "session_retention_days": session_retention_days,
            "max_sessions": max_sessions,
            "auto_archive_sessions": auto_archive_sessions,
            "cleanup_frequency_hours": cleanup_frequency_hours,
            "session_timeout_hours": session_timeout_hours,
            "compress_after_days": compress_after_days,
            "max_auto_snapshots": max_auto_snapshots,
            "backup_retention_days": backup_retention_days,
            "backup_keep_last": backup_keep_last,
            "audit_retention_days": audit_retention_days,
        }
        given = {name: value for name, value in values.items() if value is not UNSET}
        now, actor = self._now(), current_actor()

        def work(tx: Tx) -> tuple[RetentionPolicy, bool]:
            before = table.current(tx)
            after = replace(before, **given)
            if after != before:
                table.insert(tx, after, actor, now)
                changes = [f"{name} {getattr(before, name)} → {value}" for name, value in given.items()]
                audit.append(tx, now, "retention.set", "policy", reason=", ".join(changes))
            return after, after != before

        policy, changed = self._store.write(work)
        if changed:
            about = {"category": "policy", "store": self._store.url, "actor": actor, "given": given}
            _log.info("Retention policy changed", extra=about)
        return policy

    def history(self, limit: int = 50, cursor: str | None = None) -> Page[PolicyVersion]:
        """Return one page of the policies that were set, newest first."""
        check_limit(limit, "limit")
        after = decode_cursor(cursor, table.LIST)
        items, more = self._store.read(lambda tx: table.page(tx, limit, after))
        return Page(items=tuple(items), next=more)
