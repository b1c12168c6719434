"""The name of an embedder → the embedder, imported only when asked for."""

from __future__ import annotations

from ingat.core.errors import InvalidSettings
from ingat.search.embed.contract import Embedder

NAMES = ("static", "none")
"""What `open_embedder` takes: the model in the package, or words alone."""


def open_embedder(name: str) -> Embedder | None:
    """Return the embedder of that name, ready for use; None for `none`, which means recall by words alone.

    Errors: `InvalidSettings` for an unknown name, `EmbedderUnavailable` when the embedder's files or server are not
    there.
    """
    if name == "none":
        return None
    if name == "static":
        from ingat.search.embed.static import StaticEmbedder

        return StaticEmbedder.load()
    raise InvalidSettings(
        f"There is no embedder named {name!r}. Choose one of: {', '.join(NAMES)}.", name=name, available=list(NAMES)
    )
