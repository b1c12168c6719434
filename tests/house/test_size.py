"""Small modules, short functions, classes that fit in a head."""

from __future__ import annotations

import ast
import statistics
from pathlib import Path

from tests.house.tree import functions, package_files, parse, place, python_files

ALL = ("src", "tests", "tools", "bench")
MAX_MEDIAN_LINES = 150
MAX_MODULE_LINES = 500
MAX_FUNCTION_LINES = 60
MAX_PUBLIC_METHODS = 20


def _lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def test_the_median_module_is_short() -> None:
    sizes = [_lines(path) for path in package_files() if path.name != "__init__.py"]

    assert statistics.median(sizes) <= MAX_MEDIAN_LINES


def test_no_module_is_long() -> None:
    found = {place(path): _lines(path) for path in python_files(*ALL) if _lines(path) > MAX_MODULE_LINES}

    assert found == {}


def test_no_function_is_long() -> None:
    found = {
        place(path, function): f"{function.name}: {length} lines"
        for path in python_files(*ALL)
        for function in functions(parse(path))
        if (length := (function.end_lineno or 0) - function.lineno + 1) > MAX_FUNCTION_LINES
    }

    assert found == {}


def test_no_class_has_many_public_methods() -> None:
    found = {
        place(path, node): f"{node.name}: {methods} methods"
        for path in package_files()
        for node in ast.walk(parse(path))
        if isinstance(node, ast.ClassDef) and (methods := _public_methods(node)) > MAX_PUBLIC_METHODS
    }

    assert found == {}


def _public_methods(node: ast.ClassDef) -> int:
    names = {item.name for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)}
    return sum(not name.startswith("_") for name in names)
