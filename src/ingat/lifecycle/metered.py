"""What takes its time outside the store, told to a meter: summaries, and the files of restore points."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ingat.core.meter import Meter
from ingat.core.records import Message, Session
from ingat.lifecycle.copyfile import Line, Manifest
from ingat.lifecycle.encryption import Vault
from ingat.lifecycle.mirror import Mirror
from ingat.lifecycle.restorepoints import RestorePoint, RestorePoints
from ingat.lifecycle.summaries import Summariser


def metered_summariser(summariser: Summariser, meter: Meter) -> Summariser:
    """Return the summariser with its calls told to the meter."""

    def summarise(session: Session, messages: Sequence[Message]) -> str:
        with meter.time(meter.summaries):
            return summariser(session, messages)

    summarise.__wrapped__ = summariser  # type: ignore[attr-defined]  # a summary names who made it
    return summarise


class MeteredRestorePoints(RestorePoints):
    """The restore points of one store, with the files that are written and read back told to a meter."""

    def __init__(
        self, folder: Path | None, meter: Meter, *, vault: Vault | None = None, mirror: Mirror | None = None
    ) -> None:
        super().__init__(folder, vault=vault, mirror=mirror)
        self._meter = meter

    def write(self, lines: Iterable[Line], manifest: Manifest, *, expected_bytes: int = 0) -> RestorePoint:
        """Write the lines into a new file; see RestorePoints."""
        point = super().write(lines, manifest, expected_bytes=expected_bytes)
        self._meter.file("restore point written", point.size_bytes)
        return point

    def verify(self, point: RestorePoint, *, mirrored: bool = True) -> None:
        """Read a file back; see RestorePoints."""
        super().verify(point, mirrored=mirrored)
        self._meter.file("restore point verified", point.size_bytes)
