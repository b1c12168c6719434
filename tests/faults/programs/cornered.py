"""Expire sessions while no file may grow, first from the moment of a summary, then at all, and print what was seen.

Arguments: the folder for the store. Each line printed is a fact that the test compares.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Sequence

from ingat.core.records import Message, Session
from ingat.core.reports import ExpireReport
from ingat.memory import Memory
from ingat.testing import TurnableClock


def limit(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def told(report: ExpireReport) -> str:
    codes = sorted({failure.code for failure in report.failed})
    return f"{report.expired} expired, {report.summarised} summarised, {report.pending} pending, failed {codes}"


def main(folder: str) -> None:
    clock, cornered = TurnableClock(), {"full"}

    def summarise(session: Session, messages: Sequence[Message]) -> str:
        if session.channel in cornered:
            limit(1)
        return "A summary."

    def states(user: str) -> list[str]:
        return [session.state for session in memory.sessions.list(user)]

    memory = Memory(f"sqlite:///{folder}/store.db", now=clock, embedder=None, summariser=summarise)
    for user, channel in (("ana", "full"), ("ben", "web")):
        memory.sessions.append(memory.sessions.open(user, channel).id, "user", f"I am {user}")
    clock.turn(hours=25)
    print("without room for the summaries:", told(memory.expire()))
    print("closed", states("ana"), states("ben"))
    limit(resource.RLIM_INFINITY)
    memory.sessions.append(memory.sessions.open("cleo", "web").id, "user", "I am cleo")
    clock.turn(hours=25)
    limit(1)
    print("without any room:", told(memory.expire()))
    print("open", states("cleo"))
    limit(resource.RLIM_INFINITY)
    cornered.clear()
    print("with room:", told(memory.expire()))
    print("summaries", [len(memory.memories.list(user, kind="summary")) for user in ("ana", "ben", "cleo")])
    print("messages", [len(memory.sessions.history(user)) for user in ("ana", "ben", "cleo")])
    print("wrong", [check.name for check in memory.doctor() if check.state == "bad"])
    memory.close()


main(sys.argv[1])
