"""What pyproject.toml asks for, and what is installed for it."""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.tree import ROOT

EXTRA_MODULES = {
    "cryptography": "cryptography",
    "langchain-classic": "langchain_classic",
    "langchain-core": "langchain_core",
    "langgraph-checkpoint": "langgraph",
    "mcp": "mcp",
    "onnxruntime": "onnxruntime",
    "openai": "openai",
    "psycopg": "psycopg",
    "python-telegram-bot": "telegram",
    "pywa": "pywa",
    "tiktoken": "tiktoken",
    "tokenizers": "tokenizers",
}
"""Distribution → the module it brings, for the packages of extras, which need not be installed."""


def project() -> dict[str, Any]:
    table: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def dependencies() -> set[str]:
    """Return the names of what every installation brings at first hand."""
    return {_name(line) for line in project()["dependencies"]}


def extras() -> set[str]:
    """Return the names of what the extras bring."""
    lines = [line for lines in project()["optional-dependencies"].values() for line in lines]
    return {_name(line) for line in lines} - {"ingat"}


def _name(requirement: str) -> str:
    return canonicalize_name(Requirement(requirement).name)


def modules(names: set[str]) -> dict[str, set[str]]:
    """Return, for each of these installed distributions, the top-level modules it brings."""
    brought: dict[str, set[str]] = {name: set() for name in names}
    for module, owners in metadata.packages_distributions().items():
        for owner in owners:
            if (name := canonicalize_name(owner)) in brought:
                brought[name].add(module)
    return brought


def pinned(name: str) -> dict[str, str]:
    """Return distribution → version of constraints/NAME.txt, as they hold on this machine."""
    versions: dict[str, str] = {}
    for line in (ROOT / "constraints" / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if re.match(r"[A-Za-z0-9]", line):
            requirement = Requirement(line.removesuffix("\\").strip())
            if requirement.marker is None or requirement.marker.evaluate():
                versions[canonicalize_name(requirement.name)] = str(requirement.specifier).removeprefix("==")
    return versions
