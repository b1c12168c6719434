"""What the tests of purge have in common: somebody who leaves traces everywhere, and somebody else."""

from __future__ import annotations

import io
from pathlib import Path

from ingat.core.backups import Certificate
from ingat.lifecycle.purge_findings import ELSEWHERE
from ingat.memory import Memory
from ingat.testing import TurnableClock

PERSON, ALIAS, WEB, WORD = "628111222333", "telegram-4711-x", "web-visitor-99", "Zyxwvut"
WORDS = (PERSON, ALIAS, WEB, WORD)


def others(memory: Memory) -> None:
    """Put somebody else there, with some of everything."""
    memory.users.save("ben", name="Ben", slots={"floor": 2})
    memory.users.alias("ben", "ben-alias")
    memory.sessions.create("ben", id="bens-own-session")
    memory.sessions.append_many("bens-own-session", [{"role": "user", "content": f"the boiler {n}"} for n in range(20)])
    memory.remember("ben", "F57A", subject="boiler")
    memory.snapshots.save("S", state={"b": 1}, user_id="ben")
    memory.artifacts.save(io.BytesIO(b"of ben"), name="ben.txt", user_id="ben")
    memory.logs.add("ben was here", user_id="ben")
    memory.keys.create("user", "ben")


def live(memory: Memory, clock: TurnableClock) -> None:
    """Let the person do everything that leaves a trace."""
    memory.users.save(PERSON, name=f"{WORD} Santoso", slots={"note": WORD})
    memory.users.alias(PERSON, ALIAS)
    memory.users.save(WEB, name="somebody")
    memory.sessions.create(WEB, id="session-of-the-visitor")
    memory.sessions.append("session-of-the-visitor", "user", f"{WORD} from the web")
    memory.users.merge(WEB, PERSON)
    long = memory.sessions.create(PERSON, id="long-session-of-theirs")
    lines = [{"role": "user", "content": f"{WORD} said {n} " + "x" * 300} for n in range(120)]
    memory.sessions.append_many(long.id, lines)
    memory.sessions.close(long.id)
    memory.sessions.archive(long.id)
    memory.retain()
    erased = memory.sessions.create(PERSON, id="erased-session-of-theirs")
    memory.sessions.append(erased.id, "user", f"{WORD} to be erased")
    memory.remember(PERSON, f"{WORD} likes tea", subject="tea")
    memory.snapshots.save("S", state={"said": WORD}, user_id=PERSON)
    memory.artifacts.save(io.BytesIO(WORD.encode() * 1_000), name="f.txt", user_id=PERSON)
    memory.logs.add(f"a word with {PERSON} and another")
    memory.logs.add("in data", data={"to": [f"{ALIAS}"], WORD: 1}, user_id=PERSON)
    memory.logs.add("of the session", session_id=long.id)
    memory.keys.create("user", PERSON, name=f"key of {WORD}")
    memory.backups.create(reason=f"before {ALIAS} goes")
    clock.turn(minutes=1)
    memory.erase.session(erased.id, reason=f"{PERSON} wanted it")
    other = memory.sessions.create(PERSON, id="undone-session-of-theirs")
    memory.sessions.append(other.id, "user", f"{WORD} undone")
    memory.undo(memory.erase.session(other.id).id)
    memory.expire()
    memory.recall(PERSON, WORD)
    if memory.vectors is not None:
        memory.vectors.flush()
    clock.turn(minutes=1)


def removed(certificate: Certificate) -> dict[str, int]:
    return {each.place: each.removed for each in certificate.searched if each.removed}


def codes(certificate: Certificate) -> list[str]:
    """Return what remains, but for the places that the server of a database copies everything to."""
    return [each.code for each in certificate.remains if each.code not in ELSEWHERE]


def points(folder: Path) -> list[Path]:
    return sorted((folder / "store.db.data" / "restore-points").glob("*.gz"))


def exported(memory: Memory, **arguments: str) -> bytes:
    pieces: list[bytes] = []
    memory.export(pieces.append, **arguments)  # type: ignore[arg-type]
    return b"".join(pieces)
