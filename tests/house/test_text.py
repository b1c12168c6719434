"""No file of the project speaks of a machine, a registry or work left to do."""

from __future__ import annotations

import re

import pytest

from tests.house.tree import ROOT, place, project_files

SKIPPED = frozenset({"LICENSE"})
# Written so that no pattern finds itself.
MACHINE_PATH = re.compile(r"(?<![\w.}>~-])/(?:home|root|Users|work|farm|opt|mnt)/[\w.]")
REGISTRY = re.compile(
    r"pypi[.]org/simple|pythonhosted[.]org|registry[.]npmjs|extra-inde[x]|--inde[x]-url|--find-link[s]|[\"' ]https?://[^\s\"']*/simple\b"
)
UNFINISHED = re.compile(r"\b(?:TO[D]O|FIX[M]E|XX[X]|NotImplemented[E]rror)\b")


def _texts() -> list[tuple[str, str]]:
    texts = []
    for path in project_files():
        data = path.read_bytes()
        if b"\0" in data[:8192] or path.name in SKIPPED:
            continue
        try:
            texts.append((place(path), data.decode("utf-8")))
        except UnicodeDecodeError:
            continue
    return texts


@pytest.mark.parametrize(
    "pattern", [MACHINE_PATH, REGISTRY, UNFINISHED], ids=["machine-path", "registry", "unfinished"]
)
def test_no_text_holds(pattern: re.Pattern[str]) -> None:
    found = [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in _texts()
        if pattern.search(text)
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]

    assert found == []


def test_constraints_hold_no_address() -> None:
    found = [place(path) for path in (ROOT / "constraints").glob("*.txt") if "://" in path.read_text(encoding="utf-8")]

    assert found == []


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (MACHINE_PATH, "see /ho" + "me/budi/x"),
        (MACHINE_PATH, "open('/ro" + "ot/x')"),
        (REGISTRY, "--extra" + "-index-url x"),
        (UNFINISHED, "# TO" + "DO: later"),
    ],
    ids=["home", "root", "registry", "unfinished"],
)
def test_the_patterns_find_what_they_should(pattern: re.Pattern[str], text: str) -> None:
    assert pattern.search(text)


@pytest.mark.parametrize(
    "text", ["https://example.org/home/x", "{root}/home/x", "src/work/x", "sqlite:////var/lib/x.db"]
)
def test_other_paths_are_not_a_machines(text: str) -> None:
    assert not MACHINE_PATH.search(text)
