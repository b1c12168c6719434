"""Ingat, the memory of a chatbot."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ingat.aio import AsyncMemory
    from ingat.lifecycle.move import move
    from ingat.memory import Memory

__version__ = "0.1.0"
__all__ = ["AsyncMemory", "Memory", "__version__", "move"]

_HOMES = {"Memory": "ingat.memory", "AsyncMemory": "ingat.aio", "move": "ingat.lifecycle.move"}


def __getattr__(name: str) -> Any:
    # loaded at first use, so that `import ingat` and `ingat --help` cost no numpy
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'ingat' has no attribute {name!r}")
