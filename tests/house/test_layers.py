"""Imports go down only, and nowhere in a circle."""

from __future__ import annotations

import ast
import graphlib
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

from tests.house.tree import (
    PACKAGE,
    ROOT,
    functions,
    imported,
    imports_by_call,
    module_name,
    package_files,
    parse,
    place,
)

LOADERS = frozenset({"store/open.py", "search/embed/open.py"})
"""The two modules that import one of ours only when it is asked for."""

BY_NAME = frozenset({"__init__.py", "cli/main.py", "cli/run.py"})
"""What looks modules up by a name: the package's own names, the commands (see decision 5), and what stores our log."""


def test_every_package_has_an_init_file() -> None:
    """Without one the linter of the layers would not look into the folder."""
    folders = {path.parent for path in package_files()}

    assert [place(folder) for folder in sorted(folders) if not (folder / "__init__.py").is_file()] == []


def test_imports_keep_to_the_layers() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)

    if done.returncode:
        pytest.fail(done.stdout + done.stderr, pytrace=False)


def test_no_function_imports_a_module_of_ours() -> None:
    found = [
        place(path, node)
        for path in package_files()
        if module_name(path) not in LOADERS
        for function in functions(parse(path))
        for node in ast.walk(function)
        for name in imported(node)
        if name.split(".")[0] == "ingat"
    ]

    assert found == []


def test_no_module_is_imported_by_a_computed_name() -> None:
    found = [
        place(path, node)
        for path in package_files()
        if module_name(path) not in LOADERS | BY_NAME
        for node in ast.walk(parse(path))
        if imports_by_call(node) and not imported(node)
    ]

    assert found == []


def test_no_module_comes_in_by_the_front_door() -> None:
    """`from ingat import Memory` is for users; inside, it would be a circle that the linter cannot see."""
    found = [
        place(path, node)
        for path in package_files()
        for node in ast.walk(parse(path))
        if isinstance(node, ast.ImportFrom) and node.module == "ingat"
        for name in node.names
        if name.name != "__version__"
        and not (PACKAGE / name.name).is_dir()
        and not (PACKAGE / f"{name.name}.py").is_file()
    ]

    assert found == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = grimp.build_graph("ingat", cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}

    try:
        graphlib.TopologicalSorter(imports).prepare()
    except graphlib.CycleError as error:
        circle = " → ".join(reversed(error.args[1]))
        raise AssertionError(f"these modules import each other: {circle}") from None
