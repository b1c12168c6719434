"""Small modules, short functions, classes that fit in a head."""

from __future__ import annotations

import importlib
import inspect
import statistics
from pathlib import Path

from tests.house.tree import PACKAGE, functions, package_files, parse, place, python_files

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
    found = {f"{each.__module__}.{each.__qualname__}": _public_methods(each) for each in _classes()}

    assert {name: number for name, number in found.items() if number > MAX_PUBLIC_METHODS} == {}


def _classes() -> list[type]:
    """Return every class of the package; what needs an extra that is not installed is left out."""
    found: list[type] = []
    for path in package_files():
        name = ".".join(("ingat", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(".__init__")
        module = importlib.import_module(name)
        found += [each for each in vars(module).values() if isinstance(each, type) and each.__module__ == name]
    return found


def _public_methods(each: type) -> int:
    """Count methods, those of our own base classes too."""
    ours = [base for base in each.__mro__ if base.__module__.startswith("ingat")]
    names = {name for base in ours for name, value in vars(base).items() if inspect.isfunction(value)}
    return sum(not name.startswith("_") for name in names)
