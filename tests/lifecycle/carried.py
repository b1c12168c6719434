"""How the tests of exports and imports carry what a memory holds from one to another."""

from __future__ import annotations

import io
import json
from typing import Any, Literal

from ingat.core.reports import ImportReport
from ingat.memory import Memory

Form = Literal["json", "jsonl"]
FORMS: tuple[Form, ...] = ("json", "jsonl")


def exported(memory: Memory, form: Form = "json", **options: Any) -> bytes:
    pieces = io.BytesIO()
    memory.export(pieces.write, format=form, **options)
    return pieces.getvalue()


def take(memory: Memory, raw: bytes, **options: Any) -> ImportReport:
    return memory.import_from(io.BytesIO(raw), **options)


def content(memory: Memory, **options: Any) -> dict[str, Any]:
    """Return what is exported, without the moment."""
    found: dict[str, Any] = json.loads(exported(memory, **options))
    del found["exported_at"]
    return found


def counted(numbers: dict[str, int]) -> dict[str, int]:
    return {name: number for name, number in numbers.items() if number}
