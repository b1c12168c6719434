"""The engines that must keep the contract. A new one is added here; nothing else changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ingat.core.meter import Meter
from ingat.store.contract import Store
from ingat.store.metered import MeteredStore
from ingat.store.open import open_store

ENGINES: dict[str, Callable[[Path], Store]] = {
    "sqlite-file": lambda folder: open_store(f"sqlite:///{folder}/store.db"),
    "sqlite-memory": lambda _: open_store(":memory:"),
    "metered": lambda folder: MeteredStore(open_store(f"sqlite:///{folder}/store.db"), Meter()),
}

READS_WAIT_FOR_WRITES = {"sqlite-memory"}
"""Engines with one connection: the exception that their documentation states."""
