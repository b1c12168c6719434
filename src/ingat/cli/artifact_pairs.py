"""What people see of an artifact."""

from __future__ import annotations

from ingat.cli.run import Run, local_time
from ingat.cli.tables import show_pairs, shown
from ingat.core.artifacts import Artifact


def show_artifact(run: Run, artifact: Artifact) -> None:
    """Write what is known of an artifact."""
    _ = run.translate
    show_pairs(
        run,
        [
            (_("artifact"), artifact.id),
            (_("name"), artifact.name),
            (_("kind"), artifact.kind),
            (_("media type"), artifact.media_type or ""),
            (_("user"), artifact.user_id or ""),
            (_("session"), artifact.session_id or ""),
            (_("time"), local_time(artifact.created_at)),
            (_("size"), _("{number} bytes").format(number=f"{artifact.size_bytes:,}")),
            ("sha256", artifact.sha256),
            (_("metrics"), shown(run, "metrics", artifact.metrics) if artifact.metrics else ""),
            (_("metadata"), shown(run, "metadata", artifact.metadata) if artifact.metadata else ""),
        ],
    )
