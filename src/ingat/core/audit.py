"""Audit: records of who did what, and of the state of the chain that they stand in."""

from __future__ import annotations

from msgspec import Struct

ACTIONS = (
    *("erase", "retain", "restore", "undo", "purge", "import", "export"),
    *("users.protect", "users.unprotect", "users.role", "users.merge", "keys.create", "keys.revoke"),
    *("retention.set", "jobs.start", "jobs.stop", "audit.prune", "backup.create", "backup.prune"),
)
"""What is entered."""


class AuditEntry(Struct, frozen=True, kw_only=True):
    """One act. People stand in it by the pseudonym `subject`; `user_id` says who that is, unless they were purged.

    `people` is how many it touched, as far as they are known one by one; of several there is no `subject`, and
    `people_sha256` is the checksum of their pseudonyms. `target` and `reason` are None when a purge has removed the
    words. `hash` covers all of this and `previous`.
    """

    seq: int
    id: str
    at: int
    actor: str
    action: str
    scope: str
    subject: str | None = None
    user_id: str | None = None
    people: int = 0
    people_sha256: str | None = None
    target: str | None = None
    reason: str | None = None
    counts: dict[str, int] = {}
    operation_id: str | None = None
    restore_point: str | None = None
    previous: str = ""
    hash: str = ""


class AuditCheck(Struct, frozen=True, kw_only=True):
    """Whether the chain is whole: how many entries were looked at, how many were pruned before, and what is wrong."""

    entries: int
    pruned: int
    whole: bool
    problems: tuple[str, ...] = ()


class AuditPruned(Struct, frozen=True, kw_only=True):
    """How many entries were pruned; a signed checkpoint says where the chain begins now."""

    entries: int
    first_seq: int
