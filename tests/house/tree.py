"""The project's files, as the house tests read them."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TypeGuard

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "src" / "ingat"
INTERFACES = frozenset({"api", "web", "cli", "mcp", "proxy", "integrations", "compat", "bot"})

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def project_files() -> tuple[Path, ...]:
    """Return the project's files: what git tracks or would add; where there is no git, all but hidden folders."""
    if (ROOT / ".git").exists():
        names = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
            text=True,
        ).stdout.split("\0")
        found = {ROOT / name for name in names if name}
    else:
        found = {path for path in ROOT.rglob("*") if not _outside(path.relative_to(ROOT))}
    return tuple(sorted(path for path in found if path.is_file()))


def _outside(path: Path) -> bool:
    return any((part.startswith(".") and part != ".ci") or part == "__pycache__" for part in path.parts)


def python_files(*folders: str) -> list[Path]:
    """Return the Python files below these folders of the project."""
    return [path for path in project_files() if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in folders]


def package_files() -> list[Path]:
    """Return the Python files of the package itself."""
    return [path for path in project_files() if path.suffix == ".py" and path.is_relative_to(PACKAGE)]


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def place(path: Path, node: ast.AST | None = None) -> str:
    """Return `file:line` as an editor understands it."""
    name = path.relative_to(ROOT).as_posix()
    return f"{name}:{getattr(node, 'lineno', 1)}" if node is not None else name


def module_name(path: Path) -> str:
    """Return `store/open.py` for that file of the package."""
    return path.relative_to(PACKAGE).as_posix()


def functions(tree: ast.Module) -> Iterator[Function]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def imported(node: ast.AST) -> list[str]:
    """Return the full names of the modules that an import (statement or call) names; nothing for other nodes."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [node.module]
    if imports_by_call(node) and isinstance(name := node.args[0], ast.Constant):
        return [str(name.value)]
    return []


def imports_by_call(node: ast.AST) -> TypeGuard[ast.Call]:
    """Tell whether this is `importlib.import_module(…)` or `__import__(…)`."""
    return isinstance(node, ast.Call) and dotted(node.func).split(".")[-1] in {"import_module", "__import__"}


def dotted(node: ast.AST) -> str:
    """Return `time.time` for such an expression, and nothing for others."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (base := dotted(node.value)):
        return f"{base}.{node.attr}"
    return ""
