"""What the tests of retention have in common: sessions, log entries and policies to retain."""

from __future__ import annotations

from typing import Any

from msgspec.structs import asdict

from ingat.core.logs import NewLog
from ingat.core.reports import RetainReport
from ingat.memory import Memory


def policy(memory: Memory, **fields: Any) -> None:
    memory.retention.set(**fields)


def talk(memory: Memory, user: str = "ana", lines: int = 1, **arguments: Any) -> str:
    session = memory.sessions.create(user, **arguments)
    memory.sessions.append_many(session.id, [{"role": "user", "content": f"line {place}"} for place in range(lines)])
    return session.id


def closed(memory: Memory, user: str = "ana", lines: int = 1) -> str:
    session_id = talk(memory, user, lines)
    memory.sessions.close(session_id)
    return session_id


def log(memory: Memory, count: int, prefix: str = "entry") -> None:
    memory.logs.add_many([NewLog(message=f"{prefix} {number}") for number in range(count)])


def state(memory: Memory, session_id: str) -> str:
    return memory.sessions.get(session_id).state


def messages_of_logs(memory: Memory) -> list[str]:
    return [entry.message for entry in memory.logs.list(limit=1_000) if entry.category != "cleanup"]


def numbers(report: RetainReport) -> dict[str, Any]:
    """Return what a report counts, which a dry run must foresee."""
    values = asdict(report)
    for name in ("operations", "dry_run", "space_freed_bytes"):
        values.pop(name)
    return values


def nothing(report: RetainReport) -> bool:
    counted = {name: value for name, value in numbers(report).items() if isinstance(value, int)}
    return not any(value for name, value in counted.items() if not name.endswith("_cleanup")) and not report.failed
