"""Start: from the start of a process to its first recall on an existing store, beside chroma; and what is installed."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement

import ingat
from bench.kit.chroma import Chroma
from bench.kit.ours import url
from bench.kit.people import add_user
from bench.kit.report import Report, folder, options, say
from bench.kit.sides import Step, in_turn, median
from bench.kit.talk import Talk
from ingat.memory import Memory
from ingat.search.embed.open import open_embedder

OURS = """
import sys
from ingat import Memory
with Memory(sys.argv[1]) as memory:
    print(len(memory.recall("u0", "Where is the old bicycle now?").hits))
"""
HELP = """
import sys
from ingat.app.main import main
sys.argv = ["ingat", "--help"]
main()
"""
CHROMA = """
import sys
import chromadb
from chromadb.config import Settings
turns = chromadb.PersistentClient(sys.argv[1], Settings(anonymized_telemetry=False)).get_collection("turns")
print(len(turns.query(query_embeddings=[[0.0625] * 256], n_results=5, where={"user": "u0"})["ids"][0]))
"""
MIB = 1 << 20


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark; return how many goals were missed."""
    quick = options(__doc__, argv).quick
    report = Report("start", "Start of a process to its first recall: milliseconds", quick=quick)
    with folder() as work:
        _make_stores(work)
        sides = {
            "Ingat": (_process(OURS, url(work / "start.db")), 1),
            "chroma": (_process(CHROMA, str(work / "chroma")), 1),
            "python alone": (_process("print(1)", ""), 1),
            "ingat --help": (_process(HELP, ""), 1),
        }
        say("starting processes")
        in_turn(sides, 1)
        taken = in_turn(sides, 4 if quick else 11)
    for name, rounds in taken.items():
        report.figure(name, median(rounds) * 1e3, "ms")
    report.at_most("start to first recall, p50", median(taken["Ingat"]) * 1e3, 1_000, "ms")
    report.at_most("share of chroma's", median(taken["Ingat"]) / median(taken["chroma"]), 0.5)
    for name, goals in (("ingat", (40, 150)), ("chromadb", None)):
        packages, size_mib = _installed(name)
        report.figure(f"packages of a default install of {name}", packages, "packages")
        report.figure(f"size of a default install of {name}", size_mib, "MiB")
        if goals is not None:
            report.at_most("packages installed", packages, goals[0], "packages")
            report.at_most("size installed", size_mib, goals[1], "MB")
    report.note(
        "The store holds 10 users of 1,000 turns. Each process imports, opens, recalls once and ends; ours embeds the"
        " question, chroma gets a ready vector. Sizes are the files that the packages' own records name."
    )
    return report.close([(name, median(rounds) * 1e3) for name, rounds in taken.items()], "milliseconds, p50")


def _make_stores(work: Path) -> None:
    say("writing the stores")
    embedder, talk, chroma = open_embedder("static"), Talk(3), Chroma(work / "chroma")
    assert embedder is not None
    with Memory(url(work / "start.db")) as memory:
        for place in range(10):
            texts = talk.turns(1_000)
            add_user(memory, f"u{place}", texts)
            chroma.add_user(f"u{place}", embedder.encode(texts))


def _process(program: str, argument: str) -> Callable[[], Step]:
    """Return the run of a program in a process of its own."""
    words = [sys.executable, "-c", program, argument]
    return lambda: lambda: subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def _installed(name: str) -> tuple[int, float]:
    """Return how many packages a default install of `name` brings, itself included, and their MiB."""
    found: dict[str, metadata.Distribution] = {}
    waiting = [Requirement(name)]
    while waiting:
        wanted = waiting.pop()
        key = re.sub(r"[-_.]+", "-", wanted.name).lower()
        if key not in found:
            found[key] = metadata.distribution(wanted.name)
        extras = wanted.extras or {""}
        for line in found[key].requires or ():
            requirement = Requirement(line)
            applies = requirement.marker is None or any(requirement.marker.evaluate({"extra": e}) for e in extras)
            known = re.sub(r"[-_.]+", "-", requirement.name).lower() in found
            if applies and (not known or requirement.extras):
                waiting.append(requirement)
    size = sum(_size(each) for key, each in found.items() if key != "ingat")
    if "ingat" in found:  # installed in place, so that its record names no files
        size += sum(path.stat().st_size for path in Path(ingat.__file__).parent.rglob("*") if path.is_file())
    return len(found), size / MIB


def _size(distribution: metadata.Distribution) -> int:
    paths = [Path(str(file.locate())) for file in distribution.files or ()]
    return sum(path.stat().st_size for path in paths if path.is_file())


if __name__ == "__main__":
    main()
