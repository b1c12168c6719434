"""How recall and context behave when the caller does not say: frozen and validated."""

from __future__ import annotations

from msgspec import Struct

from ingat.core.errors import InvalidSettings


class RecallPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Defaults of recall and context."""

    top_k: int = 5
    """Hits that recall returns."""
    context_top_k: int = 20
    """Hits that a context looks at; as many of them are taken as fit."""
    recalled_percent: int = 30
    """Part of a context's budget that recalled lines may take."""
    profile_percent: int = 15
    """Part of a context's budget that the profile may take."""
    near_misses: int = 10
    """Near misses that an explained recall lists."""
    cache_mib: int = 256
    """Memory for users' recall indexes; the least recently used are let go."""

    def __post_init__(self) -> None:
        for name, low, high in (
            ("top_k", 1, 1_000),
            ("context_top_k", 1, 1_000),
            ("recalled_percent", 0, 80),
            ("profile_percent", 0, 80),
            ("near_misses", 0, 1_000),
            ("cache_mib", 1, 1 << 20),
        ):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
                raise InvalidSettings(f"recall.{name} must be a whole number from {low} to {high}; it is {value!r}.")
        if self.recalled_percent + self.profile_percent > 90:
            raise InvalidSettings("recall.recalled_percent and recall.profile_percent may take 90 together at most.")


class RetentionPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The numbers that say what may be archived, pruned or deleted, and when. None is negative or zero."""

    log_retention_days: int = 7
    """Log entries older than this are pruned."""
    max_log_entries: int = 10_000
    """Log entries beyond the newest so many are pruned."""
    session_retention_days: int = 30
    """Sessions without a message for so long are archived."""
    max_sessions: int = 100
    """Sessions that are not archived; of more, the closed ones used longest ago are archived."""
    auto_archive_sessions: bool = True
    """Whether retention archives sessions at all."""
    cleanup_frequency_hours: int = 24
    """How often the retention job runs."""
    session_timeout_hours: int = 24
    """A session without a message for so long expires."""
    compress_after_days: int = 30
    """Transcripts of sessions that were archived so long ago are stored compressed."""
    max_auto_snapshots: int = 10
    """Automatic snapshots that are kept of each user."""
    backup_retention_days: int = 30
    """Restore points older than this are deleted, unless they are among the newest."""
    backup_keep_last: int = 10
    """The newest so many restore points are kept, however old."""
    audit_retention_days: int = 365
    """How long operations are recorded."""

    def __post_init__(self) -> None:
        for name, most in _MOST.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
                raise InvalidSettings(
                    f"retention.{name} must be a whole number from 1 to {most:,}; it is {_told(value)}."
                    " Nothing was changed.",
                    field=name,
                )
        if not isinstance(self.auto_archive_sessions, bool):
            raise InvalidSettings(
                f"retention.auto_archive_sessions must be true or false; it is {_told(self.auto_archive_sessions)}."
                " Nothing was changed.",
                field="auto_archive_sessions",
            )


_DAYS = 36_500
_MOST = {
    "log_retention_days": _DAYS,
    "max_log_entries": 100_000_000,
    "session_retention_days": _DAYS,
    "max_sessions": 1_000_000_000,
    "cleanup_frequency_hours": 24 * 366,
    "session_timeout_hours": 24 * 366,
    "compress_after_days": _DAYS,
    "max_auto_snapshots": 1_000_000,
    "backup_retention_days": _DAYS,
    "backup_keep_last": 1_000_000,
    "audit_retention_days": _DAYS,
}


def _told(value: object) -> str:
    """Return a value as an error repeats it: a number with thousands of digits cannot be written, and helps nobody."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**18:
        return "far outside"
    return repr(value)[:64]


class PolicyVersion(Struct, frozen=True, kw_only=True):
    """A retention policy as it was set: `number` counts from 1, `actor` set it at `changed_at` (milliseconds UTC)."""

    number: int
    policy: RetentionPolicy
    actor: str
    changed_at: int
