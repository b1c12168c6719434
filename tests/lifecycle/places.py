"""Second places that fail, for tests."""

from __future__ import annotations

import threading
from typing import Any, ClassVar

import fsspec
from fsspec.implementations.memory import MemoryFileSystem


class BrokenFileSystem(MemoryFileSystem):  # type: ignore[misc,unused-ignore]
    """A place that lets nothing in and tells nothing; what it says holds a password."""

    protocol = "broken"

    def _open(self, path: str, mode: str = "rb", **_: Any) -> Any:
        raise RuntimeError("no entry with the password hunter2")

    def ls(self, path: str, detail: bool = True, **_: Any) -> Any:
        raise RuntimeError("no entry with the password hunter2")


class ForgetfulFileSystem(MemoryFileSystem):  # type: ignore[misc,unused-ignore]
    """A place that loses the end of what it is given."""

    protocol = "forgetful"
    store: ClassVar[dict[str, Any]] = {}

    def _open(self, path: str, mode: str = "rb", **values: Any) -> Any:
        file = super()._open(path, mode, **values)
        if mode == "rb":
            file.seek(0, 2)
            file.truncate(max(0, file.tell() - 1))
            file.seek(0)
        return file


ENOUGH = threading.Event()


class WaitingFileSystem(MemoryFileSystem):  # type: ignore[misc,unused-ignore]
    """A place that does not answer, until the test has seen enough."""

    protocol = "waiting"

    def ls(self, path: str, detail: bool = True, **_: Any) -> Any:
        ENOUGH.wait(60)
        return []


def register() -> None:
    """Make the places known by their names."""
    fsspec.register_implementation("broken", BrokenFileSystem, clobber=True)
    fsspec.register_implementation("forgetful", ForgetfulFileSystem, clobber=True)
    fsspec.register_implementation("waiting", WaitingFileSystem, clobber=True)
