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
